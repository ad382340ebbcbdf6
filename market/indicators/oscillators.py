"""Where the close stands within what it did lately: RSI, stochastics, Williams %R, CCI."""

import math
from typing import Final

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.indicators.trend import SMA_HEAD, sma_size, sma_update

RSI_SIZE: Final = 4  # bars seen (up to n + 1), close before, average gain, average loss (sums while warming up)


@compiled
def rsi_update(state: State, at: int, x: float, n: int) -> float:
    """Relative strength 100 g / (g + l): means of the first n gains and losses, then Wilder's; first at bar n.

    0 where nothing moved at all (g + l = 0): a flat market is no oversold one, the reader has to tell. Source: TA-Lib
    RSI.
    """
    seen = state[at]
    change = x - state[at + 1]
    state[at + 1] = x
    gain, loss = max(change, 0.0), max(-change, 0.0)
    if seen > n:
        gain = state[at + 2] + (gain - state[at + 2]) * (1.0 / n)
        loss = state[at + 3] + (loss - state[at + 3]) * (1.0 / n)
    else:
        state[at] = seen + 1.0
        if seen > 0.0:
            gain += state[at + 2]
            loss += state[at + 3]
        else:
            gain = loss = 0.0
        if seen == n:
            gain /= n
            loss /= n
    state[at + 2], state[at + 3] = gain, loss
    if seen < n:
        return NAN
    return 100.0 * (gain / (gain + loss)) if gain + loss > 0.0 else 0.0


RANGE_HIGH, RANGE_LOW = 0, 1
_FULL, _SLOT, _SEEN, _RING = 2, 3, 4, 5


def range_size(n: int) -> int:
    """Return the state floats of a range over n bars: highest, lowest, full, slot, seen, rings of n highs and lows."""
    return _RING + 2 * n


@compiled
def range_update(state: State, at: int, high: float, low: float, n: int) -> bool:
    """Move the highest high and the lowest low of the last n bars; True from the n-th bar on.

    The ring is searched only when the extreme itself leaves it.
    """
    slot = int(state[at + _SLOT])
    highs = at + _RING
    lows = highs + n
    high_gone, low_gone = state[highs + slot], state[lows + slot]
    state[highs + slot], state[lows + slot] = high, low
    full = state[at + _FULL] != 0.0
    if state[at + _SEEN] == 0.0 or high >= state[at + RANGE_HIGH]:
        state[at + RANGE_HIGH] = high
    elif full and high_gone == state[at + RANGE_HIGH]:
        highest = high
        for k in range(highs, highs + n):
            highest = max(highest, state[k])
        state[at + RANGE_HIGH] = highest
    if state[at + _SEEN] == 0.0 or low <= state[at + RANGE_LOW]:
        state[at + RANGE_LOW] = low
    elif full and low_gone == state[at + RANGE_LOW]:
        lowest = low
        for k in range(lows, lows + n):
            lowest = min(lowest, state[k])
        state[at + RANGE_LOW] = lowest
    state[at + _SEEN] = 1.0
    slot += 1
    if slot == n:
        state[at + _FULL] = 1.0
        slot = 0
    state[at + _SLOT] = slot
    return bool(state[at + _FULL] != 0.0)


@compiled
def _place_in_range(state: State, at: int, close: float) -> float:
    """Return 100 (close - lowest) / (highest - lowest), 0 without a range."""
    height = state[at + RANGE_HIGH] - state[at + RANGE_LOW]
    return float(100.0 * ((close - state[at + RANGE_LOW]) / height)) if height > 0.0 else 0.0


STOCH_K, STOCH_D = 0, 1
_STOCH_RANGE: Final = 2


def stochf_size(n: int, d: int) -> int:
    """Return the state floats of the fast stochastic: %K, %D, a range over n bars, an SMA over d."""
    return _STOCH_RANGE + range_size(n) + sma_size(d)


@compiled
def stochf_update(state: State, at: int, high: float, low: float, close: float, n: int, d: int) -> float:
    """Fast stochastic: %K = 100 (close - lowest) / (highest - lowest) of n bars, 0 without a range; %D = SMA(%K, d).

    Both appear at bar n + d - 2; returns %K. Source: TA-Lib STOCHF.
    """
    state[at + STOCH_K] = state[at + STOCH_D] = NAN
    if range_update(state, at + _STOCH_RANGE, high, low, n):
        place = _place_in_range(state, at + _STOCH_RANGE, close)
        average = sma_update(state, at + _STOCH_RANGE + _RING + 2 * n, place, d)
        if not math.isnan(average):
            state[at + STOCH_K], state[at + STOCH_D] = place, average
    return float(state[at + STOCH_K])


def stoch_size(n: int, k: int, d: int) -> int:
    """Return the state floats of the slow stochastic: %K, %D, a range over n bars, SMAs over k and d."""
    return stochf_size(n, k) + sma_size(d)


@compiled
def stoch_update(state: State, at: int, high: float, low: float, close: float, n: int, k: int, d: int) -> float:
    """Slow stochastic: %K = SMA(fast %K of n bars, k), %D = SMA(%K, d).

    Both appear at bar n + k + d - 3; returns %K. Source: TA-Lib STOCH.
    """
    state[at + STOCH_K] = state[at + STOCH_D] = NAN
    if range_update(state, at + _STOCH_RANGE, high, low, n):
        averages = at + _STOCH_RANGE + _RING + 2 * n
        slow = sma_update(state, averages, _place_in_range(state, at + _STOCH_RANGE, close), k)
        if not math.isnan(slow):
            average = sma_update(state, averages + SMA_HEAD + k, slow, d)
            if not math.isnan(average):
                state[at + STOCH_K], state[at + STOCH_D] = slow, average
    return float(state[at + STOCH_K])


@compiled
def willr_update(state: State, at: int, high: float, low: float, close: float, n: int) -> float:
    """Williams %R = -100 (highest - close) / (highest - lowest) of n bars, 0 without a range; first at bar n - 1.

    Source: TA-Lib WILLR. State: that of a range.
    """
    if not range_update(state, at, high, low, n):
        return NAN
    height = state[at + RANGE_HIGH] - state[at + RANGE_LOW]
    return float(-100.0 * ((state[at + RANGE_HIGH] - close) / height)) if height > 0.0 else 0.0


_CCI_RING: Final = 2


def cci_size(n: int) -> int:
    """Return the state floats of a CCI over n bars: full, slot, ring of n values."""
    return _CCI_RING + n


@compiled
def cci_update(state: State, at: int, high: float, low: float, close: float, n: int) -> float:
    """Commodity channel index (t - mean t) / (0.015 mean |t - mean t|) of n bars, t = typical price; first at n - 1.

    0 where nothing moved. It is the same for t and for 3t = high + low + close, and for distances from the newest t:
    both keep whole ticks exact. Source: TA-Lib CCI.
    """
    slot = int(state[at + 1])
    newest = high + low + close
    ring = at + _CCI_RING
    state[ring + slot] = newest
    slot += 1
    if slot == n:
        state[at] = 1.0
        slot = 0
    state[at + 1] = slot
    if state[at] == 0.0:
        return NAN
    total = 0.0
    for k in range(ring, ring + n):
        total += state[k] - newest
    mean = total / n
    spread = 0.0
    for k in range(ring, ring + n):
        spread += abs(state[k] - newest - mean)
    return float(-mean * n / (0.015 * spread)) if spread > 0.0 else 0.0
