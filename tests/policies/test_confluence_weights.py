"""Weights: the projection is the nearest point, updates keep the bounds, timeframes compare by a year's volatility."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from policies.confluence_weights import (
    WeightRule,
    joint_weights,
    project,
    projected,
    regime_weights,
    run_volatility,
    timeframe_weights,
    update_weights,
    volatility_size,
    volatility_update,
)
from tests.market.bars import real_bars
from tests.policies.votes import EURUSD
from tests.properties import FEW

NAN = math.nan
RAW = st.lists(st.floats(-5.0, 5.0), min_size=3, max_size=8)


@FEW
@given(RAW, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_no_other_weights_within_the_bounds_are_nearer(raw, low_share, high_share, seed) -> None:
    count = len(raw)
    low = low_share / count
    high = 1.0 / count + high_share * (1.0 - 1.0 / count)
    weights = projected(raw, low, high)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert ((weights >= low) & (weights <= high)).all()
    distance = float(((weights - raw) ** 2).sum())
    other = np.random.default_rng(seed).dirichlet(np.ones(count))
    while (other > high).any() or (other < low).any():
        other = 0.5 * other + 0.5 / count if low < 1.0 / count < high else weights
    assert distance <= float(((other - raw) ** 2).sum()) + 1e-9


def test_to_clip_and_divide_would_leave_the_bounds_and_the_projection_does_not() -> None:
    weights = projected([0.9, 0.05, 0.03, 0.02], 0.05, 0.4)
    assert weights.max() == 0.4
    assert weights.min() >= 0.05


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.9), (0.0, 0.2), (-0.1, 0.9), (0.5, 0.2), (NAN, 0.9)])
def test_bounds_that_cannot_hold_are_refused_and_write_nothing(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"3 weights from .* cannot add up to 1"):
        projected([0.5, 0.3, 0.2], low, high)
    out = np.array([7.0, 7.0, 7.0])
    assert not project(np.array([0.5, 0.3, 0.2]), low, high, out)
    assert out.tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("bad", [NAN, math.inf])
def test_weights_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(DataQualityError, match="finite numbers"):
        projected([0.5, bad], 0.1, 0.9)


def test_a_source_without_an_outcome_only_makes_room() -> None:
    weights, out = np.array([0.4, 0.3, 0.3]), np.zeros(3)
    assert update_weights(weights, np.array([0.2, NAN, NAN]), WeightRule(), out)
    assert out[0] > 0.4
    assert out[1] == pytest.approx(out[2])
    assert update_weights(weights, np.array([NAN, NAN, NAN]), WeightRule(), out)
    assert out.tolist() == pytest.approx([0.4, 0.3, 0.3], abs=1e-15)


def test_a_large_performance_does_not_overflow() -> None:
    out = np.zeros(2)
    assert update_weights(np.array([0.5, 0.5]), np.array([1e6, -1e6]), WeightRule(high=0.9), out)
    assert out.tolist() == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize(
    ("weights", "performance", "rule"),
    [
        ([0.5, 0.5], [math.inf, 0.0], WeightRule()),
        ([NAN, 0.5], [0.0, 0.0], WeightRule()),
        ([-0.5, 1.5], [0.0, 0.0], WeightRule()),
        ([0.0, 0.0], [0.0, 0.0], WeightRule()),
        ([0.5, 0.5], [0.0, 0.0], WeightRule(high=0.4)),
    ],
)
def test_an_update_that_cannot_be_computed_leaves_the_weights(weights, performance, rule) -> None:
    out = np.array([0.7, 0.3])
    assert not update_weights(np.array(weights), np.array(performance), rule, out)
    assert out.tolist() == [0.7, 0.3]


@FEW
@given(st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4), st.integers(1, 30))
def test_weights_stay_within_their_bounds_however_long_they_learn(performance, rounds) -> None:
    weights, rule = np.full(4, 0.25), WeightRule()
    for _ in range(rounds):
        assert update_weights(weights, np.array(performance), rule, weights)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert ((weights >= rule.low) & (weights <= rule.high)).all()


def test_a_regime_leans_on_what_it_is_told_to_within_the_bounds() -> None:
    base, out = np.array([0.5, 0.3, 0.2]), np.zeros(3)
    assert regime_weights(base, np.ones(3), 0.05, 0.5, out)
    assert out.tolist() == pytest.approx(base.tolist())
    assert regime_weights(base, np.array([0.1, 1.0, 9.0]), 0.05, 0.5, out)
    assert out[2] == 0.5
    assert out[0] >= 0.05
    before = out.copy()
    assert not regime_weights(base, np.array([-1.0, 1.0, 1.0]), 0.05, 0.5, out)
    assert not regime_weights(base, np.zeros(3), 0.05, 0.5, out)
    assert not regime_weights(base, np.ones(3), 0.5, 0.6, out)
    assert out.tolist() == before.tolist()


def test_a_timeframe_without_a_volatility_weighs_nothing_and_is_missed_in_the_share() -> None:
    base, out = np.array([0.2, 0.3, 0.5]), np.zeros(3)
    assert timeframe_weights(base, np.array([0.9, 0.6, NAN]), 1.0, out) == pytest.approx(0.5)
    assert out[2] == 0.0
    assert out.sum() == pytest.approx(1.0)
    before = out.copy()
    assert timeframe_weights(base, np.array([NAN, 0.0, math.inf]), 1.0, out) == 0.0
    assert out.tolist() == before.tolist()


def test_each_source_weighs_at_each_timeframe_what_both_weigh() -> None:
    out = np.zeros(6)
    joint_weights(np.array([0.25, 0.75]), np.array([0.5, 0.25, 0.25]), out)
    assert out.tolist() == [0.125, 0.0625, 0.0625, 0.375, 0.1875, 0.1875]


def volatility_of(closes, bars: int = 20, bars_per_year: float = 372_000.0):
    state, out = np.zeros(volatility_size(bars)), np.full(len(closes), -1.0)
    run_volatility(state, np.asarray(closes, np.float64), bars_per_year, out)
    return out


def test_volatility_is_the_deviation_of_returns_for_a_year_at_every_real_bar() -> None:
    closes = real_bars(EURUSD).close[:400]
    returns = np.diff(np.log(closes))
    expected = [returns[i - 20 : i].std(ddof=1) * math.sqrt(372_000.0) for i in range(20, 400)]
    found = volatility_of(closes)
    assert np.isnan(found[:20]).all()
    assert found[20:].tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cut", [1, 21, 150])
def test_volatility_of_the_past_does_not_know_what_came_later(cut: int) -> None:
    closes = real_bars(EURUSD).close[:300]
    assert volatility_of(closes[:cut]).tobytes() == volatility_of(closes)[:cut].tobytes()


@pytest.mark.parametrize("bad", [NAN, 0.0, -1.0, math.inf])
def test_a_close_that_is_no_price_moves_nothing(bad: float) -> None:
    closes = list(real_bars(EURUSD).close[:60])
    with_gap = volatility_of([*closes[:30], bad, *closes[30:]])
    assert math.isnan(with_gap[30])
    assert np.delete(with_gap, 30).tobytes() == volatility_of(closes).tobytes()


def test_a_volatility_needs_two_returns() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        volatility_size(1)
    state = np.zeros(volatility_size(2))
    assert math.isnan(volatility_update(state, 1.0, 252.0))
