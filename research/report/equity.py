"""Equity with its loss floors, and the drawdown under it."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from journal.records import Latch
from market.money import MONEY_UNIT
from policies.bookkeeping import DAY_NS
from policies.plan import LimitsPlan
from research.report.figures import (
    Figure,
    Trace,
    View,
    axis,
    digits_of,
    gap_lines,
    label,
    layout,
    packed,
    packed_times,
    padded,
    time_axis,
)
from research.report.markup import amount
from research.report.thinning import extremes, gaps_of
from research.result import RunResult
from research.run_metrics import EquityCurve, curve_of, flows_at

Floats = NDArray[np.float64]

REACH: Final = 0.3
"""Floors further below the equity than this share of the initial capital are drawn, but not zoomed out to."""


class Floors(NamedTuple):
    """Where the loss limits strike: per point of the curve, and per UTC day (first instant, floor)."""

    total: Floats
    day_ns: NDArray[np.int64]
    daily: Floats


def floors_of(curve: EquityCurve, limits: LimitsPlan, initial: float | Floats) -> Floors:
    """Return the floors of equity under the limits.

    Total: the initial capital, or the highest equity so far, less its limit. Daily: equity at the day's first sample
    less its limit; where the limit counts what was realised today plus the floating loss, cash instead of equity.
    `initial` is the capital with what was deposited and withdrawn by then.
    """
    top = np.full(len(curve.peak), initial) if limits.drawdown_basis == 0 else curve.peak
    days = curve.time_ns // DAY_NS
    first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    anchor = curve.equity if limits.daily_loss_basis == 1 else curve.cash
    return Floors(
        top - limits.drawdown_max / MONEY_UNIT, curve.time_ns[first], anchor[first] - limits.daily_loss_max / MONEY_UNIT
    )


def drawdown_of(curve: EquityCurve, flows: Floats | None = None) -> Floats:
    """Return how far the worst prices since the sample before were below the peak of then, or the sample is now.

    `flows` are what had come in, less what had left, by each sample: money that leaves is no drawdown.
    """
    before = np.concatenate([curve.peak[:1], curve.peak[:-1]])
    if flows is not None:
        before = before + np.diff(flows, prepend=flows[:1])
    drawdown: Floats = np.maximum(before - curve.low, curve.peak - curve.equity)
    return np.maximum(drawdown, 0.0)


def equity_figure(result: RunResult) -> Figure | None:
    """Return the figure of equity and drawdown; None for a run without a sample."""
    curve = curve_of(result)
    if not len(curve.time_ns):
        return None
    limits, initial = result.plan.limits, result.plan.cash / MONEY_UNIT
    flows = flows_at(result, curve.time_ns)
    floors, drawdown = floors_of(curve, limits, initial + flows), drawdown_of(curve, flows)
    keep = extremes([curve.equity, -curve.low, drawdown])
    thin = EquityCurve._make([column[keep] for column in curve])
    allowed = thin.peak - floors.total[keep]
    digits = max(digits_of(curve.low, curve.peak), 2)
    latched = np.array([latch.time_ns for latch in result.latches], np.int64)
    gaps = gaps_of(np.unique(np.concatenate([curve.time_ns, latched])))
    data = [
        *_curves(thin, digits),
        *_floors(thin, floors, floors.total[keep], digits),
        *_latches(curve, result.latches),
        *_drawdown(thin.time_ns, drawdown[keep], allowed, digits),
    ]
    views = _views(curve, floors, drawdown, initial)
    figure_layout = layout(
        600,
        hovermode="x unified",
        shapes=gap_lines(gaps),
        annotations=_names(thin, floors),
        xaxis=time_axis(gaps, anchor="y2"),
        yaxis=axis(f"Equity ({label(result.plan.currency)})", domain=[0.36, 1], tickformat=","),
        yaxis2=axis("Below peak", domain=[0, 0.29], tickformat=","),
    )
    for name, value in views[0].ranges.items():
        figure_layout[name.removesuffix(".range")]["range"] = value
    return Figure(_summary(result, curve, floors, drawdown), data, figure_layout, views if len(views) > 1 else ())


def line(name: str, color: str, dash: str = "solid", width: float = 1.5, **changes: Any) -> Trace:
    """Return a line in a colour of the page's style."""
    own = {"color": f"var(--{color})", "dash": dash, "width": width} | changes.pop("line", {})
    return {"type": "scatter", "mode": "lines", "name": name, "line": own, **changes}


def _curves(curve: EquityCurve, digits: int) -> list[Trace]:
    """Lowest equity, equity with the band down to it, cash, running peak."""
    x = packed_times(curve.time_ns)
    hover = "%{y:,.2f}"
    return [
        line("Worst-price low", "band-edge", width=0.5, x=x, y=packed(curve.low, digits), hovertemplate=hover,
              legendrank=1001),
        line("Equity", "equity", width=2, x=x, y=packed(curve.equity, digits), hovertemplate=hover, fill="tonexty",
              fillcolor="var(--band)"),
        line("Cash", "muted", "dot", 1.2, x=x, y=packed(curve.cash, digits), hovertemplate=hover),
        line("Running peak", "peak", "dash", 1.2, x=x, y=packed(curve.peak, digits), hovertemplate=hover),
    ]  # fmt: skip


def _floors(curve: EquityCurve, floors: Floors, total: Floats, digits: int) -> list[Trace]:
    times = np.append(floors.day_ns, curve.time_ns[-1])
    daily = np.append(floors.daily, floors.daily[-1])
    hover = "%{y:,.2f}"
    return [
        line("Total-drawdown floor", "floor", "solid", 2.5, x=packed_times(curve.time_ns), y=packed(total, digits),
              hovertemplate=hover),
        line("Daily-loss floor", "daily", "dashdot", 2, x=packed_times(times), y=packed(daily, digits),
              line={"shape": "hv"}, hovertemplate=hover),
    ]  # fmt: skip


def _latches(curve: EquityCurve, latches: tuple[Latch, ...]) -> list[Trace]:
    """A marker on the curve for every instant at which a limit latched."""
    if not latches:
        return []
    times = np.array([latch.time_ns for latch in latches], np.int64)
    place = np.clip(np.searchsorted(curve.time_ns, times), 0, len(curve.time_ns) - 1)
    marker = {"symbol": "octagon", "size": 13, "color": "var(--floor)", "line": {"color": "var(--paper)", "width": 2}}
    return [
        {
            "type": "scatter", "mode": "markers", "name": "Limit latched", "marker": marker,
            "x": packed_times(times), "y": packed(curve.low[place], 2),
            "text": [label(", ".join(latch.rules)) for latch in latches], "hovertemplate": "%{text}",
        }
    ]  # fmt: skip


def _drawdown(time_ns: NDArray[np.int64], drawdown: Floats, allowed: Floats, digits: int) -> list[Trace]:
    x = packed_times(time_ns)
    return [
        line("Drawdown", "equity", width=1.5, x=x, y=packed(-drawdown, digits), yaxis="y2", fill="tozeroy",
              fillcolor="var(--band)", showlegend=False, hovertemplate="%{y:,.2f}"),
        line("Drawdown limit", "floor", width=2.5, x=x, y=packed(-allowed, digits), yaxis="y2", showlegend=False,
              hovertemplate="%{y:,.2f}"),
    ]  # fmt: skip


def _names(curve: EquityCurve, floors: Floors) -> list[dict[str, Any]]:
    """The names of the floors at their right ends, where nobody has to look them up."""
    ends = (
        ("total-drawdown floor", "y", floors.total[-1], "floor"), ("daily-loss floor", "y", floors.daily[-1], "daily"),
        ("drawdown limit", "y2", floors.total[-1] - curve.peak[-1], "floor"),
    )  # fmt: skip
    return [
        {
            "x": 1, "xref": "paper", "y": float(level), "yref": where, "xanchor": "right", "yanchor": "top",
            "showarrow": False, "text": f"{name} {amount(abs(level))}", "bgcolor": "var(--paper)", "borderpad": 1,
            "font": {"color": f"var(--{color})", "size": 12}, "yshift": -4,
        }
        for name, where, level, color in ends
    ]  # fmt: skip


def _views(curve: EquityCurve, floors: Floors, drawdown: Floats, initial: float) -> tuple[View, ...]:
    """Ranges that show the floors that are within reach, and ranges that show the equity alone."""
    low, high, worst = float(curve.low.min()), float(curve.peak.max()), float(drawdown.max())
    near = View("Equity close up", {"yaxis.range": padded(low, high), "yaxis2.range": padded(-worst, 0.0)})
    lowest = [float(floor.min()) for floor in (floors.total, floors.daily)]
    in_reach = [floor for floor in lowest if low - floor <= REACH * initial]
    if not in_reach:
        return (near,)
    limit = float((curve.peak - floors.total).max())
    deepest = max(worst, limit) if limit <= REACH * initial + worst else worst
    ranges = {"yaxis.range": padded(min(low, *in_reach), high, 0.1), "yaxis2.range": padded(-deepest, 0.0, 0.2)}
    return View("With loss floors", ranges), near


def _summary(result: RunResult, curve: EquityCurve, floors: Floors, drawdown: Floats) -> str:
    latches = "; ".join(", ".join(latch.rules) for latch in result.latches[:5])
    return (
        f"Equity over time in {result.plan.currency}: from {amount(result.plan.cash / MONEY_UNIT)} to "
        f"{amount(curve.equity[-1])}, lowest {amount(curve.low.min())}, highest {amount(curve.peak.max())}. "
        f"Total-drawdown floor at the end {amount(floors.total[-1])}, daily-loss floor of the last day "
        f"{amount(floors.daily[-1])}. Largest drawdown of a sample {amount(drawdown.max())}. "
        f"Limits latched: {len(result.latches)}{f' ({latches})' if latches else ''}."
    )


def floor_notes(result: RunResult) -> str:
    """Say how the floors are meant, and which of them lie outside of the plot."""
    limits, initial = result.plan.limits, result.plan.cash / MONEY_UNIT
    total = "the highest equity so far" if limits.drawdown_basis == 1 else "the initial capital"
    daily = "equity" if limits.daily_loss_basis == 1 else "cash"
    words = (
        "Worst prices count: the band reaches down to the lowest equity since the sample before. Total-drawdown floor: "
        f"{total} less {amount(limits.drawdown_max / MONEY_UNIT)}. Daily-loss floor: {daily} at the first sample of "
        f"the UTC day less {amount(limits.daily_loss_max / MONEY_UNIT)}."
    )
    curve = curve_of(result)
    floors = floors_of(curve, limits, initial + flows_at(result, curve.time_ns))
    low = float(curve.low.min())
    far = [
        f"{name} ({amount(float(floor.min()))})"
        for name, floor in (("total-drawdown floor", floors.total), ("daily-loss floor", floors.daily))
        if low - float(floor.min()) > REACH * initial
    ]
    return words + (f" Too far below to be in view at first: {', '.join(far)}." if far else "")
