"""Bars and quotes of one pair as columns of integers; prices count ticks, the last digit of the source."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.tape import Int64

Floats = NDArray[np.float64]

MILLISECOND_NS: Final = 10**6
MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * MINUTE_NS


class Bars(NamedTuple):
    """Bars, stamped with their opening."""

    open_ns: Int64
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    tick_volume: Int64


class Quotes(NamedTuple):
    """Quotes of one venue, stamps in ms."""

    time_ms: Int64
    bid: Int64
    ask: Int64


def ticks_per_unit(symbol: str) -> int:
    """Return how many ticks a price of 1 has: 0.001 for the yen, else 0.00001."""
    return 1_000 if symbol.endswith("JPY") else 100_000


def aggregated(bars: Bars, step_ns: int) -> Bars:
    """Return bars of `step_ns` made of shorter ones."""
    bins = bars.open_ns // step_ns
    begin = np.flatnonzero(np.diff(bins, prepend=bins[:1] - 1))
    end = np.append(begin[1:], len(bins)) - 1
    return Bars(
        bins[begin] * step_ns,
        bars.open[begin],
        np.maximum.reduceat(bars.high, begin),
        np.minimum.reduceat(bars.low, begin),
        bars.close[end],
        np.add.reduceat(bars.tick_volume, begin),
    )


def between(bars: Bars, start_ns: int, end_ns: int) -> Bars:
    """Return the bars that open in [start_ns, end_ns)."""
    first, last = np.searchsorted(bars.open_ns, [start_ns, end_ns])
    return Bars(*(column[first:last] for column in bars))
