"""The JSON document of a search (docs/json/tune.schema.json)."""

from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np

from research.catalogue import show_time
from research.search import sets_at_most
from research.trial_score import SCORED, Floats
from research.tune_result import Held, Step, Tuned
from research.validation import Estimate
from research.walkforward import bars_of

HINDSIGHT: Final = (
    "The best of many sets is chosen with hindsight on the folds of the search. What it may be worth is what it came "
    "to on the holdout, which no search has seen, and that only as long as few look at the same holdout."
)


def document_of(found: Tuned, best: int, path: Path | None, batch: int) -> dict[str, Any]:
    """Return the document, with so many of the best sets."""
    study, planned = found.study, found.study.planned
    return {
        "command": "tune",
        "run": study.record.id,
        "policy": planned.plan.desks[0].policy,
        "symbols": [instrument.key for instrument in planned.plan.instruments],
        "profile": planned.plan.limits.profile,
        "currency": planned.plan.currency,
        "metric": study.metric,
        "search": {
            "kind": study.asked.kind,
            "sets_max": sets_at_most(study.asked, study.grid),
            "seed": study.asked.seed,
            "reduction": study.asked.reduction if study.asked.kind == "asha" else None,
        },
        "grid": study.grid.total,
        "events": len(planned.tape.time_ns),
        "folds": _folds(found),
        "purge": study.record.shape.purge,
        "embargo": study.record.shape.embargo,
        "sets": len(found.places),
        "stopped": found.stopped,
        "undefined": found.undefined,
        "median": found.median,
        "best": [_set(found, position) for position in range(min(best, len(found.places)))],
        "walk_forward": _walk(found.steps),
        "tried": {
            "sets": found.tried.sets,
            "before": found.tried.before,
            "looks": found.tried.looks,
            "variance": found.tried.variance,
            "luck_sharpe": found.threshold,
        },
        "deflated_sharpe": _estimate(found.dsr),
        "holdout": _held(found.holdout, found.psr),
        "params_file": {"path": str(path), "sha256": path.stem} if path else None,
        "trials": found.searched.batches,
        "batch": batch,
        "reused": found.searched.reused,
        "seconds": found.searched.seconds,
        "data": [{"path": name, "sha256": sha256, "rows": rows} for name, sha256, rows in planned.data],
        "warnings": list(warnings_of(found)),
    }


def warnings_of(found: Tuned) -> tuple[str, ...]:
    """Return what a reader should know before believing anything."""
    said = [*found.study.planned.warnings]
    if found.tried.looks:
        said.append(
            f"{found.tried.looks} other runs of this policy on this data have shown what they came to on their "
            "holdout: what was learnt from it makes this one less than unseen"
        )
    return (*said, HINDSIGHT)


def score_fields(columns: Floats) -> dict[str, Any] | None:
    """Return the score of a set on a fold by names; None where it was not run."""
    if np.isnan(columns[0]):
        return None
    values = [None if np.isnan(value) else float(value) for value in columns[: len(SCORED)]]
    return dict(zip(SCORED, values, strict=True)) | {"trades": int(columns[SCORED.index("trades")])}


def _folds(found: Tuned) -> list[dict[str, Any]]:
    study = found.study
    times = bars_of(study.planned.tape)
    return [
        {
            "from": show_time(int(times[window.test_begin])),
            "to": show_time(int(times[window.test_end - 1])),
            "bars": window.test_end - window.test_begin,
            "holdout": number >= study.folds.searched,
        }
        for number, window in enumerate(study.folds.windows)
    ]


def _set(found: Tuned, position: int) -> dict[str, Any]:
    place, mean = int(found.places[position]), float(found.means[position])
    return {
        "rank": position + 1,
        "set": place,
        "params": found.study.grid.sets_at([place]).named(0),
        "mean": None if np.isnan(mean) else mean,
        "folds": [score_fields(columns) for columns in found.columns[position]],
    }


def _walk(steps: tuple[Step, ...] | None) -> dict[str, Any] | None:
    if steps is None:
        return None
    values = [step.value for step in steps]
    known = [value for value in values if value is not None]
    return {
        "mean": fmean(known) if known and len(known) == len(values) else None,
        "steps": [{"fold": step.fold, "set": step.place, "value": step.value} for step in steps],
    }


def _held(held: Held | None, sure: Estimate) -> dict[str, Any] | None:
    if held is None:
        return None
    return {
        "mean": held.mean,
        "folds": [score_fields(columns) for columns in held.columns],
        "days": len(held.daily.returns),
        "probabilistic_sharpe": _estimate(sure),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "reason": estimate.reason}


def summary_of(found: Tuned, params_file: str | None) -> dict[str, Any]:
    """Return what a finished run leaves in its folder."""
    return {
        "sets": len(found.places),
        "best": int(found.places[0]) if found.best else None,
        "mean": found.best.mean if found.best else None,
        "holdout": found.holdout.mean if found.holdout else None,
        "deflated_sharpe": found.dsr.value,
        "tried": found.tried.sets,
        "params_file": params_file,
    }
