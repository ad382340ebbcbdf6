"""The textbook policy: long while the fast average is above the slow one, else flat.

It exists to be compared with other engines trade by trade: a market order on the bar on which the averages cross,
filled at the next bar's open; a fixed number of lots; no stop.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import inlined

FAST, SLOW = 0, 1
FEATURES: Final = ("sma:{fast}", "sma:{slow}")


@inlined
def crossing(before: NDArray[np.float64], now: NDArray[np.float64]) -> int:
    """Return 1 where the fast average crosses above the slow one, -1 where it crosses below, else 0.

    The rule of the package `backtesting` (lib.crossover): at or on the other side on the bar before, strictly beyond
    on this one. NaN (warming up) compares false, so the first value of the slow average cannot cross.
    """
    if before[FAST] < before[SLOW] and now[FAST] > now[SLOW]:
        return 1
    if before[FAST] > before[SLOW] and now[FAST] < now[SLOW]:
        return -1
    return 0
