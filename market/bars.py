"""Bars from quotes: closed by the clock, known at their close, absent where nothing was quoted."""

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled

Int64 = NDArray[np.int64]


@compiled
def count_bars(time_ns: Int64, bar_ns: int) -> int:
    """Return how many bars of a length hold at least one of the stamps (sorted)."""
    count = 0
    for i in range(len(time_ns)):
        if i == 0 or time_ns[i] // bar_ns != time_ns[i - 1] // bar_ns:
            count += 1
    return count


@compiled
def fill_bars(time_ns: Int64, price: Int64, bar_ns: int, out: Int64) -> None:
    """Write (close time, open, high, low, close) of every bar to the rows of `out`, shape (bars, 5).

    A bar [open, close) is known at its close, the next multiple of `bar_ns`; a stamp on that border opens the next bar.
    """
    row = -1
    for i in range(len(time_ns)):
        close_ns = (time_ns[i] // bar_ns + 1) * bar_ns
        if row < 0 or out[row, 0] != close_ns:
            row += 1
            out[row, 0], out[row, 1], out[row, 2], out[row, 3] = close_ns, price[i], price[i], price[i]
        out[row, 2] = max(out[row, 2], price[i])
        out[row, 3] = min(out[row, 3], price[i])
        out[row, 4] = price[i]


def bars_of_quotes(time_ns: Int64, price: Int64, bar_ns: int) -> Int64:
    """Return bars of one side of sorted quotes, shape (bars, 5): close time, open, high, low, close in ticks."""
    out = np.zeros((count_bars(time_ns, bar_ns), 5), np.int64)
    fill_bars(time_ns, price, bar_ns, out)
    return out
