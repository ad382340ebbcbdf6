"""Pivots: highs and lows that stand out from the bars around them, known when the bars after them have closed."""

from typing import Final

from market.compiled import compiled
from market.records import Records, record_type

RECENT: Final = record_type("", floats="high low rsi")
"""One bar of the ring that pivots are looked for in, 2 wings + 1 long; `rsi` NaN where there is none."""
TURN: Final = record_type("count bar first_bar armed", floats="price first_price rsi first_rsi")
"""The newest two pivots of one kind, and whether the trend line through them is still to be broken."""
HIGHS, LOWS = 0, 1


@compiled
def pivot_high(recent: Records, newest: int, wings: int) -> bool:
    """Tell whether the bar `wings` before the newest is a pivot high.

    Higher than each of the `wings` bars before it and no lower than each of those after it: of equal highs the first.
    The ring must be full.
    """
    mid = _before(newest, wings, len(recent))
    high = recent[mid].high
    left, right = mid, mid
    for _ in range(wings):
        left, right = _before(left, 1, len(recent)), _after(right, len(recent))
        if recent[left].high >= high or recent[right].high > high:
            return False
    return True


@compiled
def pivot_low(recent: Records, newest: int, wings: int) -> bool:
    """Tell whether the bar `wings` before the newest is a pivot low: the mirror image of a pivot high."""
    mid = _before(newest, wings, len(recent))
    low = recent[mid].low
    left, right = mid, mid
    for _ in range(wings):
        left, right = _before(left, 1, len(recent)), _after(right, len(recent))
        if recent[left].low <= low or recent[right].low < low:
            return False
    return True


@compiled
def _before(slot: int, bars: int, size: int) -> int:
    return slot - bars if slot >= bars else slot - bars + size


@compiled
def _after(slot: int, size: int) -> int:
    return slot + 1 if slot + 1 < size else 0
