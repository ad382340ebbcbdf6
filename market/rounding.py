"""Rounding to what a venue accepts: price to tick, quantity to lot, and the smallest order worth sending.

Quantities always go toward zero. A limit never pays more or receives less than meant; a protective stop goes toward
the market, so that the realised risk is not larger than computed; an entry stop goes beyond its level.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum

from market.compiled import compiled
from market.money import floor_to_step


class PriceKind(IntEnum):
    """What a price is for; together with the side it decides the direction of rounding."""

    LIMIT = 1
    TAKE_PROFIT = 2
    MARKET_PROTECTION = 3
    PROTECTIVE_STOP = 4
    ENTRY_STOP = 5


BUY, SELL = 1, -1


@compiled
def rounds_up(side: int, kind: int) -> bool:
    """Tell whether a price of this side and kind goes up to the next tick (else down)."""
    return side == BUY if kind == PriceKind.ENTRY_STOP else side == SELL


@compiled
def round_to_tick(price: int, tick: int, side: int, kind: int) -> int:
    """Return `price` (integer units) as a multiple of `tick` (same units), rounded as its side and kind demand."""
    if rounds_up(side, kind):
        return -(-price // tick) * tick
    return price // tick * tick


@compiled
def ticks_of_level(level: float, side: int, kind: int) -> int:
    """Return a computed level in fractional ticks as whole ticks, rounded as its side and kind demand."""
    whole = int(level)
    if whole > level:
        whole -= 1
    if rounds_up(side, kind) and whole < level:
        whole += 1
    return whole


@compiled
def floor_lots(lots: int, lots_min: int, lots_max: int) -> int:
    """Return lots within the venue's bounds: above the maximum cut, below the minimum nothing (never bumped up)."""
    size = min(abs(lots), lots_max)
    if size < lots_min:
        return 0
    return size if lots > 0 else -size


@compiled
def notional_accepted(notional: int, notional_min: int) -> bool:
    """Tell whether an order's value, after rounding, reaches the venue's minimum (0 = no minimum)."""
    return notional >= notional_min


def _common_units(*values: Decimal) -> tuple[int, ...]:
    """Return decimals as integers of one common power of ten."""
    digits = max(0, *(-int(value.as_tuple().exponent) for value in values))
    return tuple(int(value.scaleb(digits)) for value in values)


def round_price(price: Decimal, tick: Decimal, side: int, kind: PriceKind) -> Decimal:
    """Round a decimal price to a decimal tick, exactly."""
    price_units, tick_units = _common_units(price, tick)
    return tick * (round_to_tick(price_units, tick_units, side, kind) // tick_units)


def tick_at(price: Decimal, table: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the tick size at a price from a table of (from price, tick), ascending."""
    ticks = [tick for start, tick in table if price >= start]
    if not ticks:
        raise ValueError(f"price {price} lies below the tick table, which starts at {table[0][0]}")
    return ticks[-1]


def round_price_by_table(
    price: Decimal, side: int, kind: PriceKind, table: Sequence[tuple[Decimal, Decimal]]
) -> tuple[Decimal, Decimal, bool]:
    """Round by the tick of the unrounded price; return (tick, price, whether it is on tick where it landed)."""
    tick = tick_at(price, table)
    rounded = round_price(price, tick, side, kind)
    return tick, rounded, rounded % tick_at(rounded, table) == 0


def round_quantity(quantity: Decimal, step: Decimal, minimum: Decimal, maximum: Decimal) -> tuple[Decimal, bool]:
    """Return (quantity on step toward zero and at most `maximum`, whether it reaches `minimum`); 0 if it does not."""
    units, step_units, max_units = _common_units(quantity, step, maximum)
    floored = floor_to_step(max(-max_units, min(units, max_units)), step_units)
    rounded = step * (floored // step_units)
    return (rounded, True) if abs(rounded) >= minimum else (Decimal(0), False)
