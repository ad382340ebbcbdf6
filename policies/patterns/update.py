"""One closed bar after the other: the same update live and over a whole series.

The order within a bar keeps it out of its own measure: breakouts and turned levels are judged by ranges, lines, levels
and the ATR of the bar BEFORE; only then the bar moves them. A pivot is known `wings` bars after it, and so is what it
makes.

Bars follow each other as they close, whatever time lies between them; they are counted from the view's first. A bar
that cannot be is refused and changes nothing: a price that is not finite, a high below the low or an end outside of
them, a negative or infinite volume. A volume that is NaN or 0 is none.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market import indicators as ind
from market.compiled import compiled, folded
from market.indicators.oscillators import range_update
from market.quality import DataQualityError
from market.records import Record, Records, joined, records, unwritten
from policies.patterns.confidence import pattern_confidence
from policies.patterns.confirmed import confirm
from policies.patterns.immediate import breakouts, shapes, turned_levels
from policies.patterns.kinds import DETECTION, PatternParams
from policies.patterns.levels import at_level
from policies.patterns.watch import Watch, open_watch, room_of
from policies.regime import trend_update

Floats = NDArray[np.float64]
REFUSED: Final = -1
"""What an update returns for a bar that cannot be."""
_GAIN, _LOSS = 2, 3
"""Where the state of an RSI has its averages."""


@compiled
def update_patterns(
    watch: Watch, view: int, params: PatternParams,
    open_: float, high: float, low: float, close: float, volume: float, out: Records,
) -> int:  # fmt: skip
    """Take one closed bar; write what is known at its close to `out`, at least `room_of` rows; return how many.

    REFUSED for a bar that cannot be. Rows of `out` are of type `DETECTION`.
    """
    if not (low <= open_ <= high and low <= close <= high and math.isfinite(high - low)):
        return REFUSED
    if volume < 0.0 or volume == math.inf:
        return REFUSED
    atr = watch.head[view].atr
    found = shapes(watch, view, open_, high, low, close, out)
    found = breakouts(watch, view, params, close, out, found)
    found = turned_levels(watch, view, params, close, out, found)
    _move(watch, view, params, open_, high, low, close, volume)
    found = confirm(watch, view, params, close, params.buffer_atr * atr, out, found)
    _count(watch.head[view], 2 * params.wings + 1)
    if found > 0:
        _claim(watch, view, params, atr, out, found)
    return found


@folded
def _move(
    watch: Watch, view: int, params: PatternParams,
    open_: float, high: float, low: float, close: float, volume: float,
) -> None:  # fmt: skip
    """Let the bar move indicators, rings and the measure of levels."""
    head = watch.head[view]
    head.atr = ind.atr_update(watch.atr[view], 0, high, low, close, params.atr)
    head.tolerance = params.tolerance_atr * head.atr
    head.z = trend_update(watch.trend[view], close, params.trend)
    head.ranged = 1 if range_update(watch.extremes[view], 0, high, low, params.lookback) else 0
    head.open, head.close = open_, close
    traded = volume if volume > 0.0 else 0.0
    head.volume_ratio = traded / head.volume_mean if head.volume_mean > 0.0 else math.nan
    head.volume_mean = ind.sma_update(watch.volume[view], 0, traded, params.volume)
    rsi = ind.rsi_update(watch.rsi[view], 0, close, params.rsi)
    if watch.rsi[view, _GAIN] + watch.rsi[view, _LOSS] <= 0.0:  # nothing moved: that is no weakness
        rsi = math.nan
    bar = watch.recent[view, head.slot]
    bar.high, bar.low, bar.rsi = high, low, rsi


@folded
def _count(head: Record, ring: int) -> None:
    head.bars += 1
    head.slot = head.slot + 1 if head.slot + 1 < ring else 0


@folded
def _claim(watch: Watch, view: int, params: PatternParams, atr: float, out: Records, found: int) -> None:
    """Give the detections of a bar their size in ATRs and their confidence."""
    head = watch.head[view]
    for k in range(found):
        row = out[k]
        row.size_atr = row.size_atr / atr if atr > 0.0 else math.nan
        near = row.touches > 0
        if not near:
            near = at_level(watch.levels[view], head.levels, row.price, head.tolerance, params.touches_min)
        row.confidence = pattern_confidence(
            row.size_atr, 1.0 if near else 0.0, head.z, row.direction, head.volume_ratio
        )


class Series(NamedTuple):
    """Columns of closed bars of one feed, of equal length; a volume of NaN or 0 is none."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@compiled
def run_patterns(
    watch: Watch, view: int, params: PatternParams, series: Series, begin: int, out: Records, room: int
) -> tuple[int, int]:
    """Take bars from `begin` on until the next could overfill `out`; return (bar that it came to, detections).

    (bar, REFUSED) where that bar cannot be.
    """
    found = 0
    for i in range(begin, len(series.close)):
        if found + room > len(out):
            return i, found
        more = update_patterns(
            watch, view, params, series.open[i], series.high[i], series.low[i], series.close[i], series.volume[i],
            out[found:],
        )  # fmt: skip
        if more == REFUSED:
            return i, REFUSED
        found += more
    return len(series.close), found


def find_patterns(series: Series, params: PatternParams) -> tuple[Records, Watch]:
    """Return every detection over a whole series in the order in which they are known, and the watch after it.

    DataQualityError names the first bar that cannot be; ValueError parameters out of bounds or unequal columns.
    """
    columns = Series(*(np.ascontiguousarray(column, np.float64) for column in series))
    if len({column.shape for column in columns}) != 1 or columns.close.ndim != 1:
        raise ValueError(f"columns must be one-dimensional and of one length; they are {[c.shape for c in columns]}")
    watch, room = open_watch(1, params), room_of(params)
    parts, bar = [], 0
    while bar < len(columns.close):
        out = unwritten(CHUNK + room, DETECTION)
        bar, found = run_patterns(watch, 0, params, columns, bar, out, room)
        if found == REFUSED:
            raise DataQualityError(f"bar {bar}: {_words(columns, bar)}; no such bar can be")
        parts.append(out[:found])
    return (joined(parts, DETECTION) if parts else records(0, DETECTION)), watch


CHUNK: Final = 8_192


def _words(series: Series, bar: int) -> str:
    return ", ".join(f"{name} {column[bar]}" for name, column in series._asdict().items())
