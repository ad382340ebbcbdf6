"""What became of the decisions: by outcome per desk, and by the reasons that stopped them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from policies.intents import Rule, Ruling
from research.report.figures import Figure, Trace, axis, bar_marker, label, layout
from research.report.markup import plural, table
from research.result import RunResult

OUTCOMES: Final = (
    Ruling.EXECUTE, Ruling.DISPLAY_ONLY, Ruling.NOT_AUTO, Ruling.OUTRANKED, Ruling.NOT_ELIGIBLE, Ruling.REFUSED,
)  # fmt: skip
"""From nearest to an order to furthest from it."""

PATTERNS: Final = ("", "/", "", "\\", "", "x")
"""Neighbours differ in more than colour."""

ROW_HEIGHT: Final = 34
LABELS_HEIGHT: Final = 110


def outcome_counts(result: RunResult) -> dict[str, Counter[str]]:
    """Count, per desk in the plan's order, the rulings of its decisions."""
    counts: dict[str, Counter[str]] = {desk.name: Counter() for desk in result.plan.desks}
    for decision in result.decisions:
        counts[decision.desk][decision.ruling] += 1
    return counts


def outcome_figure(result: RunResult) -> Figure | None:
    """Return shares of outcomes per desk with their counts; None without a decision."""
    counts = outcome_counts(result)
    totals = {desk: count.total() for desk, count in counts.items()}
    if not result.decisions:
        return None
    names = [f"{label(desk)} ({totals[desk]:,})" for desk in counts]
    data = []
    for k, ruling in enumerate(OUTCOMES):
        of_desks = [counts[desk][ruling.name] for desk in counts]
        if any(of_desks):
            shares = [100 * count / max(totals[desk], 1) for desk, count in zip(counts, of_desks, strict=True)]
            data.append(_bars(ruling.name, f"ruling-{k}", PATTERNS[k], names, shares, of_desks))
    figure_layout = _bar_layout(len(names), "Share of the desk's decisions (%)")
    figure_layout["xaxis"]["range"] = [0, 100]
    words = "; ".join(f"{desk}: {_listing(count)}" for desk, count in counts.items())
    return Figure(f"Decisions by outcome per desk. {words}.", data, figure_layout)


def outcome_table(result: RunResult) -> str:
    """Return the counts of outcomes per desk."""
    rows = [
        (desk, *(f"{count[ruling.name]:,}" for ruling in OUTCOMES), f"{count.total():,}")
        for desk, count in outcome_counts(result).items()
    ]
    return table(("Desk", *(ruling.name for ruling in OUTCOMES), "all"), rows)


def reason_table(result: RunResult) -> str:
    """Return how often each reason stopped a decision of each desk."""
    return table(("Reason", "Whose", *result.desks, "all"), reason_rows(result), left=2)


def reason_rows(result: RunResult) -> list[tuple[str, ...]]:
    """Return a row of text per reason, most frequent first: its name, whose it is, the count per desk and of all."""
    desks = result.desks.values()
    return [
        (reason, who_stops(reason), *(f"{desk.reasons.get(reason, 0):,}" for desk in desks), f"{total:,}")
        for reason, total in reason_totals(result).items()
    ]


def reason_totals(result: RunResult) -> dict[str, int]:
    """Count the reasons of all desks together, most frequent first."""
    totals: Counter[str] = Counter()
    for desk in result.desks.values():
        totals.update(desk.reasons)
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def reason_figure(result: RunResult) -> Figure | None:
    """Return how often each reason stopped a decision, most frequent first, by desk; None when nothing was stopped."""
    totals = reason_totals(result)
    if not totals:
        return None
    names = [f"{label(reason)} ({total:,})" for reason, total in totals.items()]
    data = []
    for k, (name, desk) in enumerate(result.desks.items()):
        counts = [desk.reasons.get(reason, 0) for reason in totals]
        if any(counts):
            data.append(_bars(label(name), f"desk-{k % 3}", ("", "/", "x")[k % 3], names, counts, counts))
    words = "; ".join(f"{reason} {total:,} ({who_stops(reason)})" for reason, total in totals.items())
    return Figure(
        f"Reasons why decisions were not executed. {words}.", data, _bar_layout(len(names), "Times it objected")
    )


def who_stops(reason: str) -> str:
    """Return whose reason it is: a risk rule's or the governor's."""
    return "risk" if reason in Rule.__members__ else "governor"


def _bars(
    name: str, color: str, pattern: str, names: list[str], lengths: Iterable[float], counts: list[int]
) -> Trace:  # fmt: skip
    hover = "%{y}<br>" + name + ": %{customdata:,}<extra></extra>"
    return {
        "type": "bar", "orientation": "h", "name": name, "y": names, "x": [round(length, 6) for length in lengths],
        "text": [f"{count:,}" if count else "" for count in counts], "customdata": counts, "hovertemplate": hover,
        "textposition": "inside", "insidetextanchor": "middle", "textangle": 0, "textfont": {"color": "var(--on-bar)"},
        "marker": bar_marker(color, pattern),
    }  # fmt: skip


def _bar_layout(rows: int, title: str) -> dict[str, Any]:
    return layout(
        LABELS_HEIGHT + ROW_HEIGHT * max(rows, 2),
        barmode="stack",
        bargap=0.25,
        uniformtext={"mode": "hide", "minsize": 9},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left", "traceorder": "normal"},
        xaxis=axis(title, tickformat=","),
        yaxis=axis(autorange="reversed", type="category", ticklabelstandoff=6),
    )


def _listing(counts: Counter[str]) -> str:
    found = [f"{counts[ruling.name]:,} {ruling.name}" for ruling in OUTCOMES if counts[ruling.name]]
    return ", ".join(found) or plural(0, "decision")
