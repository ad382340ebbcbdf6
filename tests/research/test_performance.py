"""Return metrics: what is undefined says why, and what is defined is finite."""

import math
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from research.performance import (
    ReturnMetrics,
    periods_per_year,
    return_metrics,
    sharpe_standard_error,
    time_weighted_return,
)
from tests.properties import PROPERTY

COUNTS = {"n", "dropped", "ruin", "reasons"}


@given(st.lists(st.floats(-1.5, 3.0), max_size=60), st.sampled_from([252.0, 8760.0, 525600.0]))
@PROPERTY
def test_every_metric_is_finite_or_none_with_a_reason(returns: list[float], ppy: float) -> None:
    metrics = return_metrics(returns, ppy)
    values = {name: value for name, value in msgspec.structs.asdict(metrics).items() if name not in COUNTS}
    assert {name for name, value in values.items() if value is None} == set(metrics.reasons)
    assert all(math.isfinite(value) for value in values.values() if value is not None)
    assert metrics.ruin == any(value <= -1.0 for value in returns)


@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=40))
@PROPERTY
def test_a_drawdown_is_measured_from_the_highest_wealth_before_it(returns: list[float]) -> None:
    metrics = return_metrics(returns, 252.0)
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + np.array(returns))])
    worst = min(wealth[j] / wealth[i] - 1 for i in range(len(wealth)) for j in range(i, len(wealth)))
    assert metrics.max_drawdown == pytest.approx(worst, abs=1e-12)
    if metrics.max_dd_peak_index is not None and metrics.max_dd_trough_index is not None:
        peak, trough = wealth[metrics.max_dd_peak_index + 1], wealth[metrics.max_dd_trough_index + 1]
        assert trough / peak - 1 == pytest.approx(worst, abs=1e-12)


def test_a_drawdown_has_recovered_once_its_peak_is_reached_again() -> None:
    metrics = return_metrics([1.0, -0.5, 1.0, 0.1], 252.0)
    places = metrics.max_dd_peak_index, metrics.max_dd_trough_index, metrics.max_dd_recovery_index
    assert places == (0, 1, 2)


REASONS = {
    (): ("sharpe", "insufficient_data"),
    (0.01,): ("sharpe", "insufficient_data"),
    (0.001,) * 30: ("sharpe", "zero_variance"),
    (0.01, 0.02): ("sortino", "no_downside"),
    (0.01, 0.03): ("calmar", "no_drawdown"),
    (0.02, -0.01, 0.001): ("max_dd_recovery_index", "not_recovered"),
    (0.5, -1.0, 0.5): ("sharpe", "ruin"),
    (9.0, 8.0): ("cagr", "overflow"),
}


@pytest.mark.parametrize("returns", REASONS)
def test_an_undefined_metric_says_why(returns: tuple[float, ...]) -> None:
    name, reason = REASONS[returns]
    metrics = return_metrics(returns, 525600.0)
    assert getattr(metrics, name) is None
    assert metrics.reasons[name] == reason


def test_nan_is_refused_by_its_place_or_dropped_and_counted() -> None:
    returns = [0.01, None, math.nan, 0.02]
    with pytest.raises(DataQualityError, match="return 1 is None"):
        return_metrics(returns, 252.0)
    dropped = return_metrics(returns, 252.0, nan_policy="drop")
    assert (dropped.n, dropped.dropped) == (2, 2)
    assert dropped.sharpe == return_metrics([0.01, 0.02], 252.0).sharpe
    with pytest.raises(ValueError, match="'reject' and 'drop' are allowed"):
        return_metrics(returns, 252.0, nan_policy="ignore")


def test_after_ruin_wealth_stays_zero() -> None:
    metrics = return_metrics([0.1, -1.2, 5.0], 252.0)
    assert (metrics.total_return, metrics.cagr, metrics.max_drawdown) == (-1.0, -1.0, -1.0)
    assert isinstance(metrics, ReturnMetrics)


def test_flows_are_no_performance() -> None:
    equity = [Decimal(value) for value in (100, 150, 75)]
    returns, compound = time_weighted_return(equity, [Decimal(0), Decimal(50), Decimal(-75)])
    assert (returns, compound) == ((0.0, 0.0), 0.0)


def test_a_period_that_begins_without_equity_has_no_return_and_neither_has_the_whole() -> None:
    equity, none = [Decimal(value) for value in (100, 0, 50, 60)], [Decimal(0)] * 4
    assert time_weighted_return(equity, none) == ((-1.0, None, None), None)
    assert time_weighted_return(equity[:1], none[:1]) == ((), None)


def test_bars_and_calendars_that_are_not_known_are_refused() -> None:
    assert periods_per_year("fx24x5", "1w") == 52
    for calendar, bar in (("moon", "1d"), ("crypto", "7m")):
        with pytest.raises(ValueError, match="calendars are crypto, fx24x5, us_equity; bars are 1m"):
            periods_per_year(calendar, bar)


def test_a_sharpe_ratio_without_variance_has_no_error() -> None:
    assert sharpe_standard_error([0.01]) is None
    assert sharpe_standard_error([0.01] * 5) is None
    found = sharpe_standard_error([1.0, 1.0001, 1.0, 1.0001, 1.0001])
    assert found is not None
    assert found.se_non_normal is None or found.se_non_normal > 0
