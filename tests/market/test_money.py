"""Money is whole: every division is exact, or rounded once by the rule in its name."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.money import (
    INT64_MAX,
    decimal_of,
    divide_half_even,
    floor_to_step,
    money_of,
    multiply_divide,
    multiply_divide_up,
    round_money,
    show_money,
    units_of,
)
from tests.properties import PROPERTY

AMOUNTS = st.integers(-(10**17), 10**17)
FACTORS = st.integers(0, 10**7)
DIVISORS = st.integers(1, 10**7)


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 2, 0), (3, 2, 2), (-1, 2, 0), (5, 3, 2), (4, 3, 1), (0, 9, 0)],
)
def test_a_tie_goes_to_the_even_neighbour(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_half_even(numerator, denominator) == quotient


@given(st.integers(-(2**61), 2**61), st.integers(1, 2**61))
@PROPERTY
def test_division_rounds_as_exact_fractions_do(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(AMOUNTS, FACTORS, DIVISORS)
@PROPERTY
def test_a_product_is_divided_as_whole_numbers_without_a_bound_would_be(amount: int, times: int, divisor: int) -> None:
    exact = Fraction(amount * times, divisor)
    if abs(exact) <= INT64_MAX // 2:
        assert multiply_divide(amount, times, divisor) == round(exact)
        assert multiply_divide_up(amount, times, divisor) == -(-amount * times // divisor)


def test_a_product_beyond_63_bits_is_divided_exactly() -> None:
    assert multiply_divide(10**18, 10**6 + 1, 10**6) == 10**18 + 10**12
    assert multiply_divide_up(10**18 + 1, 999_999, 10**6) == 999_999 * 10**12 + 1
    assert multiply_divide(-(10**18), 3, 4) == -75 * 10**16


@given(AMOUNTS, FACTORS, DIVISORS)
@PROPERTY
def test_rounding_up_is_never_less_and_never_a_whole_unit_more(amount: int, times: int, divisor: int) -> None:
    exact = Fraction(amount * times, divisor)
    if abs(exact) <= INT64_MAX // 2:
        assert 0 <= multiply_divide_up(amount, times, divisor) - exact < 1


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
@PROPERTY
def test_a_quantity_goes_to_its_step_toward_zero(amount: int, step: int) -> None:
    floored = floor_to_step(amount, step)
    assert floored % step == 0
    assert floored * amount >= 0
    assert 0 <= abs(amount) - abs(floored) < step


def test_a_decimal_becomes_whole_units_or_is_refused_by_name() -> None:
    assert units_of("1.25", 2, "fee") == 125
    assert units_of(Decimal("-0.00001"), 5, "tick") == -1
    assert money_of("0.000001") == 1
    with pytest.raises(ValueError, match=r"fee = 0\.125: at most 2 decimal places are allowed"):
        units_of("0.125", 2, "fee")
    with pytest.raises(ValueError, match=r"amount = 0\.0000001: at most 6 decimal places"):
        money_of("0.0000001")


@given(st.integers(-(10**18), 10**18))
@PROPERTY
def test_money_survives_the_way_through_a_decimal(money: int) -> None:
    assert money_of(decimal_of(money)) == money


def test_money_is_shown_as_people_read_it_half_to_even() -> None:
    assert show_money(-1_234_500_000) == "-1,234.50"
    assert (show_money(5_000, 2), show_money(15_000, 2), show_money(1, 6)) == ("0.00", "0.02", "0.000001")
    assert round_money(Decimal("2.675"), 2) == Decimal("2.68")
    assert round_money(Decimal("2.665"), 2) == Decimal("2.66")
