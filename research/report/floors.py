"""The floors of the account's profiles over time, with the equity above them and the resets that move them."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.money import MONEY_UNIT
from policies.assembly import guards_of, instruments_of
from policies.calendars import moment_of, zone
from policies.floor_trace import FloorTrace, floor_trace
from policies.floors import Mode
from policies.plan import CalendarPlan, FloorPlan
from research.report.equity import REACH, line
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
from research.report.markup import amount, scrolling, table, utc
from research.report.thinning import extremes, gaps_of
from research.result import RunResult
from research.run_metrics import EquityCurve, curve_of, flows_at

Floats = NDArray[np.float64]

RESETS_MAX: Final = 62
"""Lines of resets that can be told apart; of more, the steps of the floors show where they are."""
KINDS: Final = {
    Mode.DAILY: ("daily", "daily, from the last reset on"), Mode.STATIC: ("floor", "static"),
    Mode.CLOSING: ("peak", "trails the highest balance at a reset"), Mode.PEAK: ("peak", "trails the highest equity"),
    Mode.PERIOD_PEAK: ("daily", "trails the highest equity since the reset"),
}  # fmt: skip
"""Colour and words per mode; floors of one colour differ in their dashes."""
DASHES: Final = ("solid", "dashdot", "dash", "longdash", "dot", "longdashdot")


class FloorCurves(NamedTuple):
    """What is drawn: the equity, and where each floor of the plan lay, account currency."""

    curve: EquityCurve
    trace: FloorTrace
    floors: Floats


def floor_curves(result: RunResult) -> FloorCurves | None:
    """Return the floors of a run over time; None where no profile has any, or nothing was sampled."""
    curve = curve_of(result)
    if not result.plan.rules.floors or not len(curve.time_ns):
        return None
    levels = np.stack([curve.equity, curve.low, curve.cash, curve.peak, flows_at(result, curve.time_ns)], axis=1)
    guards = guards_of(result.plan, instruments_of(result.plan))
    trace = floor_trace(guards, curve.time_ns, np.rint(levels * MONEY_UNIT).astype(np.int64))
    return FloorCurves(curve, trace, trace.floors / MONEY_UNIT)


def floor_figure(result: RunResult, found: FloorCurves) -> Figure:
    """Return the figure of the equity over its floors."""
    curve, plans = found.curve, result.plan.rules.floors
    keep = extremes([curve.equity, -curve.low])
    digits = max(digits_of(curve.low, curve.peak), 2)
    gaps = gaps_of(np.unique(np.concatenate([curve.time_ns, found.trace.time_ns])))
    x, hover = packed_times(curve.time_ns[keep]), "%{y:,.2f}"
    data: list[Trace] = [
        line("Worst-price low", "band-edge", width=0.5, x=x, y=packed(curve.low[keep], digits), hovertemplate=hover,
             legendrank=1001),
        line("Equity", "equity", width=2, x=x, y=packed(curve.equity[keep], digits), hovertemplate=hover,
             fill="tonexty", fillcolor="var(--band)"),
    ]  # fmt: skip
    for k, floor in enumerate(plans):
        data.append(_floor(floor, _place(plans, k), found.trace.time_ns, found.floors[:, k], digits))
    resets = _resets(result.plan.rules.calendars, int(curve.time_ns[0]), int(curve.time_ns[-1]))
    data += _reset_marks(resets, float(curve.peak.max()))
    views = _views(found)
    figure_layout = layout(
        480,
        hovermode="x unified",
        shapes=[*gap_lines(gaps), *_reset_lines(resets)],
        annotations=_names(found, plans),
        xaxis=time_axis(gaps),
        yaxis=axis(f"Equity ({label(result.plan.currency)})", tickformat=",", range=views[0].ranges["yaxis.range"]),
    )
    return Figure(_summary(result, found), data, figure_layout, views if len(views) > 1 else ())


def _place(plans: tuple[FloorPlan, ...], number: int) -> int:
    """Return which of the floors of its colour a floor is."""
    color = KINDS[Mode(plans[number].mode)][0]
    return sum(KINDS[Mode(plan.mode)][0] == color for plan in plans[:number])


def _floor(plan: FloorPlan, place: int, time_ns: NDArray[np.int64], level: Floats, digits: int) -> Trace:
    """A floor as steps: only the points around its moves are kept."""
    moved = np.flatnonzero(np.diff(level))
    keep = np.unique(np.concatenate([[0, len(level) - 1], moved, moved + 1])).astype(np.int64)
    return line(
        label(plan.name), KINDS[Mode(plan.mode)][0], DASHES[place % len(DASHES)], 2, x=packed_times(time_ns[keep]),
        y=packed(level[keep], digits), line={"shape": "hv"}, hovertemplate="%{y:,.2f}",
    )  # fmt: skip


class _Reset(NamedTuple):
    time_ns: int
    words: str


def _resets(calendars: tuple[CalendarPlan, ...], begin_ns: int, end_ns: int) -> list[_Reset]:
    """Return the resets within a span, each once with what it is the beginning of."""
    found: dict[int, list[str]] = {}
    for calendar in calendars:
        for second in calendar.resets_s:
            if begin_ns <= second * 10**9 <= end_ns:
                local = moment_of(second * 10**9).astimezone(zone(calendar.zone))
                words = f"{local:%Y-%m-%d %H:%M} {calendar.zone}: a {calendar.period} begins"
                found.setdefault(second * 10**9, []).append(words)
    return [_Reset(time_ns, "; ".join(dict.fromkeys(words))) for time_ns, words in sorted(found.items())]


def _reset_lines(resets: list[_Reset]) -> list[dict[str, Any]]:
    dashes = {"color": "var(--muted)", "width": 1, "dash": "dash"}
    return [
        {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": dashes}
        for x in (reset.time_ns // 10**6 for reset in resets[:RESETS_MAX])
    ]


def _reset_marks(resets: list[_Reset], level: float) -> list[Trace]:
    """A mark at the upper end of every line, which says what begins there."""
    if not resets:
        return []
    times = np.array([reset.time_ns for reset in resets], np.int64)
    return [
        {
            "type": "scatter", "mode": "markers", "name": "Reset", "x": packed_times(times),
            "y": packed(np.full(len(times), level), 2), "text": [label(reset.words) for reset in resets],
            "marker": {"symbol": "line-ns-open", "size": 12, "color": "var(--muted)"}, "hovertemplate": "%{text}",
        }
    ]  # fmt: skip


def _names(found: FloorCurves, plans: tuple[FloorPlan, ...]) -> list[dict[str, Any]]:
    """The highest floor of each kind at its right end, where nobody has to look it up."""
    ends: dict[str, tuple[float, str]] = {}
    for k, plan in enumerate(plans):
        color, level = KINDS[Mode(plan.mode)][0], float(found.floors[-1, k])
        if color not in ends or level > ends[color][0]:
            ends[color] = level, plan.name
    return [
        {
            "x": 1, "xref": "paper", "y": level, "yref": "y", "xanchor": "right", "yanchor": "top", "showarrow": False,
            "text": f"{label(name)} {amount(level)}", "bgcolor": "var(--paper)", "borderpad": 1, "yshift": -4,
            "font": {"color": f"var(--{color})", "size": 12},
        }
        for color, (level, name) in ends.items()
    ]  # fmt: skip


def _views(found: FloorCurves) -> tuple[View, ...]:
    low, high = float(found.curve.low.min()), float(found.curve.peak.max())
    near = View("Equity close up", {"yaxis.range": padded(low, high)})
    lowest = found.floors.min(axis=0)
    reach = [float(floor) for floor in lowest if low - floor <= REACH * high]
    if not reach:
        return (near,)
    return View("With all floors", {"yaxis.range": padded(min(low, *reach), high, 0.08)}), near


def floor_table(result: RunResult, found: FloorCurves) -> str:
    """Return what each floor came to: where it lay at the end, and the least room that a sample saw above it."""
    rows = []
    at = np.searchsorted(found.trace.time_ns, found.curve.time_ns, side="right") - 1
    for k, floor in enumerate(result.plan.rules.floors):
        room = found.curve.low - found.floors[at, k]
        least = int(room.argmin())
        rows.append((
            floor.name, KINDS[Mode(floor.mode)][1], amount(found.floors[0, k]), amount(found.floors[-1, k]),
            amount(float(room[least])), utc(int(found.curve.time_ns[least])),
        ))  # fmt: skip
    headers = ("Floor", "How it moves", "At the start", "At the end", "Least room", "At (UTC)")
    return scrolling(table(headers, rows, left=2), "Floors")


def floor_words(result: RunResult) -> str:
    """Say how the floors are meant."""
    zones = ", ".join(
        dict.fromkeys(
            f"{calendar.reset} {calendar.zone} ({calendar.period})" for calendar in result.plan.rules.calendars
        )
    )
    return (
        "The equity must stay above every floor, worst prices included (the band). Dashed lines are resets: "
        f"{zones}. Floors are told again from the samples of equity; a run tests them at every instant."
    )


def _summary(result: RunResult, found: FloorCurves) -> str:
    ends = ", ".join(
        f"{floor.name} from {amount(found.floors[0, k])} to {amount(found.floors[-1, k])}"
        for k, floor in enumerate(result.plan.rules.floors)
    )
    return (
        f"Equity over the floors of the account's profiles in {result.plan.currency}: equity from "
        f"{amount(found.curve.equity[0])} to {amount(found.curve.equity[-1])}, lowest {amount(found.curve.low.min())}; "
        f"{ends}. Resets within the run: {int((found.trace.resets > 0).sum())}."
    )
