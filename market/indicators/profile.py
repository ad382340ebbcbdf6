"""The volume profile: how much was traded at which price, and where most of it was: point of control and value area.

One kernel serves the profile of a stretch of bars (`market.volume_profile`) and the rolling one of the newest n bars.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State

Floats = NDArray[np.float64]

VALUE_AREA: Final = 0.7
"""Share of the volume that a rolling profile's value area holds."""

LOW, HIGH, POC, VAL, VAH, FRACTION, BINS = range(7)
"""Slots of a profile: the range, the middle of the fullest bin, the value area's edges and its share of the volume (the
last four NaN where nothing was traded), then the volume of every bin."""


@compiled
def fill_profile(
    high: Floats, low: Floats, typical: Floats, volume: Floats, oldest: int, value_area: float, out: Floats
) -> None:
    """Write the profile of bars to `out`, BINS + bins slots; the bars are a ring that begins at `oldest`.

    The typical price (H + L + C) / 3 of a bar decides its bin, of equal width over [lowest low, highest high], the
    last one with its upper edge. Bars without any range fill the first bin. The fullest bin is the lowest of equals.
    """
    bars, bins = len(high), len(out) - BINS
    bottom, top = low[0], high[0]
    for i in range(bars):
        bottom, top = min(bottom, low[i]), max(top, high[i])
    out[LOW], out[HIGH] = bottom, top
    for b in range(bins):
        out[BINS + b] = 0.0
    total = 0.0
    width = (top - bottom) / bins
    scale = 1.0 / width if width > 0.0 else 0.0
    for i in range(bars):
        at = oldest + i if oldest + i < bars else oldest + i - bars
        out[BINS + bin_of(min(max(typical[at], bottom), top), bottom, width, scale, bins)] += volume[at]
        total += volume[at]
    if total > 0.0:
        _value_area(out, bins, value_area, total)
    else:
        out[POC] = out[VAL] = out[VAH] = out[FRACTION] = NAN


@compiled
def bin_of(price: float, bottom: float, width: float, scale: float, bins: int) -> int:
    """Return the bin k with bottom + k width <= price, below the next edge or in the last one; `scale` is 1 / width.

    The product finds it but for the rounding, the edges put it right. 0 where there is no width.
    """
    if not 0.0 < scale < np.inf:
        return 0
    b = min(int((price - bottom) * scale), bins - 1)
    if price < bottom + b * width:
        return b - 1
    return b + 1 if b < bins - 1 and price >= bottom + (b + 1) * width else b


@compiled
def _value_area(out: Floats, bins: int, value_area: float, total: float) -> None:
    """Grow from the fullest bin to the neighbour with more volume (a tie goes up), until the share is held."""
    best = 0
    for b in range(bins):
        if out[BINS + b] > out[BINS + best]:
            best = b
    first = last = best
    held = out[BINS + best]
    while held < value_area * total and (first > 0 or last < bins - 1):
        above = out[BINS + last + 1] if last < bins - 1 else -1.0
        below = out[BINS + first - 1] if first > 0 else -1.0
        if above >= below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    bottom, top = out[LOW], out[HIGH]
    width = (top - bottom) / bins
    out[POC] = bottom + (best + 0.5) * width
    out[VAL], out[VAH] = bottom + first * width, top if last == bins - 1 else bottom + (last + 1) * width
    out[FRACTION] = held / total


PROFILE_POC, PROFILE_VAL, PROFILE_VAH = 2 + POC, 2 + VAL, 2 + VAH
_FULL, _SLOT, _PROFILE = 0, 1, 2


def profile_size(n: int, bins: int) -> int:
    """Return the state floats of a rolling profile: full, slot, the profile, four rings of n values."""
    return _PROFILE + BINS + bins + 4 * n


@compiled
def profile_update(
    state: State, at: int, high: float, low: float, close: float, volume: float, n: int, bins: int
) -> float:
    """Volume profile of the newest n bars; returns the point of control; first at bar n - 1, NaN without volume.

    It is filled anew at every bar, n + bins steps: its range moves with the window.
    """
    slot = int(state[at + _SLOT])
    highs = at + _PROFILE + BINS + bins
    lows, typicals, volumes = highs + n, highs + 2 * n, highs + 3 * n
    state[highs + slot], state[lows + slot] = high, low
    state[typicals + slot], state[volumes + slot] = (high + low + close) / 3.0, volume
    slot += 1
    if slot == n:
        slot, state[at + _FULL] = 0, 1.0
    state[at + _SLOT] = slot
    if state[at + _FULL] == 0.0:
        state[at + PROFILE_POC] = state[at + PROFILE_VAL] = state[at + PROFILE_VAH] = NAN
        return NAN
    fill_profile(
        state[highs:lows], state[lows:typicals], state[typicals:volumes], state[volumes : volumes + n], slot,
        VALUE_AREA, state[at + _PROFILE : highs],
    )  # fmt: skip
    return float(state[at + PROFILE_POC])
