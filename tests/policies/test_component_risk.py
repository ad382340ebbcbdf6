"""Shares of risk: they add up, a hedge's is negative, and what is no covariance is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from policies.component_risk import component_es, component_var
from tests.properties import PROPERTY

COVARIANCE = np.array([[4e-4, 1.8e-4, 2e-5], [1.8e-4, 9e-4, -5e-5], [2e-5, -5e-5, 1e-4]])
WEIGHTS = st.lists(st.integers(-50_000, 50_000).filter(bool), min_size=3, max_size=3).map(
    lambda weights: np.array(weights, np.float64)
)
STEP = 1e-3
RETURNS = np.random.default_rng(5).normal(0, 0.01, (60, 3))


@given(WEIGHTS, st.sampled_from([0.9, 0.95, 0.99]))
@PROPERTY
def test_components_add_up_to_the_whole_which_is_at_most_that_of_the_parts(
    weights: np.ndarray, confidence: float
) -> None:
    found = component_var(weights, COVARIANCE, confidence)
    assert found.component is not None
    assert found.fraction is not None
    assert sum(found.component) == pytest.approx(found.var)
    assert sum(found.fraction) == pytest.approx(1.0)
    assert found.var <= found.undiversified * (1 + 1e-12)


@given(WEIGHTS)
@PROPERTY
def test_marginal_is_the_slope_and_incremental_the_step(weights: np.ndarray) -> None:
    found = component_var(weights, COVARIANCE, 0.95)
    assert found.marginal is not None
    assert found.incremental is not None
    for i in range(3):
        more, less, without = weights.copy(), weights.copy(), weights.copy()
        more[i], less[i], without[i] = weights[i] + STEP, weights[i] - STEP, 0.0
        slope = (component_var(more, COVARIANCE, 0.95).var - component_var(less, COVARIANCE, 0.95).var) / (2.0 * STEP)
        assert found.marginal[i] == pytest.approx(slope, rel=1e-3, abs=1e-5)
        assert found.incremental[i] == pytest.approx(found.var - component_var(without, COVARIANCE, 0.95).var)


def test_a_hedge_has_a_negative_share() -> None:
    found = component_var(np.array([1.0, -0.5]), np.array([[1.0, 0.9], [0.9, 1.0]]), 0.95)
    assert found.component is not None
    assert found.component[1] < 0 < found.component[0]


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0]])
def test_without_risk_shares_are_undefined_and_said_to_be(weights: list[float]) -> None:
    found = component_var(np.array(weights), np.ones((2, 2)), 0.95)
    assert (found.var, found.component, found.marginal, found.reason) == (0.0, None, None, "no_risk")


@pytest.mark.parametrize(
    ("weights", "covariance", "message"),
    [
        ([1.0], np.eye(2), "does not fit 1 weights"),
        ([1.0, 1.0], -np.eye(2), "a variance is negative"),
        ([1.0, 1.0], np.array([[1.0, -2.0], [-2.0, 1.0]]), "positive semidefinite"),
        ([1.0, math.nan], np.eye(2), r"weights at \(1,\) is nan"),
        ([1.0, 1.0], np.array([[1.0, 0.0], [math.inf, 1.0]]), r"covariance at \(1, 0\) is inf"),
    ],
)
def test_what_is_no_portfolio_is_refused(weights: list[float], covariance: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        component_var(np.array(weights), covariance, 0.95)


@given(WEIGHTS)
@PROPERTY
def test_shares_of_the_tail_are_of_the_portfolios_worst_returns(weights: np.ndarray) -> None:
    found = component_es(RETURNS, weights, 0.95)
    assert found is not None
    worst = np.sort(RETURNS @ weights)[:3]
    assert len(found.rows) == 3
    assert found.total == pytest.approx(-worst.mean()) == pytest.approx(sum(found.component))


def test_without_returns_there_is_no_tail() -> None:
    assert component_es(np.zeros((0, 2)), np.ones(2), 0.95) is None


def test_returns_of_other_instruments_or_with_holes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit returns"):
        component_es(RETURNS, np.ones(2), 0.95)
    with pytest.raises(DataQualityError, match="returns at"):
        component_es(np.full((3, 2), math.nan), np.ones(2), 0.95)
