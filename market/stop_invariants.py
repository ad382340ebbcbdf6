"""What must be true of a protective stop whenever it is placed or changed; a violation refuses the change.

Prices are integers of one step (ticks, or a finer unit of the caller), 0 is no price, and quantities are lots.
"""

from enum import IntFlag
from typing import NamedTuple

from market.compiled import compiled

LIQUIDATION_BUFFER_PERCENT = 20
"""A stop keeps this share of the way from liquidation to entry."""
DISTANCE_TICKS, DISTANCE_SPREADS = 2, 2
"""A stop stands at least so far from the mark; a venue's own least distance is not known here."""


class StopFlaw(IntFlag):
    """What is wrong with a stop; one bit each."""

    MISSING_STOP = 1
    STOP_QTY_MISMATCH = 2
    STOP_NOT_REDUCE_ONLY = 4
    STOP_WIDENED = 8
    STOP_THROUGH_MARKET = 16
    STOP_TOO_TIGHT = 32
    STOP_OFF_TICK = 64
    STOP_TOO_CLOSE_TO_LIQUIDATION = 128


class StopChange(NamedTuple):
    """A stop to be placed (`old` 0) or moved, for a position of `lots` (signed) that was entered at `entry`."""

    lots: int
    entry: int
    mark: int
    old: int
    new: int
    liquidation: int
    distance_min: int
    tick: int
    stop_lots: int
    reduce_only: bool


@compiled
def distance_min(spread: int) -> int:
    """Return how near to the mark a stop may stand, in ticks: two ticks or two spreads, whichever is more."""
    return max(DISTANCE_TICKS, DISTANCE_SPREADS * spread)


@compiled
def stop_flaws(change: StopChange) -> int:
    """Return the `StopFlaw` bits of a change; none set: it may be made."""
    if change.new <= 0:
        return StopFlaw.MISSING_STOP.value
    side = 1 if change.lots > 0 else -1
    flaws = 0
    if change.stop_lots != abs(change.lots):
        flaws |= StopFlaw.STOP_QTY_MISMATCH.value
    if not change.reduce_only:
        flaws |= StopFlaw.STOP_NOT_REDUCE_ONLY.value
    if change.old > 0 and side * (change.new - change.old) < 0:
        flaws |= StopFlaw.STOP_WIDENED.value
    room = side * (change.mark - change.new)
    if room <= 0:
        flaws |= StopFlaw.STOP_THROUGH_MARKET.value
    if room < change.distance_min:
        flaws |= StopFlaw.STOP_TOO_TIGHT.value
    if change.new % change.tick != 0:
        flaws |= StopFlaw.STOP_OFF_TICK.value
    if change.liquidation > 0:
        way = abs(change.entry - change.liquidation)
        if 100 * side * (change.new - change.liquidation) < LIQUIDATION_BUFFER_PERCENT * way:
            flaws |= StopFlaw.STOP_TOO_CLOSE_TO_LIQUIDATION.value
    return flaws
