"""The JSON document of a walk-forward (docs/json/walkforward.schema.json). None stands with a reason beside it."""

from typing import Any

from msgspec import structs

from research.catalogue import show_time
from research.scores import Score
from research.validation import Estimate
from research.verdict import Record, Verdict
from research.walkforward import Fold, WalkForward


def document_of(walk: WalkForward, verdict: Verdict, report: str | None, seconds: float) -> dict[str, Any]:
    """Return the document."""
    planned, shape, snooping, paths = walk.planned, walk.shape, verdict.snooping, verdict.paths
    return {
        "command": "walkforward",
        "verdict": "yes" if verdict.passed else "no",
        "checks": [check._asdict() for check in verdict.checks],
        "policy": planned.plan.desks[0].policy,
        "symbols": [instrument.key for instrument in planned.plan.instruments],
        "profile": planned.plan.limits.profile,
        "currency": planned.plan.currency,
        "metric": walk.metric,
        "bars": len(walk.bar_times),
        "sets": len(walk.sets.rows),
        "walk": shape._asdict(),
        "folds": [_fold(walk, fold) for fold in walk.folds],
        "out_of_sample": _record(verdict.record)
        | {"net_profit": walk.net_profit, "trades": walk.trades},
        "overfitting": _overfitting(verdict),
        "reality_check": {
            "p_value": snooping.reality_check.value,
            "spa_p_value": snooping.superior_ability.value,
            "reason": snooping.reality_check.reason or snooping.superior_ability.reason,
            "bootstraps": snooping.bootstraps,
            "mean_block_days": snooping.mean_block_days,
        },
        "purged_paths": {
            "sharpes": list(paths.sharpes), "splits": paths.splits, "purge_days": paths.purge_days,
            "embargo_days": paths.embargo_days, "reason": paths.reason,
        },
        "costs": [
            {"multiple": float(line.multiple), "net_profit": line.net_profit, "trades": line.trades}
            for line in walk.costs
        ],
        "report": report,
        "seconds": seconds,
        "data": [{"path": path, "sha256": sha256, "rows": rows} for path, sha256, rows in planned.data],
        "warnings": list(planned.warnings),
    }  # fmt: skip


def _fold(walk: WalkForward, fold: Fold) -> dict[str, Any]:
    window = fold.window
    return {
        "train": _stretch(walk, window.train_begin, window.train_end),
        "test": _stretch(walk, window.test_begin, window.test_end),
        "set": fold.chosen,
        "params": None if fold.chosen is None else walk.sets.named(fold.chosen),
        "in_sample": _score(fold.in_sample),
        "out_of_sample": _score(fold.out_of_sample),
    }


def _stretch(walk: WalkForward, begin: int, end: int) -> dict[str, Any]:
    first, last = (show_time(int(walk.bar_times[row])) for row in (begin, end - 1))
    return {"first": first, "last": last, "bars": end - begin}


def _score(score: Score | None) -> dict[str, Any] | None:
    return None if score is None else structs.asdict(score)


def _record(record: Record) -> dict[str, Any]:
    moments, metrics = record.moments, record.metrics
    estimates: dict[str, Estimate] = {
        "psr": record.psr, "dsr": record.dsr, "min_track_record_days": record.min_track_record,
    }  # fmt: skip
    reasons = {name: estimate.reason for name, estimate in estimates.items() if estimate.reason}
    wanted = ("sharpe", "max_drawdown", "total_return")
    reasons |= {name: metrics.reasons[name] for name in wanted if name in metrics.reasons}
    return {
        "days": metrics.n,
        "sharpe": metrics.sharpe,
        "total_return": metrics.total_return,
        "max_drawdown": metrics.max_drawdown,
        "sharpe_per_day": moments.sharpe if moments else None,
        "skew": moments.skew if moments else None,
        "kurtosis": moments.kurtosis if moments else None,
        "trials": record.trials,
        "independent_trials": record.independent,
        "variance_of_trials": record.variance_of_trials,
        "luck_threshold_per_day": record.threshold,
        **{name: estimate.value for name, estimate in estimates.items()},
        "reasons": reasons,
    }


def _overfitting(verdict: Verdict) -> dict[str, Any]:
    found = verdict.overfitting
    return {
        "pbo": found.pbo if found else None,
        "loss_probability": found.loss_probability if found else None,
        "slope": found.slope if found else None,
        "splits": len(found.logits) if found else 0,
        "blocks": verdict.blocks,
        "reason": verdict.overfitting_reason,
    }
