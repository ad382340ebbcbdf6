"""Kelly: the fraction that grows fastest, nothing without an edge, less when little is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kelly import (
    Stake,
    bounded_kelly,
    continuous_kelly,
    discrete_kelly,
    edge_of,
    fractional,
    growth_at,
    sample_kelly,
)
from tests.properties import PROPERTY

CHANCES = st.floats(0.0, 1.0)
PAYOUTS = st.floats(0.05, 20.0)


@given(CHANCES, CHANCES, PAYOUTS)
@PROPERTY
def test_no_other_fraction_grows_faster(first: float, second: float, payout: float) -> None:
    win, tie = min(first, second), 1.0 - max(first, second)
    found = discrete_kelly(win, payout, tie)
    assert found.fraction is not None
    assert found.growth is not None
    assert 0.0 <= found.fraction <= 1.0 + 1e-9
    loss = 1.0 - win - tie
    for other in np.linspace(0.0, 0.999, 50):
        growth = win * math.log1p(other * payout) + loss * math.log1p(-other)
        assert growth <= found.growth + 1e-9


@given(CHANCES, PAYOUTS)
@PROPERTY
def test_without_an_edge_there_is_no_stake(win: float, payout: float) -> None:
    fraction = discrete_kelly(win, payout).fraction
    assert fraction is not None
    assert (fraction > 0.0) == (edge_of(win, payout) > 0.0)


def test_a_bet_that_cannot_be_lost_takes_everything_and_one_that_is_always_a_tie_nothing() -> None:
    assert discrete_kelly(1.0, 0.5) == Stake(fraction=1.0, growth=pytest.approx(math.log(1.5)))
    assert discrete_kelly(0.0, 1.0, 1.0) == discrete_kelly(0.5, 0.0) == Stake(fraction=0.0, growth=0.0)


@pytest.mark.parametrize(
    "terms", [(1.1, 1.0, 0.0), (-0.1, 1.0, 0.0), (0.6, 1.0, 0.5), (0.5, -1.0, 0.0), (math.nan, 1.0, 0.0),
              (0.5, math.inf, 0.0), (0.5, math.nan, 0.0), (0.5, 1.0, math.nan)],
)  # fmt: skip
def test_odds_that_cannot_be_are_refused(terms: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        discrete_kelly(*terms)


def test_full_kelly_of_a_process_doubles_to_no_growth() -> None:
    full = continuous_kelly(0.1, 0.2, 0.02)
    assert full == pytest.approx(2.0)
    assert growth_at(2 * full, 0.1, 0.2, 0.02) == pytest.approx(0.02)
    assert growth_at(full, 0.1, 0.2, 0.02) > growth_at(0.9 * full, 0.1, 0.2, 0.02)
    assert continuous_kelly(-0.1, 0.2) == 0.0


@pytest.mark.parametrize("terms", [(0.1, 0.0), (0.1, -0.1), (0.1, math.nan), (0.1, math.inf), (math.nan, 0.1)])
def test_a_process_without_a_variance_is_refused(terms: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        continuous_kelly(*terms)


def test_the_cap_comes_after_the_share() -> None:
    assert [fractional(4.0, 0.5, 1.0), fractional(1.0, 0.5, 1.0)] == [1.0, 0.5]
    for share, cap in ((1.1, 1.0), (-0.1, 1.0), (0.5, -1.0), (math.nan, 1.0), (0.5, math.nan)):
        with pytest.raises(ValueError, match="is allowed"):
            fractional(0.5, share, cap)


@given(st.lists(st.floats(-2.0, 5.0), min_size=1, max_size=30))
@PROPERTY
def test_past_results_are_met_by_the_fraction_that_would_have_grown_fastest(results: list[float]) -> None:
    found = sample_kelly(results)
    if found.reason is not None:
        assert min(results) >= 0.0
        return
    assert found.fraction is not None
    assert found.growth is not None
    bound = 1.0 / -min(results) if min(results) < 0.0 else math.inf
    assert 0.0 <= found.fraction < bound
    series = np.array(results)
    for other in np.linspace(0.0, min(bound, 100.0), 50, endpoint=False):
        assert float(np.log1p(other * series).mean()) <= found.growth + 1e-9


def test_without_results_or_losses_nothing_is_known() -> None:
    assert sample_kelly([]).reason == "no_results"
    assert sample_kelly([1.0, 2.0]).reason == "no_losses"
    assert sample_kelly([0.0]) == Stake(fraction=0.0, growth=0.0)
    with pytest.raises(ValueError, match="return 0 is nan"):
        sample_kelly([math.nan])


def test_the_same_hit_rate_earns_a_stake_only_with_enough_trades() -> None:
    few, many = (bounded_kelly(6 * k, 4 * k, 1.0, 0.9, 0.5) for k in (2, 100))
    assert few.stake == 0.0 < many.stake < many.fraction_at_mean / 2


def test_counts_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 is allowed"):
        bounded_kelly(-1, 1, 1.0, 0.9, 0.5)
