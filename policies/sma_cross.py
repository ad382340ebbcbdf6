"""The textbook policy: long while the fast average is above the slow one, else flat.

It exists to be compared with other engines trade by trade: a market order on the bar on which the averages cross,
filled at the next bar's open; a fixed number of lots; no stop. It starts flat, and waits for the first cross.
"""

from typing import Final

from market.compiled import inlined

FAST, SLOW = 0, 1
P_FAST, P_SLOW, P_LOTS = range(3)
FEATURES: Final = ("sma:{fast}", "sma:{slow}")


@inlined
def side_of(before: int, fast: float, slow: float) -> int:
    """Return 1 while the fast average is above the slow one, -1 while below; on a tie, or warming up, as before.

    A change from one side to the other is a cross. A tie is none: without a memory, a pair that passes through one
    would cross unnoticed and be bought twice. Elsewhere this is the rule of the package `backtesting` (lib.crossover).
    """
    if fast > slow:
        return 1
    return -1 if fast < slow else before
