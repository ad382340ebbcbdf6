"""Averages of closes and what is built from them: SMA, EMA, MACD, and the return over n bars."""

from typing import Final

from market.compiled import compiled
from market.indicators.state import NAN, State

SMA_HEAD: Final = 4


def sma_size(n: int) -> int:
    """Return the state floats of an SMA over n bars: full, slot, sum, next sum, ring of n values."""
    return SMA_HEAD + n


@compiled
def sma_update(state: State, at: int, x: float, n: int) -> float:
    """Simple moving average of the last n values; first value at the n-th bar. Source: TA-Lib SMA.

    A second sum starts from zero whenever the ring wraps and replaces the first at the next wrap: rounding never lives
    longer than 2n bars, and whole ticks stay exact.
    """
    slot = int(state[at + 1])
    total = state[at + 2] + x - state[at + SMA_HEAD + slot]
    fresh = state[at + 3] + x
    state[at + SMA_HEAD + slot] = x
    slot += 1
    if slot == n:
        state[at] = 1.0
        slot, total, fresh = 0, fresh, 0.0
    state[at + 1] = slot
    state[at + 2] = total
    state[at + 3] = fresh
    return float(total / n) if state[at] != 0.0 else NAN


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
