"""Arbitrage: what every threshold of net profit would have done with the same dislocations."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from journal.records import Decision
from market.money import decimal_of
from policies.intents import DeskKind
from policies.plan import DeskPlan, Plan
from research.report.figures import Figure, Trace, axis, label, layout
from research.report.markup import amount, table
from research.result import RunResult

PROFILE_BP: Final = 50.0
"""The profile `trifecta` demands 0.5 % net."""
THRESHOLDS_BP: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, PROFILE_BP)


NONE_BP: Final = -10_000.0
"""A threshold from here down is none: nothing loses more than all."""
NUMBER_SHARE: Final = 0.3
"""Room for the number at the end of a bar, as a share of the longest bar."""


class Threshold(NamedTuple):
    """The entries whose net profit is at least `bp` basis points: how many, what they promised, on average."""

    bp: float
    own: bool
    trades: int
    gain: float
    mean_bp: float | None

    @property
    def name(self) -> str:
        """The threshold as people read it; none where the desk demands nothing."""
        return "no minimum" if self.bp <= NONE_BP else f"{self.bp:g} bp"

    @property
    def mark(self) -> str:
        """Whose threshold it is."""
        marks = ["the desk's own"] if self.own else []
        return ", ".join(marks + (["profile trifecta (0.5 %)"] if self.bp == PROFILE_BP else []))


def arbitrage_desks(plan: Plan) -> tuple[DeskPlan, ...]:
    """Return the desks that trade dislocations."""
    return tuple(desk for desk in plan.desks if desk.kind == DeskKind.ARBITRAGE)


def thresholds_of(result: RunResult, desk: DeskPlan) -> tuple[Threshold, ...]:
    """Return what each threshold would have taken of the desk's entry decisions, lowest first."""
    entries = [decision for decision in result.decisions if decision.desk == desk.name and not decision.reduce]
    bounds = sorted({*THRESHOLDS_BP, desk.reward_min})
    return tuple(_threshold(entries, bp, bp == desk.reward_min) for bp in bounds)


def _threshold(entries: list[Decision], bp: float, own: bool) -> Threshold:
    taken = [decision for decision in entries if decision.reward >= bp]
    gain = float(decimal_of(sum(decision.gain for decision in taken)))
    mean = sum(decision.reward for decision in taken) / len(taken) if taken else None
    return Threshold(bp, own, len(taken), gain, mean)


def threshold_table(rows: tuple[Threshold, ...], currency: str) -> str:
    """Return the thresholds as a table."""
    headers = ("Net profit at least", "Whose", "Trades", f"Summed gain ({currency})", "Mean net (bp)")
    cells = [
        (row.name, row.mark, f"{row.trades:,}", amount(row.gain), "n/a" if row.mean_bp is None else amount(row.mean_bp))
        for row in rows
    ]
    return table(headers, cells, left=2)


def threshold_figures(rows: tuple[Threshold, ...], currency: str) -> dict[str, Figure]:
    """Return trades and summed gain per threshold, a figure each; none where there was nothing to take."""
    if not any(row.trades for row in rows):
        return {}
    counts, gains = [row.trades for row in rows], [row.gain for row in rows]
    trades = "; ".join(f"{row.name}: {row.trades:,}" for row in rows)
    earned = "; ".join(f"{row.name}: {amount(row.gain)}" for row in rows)
    return {
        "trades": Figure(
            f"Entry decisions that reach each threshold of net profit. {trades}.",
            [_bars(rows, counts, [f"{count:,}" for count in counts])], _layout(rows, counts, "Trades"),
        ),
        "gain": Figure(
            f"Summed gain in {currency} of the entries that reach each threshold. {earned}.",
            [_bars(rows, gains, [amount(gain) for gain in gains])],
            _layout(rows, gains, f"Summed gain ({label(currency)})"),
        ),
    }  # fmt: skip


def _bars(rows: Sequence[Threshold], values: Sequence[float], texts: list[str]) -> Trace:
    marks = [("◆ " if row.own else "") + ("▲ " if row.bp == PROFILE_BP else "") for row in rows]
    return {
        "type": "bar", "orientation": "h", "x": list(values), "text": texts, "textposition": "outside",
        "y": [f"{mark}{label(row.name)}" for mark, row in zip(marks, rows, strict=True)], "cliponaxis": False,
        "marker": {"color": ["var(--desk-1)" if row.own else "var(--muted)" for row in rows]},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }  # fmt: skip


def _layout(rows: Sequence[Threshold], values: Sequence[float], title: str) -> dict[str, Any]:
    low, high = min(0.0, *values), max(0.0, *values)
    room = NUMBER_SHARE * (high - low)
    span = [low - room if low < 0.0 else 0.0, high + room]
    return layout(
        84 + 30 * len(rows),
        showlegend=False,
        bargap=0.3,
        yaxis=axis(autorange="reversed", type="category", ticklabelstandoff=6),
        xaxis=axis(title, range=span, tickformat=",", nticks=6),
    )
