"""VaR and ES: the definitions on small series, what is undefined, what is doubtful, and laws of every method."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from policies.tail_risk import (
    Method,
    Tail,
    alpha_of,
    cornish_fisher,
    ewma_sigma,
    is_monotone,
    series_of,
    tail,
    tail_count,
    tails,
)
from tests.properties import PROPERTY

WALK = [0.01, -0.02, 0.005, 0.03, -0.01, 0.0, 0.012, -0.004, 0.002, -0.015] * 20


def test_the_tail_of_a_round_share_is_that_many_returns() -> None:
    assert [tail_count(100, alpha_of(confidence)) for confidence in (0.95, 0.9, 0.99, 0.975)] == [5, 10, 1, 3]
    returns = [k / 1000 for k in range(-100, 0)]
    found = tail(returns, 0.95, Method.HISTORICAL)
    assert (found.var, found.es) == pytest.approx((0.096, 0.098))


def test_the_interpolated_quantile_takes_in_a_return_that_it_meets_exactly() -> None:
    returns = [k / 1000 for k in range(-10, 1)]  # 11 returns: at 0.9 the quantile is the second
    found = tail(returns, 0.9, Method.HISTORICAL_LINEAR)
    assert (found.var, found.es) == pytest.approx((0.009, 0.0095))


@pytest.mark.parametrize("method", Method)
def test_without_returns_nothing_is_defined(method: Method) -> None:
    assert tail([], 0.95, method) == Tail(method=method, reason="no_returns")


@pytest.mark.parametrize("method", [Method.NORMAL, Method.CORNISH_FISHER])
def test_one_return_has_no_deviation(method: Method) -> None:
    assert tail([0.01], 0.95, method) == Tail(method=method, reason="insufficient_data")


def test_one_return_is_its_own_history() -> None:
    assert tail([-0.01], 0.95, Method.HISTORICAL) == Tail(
        method=Method.HISTORICAL, var=0.01, es=0.01, caution="extrapolated"
    )


def test_too_few_returns_for_the_tail_are_said_to_be() -> None:
    cautions = [tail(WALK[:count], 0.95, Method.HISTORICAL).caution for count in (19, 20, 199, 200)]
    assert cautions == ["extrapolated", "insufficient_data", "insufficient_data", None]


def test_returns_that_do_not_vary_have_no_skew() -> None:
    assert tail([0.1] * 50, 0.95, Method.CORNISH_FISHER) == Tail(method=Method.CORNISH_FISHER, reason="zero_variance")
    assert tail([0.1] * 50, 0.95, Method.NORMAL).var == pytest.approx(-0.1)


def test_a_gain_in_the_tail_is_a_negative_var_and_is_not_clipped() -> None:
    found = tails([0.01, 0.02, 0.03, 0.04], 0.75)
    assert found[Method.HISTORICAL].var == -0.01
    assert found[Method.HISTORICAL_LINEAR].var == pytest.approx(-0.0175)


def test_cornish_fisher_gives_way_to_history_where_it_is_not_monotone_and_says_so() -> None:
    returns = [*WALK, -0.3, -0.25]
    found = tails(returns, 0.99)
    expansion = cornish_fisher(series_of(returns), alpha_of(0.99))
    assert expansion is not None
    assert not expansion.monotone
    replaced, history = found[Method.CORNISH_FISHER], found[Method.HISTORICAL]
    assert (replaced.method, replaced.caution) == (Method.HISTORICAL, "cornish_fisher_not_monotone")
    assert (replaced.var, replaced.es) == (history.var, history.es)


def test_cornish_fisher_is_used_where_it_is_monotone() -> None:
    found = tail(np.random.default_rng(3).normal(0.0, 0.01, 400).tolist(), 0.95, Method.CORNISH_FISHER)
    assert found.method is Method.CORNISH_FISHER
    assert found.var == pytest.approx(0.0164, abs=0.002)


@given(st.floats(-3.0, 3.0), st.floats(-2.0, 12.0))
@PROPERTY
def test_monotone_means_that_no_worse_quantile_is_a_smaller_loss(skew: float, kurtosis: float) -> None:
    z = np.linspace(-3.719, 3.719, 4_001)
    moved = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    slopes = np.diff(moved) / np.diff(z)
    if abs(slopes.min()) > 1e-3:
        assert is_monotone(skew, kurtosis) == (slopes.min() > 0)


def test_the_newest_return_weighs_most_in_ewma() -> None:
    assert ewma_sigma(np.array([0.01]), 0.94) == pytest.approx(0.01)
    assert ewma_sigma(np.array([0.01, 0.02]), 0.94) == pytest.approx(math.sqrt(0.94e-4 + 0.06 * 4e-4))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, -0.1, math.nan])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"more than 0 and less than 1 is allowed, as 0\.95"):
        tail(WALK, confidence, Method.NORMAL)


@pytest.mark.parametrize("decay", [0.0, 1.0, math.nan])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="EWMA decay"):
        tail(WALK, 0.95, Method.EWMA, decay)


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_a_return_that_is_not_finite_is_named_and_refused(bad: float) -> None:
    with pytest.raises(DataQualityError, match="return 1 is"):
        tail([0.1, bad], 0.95, Method.HISTORICAL)


def test_alpha_is_what_is_written() -> None:
    assert [alpha_of(c) for c in (0.95, 0.99, 0.975)] == [Fraction(1, 20), Fraction(1, 100), Fraction(1, 40)]


RETURNS = st.lists(st.integers(-100_000, 100_000).map(lambda ppm: ppm / 1e6), min_size=2, max_size=60)
CONFIDENCES = st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.975, 0.99])


@given(RETURNS, CONFIDENCES)
@PROPERTY
def test_the_shortfall_beyond_a_loss_is_never_less_than_it(returns: list[float], confidence: float) -> None:
    for method in (Method.HISTORICAL, Method.HISTORICAL_LINEAR, Method.NORMAL, Method.EWMA):
        found = tail(returns, confidence, method)
        assert found.var is not None
        assert found.es is not None
        assert found.es >= found.var - 1e-12


@given(RETURNS, CONFIDENCES, st.floats(0.1, 10.0))
@PROPERTY
def test_k_times_the_position_is_k_times_the_loss(returns: list[float], confidence: float, k: float) -> None:
    for method in (Method.HISTORICAL, Method.HISTORICAL_LINEAR, Method.NORMAL, Method.EWMA):
        one, scaled = (tail(values, confidence, method) for values in (returns, [k * value for value in returns]))
        assert one.var is not None
        assert one.es is not None
        assert (scaled.var, scaled.es) == pytest.approx((k * one.var, k * one.es), rel=1e-9, abs=1e-12)


@given(RETURNS, RETURNS, CONFIDENCES)
@PROPERTY
def test_the_default_shortfall_of_two_books_is_at_most_the_sum_of_theirs(
    one: list[float], other: list[float], confidence: float
) -> None:
    size = min(len(one), len(other))
    books = [one[:size], other[:size], [a + b for a, b in zip(one, other, strict=False)]]
    first, second, both = (tail(book, confidence, Method.HISTORICAL).es for book in books)
    assert first is not None
    assert second is not None
    assert both is not None
    assert both <= first + second + 1e-12
