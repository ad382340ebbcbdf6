"""Binary payoffs: money to the last unit, and probabilities against scipy and against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from market.payoff import (
    Settlement,
    binomial_tail,
    breakeven_probability,
    digital_call_probability,
    edge_significance,
    expected_value,
    kelly_fraction,
    normal_cdf,
    settle,
    settled_profit,
    stake_fraction,
    stake_money,
)
from tests.properties import PROPERTY

FRACTIONS = st.floats(0.0, 0.9)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.booleans())
@PROPERTY
def test_a_call_wins_exactly_when_a_put_loses_unless_they_tie(strike: int, price: int, tie_loses: bool) -> None:
    call, put = settle(1, strike, price, tie_loses), settle(-1, strike, price, tie_loses)
    if strike == price:
        assert call == put == (Settlement.LOSS if tie_loses else Settlement.TIE)
    else:
        assert call == -put == (Settlement.WIN if price > strike else Settlement.LOSS)


@given(st.integers(0, 10**12), st.integers(0, 2_000_000), st.integers(0, 1_000_000))
@PROPERTY
def test_profits_are_whole_money_and_the_venue_never_pays_more_than_stated(
    stake: int, payout_ppm: int, rebate_ppm: int
) -> None:
    win = settled_profit(Settlement.WIN, stake, payout_ppm, rebate_ppm)
    loss = settled_profit(Settlement.LOSS, stake, payout_ppm, rebate_ppm)
    assert 0 <= stake * payout_ppm - win * 10**6 < 10**6
    assert 0 <= stake * rebate_ppm - (loss + stake) * 10**6 < 10**6
    assert settled_profit(Settlement.TIE, stake, payout_ppm, rebate_ppm) == 0


@given(st.floats(0.05, 2.0), FRACTIONS, FRACTIONS)
@PROPERTY
def test_the_expected_value_is_zero_at_break_even(payout: float, rebate: float, tie: float) -> None:
    win = breakeven_probability(payout, rebate, tie)
    assert 0.0 < win < 1.0 - tie
    assert expected_value(win, payout, rebate, tie) == pytest.approx(0.0, abs=1e-12)


@given(st.floats(0.05, 0.95), st.floats(0.05, 2.0), st.floats(0.0, 0.8), st.floats(0.0, 0.5))
@PROPERTY
def test_kelly_maximises_the_growth_of_equity(win: float, payout: float, rebate: float, tie: float) -> None:
    win *= 1.0 - tie
    lose, cost = 1.0 - win - tie, 1.0 - rebate

    def shrinkage(fraction: float) -> float:
        return -(win * math.log1p(fraction * payout) + lose * math.log1p(-fraction * cost))

    best = optimize.minimize_scalar(shrinkage, bounds=(0.0, 0.999999), method="bounded", options={"xatol": 1e-10})
    share = kelly_fraction(win, payout, rebate, tie)
    assert 0.0 <= share <= 1.0
    assert shrinkage(min(share, 0.999999)) <= shrinkage(best.x) + 1e-9


def test_kelly_without_edge_payout_or_possible_loss() -> None:
    assert kelly_fraction(0.5, 0.8, 0.0, 0.0) == 0.0
    assert kelly_fraction(0.9, 0.0, 0.0, 0.0) == 0.0
    assert kelly_fraction(0.5, 0.8, 1.0, 0.0) == 1.0
    assert stake_fraction(0.9, 0.8, 0.0, 0.0, 0.25, 0.01) == 0.01


def test_a_stake_is_rounded_down_and_nothing_of_an_account_without_equity() -> None:
    assert stake_money(1_000_999, 0.001) == 1000
    assert stake_money(-5, 0.5) == 0


@given(st.floats(-9.0, 9.0))
@PROPERTY
def test_the_normal_distribution_is_that_of_scipy(x: float) -> None:
    assert normal_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)


def test_without_time_or_volatility_a_digital_is_decided() -> None:
    assert digital_call_probability(100.0, 99.0, 0.0, 1.0, 0.0) == 1.0
    assert digital_call_probability(100.0, 100.0, 0.2, 0.0, 0.0) == 0.0
    assert digital_call_probability(100.0, 100.5, 0.0, 1.0, 0.01) == 1.0


def test_a_digital_rises_with_the_price_and_both_sides_make_one() -> None:
    chances = [digital_call_probability(spot, 100.0, 0.5, 0.01, 0.0) for spot in np.linspace(80, 120, 41)]
    assert chances == sorted(chances)
    assert 0.0 < chances[0] < 0.01
    assert 0.99 < chances[-1] < 1.0


@given(st.integers(1, 3000), st.floats(0.01, 0.99), st.data())
@PROPERTY
def test_binomial_tails_are_those_of_scipy(n: int, p: float, data: st.DataObject) -> None:
    wins = data.draw(st.integers(-1, n + 2))
    assert binomial_tail(n, wins, p) == pytest.approx(stats.binom.sf(wins - 1, n, p), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("trials", [1, 5, 6, 100, 1000])
def test_the_least_significant_number_of_wins_is_the_first_that_passes(trials: int) -> None:
    least = edge_significance(trials, 0, 0.8).wins_min
    passing = [wins for wins in range(trials + 1) if edge_significance(trials, wins, 0.8).p_value <= 0.05]
    assert least == (passing[0] if passing else None)


@pytest.mark.parametrize(("trials", "wins", "payout"), [(0, 0, 0.8), (10, 11, 0.8), (10, -1, 0.8), (10, 5, 0.0)])
def test_impossible_counts_are_refused(trials: int, wins: int, payout: float) -> None:
    with pytest.raises(ValueError, match="need 0 <= wins"):
        edge_significance(trials, wins, payout)
