"""Where a protective stop belongs: at its distance first, at break-even once earned, then behind the best price.

Prices are ticks, `sign` is 1 for a long position and -1 for a short one, `cost` is ticks x lots, signed as the lots. A
stop only ever goes toward the market, stands on a tick, and at least one tick on the loss side of the mark.

Distances come with the order, in ticks, fixed when it was decided (the ATR of that bar): so a stop follows from the
order and from what the venue reported alone, and a restart needs no market history. Source: notes on quantities, stops.
"""

from typing import Final

from market.compiled import compiled

QUOTE_STEPS: Final = 10
"""Where single quotes move an instrument, a trailing stop follows in steps of this part of its distance: each step is a
message to the venue. Where bars move it, it follows every bar by the tick."""


@compiled
def tighter(one: int, other: int, sign: int) -> int:
    """Return the stop that stands closer to the market."""
    return max(one, other) if sign > 0 else min(one, other)


@compiled
def breakeven_stop(lots: int, cost: int, tick_value: int, costs: int) -> int:
    """Return the stop at which closing pays back entry and `costs` (quote money, of both fills), toward the market.

    lots x stop x tick_value >= cost x tick_value + costs, as few ticks beyond the entry as that takes.
    """
    needed = cost * tick_value + costs
    if lots > 0:
        return -(-needed // (lots * tick_value))
    return needed // (lots * tick_value)


@compiled
def trailing_stop(best: int, trail_by: int, sign: int) -> int:
    """Return the stop a distance behind the best price; the distance was rounded down, so the stop is never wider."""
    return best - sign * trail_by


@compiled
def standing_stop(stop: int, goal: int, mark: int, sign: int) -> int:
    """Return where a stop may stand now: as near its goal as leaves a tick to the mark, never wider than it was."""
    nearest = mark - sign
    return tighter(stop, min(goal, nearest) if sign > 0 else max(goal, nearest), sign)
