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
    high: Floats, low: Floats, close: Floats, volume: Floats, oldest: int, value_area: float, out: Floats
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
    for i in range(bars):
        at = oldest + i if oldest + i < bars else oldest + i - bars
        b = bin_of(min(max((high[at] + low[at] + close[at]) / 3.0, bottom), top), bottom, top, bins)
        out[BINS + b] += volume[at]
        total += volume[at]
    if total > 0.0:
        _value_area(out, bins, value_area, total)
    else:
        out[POC] = out[VAL] = out[VAH] = out[FRACTION] = NAN


@compiled
def edge_of(b: int, bottom: float, top: float, bins: int) -> float:
    """Return the lower edge of a bin, the top for the one after the last."""
    return top if b == bins else bottom + b * ((top - bottom) / bins)


@compiled
def bin_of(price: float, bottom: float, top: float, bins: int) -> int:
    """Return the bin whose edges hold a price within the range: by division, then put right by the edges themselves."""
    if top <= bottom:
        return 0
    b = min(int((price - bottom) / (top - bottom) * bins), bins - 1)
    if price < edge_of(b, bottom, top, bins):
        return b - 1
    if b < bins - 1 and price >= edge_of(b + 1, bottom, top, bins):
        return b + 1
    return b


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
    out[POC] = bottom + (best + 0.5) * ((top - bottom) / bins)
    out[VAL], out[VAH] = edge_of(first, bottom, top, bins), edge_of(last + 1, bottom, top, bins)
    out[FRACTION] = held / total


PROFILE_POC, PROFILE_VAL, PROFILE_VAH = 2 + POC, 2 + VAL, 2 + VAH
_FULL, _SLOT, _PROFILE = 0, 1, 2


def profile_size(n: int, bins: int) -> int:
    """Return the state floats of a rolling profile: full, slot, the profile, rings of the columns of n bars."""
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
    lows, closes, volumes = highs + n, highs + 2 * n, highs + 3 * n
    state[highs + slot], state[lows + slot] = high, low
    state[closes + slot], state[volumes + slot] = close, volume
    slot += 1
    if slot == n:
        slot, state[at + _FULL] = 0, 1.0
    state[at + _SLOT] = slot
    if state[at + _FULL] == 0.0:
        state[at + PROFILE_POC] = state[at + PROFILE_VAL] = state[at + PROFILE_VAH] = NAN
        return NAN
    fill_profile(
        state[highs:lows], state[lows:closes], state[closes:volumes], state[volumes : volumes + n], slot, VALUE_AREA,
        state[at + _PROFILE : highs],
    )  # fmt: skip
    return float(state[at + PROFILE_POC])
