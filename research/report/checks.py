"""The words of a verdict's checks, and the parameters of a set that matter."""

from typing import Final

from research.report.markup import percent, signed
from research.verdict import Check
from research.walkforward import WalkForward

NAMES: Final = {
    "trades": ("Trades of all tests", "enough of them to tell skill from luck"),
    "net_profit": ("Net profit of all tests", "on bars that no choice had seen"),
    "deflated_sharpe": ("Deflated Sharpe ratio", "how sure it is that this is more than the best of so many tries"),
    "min_track_record": ("Days that would be enough", "to be sure that the ratio is above 0, against those there are"),
    "overfitting": (
        "Probability of overfitting",
        "how often the best of half the days is below the middle in the rest",
    ),
    "reality_check": ("White's reality check, p-value", "whether any set beats staying out by more than luck"),
    "costs": ("Net profit at twice the costs", "spread, slippage and fees"),
    "drawdown": ("Largest fall of equity in a test", "against the profile's limit"),
}
"""Per check, what it is called and what it asks."""

REASONS: Final = {
    "insufficient_data": "too few days", "zero_variance": "nothing moved", "one_trial": "only one set was tried",
    "not_above_benchmark": "ratio not above 0", "no_trades": "nothing was traded",
    "moments_out_of_range": "the moments contradict each other", "no_costs": "the plan charges no costs",
    "not_asked_for": "this multiple was not run",
}  # fmt: skip
SIGNS: Final = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
PERCENT: Final = ("deflated_sharpe", "overfitting", "reality_check")


def check_value(name: str, value: float | None, reason: str | None) -> str:
    """Return the number of a check as text; why there is none, where it is undefined."""
    if value is None:
        return f"n/a ({REASONS.get(reason or '', reason)})"
    if name in PERCENT:
        return percent(value)
    return f"{value:,.0f}" if name in ("trades", "min_track_record") else signed(value)


def check_wanted(check: Check) -> str:
    """Return what a check demands as text: `at least 95 %`."""
    wanted = percent(check.wanted, 0) if check.name in PERCENT else f"{check.wanted:,.0f}"
    return f"{SIGNS[check.relation]} {wanted}"


def swept(walk: WalkForward, number: int) -> dict[str, float]:
    """Return the parameters of a set that differ between sets; all where there is one set."""
    rows = walk.sets.rows
    moved = (rows != rows[0]).any(axis=0)
    named = walk.sets.named(number)
    return {name: value for (name, value), own in zip(named.items(), moved, strict=True) if own or len(rows) == 1}
