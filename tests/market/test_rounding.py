"""What a venue accepts: a limit never pays more than meant, a stop never risks more, a quantity is never more."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.rounding import (
    BUY,
    SELL,
    PriceKind,
    floor_lots,
    notional_accepted,
    round_price,
    round_price_by_table,
    round_quantity,
    round_to_tick,
    rounds_up,
    tick_at,
    ticks_of_level,
)
from tests.properties import PROPERTY

TABLE = [(Decimal(0), Decimal("0.01")), (Decimal(10), Decimal("0.05")), (Decimal(100), Decimal("0.1"))]
KINDS = st.sampled_from(list(PriceKind))
SIDES = st.sampled_from([BUY, SELL])


@pytest.mark.parametrize("kind", list(PriceKind))
def test_a_buyer_rounds_down_and_a_seller_up_but_an_entry_stop_goes_beyond_its_level(kind: PriceKind) -> None:
    beyond = kind is PriceKind.ENTRY_STOP
    assert (rounds_up(BUY, kind), rounds_up(SELL, kind)) == (beyond, not beyond)
    assert round_to_tick(1_003, 5, BUY, kind) == (1_005 if beyond else 1_000)
    assert round_to_tick(1_003, 5, SELL, kind) == (1_000 if beyond else 1_005)


@given(st.integers(-(10**9), 10**9), st.integers(1, 1000), SIDES, KINDS)
@PROPERTY
def test_a_rounded_price_lies_on_tick_within_a_tick_on_its_side(price: int, tick: int, side: int, kind: int) -> None:
    rounded = round_to_tick(price, tick, side, kind)
    assert rounded % tick == 0
    assert 0 <= (rounded - price if rounds_up(side, kind) else price - rounded) < tick
    assert round_to_tick(rounded, tick, side, kind) == rounded


@given(st.floats(-1e9, 1e9), SIDES, KINDS)
@PROPERTY
def test_a_level_between_ticks_goes_to_the_one_its_side_demands(level: float, side: int, kind: int) -> None:
    ticks = ticks_of_level(level, side, kind)
    exact = Fraction(level)
    assert 0 <= (ticks - exact if rounds_up(side, kind) else exact - ticks) < 1


def test_a_level_below_zero_rounds_like_any_other() -> None:
    assert ticks_of_level(-1.5, BUY, PriceKind.LIMIT) == -2
    assert ticks_of_level(-1.5, SELL, PriceKind.LIMIT) == -1
    assert ticks_of_level(3.0, SELL, PriceKind.LIMIT) == 3


def test_lots_are_cut_to_the_most_and_never_raised_to_the_least() -> None:
    assert [floor_lots(lots, 3, 10) for lots in (2, 3, 10, 11, 0, -2, -3, -11)] == [0, 3, 10, 10, 0, 0, -3, -10]


def test_an_order_of_the_least_value_is_accepted() -> None:
    assert notional_accepted(5, 5)
    assert not notional_accepted(4, 5)
    assert notional_accepted(0, 0)


def test_a_decimal_price_rounds_exactly_where_a_float_would_not() -> None:
    assert round_price(Decimal("0.3"), Decimal("0.1"), BUY, PriceKind.LIMIT) == Decimal("0.3")
    assert round_price(Decimal("1.00001"), Decimal("0.00002"), SELL, PriceKind.LIMIT) == Decimal("1.00002")
    assert round_price(Decimal("101"), Decimal("0.25"), BUY, PriceKind.LIMIT) == Decimal("101.00")


def test_the_tick_of_a_price_is_that_of_the_last_row_it_reaches() -> None:
    assert [tick_at(Decimal(price), TABLE) for price in ("9.99", "10", "100")] == [tick for _, tick in TABLE]
    with pytest.raises(ValueError, match="price -1 lies below the tick table, which starts at 0"):
        tick_at(Decimal(-1), TABLE)


def test_a_price_rounded_across_a_border_says_whether_it_fits_the_tick_there() -> None:
    assert round_price_by_table(Decimal("9.999"), SELL, PriceKind.LIMIT, TABLE) == (
        Decimal("0.01"), Decimal("10.00"), True,
    )  # fmt: skip
    odd = [(Decimal(0), Decimal("0.03")), (Decimal("9.99"), Decimal("0.05"))]
    assert round_price_by_table(Decimal("9.98"), SELL, PriceKind.LIMIT, odd) == (
        Decimal("0.03"), Decimal("9.99"), False,
    )  # fmt: skip


def test_a_quantity_below_the_minimum_is_nothing() -> None:
    step, least, most = Decimal("0.001"), Decimal("0.01"), Decimal(2)
    assert round_quantity(Decimal("0.0109"), step, least, most) == (Decimal("0.010"), True)
    assert round_quantity(Decimal("0.0099"), step, least, most) == (Decimal(0), False)
    assert round_quantity(Decimal("-3"), step, least, most) == (Decimal("-2.000"), True)
