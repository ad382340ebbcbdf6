"""The watch: what is kept of each view to find patterns, and how one of them is written down."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market import indicators as ind
from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.patterns.kinds import Pattern, PatternParams, checked
from policies.patterns.levels import LEVEL, PIVOT
from policies.patterns.pivots import RECENT, TURN
from policies.regime import trend_size

Floats = NDArray[np.float64]

HEAD: Final = record_type(
    "bars slot ranged pivots levels",
    floats="open close atr z volume_mean volume_ratio tolerance same_from same_below ceiling floor",
)
"""Per view, as of its newest bar: bars seen, the next slot of the ring, whether the range is full, how many pivots and
levels; `tolerance` is how far from a level is still at it; for the rest see `levels`. NaN where not known."""


class Watch(NamedTuple):
    """All that is kept to find patterns; the first index is the view.

    `recent` is a ring of 2 wings + 1 bars, `turns` the newest pivots by kind (highs, lows), `pivots` lie sorted by
    price, `levels` are those of the newest bar; the rest is the state of indicators.
    """

    head: Records
    recent: Records
    turns: Records
    pivots: Records
    levels: Records
    atr: Floats
    rsi: Floats
    extremes: Floats
    trend: Floats
    volume: Floats


def open_watch(count: int, params: PatternParams) -> Watch:
    """Return the watch of `count` views that have seen nothing; ValueError for parameters out of bounds."""
    checked(params)
    head = records(count, HEAD)
    for name in ("atr", "z", "volume_mean", "volume_ratio", "tolerance"):
        head[name][:] = math.nan
    return Watch(
        head,
        _table(count, 2 * params.wings + 1, RECENT),
        _table(count, 2, TURN),
        _table(count, params.pivots_max, PIVOT),
        _table(count, params.pivots_max, LEVEL),
        np.zeros((count, ind.ATR_SIZE)),
        np.zeros((count, ind.RSI_SIZE)),
        np.zeros((count, ind.range_size(params.lookback))),
        np.zeros((count, trend_size(params.trend))),
        np.zeros((count, ind.sma_size(params.volume))),
    )


def _table(count: int, width: int, kind: np.dtype[np.void]) -> Records:
    return records(count * width, kind).reshape(count, width)


def room_of(params: PatternParams) -> int:
    """Return how many detections one bar may bring at most: all levels may turn at once."""
    return len(Pattern) + params.pivots_max


def levels_now(watch: Watch, view: int, params: PatternParams) -> list[Record]:
    """Return the levels of a view's newest bar that have touches enough, lowest first; rows of `LEVEL`."""
    levels = watch.levels[view][: watch.head[view].levels]
    return [level for level in levels if level.touches >= params.touches_min]


@compiled
def report(
    out: Records, found: int, pattern: int, bar: int, known_at: int, direction: int, price: float, size: float
) -> int:
    """Write a detection, with its size in price as yet; return how many there are now."""
    row = out[found]
    row.pattern, row.bar, row.known_at, row.direction = pattern, bar, known_at, direction
    row.first_bar = row.touches = 0
    row.price, row.size_atr = price, size
    row.first_price = row.rsi = row.first_rsi = row.confidence = 0.0
    return found + 1
