"""How far prices spread: true range, its Wilder average, and the standard deviation with its Bollinger bands."""

import math
from typing import Final

from market.compiled import compiled
from market.indicators.state import NAN, State


@compiled
def true_range(high: float, low: float, close_before: float) -> float:
    """Return max(high, close before) - min(low, close before). Source: Wilder 1978."""
    return max(high, close_before) - min(low, close_before)


TRANGE_SIZE: Final = 2  # seen, close before


@compiled
def trange_update(state: State, at: int, high: float, low: float, close: float) -> float:
    """True range of a bar against the close before it; first value at bar 1. Source: TA-Lib TRANGE."""
    value = true_range(high, low, state[at + 1]) if state[at] != 0.0 else NAN
    state[at] = 1.0
    state[at + 1] = close
    return value


ATR_SIZE: Final = 3  # bars seen (up to n + 1), close before, average (the sum while warming up)


@compiled
def atr_update(state: State, at: int, high: float, low: float, close: float, n: int) -> float:
    """Average true range: mean of the n true ranges from bar 1 on, then Wilder's (a (n - 1) + x) / n; first at bar n.

    Source: TA-Lib ATR.
    """
    seen = state[at]
    before = state[at + 1]
    state[at + 1] = close
    if seen > n:
        state[at + 2] += (true_range(high, low, before) - state[at + 2]) * (1.0 / n)
        return float(state[at + 2])
    state[at] = seen + 1.0
    if seen > 0.0:
        state[at + 2] += true_range(high, low, before)
    if seen < n:
        return NAN
    state[at + 2] /= n
    return float(state[at + 2])


@compiled
def natr_update(state: State, at: int, high: float, low: float, close: float, n: int) -> float:
    """Average true range in percent of the close; 0 at a close of zero. Source: TA-Lib NATR. State: that of ATR."""
    average = atr_update(state, at, high, low, close, n)
    return 100.0 * average / close if close != 0.0 else 0.0 * average


MOMENTS_MEAN, MOMENTS_STDDEV = 0, 1
_FULL, _SLOT, _ANCHOR, _SUM, _SQUARES, _LAST, _RUN, _RING = 2, 3, 4, 5, 6, 7, 8, 9


def moments_size(n: int) -> int:
    """Return the state floats of mean and deviation over n bars: both, seven of bookkeeping, ring of n values."""
    return _RING + n


@compiled
def moments_update(state: State, at: int, x: float, n: int) -> float:
    """Mean and population standard deviation (divisor n) of the last n values; returns the latter; first at bar n - 1.

    The sums are of distances from an anchor near the values, not of the values, and start anew whenever the ring
    wraps: sum(d^2) - sum(d)^2 / n loses no digits to the price level, and whole ticks stay exact. n equal values have
    a deviation of exactly 0. Source: TA-Lib STDDEV, BBANDS.
    """
    slot = int(state[at + _SLOT])
    gone = state[at + _RING + slot]
    state[at + _RING + slot] = x
    state[at + _RUN] = state[at + _RUN] + 1.0 if x == state[at + _LAST] else 1.0
    state[at + _LAST] = x
    slot += 1
    wraps = slot == n
    state[at + _SLOT] = 0 if wraps else slot
    if wraps:
        state[at + _FULL] = 1.0
    elif state[at + _FULL] == 0.0:
        state[at + MOMENTS_MEAN] = state[at + MOMENTS_STDDEV] = NAN
        return NAN
    if wraps or state[at + _RUN] >= n:
        _anchor_again(state, at, x, n)
    else:
        new, old = x - state[at + _ANCHOR], gone - state[at + _ANCHOR]
        state[at + _SUM] += new - old
        state[at + _SQUARES] += (new - old) * (new + old)
    total = state[at + _SUM]
    state[at + MOMENTS_MEAN] = state[at + _ANCHOR] + total / n
    state[at + MOMENTS_STDDEV] = math.sqrt(max(state[at + _SQUARES] * n - total * total, 0.0)) / n
    return float(state[at + MOMENTS_STDDEV])


@compiled
def _anchor_again(state: State, at: int, anchor: float, n: int) -> None:
    """Measure all n values from a new anchor."""
    total = squares = 0.0
    for k in range(at + _RING, at + _RING + n):
        distance = state[k] - anchor
        total += distance
        squares += distance * distance
    state[at + _ANCHOR] = anchor
    state[at + _SUM] = total
    state[at + _SQUARES] = squares
