"""Continuity: is a row fit to be believed? Crossed, zero, not finite, out of range, repeated or out of order."""

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.tape import Flaw, Tape


@compiled
def row_flaws(
    open_: int, high: int, low: int, close: int, ask_open: int, ask_high: int, ask_low: int, ask_close: int
) -> int:
    """Return the `Flaw` bits of one row's prices; a quote has its price in all four places of each side."""
    flaws = 0
    if low <= 0 or ask_low <= 0 or open_ <= 0 or close <= 0:
        flaws |= Flaw.ZERO.value
    if close > ask_close or open_ > ask_open:
        flaws |= Flaw.CROSSED.value
    if high < low or not low <= open_ <= high or not low <= close <= high:
        flaws |= Flaw.RANGE.value
    if ask_high < ask_low or not ask_low <= ask_open <= ask_high or not ask_low <= ask_close <= ask_high:
        flaws |= Flaw.RANGE.value
    return flaws


@compiled
def flag_rows(tape: Tape, is_bar: NDArray[np.bool_], last_ns: NDArray[np.int64], out: NDArray[np.uint8]) -> int:
    """Write the flaws of every row to `out` (added to what is there); return how many rows have one.

    `is_bar[feed]` tells bars from quotes; `last_ns[feed]` holds the newest stamp seen per feed and is carried on, so
    that a tape may be flagged in pieces.
    """
    flawed = 0
    for i in range(len(tape.time_ns)):
        flaws = row_flaws(
            tape.open[i], tape.high[i], tape.low[i], tape.close[i],
            tape.ask_open[i], tape.ask_high[i], tape.ask_low[i], tape.ask_close[i],
        )  # fmt: skip
        feed = tape.feed[i]
        if tape.time_ns[i] < last_ns[feed]:
            flaws |= Flaw.DISORDER.value
        elif is_bar[feed] and tape.time_ns[i] == last_ns[feed]:
            flaws |= Flaw.DUPLICATE.value
        else:
            last_ns[feed] = tape.time_ns[i]
        out[i] |= flaws
        flawed += out[i] != 0
    return flawed
