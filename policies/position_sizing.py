"""Position sizing in decimals: how many units a trade may have, for previews, reports and venues without lots.

The decision path sizes in lots (`policies.sizing`); this is the same rule for quantities as people write them, with the
caps, the currency and the contracts that rule out lots: quantity = budget / loss of a unit at the stop, cut to the
caps, then down to the step. It is NEVER rounded up: below a venue's minimum there is no trade, because the smallest
accepted quantity would risk more than was allowed. Always: quantity x loss of a unit <= budget.
"""

import math
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeAlias

from msgspec import Struct

DIGITS: Final = 100
"""Products of prices, rates and quantities are exact up to here; a price or a rate has at most some twenty."""
ONE, ZERO = Decimal(1), Decimal(0)


class Refusal(StrEnum):
    """Why there is no size."""

    INVALID_INPUT = "INVALID_INPUT"
    NO_BUDGET = "NO_BUDGET"
    ZERO_STOP_DISTANCE = "ZERO_STOP_DISTANCE"
    BELOW_MIN_QTY = "BELOW_MIN_QTY"
    BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"


class Unit(Struct, frozen=True, kw_only=True):
    """What one unit is: entry and stop, how much of the underlying, and quote money in account money.

    `cost` is that of a round trip in account money: spread, fees and slippage of both sides.
    """

    entry: Decimal
    stop: Decimal
    multiplier: Decimal = ONE
    quote_to_account: Decimal = ONE
    cost: Decimal = ZERO

    @property
    def notional(self) -> Decimal:
        """Value of a unit in account money."""
        with localcontext(prec=DIGITS):
            return self.entry * self.multiplier * self.quote_to_account

    @property
    def loss(self) -> Decimal:
        """Loss of a unit at the stop in account money, costs included."""
        with localcontext(prec=DIGITS):
            return abs(self.entry - self.stop) * self.multiplier * self.quote_to_account + self.cost

    def is_sound(self) -> bool:
        """Tell whether every number is one that a unit can have."""
        numbers = (self.entry, self.stop, self.multiplier, self.quote_to_account)
        return all(value.is_finite() and value > 0 for value in numbers) and self.cost.is_finite() and self.cost >= 0


class Accepted(Struct, frozen=True, kw_only=True):
    """What the venue accepts: the step of a quantity, the least of it, the least notional in account money."""

    step: Decimal
    minimum: Decimal = ZERO
    notional_min: Decimal = ZERO

    def is_sound(self) -> bool:
        """Tell whether every number is one that a venue can ask for."""
        numbers = (self.step, self.minimum, self.notional_min)
        return all(value.is_finite() and value >= 0 for value in numbers) and self.step > 0


class Caps(Struct, frozen=True, kw_only=True):
    """What a size is cut to after it is known: notional in account money, quantities by margin and by liquidity."""

    notional: Decimal | None = None
    margin: Decimal | None = None
    liquidity: Decimal | None = None


class Sized(Struct, frozen=True, kw_only=True):
    """A size: what bound it (risk or the name of a cap), and what it is worth and risks in account money."""

    quantity: Decimal
    binding: str
    notional: Decimal
    risk: Decimal


class Unsized(Struct, frozen=True):
    """No size, and why."""

    reason: Refusal


Size: TypeAlias = Sized | Unsized


def fixed_fractional(budget: Decimal, unit: Unit, accepted: Accepted, caps: Caps | None = None) -> Size:
    """Return the largest size whose loss at the stop stays within `budget` account money (equity x risk fraction)."""
    caps = caps or Caps()
    limits = (caps.notional, caps.margin, caps.liquidity)
    if not (budget.is_finite() and unit.is_sound() and accepted.is_sound() and all(map(_is_cap, limits))):
        return Unsized(Refusal.INVALID_INPUT)
    if budget <= 0:
        return Unsized(Refusal.NO_BUDGET)
    if unit.entry == unit.stop:
        return Unsized(Refusal.ZERO_STOP_DISTANCE)
    raw, binding = Fraction(budget) / Fraction(unit.loss), "risk"
    for name, most in (
        ("notional_cap", None if caps.notional is None else Fraction(caps.notional) / Fraction(unit.notional)),
        ("margin_cap", None if caps.margin is None else Fraction(caps.margin)),
        ("liquidity_cap", None if caps.liquidity is None else Fraction(caps.liquidity)),
    ):
        if most is not None and most < raw:
            raw, binding = most, name
    quantity = floor_quantity(raw, accepted.step)
    with localcontext(prec=DIGITS):
        notional, risk = quantity * unit.notional, quantity * unit.loss
    refusal = _below(quantity, notional, accepted)
    return Unsized(refusal) if refusal else Sized(quantity=quantity, binding=binding, notional=notional, risk=risk)


def inverse_contract_loss(entry: Decimal, stop: Decimal, contract: Decimal) -> Fraction:
    """Return what one inverse contract (`contract` of quote money) loses at the stop, in coin: c |1/entry - 1/stop|."""
    return abs(Fraction(contract) / Fraction(entry) - Fraction(contract) / Fraction(stop))


def inverse_contracts(budget: Decimal, entry: Decimal, stop: Decimal, contract: Decimal, accepted: Accepted) -> Size:
    """Return how many inverse contracts lose at most `budget` coin at the stop; notional and risk are in coin.

    Such a contract is convex: its loss in coin grows faster than the price falls.
    """
    prices = (entry, stop, contract)
    if not (budget.is_finite() and accepted.is_sound() and all(value.is_finite() and value > 0 for value in prices)):
        return Unsized(Refusal.INVALID_INPUT)
    if budget <= 0:
        return Unsized(Refusal.NO_BUDGET)
    if entry == stop:
        return Unsized(Refusal.ZERO_STOP_DISTANCE)
    loss = inverse_contract_loss(entry, stop, contract)
    quantity = floor_quantity(Fraction(budget) / loss, accepted.step)
    notional = _decimal(Fraction(quantity) * Fraction(contract) / Fraction(entry))
    refusal = _below(quantity, notional, accepted)
    if refusal:
        return Unsized(refusal)
    return Sized(quantity=quantity, binding="risk", notional=notional, risk=_decimal(Fraction(quantity) * loss))


class VolatilityTarget(Struct, frozen=True, kw_only=True):
    """What a position should fluctuate by a year, the least that is believed, and the most leverage.

    Floor and cap are both needed: a market that falls asleep must not make a size explode.
    """

    target: float
    floor: float
    leverage_max: float


class Leverage(Struct, frozen=True, kw_only=True):
    """Annual volatility as measured, the leverage that would hit the target, and the leverage within the cap."""

    annual: float
    raw: float
    used: float


def volatility_leverage(sigma: float, periods_per_year: float, target: VolatilityTarget) -> Leverage:
    """Return target / max(sigma sqrt(periods per year), floor), cut to the cap; sigma is per period.

    ValueError for a number that is not finite, negative, or a volatility and a floor of zero.
    """
    numbers = (sigma, periods_per_year, target.target, target.floor, target.leverage_max)
    if not all(math.isfinite(value) and value >= 0.0 for value in numbers):
        raise ValueError(f"volatility target {numbers}: finite numbers from 0 up are allowed")
    annual = sigma * math.sqrt(periods_per_year)
    believed = max(annual, target.floor)
    if believed == 0.0:
        raise ValueError("volatility 0 with a floor of 0: a floor of more than 0 is allowed")
    raw = target.target / believed
    return Leverage(annual=annual, raw=raw, used=min(raw, target.leverage_max))


def leveraged_quantity(equity: Decimal, price: Decimal, leverage: float, step: Decimal) -> Decimal:
    """Return the largest quantity on step worth at most leverage x equity; ValueError for what cannot be.

    The leverage counts as it is written (0.3 is three tenths), so that no quantity is lost to a binary fraction.
    """
    if not (equity.is_finite() and price.is_finite() and price > 0 and step.is_finite() and step > 0):
        raise ValueError(f"equity {equity}, price {price}, step {step}: finite, price and step more than 0 is allowed")
    if not (math.isfinite(leverage) and leverage >= 0.0):
        raise ValueError(f"leverage {leverage}: finite and at least 0 is allowed")
    worth = Fraction(repr(float(leverage))) * Fraction(max(equity, ZERO))
    return floor_quantity(worth / Fraction(price), step)


def floor_quantity(raw: Fraction, step: Decimal) -> Decimal:
    """Return the multiple of the step at or below a quantity of at least 0."""
    with localcontext(prec=DIGITS):
        return step * math.floor(raw / Fraction(step))


def _below(quantity: Decimal, notional: Decimal, accepted: Accepted) -> Refusal | None:
    if quantity <= 0 or quantity < accepted.minimum:
        return Refusal.BELOW_MIN_QTY
    return Refusal.BELOW_MIN_NOTIONAL if notional < accepted.notional_min else None


def _is_cap(value: Decimal | None) -> bool:
    return value is None or (value.is_finite() and value >= 0)


def _decimal(value: Fraction) -> Decimal:
    """Return a quotient in coin to 28 digits, for people."""
    return Decimal(value.numerator) / Decimal(value.denominator)
