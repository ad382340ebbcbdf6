"""Averages of closes and what is built from them: SMA, EMA, MACD, and the return over n bars."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.indicators.state import NAN, State

SMA_HEAD: Final = 4


def sma_size(n: int) -> int:
    """Return the state floats of an SMA over n bars: full, slot, sum, next sum, ring of n values."""
    return SMA_HEAD + n


@inlined
def _moved(total: float, fresh: float, x: float, gone: float) -> tuple[float, float]:
    """Return both sums after one more value.

    The second starts from zero whenever the ring wraps and replaces the first at the next wrap: rounding never lives
    longer than 2n bars, and whole ticks stay exact.
    """
    return total + (x - gone), fresh + x


@compiled
def sma_update(state: State, at: int, x: float, n: int) -> float:
    """Simple moving average of the last n values; first value at the n-th bar. Source: TA-Lib SMA."""
    slot = int(state[at + 1])
    total, fresh = _moved(state[at + 2], state[at + 3], x, state[at + SMA_HEAD + slot])
    state[at + SMA_HEAD + slot] = x
    slot += 1
    if slot == n:
        state[at] = 1.0
        slot, total, fresh = 0, fresh, 0.0
    state[at + 1], state[at + 2], state[at + 3] = slot, total, fresh
    return float(total / n) if state[at] != 0.0 else NAN


@compiled
def sma_run(state: State, at: int, n: int, values: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Do `sma_update` for one value after the other; `out[i]` is the i-th's.

    Lap by lap of the ring, with the sums in registers and indices that the compiler can see are in range.
    """
    full, slot, total, fresh = state[at], int(state[at + 1]), state[at + 2], state[at + 3]
    done = 0
    while done < len(values):
        lap = min(n - slot, len(values) - done)
        place = at + SMA_HEAD + slot
        ring, new, averages = state[place : place + lap], values[done : done + lap], out[done : done + lap]
        for i in range(lap):
            x = float(new[i])
            total, fresh = _moved(total, fresh, x, ring[i])
            ring[i] = x
            averages[i] = total
        for i in range(lap):  # apart from the sums, which wait for each other, divisions go several at a time
            averages[i] = averages[i] / n if full != 0.0 else NAN
        done, slot = done + lap, slot + lap
        if slot == n:
            full, slot, total, fresh = 1.0, 0, fresh, 0.0
            averages[lap - 1] = total / n
    state[at], state[at + 1], state[at + 2], state[at + 3] = full, slot, total, fresh


EMA_SIZE: Final = 2  # count, value (the sum of the first n while warming up)


@compiled
def ema_update(state: State, at: int, x: float, n: int) -> float:
    """Exponential average, k = 2 / (n + 1), seeded with the mean of the first n values. Source: TA-Lib EMA."""
    count = state[at] + 1.0
    if count > n:
        state[at + 1] += (x - state[at + 1]) * (2.0 / (n + 1))
        return float(state[at + 1])
    state[at] = count
    state[at + 1] += x
    if count < n:
        return NAN
    state[at + 1] /= n
    return float(state[at + 1])


MACD_LINE, MACD_SIGNAL, MACD_HIST = 0, 1, 2
MACD_SIZE: Final = 7  # line, signal, histogram, count, fast average, slow average, signal average
_COUNT, _FAST, _SLOW, _SIGNAL = 3, 4, 5, 6


@compiled
def macd_update(state: State, at: int, x: float, fast: int, slow: int, signal: int) -> float:
    """MACD line = EMA(fast) - EMA(slow), signal = EMA(line), histogram = line - signal; returns the line.

    All three appear at bar slow + signal - 2. The fast average is seeded with the mean of the `fast` values that end
    with bar slow - 1, so it differs from EMA(fast) until that seed has decayed. Source: TA-Lib MACD.
    """
    count = int(state[at + _COUNT]) + 1
    state[at + _COUNT] = count
    if count <= slow:
        _seed_averages(state, at, x, fast, slow)
        if count < slow:
            return _write_macd(state, at, NAN, NAN)
    else:
        state[at + _FAST] += (x - state[at + _FAST]) * (2.0 / (fast + 1))
        state[at + _SLOW] += (x - state[at + _SLOW]) * (2.0 / (slow + 1))
    line = state[at + _FAST] - state[at + _SLOW]
    lines = count - slow + 1
    if lines > signal:
        state[at + _SIGNAL] += (line - state[at + _SIGNAL]) * (2.0 / (signal + 1))
        return _write_macd(state, at, line, state[at + _SIGNAL])
    state[at + _SIGNAL] += line
    if lines < signal:
        return _write_macd(state, at, NAN, NAN)
    state[at + _SIGNAL] /= signal
    return _write_macd(state, at, line, state[at + _SIGNAL])


@compiled
def _seed_averages(state: State, at: int, x: float, fast: int, slow: int) -> None:
    """Sum up to the slow period; the fast average takes the newest `fast` of these values only."""
    count = int(state[at + _COUNT])
    state[at + _SLOW] += x
    if count > slow - fast:
        state[at + _FAST] += x
    if count == slow:
        state[at + _FAST] /= fast
        state[at + _SLOW] /= slow


@compiled
def _write_macd(state: State, at: int, line: float, average: float) -> float:
    state[at + MACD_LINE] = line
    state[at + MACD_SIGNAL] = average
    state[at + MACD_HIST] = line - average
    return line


_RETURN_RING: Final = 2


def return_size(n: int) -> int:
    """Return the state floats of a return over n bars: full, slot, ring of n values."""
    return _RETURN_RING + n


@compiled
def return_update(state: State, at: int, x: float, n: int) -> float:
    """Simple return x / (x n bars ago) - 1; NaN where that was zero; first value at bar n."""
    slot = int(state[at + 1])
    before = state[at + _RETURN_RING + slot]
    known = state[at] != 0.0 and before != 0.0
    state[at + _RETURN_RING + slot] = x
    slot += 1
    if slot == n:
        state[at] = 1.0
        slot = 0
    state[at + 1] = slot
    return x / before - 1.0 if known else NAN
