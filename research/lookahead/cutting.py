"""Where data is cut: everywhere if that is asked for, else a seeded sample that holds every place where leaks sit.

These are the ends, the first row of every longer period (5 minutes to a week), the last one of those of 30 minutes and
more, and both sides of every gap, which are the borders of sessions.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.tape import Int64
from research.catalogue.entry import DAY_NS

MINUTE_NS: Final = 60 * 10**9
PERIODS: Final = {
    "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "30m": 30 * MINUTE_NS, "1h": 60 * MINUTE_NS, "4h": 240 * MINUTE_NS,
    "1d": DAY_NS, "1w": 7 * DAY_NS,
}  # fmt: skip
"""Longer periods by name. A week begins on Monday."""

SHORT_NS: Final = PERIODS["30m"]
"""Of shorter periods only the first row of a new one counts as border, where most of it is still to come."""

EPOCH_WEEKDAY_NS: Final = 3 * DAY_NS
"""The epoch was a Thursday."""


def period_of(times: Int64, name: str) -> Int64:
    """Return the number of the period that each bar lies in: a bar known at the very end of one belongs to it."""
    shift = EPOCH_WEEKDAY_NS if name == "1w" else 0
    return (times + shift - 1) // PERIODS[name]


def cut_times(times: Int64, most: int | None, seed: int, bar_ns: int = 0) -> Int64:
    """Return the times at which to cut, rising: all of them for `most` None, else the borders and a sample.

    The sample fills up to `most`; borders are kept even where there are more of them, so there may be more cuts.
    """
    distinct = np.unique(times)
    if most is None or most >= len(distinct):
        return distinct
    chosen = borders(distinct, bar_ns)
    free = np.setdiff1d(np.arange(len(distinct)), chosen)
    want = min(max(most - len(chosen), 0), len(free))
    sample = np.random.default_rng(seed).choice(free, want, replace=False)
    return distinct[np.sort(np.concatenate([chosen, sample]))]


def borders(distinct: Int64, bar_ns: int) -> NDArray[np.intp]:
    """Return the rows at the ends, around the ends of longer periods that hold several bars, and around gaps."""
    last = len(distinct) - 1
    marks = [np.array([0, 1, last - 1, last])]
    step_ns = bar_ns or int(np.median(np.diff(distinct))) if last > 0 else 0
    for name, length_ns in PERIODS.items():
        if length_ns > step_ns * 2:
            ends = np.flatnonzero(np.diff(period_of(distinct, name)))
            marks += [ends + 1] if length_ns < SHORT_NS else [ends, ends + 1]
    gaps = np.flatnonzero(np.diff(distinct) > 3 * step_ns)
    marks += [gaps, gaps + 1]
    found = np.unique(np.concatenate(marks))
    return found[(found >= 0) & (found <= last)]
