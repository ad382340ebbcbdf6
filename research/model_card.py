"""Model cards: what a candidate is, what it was judged on, and what it does not beat, as JSON and as Markdown."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from policies.plan import plan_hash
from research.catalogue import show_time
from research.judging.evaluating import Against, Evaluation, Verdict, median_of, worst_of
from research.judging.ground import SECOND_NS, Ground
from research.judging.runs import Run
from research.paper import revision
from research.validation import Window

BASELINES: Final = {
    "flat": "staying out",
    "buy_and_hold": "buy and hold: the desk's whole budget in equal parts, bought on the first bar of each test",
    "random": "random of equal turnover: the candidate's own trades at random instants and on random sides",
    "best_static": "the best static policy, chosen on each train alone",
}


def card_of(evaluation: Evaluation, verdict: Verdict) -> dict[str, Any]:
    """Return the card of one candidate; None stands with a reason beside it."""
    ground, candidate = evaluation.ground, verdict.candidate
    plan = candidate.plan_of(candidate.seeds[0])
    (desk,) = plan.desks
    return {
        "name": candidate.name,
        "desk": desk.name,
        "policy": desk.policy,
        "params": dict(desk.params),
        "plan_sha256": plan_hash(plan),
        "seeds": list(candidate.seeds),
        "profile": plan.limits.profile,
        "currency": plan.currency,
        "symbols": [instrument.key for instrument in plan.instruments],
        "verdict": "beats all baselines" if verdict.beats_all else "does not beat all baselines",
        "sentences": sentences(verdict),
        "evaluation": _how(evaluation),
        "costs": [_costs(one) for one in plan.instruments],
        "runs": [_run(run) for run in verdict.runs],
        "median_seed": median_of(verdict.runs).seed,
        "worst_seed": worst_of(verdict.runs).seed,
        "baselines": [_against(one) for one in verdict.against],
        "left_out": list(evaluation.left_out),
        "best_static": {
            "tried": [one.name for one in evaluation.best.statics],
            "chosen": [evaluation.best.statics[k].name for k in evaluation.best.chosen],
        },
        "trials": verdict.trials,
        "sharpe_per_period": verdict.sharpe,
        "luck_threshold_per_period": verdict.threshold,
        "deflated_sharpe": verdict.dsr.value,
        "deflated_sharpe_reason": verdict.dsr.reason,
        "data": [{"path": path, "sha256": sha256, "rows": rows} for path, sha256, rows in ground.planned.data],
        "revision": revision(),
        "warnings": list(ground.planned.warnings),
    }


def sentences(verdict: Verdict) -> list[str]:
    """Say of every baseline whether the candidate beats it."""
    found = []
    for one in verdict.against:
        says, name = "beats" if one.beaten else "does not beat", one.name.replace("_", " ")
        more = basis_points(one.comparison.mean_difference)
        found.append(
            f"{verdict.candidate.name} {says} {name}: {more} bp per period more, p = {one.holm:.4f} after Holm"
        )
    return found


def basis_points(log_return: float) -> str:
    """Return a log return in basis points, as people read it."""
    return f"{log_return * 1e4:+.4f}"


def _how(evaluation: Evaluation) -> dict[str, Any]:
    ground, terms = evaluation.ground, evaluation.terms
    return {
        "tests": [_test(ground, window) for window in ground.windows],
        "purge_seconds": ground.purge_ns / SECOND_NS,
        "period_seconds": ground.period_ns // SECOND_NS,
        "periods": ground.periods,
        "bootstraps": terms.bootstraps,
        "mean_block_periods": evaluation.block,
        "seed": terms.seed,
        "random_seeds": terms.seeds,
        "alpha": terms.alpha,
        "tried_before": terms.tried,
    }


def _test(ground: Ground, window: Window) -> dict[str, Any]:
    def stretch(begin: int, end: int) -> dict[str, Any]:
        first, last = (show_time(int(ground.times[row])) for row in (begin, end - 1))
        return {"first": first, "last": last, "instants": end - begin}

    return {
        "train": stretch(window.train_begin, window.train_end),
        "test": stretch(window.test_begin, window.test_end),
    }


def _costs(instrument: Any) -> dict[str, Any]:
    return {
        "instrument": instrument.key, "spread_ticks": instrument.spread_ticks,
        "slippage_ticks": instrument.slippage_ticks, "fee_ppm": instrument.fee_ppm,
        "fee_per_lot": str(instrument.fee_per_lot),
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    return {
        "seed": run.seed, "net_profit": run.net_profit, "fees": run.fees, "mean_log_return": run.mean,
        "trades": run.trades, "opened": run.opened, "hold_hours": run.hold_hours, "turnover_ticks": run.turnover,
        "max_drawdown": run.max_drawdown,
    }  # fmt: skip


def _against(one: Against) -> dict[str, Any]:
    return {
        "name": one.name,
        "what": BASELINES[one.name],
        "runs": [_run(run) for run in one.runs],
        "mean_difference": one.comparison.mean_difference,
        "low": one.comparison.low,
        "high": one.comparison.high,
        "p_value": one.comparison.p_value,
        "p_value_worst_seed": one.worst.p_value,
        "p_holm": one.holm,
        "beats": one.beaten,
    }


def save_card(folder: Path, card: dict[str, Any]) -> tuple[Path, Path]:
    """Write a card as Markdown and as JSON, named by what it is of and the hash of its JSON; return both paths."""
    content = msgspec.json.format(msgspec.json.encode(card, order="deterministic"), indent=2)
    name = re.sub(r"[^A-Za-z0-9_.=-]+", "-", card["name"])[:60]
    stem = f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{stem}.md", folder / f"{stem}.json"
    for path, text in zip(paths, (markdown_of(card).encode(), content + b"\n"), strict=True):
        draft = path.with_name(path.name + ".draft")
        draft.write_bytes(text)
        draft.replace(path)
    return paths


def markdown_of(card: dict[str, Any]) -> str:
    """Return a card as Markdown: the verdict first."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: dict[str, Any]) -> Iterator[str]:
    how = card["evaluation"]
    yield f"# {card['name']}: {card['verdict']}"
    yield ""
    yield from (f"- {sentence}" for sentence in card["sentences"])
    yield from (f"- {reason}" for reason in card["left_out"])
    yield ""
    sure = card["deflated_sharpe"]
    told = f"{sure:.4f}" if sure is not None else f"undefined ({card['deflated_sharpe_reason']})"
    ratio = card["sharpe_per_period"]
    yield f"Deflated Sharpe ratio {told} after {card['trials']} trials; per period {_number(ratio, '.4f')}."
    yield ""
    yield f"## What came of it ({card['currency']}, all tests, costs on)"
    yield ""
    header = ("who", "seed", "net profit", "fees", "bp per period", "opened", "closed", "hours held", "max drawdown")
    yield from _table(header, list(_rows(card)))
    yield ""
    yield "## How it was judged"
    yield ""
    yield f"- Desk {card['desk']}, policy {card['policy']}, profile {card['profile']}, seeds {card['seeds']}"
    yield (
        f"- {len(how['tests'])} tests, {how['periods']} periods of {how['period_seconds']} s, purge "
        f"{how['purge_seconds']:g} s"
    )
    yield (
        f"- Stationary block bootstrap of the difference, {how['bootstraps']} draws, mean block "
        f"{how['mean_block_periods']} periods; Holm over {len(card['baselines'])} baselines, alpha {how['alpha']:g}"
    )
    yield from (f"- Baseline {one['name']}: {one['what']}" for one in card["baselines"])
    yield f"- Static policies tried: {', '.join(card['best_static']['tried'])}"
    yield f"- Chosen for the tests: {', '.join(card['best_static']['chosen'])}"
    yield ""
    yield from _table(
        ("train from", "to", "test from", "to"),
        [(t["train"]["first"], t["train"]["last"], t["test"]["first"], t["test"]["last"]) for t in how["tests"]],
    )
    yield ""
    yield "## Costs, parameters, data"
    yield ""
    yield from _table(
        ("instrument", "spread ticks", "slippage ticks", "fee ppm", "fee per lot"),
        [tuple(str(value) for value in one.values()) for one in card["costs"]],
    )
    yield ""
    yield from (f"- {name} = {value:g}" for name, value in card["params"].items())
    yield from (f"- {one['path']}, {one['rows']} rows, SHA-256 {one['sha256']}" for one in card["data"])
    yield f"- Plan {card['plan_sha256']}, revision {card['revision']}"
    yield from (f"- Warning: {text}" for text in card["warnings"])


def _rows(card: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, runs in [(card["name"], card["runs"]), *((one["name"], one["runs"]) for one in card["baselines"])]:
        for run in runs:
            yield (
                name, str(run["seed"]), f"{run['net_profit']:,.2f}", f"{run['fees']:,.2f}",
                basis_points(run["mean_log_return"]), str(run["opened"]), str(run["trades"]),
                _number(run["hold_hours"], ".2f"), _number(run["max_drawdown"], ".2%"),
            )  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "n/a" if value is None or not np.isfinite(value) else format(value, form)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
