"""Fees are exact and rounded up, never understated; the cost of a round trip counts everything but the market."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.costs import fee_of, round_trip_cost_ticks
from tests.builders import an_instrument
from tests.market.floor import a_table
from tests.properties import PROPERTY


def a_fee(lots: int, price: int, **terms: object) -> int:
    return fee_of(a_table(an_instrument("EURUSD", "x", **terms)), 0, lots, price)


def test_an_instrument_without_fees_costs_nothing() -> None:
    assert a_fee(1000, 110_000) == 0


def test_a_fee_per_lot_counts_every_lot_bought_or_sold() -> None:
    assert a_fee(3, 110_000, fee_per_lot="0.07") == a_fee(-3, 110_000, fee_per_lot="0.07") == 210_000


def test_a_fee_on_the_notional_is_rounded_up_to_the_smallest_unit() -> None:
    assert a_fee(1, 110_000, fee_ppm=20) == 22_000  # 20 ppm of 1100 USD
    assert a_fee(1, 1, fee_ppm=1) == 1  # a millionth of a cent


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(0, 10_000), st.integers(0, 10**6))
@PROPERTY
def test_a_fee_is_the_exact_one_rounded_up_once(lots: int, price: int, ppm: int, per_lot: int) -> None:
    exact = abs(lots) * (Fraction(price * 10_000 * ppm, 10**6) + per_lot)
    table = a_table()
    table[0].fee_ppm, table[0].fee_per_lot = ppm, per_lot
    assert fee_of(table, 0, lots, price) == ceil(exact)


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 200_000), st.integers(0, 1000))
@PROPERTY
def test_two_orders_never_cost_less_than_one_of_their_size(one: int, other: int, price: int, ppm: int) -> None:
    together = a_fee(one + other, price, fee_ppm=ppm)
    assert 0 <= a_fee(one, price, fee_ppm=ppm) + a_fee(other, price, fee_ppm=ppm) - together <= 1


def test_a_round_trip_costs_the_spread_both_slippages_and_both_fees_per_lot() -> None:
    table = a_table(an_instrument("EURUSD", "x", slippage_ticks=3, fee_per_lot="0.02"))
    assert round_trip_cost_ticks(table, 0, 100, 107, 5) == 7 + 2 * 3 + 4
    table[0].fee_ppm = 10_000
    assert round_trip_cost_ticks(table, 0, 100, 107, 1) == pytest.approx(17 + 0.01 * 207)
