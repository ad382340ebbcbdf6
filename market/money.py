"""Integer arithmetic for money, prices and quantities: exact, or rounded once by a named rule.

Money is an integer of 10**-6 of its currency (`MONEY_DIGITS`), a price an integer of ticks, a quantity an integer of
lots. Nothing here returns a float. Decimal strings become integers at the edge (`units_of`) and go back for reports.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from market.compiled import compiled

MONEY_DIGITS: Final = 6
MONEY_UNIT: Final = 10**MONEY_DIGITS
INT64_MAX: Final = 2**63 - 1


@compiled
def divide_half_even(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded to the nearest integer, a tie to the even one; denominator > 0."""
    quotient = numerator // denominator
    twice = 2 * (numerator - quotient * denominator)
    if twice > denominator or (twice == denominator and quotient % 2 != 0):
        quotient += 1
    return quotient


@compiled
def multiply_divide(amount: int, multiplier: int, divisor: int) -> int:
    """Return amount * multiplier / divisor, rounded half to even, without the full product.

    Exact while divisor * multiplier and the result fit 63 bits; multiplier >= 0 and divisor > 0.
    """
    whole = amount // divisor
    rest = amount - whole * divisor
    return whole * multiplier + divide_half_even(rest * multiplier, divisor)


@compiled
def multiply_divide_up(amount: int, multiplier: int, divisor: int) -> int:
    """Return amount * multiplier / divisor rounded up: fees and needs are never understated."""
    whole = amount // divisor
    rest = amount - whole * divisor
    return whole * multiplier - (-(rest * multiplier) // divisor)


@compiled
def floor_to_step(amount: int, step: int) -> int:
    """Return the multiple of `step` next to `amount` toward zero: a quantity is never rounded up."""
    if amount >= 0:
        return amount // step * step
    return -(-amount // step * step)


def units_of(text: str | Decimal, digits: int, what: str) -> int:
    """Return a decimal as an integer of 10**-digits; ValueError names `what` when it has more digits than that."""
    scaled = Decimal(text).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{what} = {text}: at most {digits} decimal places are allowed")
    return int(scaled)


def money_of(text: str | Decimal, what: str = "amount") -> int:
    """Return a decimal amount as integer money (10**-6 of its currency)."""
    return units_of(text, MONEY_DIGITS, what)


def decimal_of(money: int) -> Decimal:
    """Return integer money as an exact Decimal amount."""
    return Decimal(money).scaleb(-MONEY_DIGITS)


def round_money(amount: Decimal, places: int) -> Decimal:
    """Round an amount for a report, half to even; the ledger itself keeps full precision."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def show_money(money: int, places: int = 2) -> str:
    """Return money as people read it: `-1,234.50`."""
    return f"{round_money(decimal_of(money), places):,}"
