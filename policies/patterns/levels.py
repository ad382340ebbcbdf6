"""Support and resistance: prices at which pivots gather. What pivots there are is state; levels are computed from them.

Pivots lie sorted by price. Levels are made anew at every bar, with that bar's ATR: going up, a pivot joins the level
below it if it is within the tolerance of that level's mean, else it begins another. So the levels of a bar depend on
nothing but what was known at its close.

A pivot high is born a resistance, a pivot low a support, and a level has the role of its oldest pivot, which new ones
take on; only a close beyond the level turns it, for all its pivots. So a role lives on when a level gains a pivot,
splits or joins another.
"""

import math
from typing import Final

from market.compiled import compiled
from market.records import Record, Records, record_type
from policies.patterns.kinds import Role

PIVOT: Final = record_type("bar known_at role", floats="price")
LEVEL: Final = record_type("touches role known_at first last", floats="price")
"""A level: how many pivots, its `Role`, when the newest was known, and which of the sorted pivots are its own."""


@compiled
def add_pivot(pivots: Records, count: int, bar: int, known_at: int, role: int, price: float) -> int:
    """Put a pivot in its place by price, for which the oldest one leaves a full table; return how many there are.

    Of a high and a low of one bar the high is the older.
    """
    if count == len(pivots):
        oldest = 0
        for i in range(1, count):
            if pivots[i].bar <= pivots[oldest].bar:
                oldest = i
        for i in range(oldest, count - 1):
            pivots[i] = pivots[i + 1]
        count -= 1
    place = count
    while place > 0 and pivots[place - 1].price > price:
        pivots[place] = pivots[place - 1]
        place -= 1
    pivots[place].bar, pivots[place].known_at, pivots[place].role = bar, known_at, role
    pivots[place].price = price
    return count + 1


@compiled
def make_levels(pivots: Records, count: int, head: Record, levels: Records) -> None:
    """Write the levels of `count` sorted pivots for `head.tolerance`; none while that is not known.

    `head.same_from` <= tolerance < `head.same_below` gives the same levels: between these no pivot joins another one.
    """
    made, first, touches, total, mean = 0, 0, 0, 0.0, 0.0
    joined, parted = -math.inf, math.inf
    known = head.tolerance >= 0.0
    for i in range(count if known else 0):
        price = pivots[i].price
        gap = price - mean
        if touches > 0 and gap > head.tolerance:
            _make(pivots, levels[made], first, i - 1, mean)
            made, first, touches, total = made + 1, i, 0, 0.0
            parted = min(parted, gap)
        elif touches > 0:
            joined = max(joined, gap)
        touches += 1
        total += price
        mean = total / touches
    if touches > 0:
        _make(pivots, levels[made], first, count - 1, mean)
        made += 1
    head.levels, head.same_from = made, joined
    head.same_below = parted if known else -math.inf


@compiled
def _make(pivots: Records, level: Record, first: int, last: int, price: float) -> None:
    """Write the level of pivots first to last."""
    oldest, newest = first, first
    for i in range(first + 1, last + 1):
        if pivots[i].known_at < pivots[oldest].known_at:
            oldest = i
        if pivots[i].known_at > pivots[newest].known_at:
            newest = i
    level.first, level.last, level.touches, level.price = first, last, last - first + 1, price
    level.known_at, level.role = pivots[newest].known_at, pivots[oldest].role


@compiled
def mark_bounds(levels: Records, head: Record) -> None:
    """Note the lowest resistance and the highest support: a close within them and their distance turns no level."""
    head.ceiling, head.floor = math.inf, -math.inf
    for k in range(head.levels):
        if levels[k].role == Role.RESISTANCE:
            head.ceiling = min(head.ceiling, levels[k].price)
        else:
            head.floor = max(head.floor, levels[k].price)


@compiled
def take_roles(pivots: Records, levels: Records, count: int, known_at: int) -> None:
    """Let the pivots known at a bar take on the roles of their levels."""
    for k in range(count):
        if levels[k].known_at == known_at:
            for i in range(levels[k].first, levels[k].last + 1):
                if pivots[i].known_at == known_at:
                    pivots[i].role = levels[k].role


@compiled
def turned_role(level: Records, close: float, distance: float) -> int:
    """Return the role that a level takes if the close is more than `distance` beyond it; 0 where it keeps its own."""
    if level.role == Role.RESISTANCE and close > level.price + distance:
        return Role.SUPPORT.value
    if level.role == Role.SUPPORT and close < level.price - distance:
        return Role.RESISTANCE.value
    return 0


@compiled
def turn_level(pivots: Records, level: Records, role: int) -> None:
    """Give a level and all its pivots another role."""
    level.role = role
    for i in range(level.first, level.last + 1):
        pivots[i].role = role


@compiled
def level_of(pivots: Records, levels: Records, count: int, price: float) -> int:
    """Return the level that has a pivot at a price, -1 if there is none."""
    for i in range(count):
        if pivots[levels[i].first].price <= price <= pivots[levels[i].last].price:
            return i
    return -1


@compiled
def at_level(levels: Records, count: int, price: float, tolerance: float, touches_min: int) -> bool:
    """Tell whether a level with touches enough is within the tolerance of a price; levels lie sorted by price."""
    low, high = 0, count
    while low < high:
        mid = (low + high) // 2
        if levels[mid].price < price - tolerance:
            low = mid + 1
        else:
            high = mid
    while low < count and levels[low].price <= price + tolerance:
        if levels[low].touches >= touches_min:
            return True
        low += 1
    return False
