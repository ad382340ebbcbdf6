"""Figures as plotly.js takes them, written as plain values: no plotly object is built, so a report takes no time.

Colours are names of the page's style (`var(--loss)`), so one figure fits light, dark and print. Columns of numbers are
packed: whole steps of a unit. The page's script turns both back before it draws.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Trace = dict[str, Any]
Gap = tuple[int, int]

NS_PER_MS: Final = 10**6
DIGITS_SHOWN: Final = 5
"""Digits of a column's span that are worth keeping: a plot has a thousand pixels."""


class View(NamedTuple):
    """A choice of axis ranges with the name of its button."""

    label: str
    ranges: dict[str, Any]


class Figure(NamedTuple):
    """A figure with its text alternative, and the views it can be switched to (the first is shown)."""

    summary: str
    data: list[Trace]
    layout: dict[str, Any]
    views: tuple[View, ...] = ()


def packed(values: NDArray[np.float64] | Sequence[float], digits: int) -> dict[str, Any]:
    """Return a column rounded to 10**-digits, packed."""
    scaled = np.rint(np.asarray(values, np.float64) * 10.0**digits).astype(np.int64)
    return _steps(scaled) | {"over": 10**digits}


def packed_times(time_ns: NDArray[np.int64]) -> dict[str, Any]:
    """Return times as milliseconds since 1970, packed."""
    return _steps(time_ns // NS_PER_MS)


def _steps(column: NDArray[np.int64]) -> dict[str, Any]:
    """Return the first value and then every step, as multiples of the largest number that divides them all."""
    steps = np.diff(column, prepend=0)
    unit = max(int(np.gcd.reduce(steps)), 1) if len(steps) else 1
    return {"steps": (steps // unit).tolist(), "unit": unit}


def in_pairs(column: dict[str, Any]) -> dict[str, Any]:
    """Let a line break after every second point: the column draws segments."""
    return {**column, "pairs": True}


def digits_of(*columns: NDArray[np.float64]) -> int:
    """Return how many decimal places show the span of some columns."""
    span = max((float(np.ptp(column)) for column in columns if len(column)), default=0.0)
    return 2 if span <= 0.0 else min(max(DIGITS_SHOWN - 1 - int(np.floor(np.log10(span))), 0), 9)


def label(words: object) -> str:
    """Escape a label: plotly reads tags in every text that it draws."""
    return escape(str(words), quote=False)


def layout(height: int, **changes: Any) -> dict[str, Any]:
    """Return what all figures look like."""
    return {
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 12, "b": 48},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--ink)"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--line)", "font": {"color": "var(--ink)"}},
        "legend": {
            "orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left", "traceorder": "normal",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "var(--muted)", "activecolor": "var(--ink)"},
        **changes,
    }  # fmt: skip


def axis(title: str = "", **changes: Any) -> dict[str, Any]:
    """Return an axis with thin grid lines."""
    return {
        "title": {"text": title, "font": {"size": 13}},
        "automargin": True,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        **changes,
    }


def time_axis(gaps: Iterable[Gap], **changes: Any) -> dict[str, Any]:
    """Return a time axis that leaves gaps out."""
    breaks = [{"bounds": [begin // NS_PER_MS + 1, -(-end // NS_PER_MS)]} for begin, end in gaps]
    return axis("Time (UTC)", type="date", rangebreaks=breaks, hoverformat="%Y-%m-%d %H:%M:%S", **changes)


def bar_marker(color: str, pattern: str) -> dict[str, Any]:
    """Return how a bar is filled: neighbours differ in pattern as well as in colour."""
    return {
        "color": f"var(--{color})", "line": {"color": "var(--paper)", "width": 1},
        "pattern": {
            "shape": pattern, "size": 7, "solidity": 0.15, "fgcolor": "var(--on-bar)", "fillmode": "overlay",
        },
    }  # fmt: skip


def gap_lines(gaps: Iterable[Gap]) -> list[dict[str, Any]]:
    """Return a dotted line for every gap that a time axis leaves out."""
    line = {"color": "var(--muted)", "width": 1, "dash": "dot"}
    return [
        {"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}
        for x in (-(-end // NS_PER_MS) for _, end in gaps)
    ]


def time_range(begin_ns: int, end_ns: int) -> list[float]:
    """Return a range of a time axis with a little room around it."""
    return padded(begin_ns / NS_PER_MS, end_ns / NS_PER_MS, 0.01)


def padded(low: float, high: float, share: float = 0.06) -> list[float]:
    """Return a range with some room around it."""
    room = (high - low) * share or abs(high) * 0.001 or 1.0
    return [low - room, high + room]
