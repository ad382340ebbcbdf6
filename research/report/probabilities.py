"""Binary: the estimated probabilities against the break-even of the contract and the margin beyond it."""

from itertools import pairwise
from typing import Any, Final

import numpy as np

from journal.records import Decision
from market.payoff import breakeven_probability
from policies.intents import DeskKind
from policies.plan import DeskPlan, Plan
from research.report.figures import Figure, Trace, axis, bar_marker, layout
from research.report.markup import NONE_BELOW, percent, plural
from research.result import RunResult

BINS: Final = 40
EVEN: Final = 0.5


def binary_desks(plan: Plan) -> tuple[DeskPlan, ...]:
    """Return the desks that trade contracts."""
    return tuple(desk for desk in plan.desks if desk.kind == DeskKind.BINARY)


def proposals_of(result: RunResult, desk: DeskPlan) -> list[Decision]:
    """Return the decisions of a desk about buying a contract."""
    return [decision for decision in result.decisions if decision.desk == desk.name and not decision.reduce]


def hurdles_of(proposals: list[Decision], desk: DeskPlan) -> dict[str, float]:
    """Return the lines that a probability has to pass, by name; one break-even per payout."""
    found: dict[str, float] = {}
    payouts = sorted({decision.gross for decision in proposals})
    for payout in payouts:
        of_payout = f" at {percent(payout, 0)} payout" if len(payouts) > 1 else ""
        breakeven = float(breakeven_probability(payout, 0.0, 0.0))
        found[f"break-even{of_payout}"] = breakeven
        if desk.reward_min > NONE_BELOW and desk.reward_min != 0.0:
            found[f"break-even + margin{of_payout}"] = breakeven + desk.reward_min
    if desk.confidence_min > EVEN:
        found["least probability"] = desk.confidence_min
    return {name: hurdle for name, hurdle in found.items() if hurdle > 0.0}


def passing(proposals: list[Decision], desk: DeskPlan) -> int:
    """Count the proposals that are likely enough: at least the minimum, beyond break-even by more than the margin."""
    return sum(
        decision.confidence >= desk.confidence_min
        and decision.confidence > breakeven_probability(decision.gross, 0.0, 0.0) + desk.reward_min
        for decision in proposals
    )


def probability_figure(result: RunResult, desk: DeskPlan) -> Figure | None:
    """Return a histogram of the probabilities with the hurdles drawn in; None without a proposal."""
    proposals = proposals_of(result, desk)
    if not proposals:
        return None
    hurdles = hurdles_of(proposals, desk)
    values = np.array([decision.confidence for decision in proposals])
    executed = np.array([decision.ruling == "EXECUTE" for decision in proposals])
    edges = np.histogram_bin_edges(
        values, BINS, (min(EVEN, float(values.min())), max(float(values.max()), EVEN + 0.05))
    )
    data = [
        _bars("Executed", "ruling-0", "", values[executed], edges),
        _bars("Not executed", "ruling-4", "/", values[~executed], edges),
    ]
    span = [min(float(edges[0]), *hurdles.values()), max(float(edges[-1]), *hurdles.values())]
    room = 0.03 * (span[1] - span[0])
    figure_layout = layout(
        380,
        barmode="stack",
        bargap=0.05,
        margin={"l": 64, "r": 16, "t": 12 + 20 * len(hurdles), "b": 76},
        legend={
            "orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom", "xanchor": "left",
            "traceorder": "normal",
        },
        xaxis=axis("Estimated probability of the side taken", range=[span[0] - room, span[1] + room], tickformat="~%"),
        yaxis=axis("Proposals", tickformat=","),
        **_lines(hurdles, sum(span) / 2),
    )  # fmt: skip
    words = ", ".join(f"{name} {percent(hurdle)}" for name, hurdle in hurdles.items())
    summary = (
        f"Histogram of the estimated probability of {plural(len(proposals), 'proposal')}, from "
        f"{percent(float(values.min()))} to {percent(float(values.max()))}; {words}. "
        f"{passing(proposals, desk):,} are likely enough, {int(executed.sum()):,} were executed."
    )
    return Figure(summary, data, figure_layout)


def _bars(name: str, color: str, pattern: str, values: Any, edges: Any) -> Trace:
    counts, _ = np.histogram(values, edges)
    spans = [f"{percent(low)} to {percent(high)}" for low, high in pairwise(edges)]
    return {
        "type": "bar", "name": name, "x": np.round((edges[1:] + edges[:-1]) / 2, 9).tolist(), "y": counts.tolist(),
        "width": float(np.round(edges[1] - edges[0], 9)), "customdata": spans,
        "hovertemplate": name + ": %{y:,}<br>%{customdata}<extra></extra>",
        "marker": bar_marker(color, pattern),
    }  # fmt: skip


def _lines(hurdles: dict[str, float], middle: float) -> dict[str, Any]:
    """A line per hurdle, each in its own dash, named above the plot, one name under the other."""
    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    shapes, names = [], []
    for k, (name, hurdle) in enumerate(sorted(hurdles.items(), key=lambda item: -item[1])):
        line = {"color": "var(--floor)", "width": 2, "dash": dashes[k % len(dashes)]}
        shapes.append({
            "type": "line", "xref": "x", "yref": "paper", "x0": hurdle, "x1": hurdle, "y0": 0, "y1": 1, "line": line,
        })  # fmt: skip
        names.append({
            "x": hurdle, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom",
            "xanchor": "left" if hurdle < middle else "right", "font": {"color": "var(--floor)"},
            "yshift": 20 * k, "showarrow": False, "text": f"{name} {percent(hurdle)}",
        })  # fmt: skip
    return {"shapes": shapes, "annotations": names}
