"""Leverage: how much of it an order may take, and the margin that its notional needs."""

from enum import IntEnum
from typing import NamedTuple

from market.compiled import compiled
from market.money import multiply_divide_up


class Basis(IntEnum):
    """What counts against an exposure cap."""

    INITIAL_MARGIN = 0
    GROSS_NOTIONAL = 1
    OPEN_RISK = 2


class Leverage(NamedTuple):
    """The answer to a request: `leverage` as asked for or by default, 0 where it is refused, with the reason."""

    leverage: int
    reason: str
    effective_max: int


def effective_leverage(requested: int | None, default: int, *caps: int) -> Leverage:
    """Return the leverage of an order; all numbers are of one unit, caps are profile, venue and jurisdiction.

    What is asked for beyond the least cap is refused, never cut; the default itself is cut. A cap of zero bans.
    """
    most = min(caps)
    if most <= 0:
        return Leverage(0, "PRODUCT_BANNED", most)
    if requested is None:
        return Leverage(min(default, most), "", most)
    if requested <= 0:
        return Leverage(0, "INVALID", most)
    return Leverage(requested, "", most) if requested <= most else Leverage(0, "LEVERAGE_ABOVE_MAX", most)


@compiled
def exposure_of(notional: int, risk: int, leverage_ppm: int, basis: int) -> int:
    """Return what a position adds to the exposure on a basis, without its sign; margin is rounded up."""
    if basis == Basis.GROSS_NOTIONAL:
        return abs(notional)
    if basis == Basis.OPEN_RISK:
        return abs(risk)
    return multiply_divide_up(abs(notional), 1_000_000, leverage_ppm)


@compiled
def concentrates(rho: float, side_new: int, side_open: int, rho_max: float) -> bool:
    """Tell whether a new position repeats an open one: rho x both sides at least the most allowed; NaN does."""
    return not rho * side_new * side_open < rho_max
