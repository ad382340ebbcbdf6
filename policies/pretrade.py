"""Pre-trade controls: is this order itself sane? What RTS 6 Art 15 asks of every order before it leaves.

Here are the tests of one order by itself (collar, value, volume, reference) and the windows that count orders in time;
`policies.controls` holds what risk remembers between orders and asks all of them. Everything is an integer: prices in
ticks, sizes in lots, values in money of one unit, times in ns; a price of 0 means "at the market". What has no valid
reference price is blocked: a test is never skipped because a number is missing.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.costs import PPM
from policies.intents import Rule

VALUE_MAX: Final = 2**62
"""Twice the value of an order that is beyond counting; a limit is less than half of it."""


class OrderTerms(NamedTuple):
    """One order as the tests see it: lots without sign, its limit, twice the reference price and the age of that.

    Twice, so that the middle between bid and ask is a whole number, and the value at it is one too. `seen` tells that
    this intent was sent before.
    """

    buys: int
    lots: int
    limit: int
    reference_twice: int
    reference_age_ns: int
    value_twice: int
    seen: int


class OrderLimits(NamedTuple):
    """What one order may be. Bounds are inclusive: at the limit passes, one step beyond is refused."""

    collar_ppm: int
    value_max: int
    lots_max: int
    reference_age_ns: int


@compiled
def invalid_qty(lots: int) -> bool:
    """Object to a size that is none."""
    return lots <= 0


@compiled
def no_valid_reference(reference_twice: int, age_ns: int, age_ns_max: int) -> bool:
    """Object when there is no price to hold the order against, or when it is too old, or from the future."""
    return reference_twice <= 0 or age_ns < 0 or age_ns > age_ns_max


@compiled
def beyond_collar(limit: int, reference_twice: int, collar_ppm: int) -> bool:
    """Tell whether a limit lies further from the reference than the collar allows; at the market never."""
    return limit != 0 and abs(2 * limit - reference_twice) * PPM > collar_ppm * reference_twice


@compiled
def price_collar(buys: int, limit: int, reference_twice: int, collar_ppm: int) -> bool:
    """Object to a limit that would pay too much: a buy too far above the reference, a sale too far below."""
    aggressive = 2 * limit > reference_twice if buys != 0 else 2 * limit < reference_twice
    return aggressive and beyond_collar(limit, reference_twice, collar_ppm)


@compiled
def price_collar_passive(buys: int, limit: int, reference_twice: int, collar_ppm: int) -> bool:
    """Object to a limit that waits too far away: a buy too far below the reference, a sale too far above."""
    waits = 2 * limit < reference_twice if buys != 0 else 2 * limit > reference_twice
    return waits and beyond_collar(limit, reference_twice, collar_ppm)


@compiled
def max_order_value(value_twice: int, value_max: int) -> bool:
    """Object to an order worth more than allowed; at the limit it passes."""
    return value_twice > 2 * value_max


@compiled
def max_order_volume(lots: int, lots_max: int) -> bool:
    """Object to an order of more lots than allowed; at the limit it passes."""
    return lots > lots_max


@compiled
def order_value_twice(lots: int, limit: int, reference_twice: int, lot_value: int) -> int:
    """Return twice the value of an order at its limit; at the market it is worth what the reference says.

    What 63 bits do not hold is worth `VALUE_MAX`, which no limit allows.
    """
    price_twice = 2 * limit if limit != 0 else reference_twice
    if float(lots) * float(price_twice) * float(lot_value) >= VALUE_MAX:
        return VALUE_MAX
    return lots * price_twice * lot_value


@compiled
def order_violations(terms: OrderTerms, limits: OrderLimits) -> int:
    """Return the `Rule` bits of what is wrong with an order by itself; 0 when nothing is."""
    if invalid_qty(terms.lots):
        return Rule.INVALID_QTY.value
    bits = Rule.DUPLICATE_INTENT.value if terms.seen != 0 else 0
    if no_valid_reference(terms.reference_twice, terms.reference_age_ns, limits.reference_age_ns):
        bits |= Rule.NO_VALID_REFERENCE.value
    elif price_collar(terms.buys, terms.limit, terms.reference_twice, limits.collar_ppm):
        bits |= Rule.PRICE_COLLAR.value
    elif price_collar_passive(terms.buys, terms.limit, terms.reference_twice, limits.collar_ppm):
        bits |= Rule.PRICE_COLLAR_PASSIVE.value
    if max_order_value(terms.value_twice, limits.value_max):
        bits |= Rule.MAX_ORDER_VALUE.value
    if max_order_volume(terms.lots, limits.lots_max):
        bits |= Rule.MAX_ORDER_VOLUME.value
    return bits


# -- windows ----------------------------------------------------------------------------------------------------------

COUNT: Final = 0
"""Slot of a window that counts its events ever; the times of the newest ones follow, in a ring."""


TAKEN_BACK_MAX: Final = 64
"""How many of the newest events can be taken back, and the window still knows what was before them."""


def open_windows(count: int, limit: int) -> NDArray[np.int64]:
    """Return windows, one per row, that have seen nothing and can tell whether `limit` events lie within a span."""
    return np.zeros((max(count, 1), 1 + max(limit, 1) + TAKEN_BACK_MAX), np.int64)


@compiled
def window_allows(window: NDArray[np.int64], time_ns: int, span_ns: int, limit: int) -> bool:
    """Tell whether one more event would be at most the `limit`-th within the span; one a whole span old has left."""
    if limit <= 0:
        return False
    if window[COUNT] < limit:
        return True
    ring = len(window) - 1
    oldest = window[1 + (window[COUNT] - limit) % ring]
    return bool(time_ns - oldest >= span_ns)


@compiled
def window_note(window: NDArray[np.int64], time_ns: int) -> None:
    """Note an event that has passed; what was refused is never counted."""
    window[1 + window[COUNT] % (len(window) - 1)] = time_ns
    window[COUNT] += 1


@compiled
def window_forget(window: NDArray[np.int64]) -> None:
    """Take back the newest event: it was not sent after all."""
    window[COUNT] -= 1


def empty_window(window: NDArray[np.int64]) -> None:
    """Forget every event: counting begins anew."""
    window[:] = 0
