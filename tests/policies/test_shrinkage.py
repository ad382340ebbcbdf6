"""Shrinkage: between sample and identity, always a correlation, and honest about what was not measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from policies.shrinkage import ledoit_wolf, measure, oracle_approximating
from tests.properties import PROPERTY


def returns(rows: int, count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 0.01, (rows, 1))
    return shared + rng.normal(0, 0.01, (rows, count)) * np.arange(1, count + 1)


@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 50))
@PROPERTY
def test_shrinking_keeps_the_total_variance_and_leaves_a_covariance(rows: int, count: int, seed: int) -> None:
    series = returns(rows, count, seed)
    for found in (ledoit_wolf(series), oracle_approximating(series)):
        assert 0.0 <= found.shrinkage <= 1.0
        assert np.trace(found.shrunk) == pytest.approx(np.trace(found.sample))
        assert np.linalg.eigvalsh(found.shrunk).min() >= -1e-15


def test_few_returns_are_shrunk_more_than_many() -> None:
    few, many = (ledoit_wolf(returns(rows, 5)).shrinkage for rows in (12, 2_000))
    assert many < 0.1 < few


def test_what_is_its_own_target_is_not_shrunk() -> None:
    assert ledoit_wolf(returns(50, 1)).shrinkage == 0.0
    assert oracle_approximating(np.zeros((5, 2))).shrinkage == 1.0


@pytest.mark.parametrize("bad", [np.zeros((1, 2)), np.zeros(5), np.zeros((5, 0)), np.full((5, 2), math.nan)])
def test_what_has_no_covariance_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(DataQualityError, match="allowed"):
        ledoit_wolf(bad)


def test_a_volatile_instrument_does_not_change_the_correlation_of_others() -> None:
    series = returns(200, 3)
    wild = series * np.array([1.0, 1.0, 1_000.0])
    assert measure(wild).correlation == pytest.approx(measure(series).correlation)


def test_measured_is_a_correlation_with_deviations_per_period() -> None:
    series = returns(200, 4)
    found = measure(series)
    assert found.deviation == pytest.approx(series.std(axis=0, ddof=1))
    assert (np.diag(found.correlation) == 1.0).all()
    assert found.correlation == pytest.approx(found.correlation.T)
    assert (found.observations == 200).all()
    assert found.shrinkage is not None


def test_an_instrument_with_too_few_returns_is_not_measured_and_holds_up_nobody() -> None:
    series = returns(60, 3)
    series[20:, 1] = math.nan
    found = measure(series)
    assert np.isnan(found.deviation).tolist() == [False, True, False]
    assert found.observations.tolist() == [[60, 0, 60], [0, 0, 0], [60, 0, 60]]
    assert np.isnan(found.correlation[1]).all()


def test_only_common_rows_are_used() -> None:
    series = returns(100, 2)
    series[:40, 0] = math.nan
    series[90:, 1] = math.nan
    assert (measure(series).observations == 50).all()


def test_instruments_without_a_common_history_are_given_up_until_one_is_left() -> None:
    series = returns(80, 2)
    series[:40, 0] = math.nan
    series[40:, 1] = math.nan
    assert measure(series).observations.tolist() == [[0, 0], [0, 40]]


def test_what_does_not_move_is_not_measured() -> None:
    series = returns(80, 3)
    series[:, 0] = 0.0
    series[:40, 1] = math.nan
    series[40:, 2] = 0.001  # flat where the other is known
    found = measure(series)
    assert np.isnan(found.deviation).tolist() == [True, False, True]


@pytest.mark.parametrize("rows", [0, 29])
def test_too_few_returns_measure_nothing(rows: int) -> None:
    found = measure(returns(rows, 2))
    assert np.isnan(found.deviation).all()
    assert found.shrinkage is None
    assert not found.observations.any()


def test_infinite_returns_are_refused() -> None:
    with pytest.raises(DataQualityError, match="finite numbers or NaN"):
        measure(np.full((40, 2), math.inf))
