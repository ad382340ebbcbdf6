"""Indicators as incremental state machines: one update per closed bar, the same code for a whole series and for live.

Every indicator keeps its state in a slice of a float64 array, `state[at : at + SIZE]`, zero at the start, and its
`*_update` takes the next bar and returns the value, NaN while it warms up. Batch is a loop over updates
(`market.features.run_series`), so live equals batch by construction; the golden tests hold both to TA-Lib.
"""

import math
from typing import Any, Final

from numpy.typing import NDArray

from market.compiled import compiled

State = NDArray[Any]
NAN: Final = math.nan


def sma_size(n: int) -> int:
    """Return the state floats of an SMA over n bars: bars seen (up to n), next slot, sum, ring of n values."""
    return 3 + n


@compiled
def sma_update(state: State, at: int, x: float, n: int) -> float:
    """Simple moving average of the last n values; first value at the n-th bar. Source: TA-Lib SMA.

    The sum is exact while values are whole ticks; other values drift by about 1e-16 of the sum per bar.
    """
    slot = int(state[at + 1])
    total = state[at + 2] + x - state[at + 3 + slot]
    state[at + 3 + slot] = x
    slot += 1
    state[at + 1] = slot if slot < n else 0
    state[at + 2] = total
    if state[at] < n:
        state[at] += 1
        if state[at] < n:
            return NAN
    return float(total / n)


EMA_SIZE: Final = 2  # count, value (the sum of the first n while warming up)


@compiled
def ema_update(state: State, at: int, x: float, n: int) -> float:
    """Exponential average, k = 2 / (n + 1), seeded with the mean of the first n values. Source: TA-Lib EMA."""
    count = int(state[at]) + 1
    state[at] = count
    if count < n:
        state[at + 1] += x
        return NAN
    if count == n:
        state[at + 1] = (state[at + 1] + x) / n
    else:
        state[at + 1] += (x - state[at + 1]) * (2.0 / (n + 1))
    return float(state[at + 1])
