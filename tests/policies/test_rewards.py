"""Rewards: paid for what was held, less what trading cost; a differential Sharpe is a derivative."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import copied
from policies.rewards import differential_sharpe, drawdown_memory, drawdown_penalised, log_return, sharpe_memory
from tests.properties import PROPERTY

RETURNS = st.floats(-0.2, 0.2)


def test_a_bar_pays_the_position_that_was_held_and_not_the_one_just_chosen() -> None:
    assert log_return(0.0, 1.0, 0.1, 0.0) == 0.0
    assert log_return(1.0, 0.0, 0.1, 0.0) == pytest.approx(math.log(1.1))


def test_turning_a_position_costs_twice_what_opening_it_does() -> None:
    assert log_return(1.0, -1.0, 0.0, 0.001) == pytest.approx(math.log(0.998))


@pytest.mark.parametrize("bar_return", [-1.0, -1.5])
def test_a_step_that_loses_everything_is_paid_minus_infinity(bar_return: float) -> None:
    assert log_return(1.0, 1.0, bar_return, 0.0) == -math.inf


def test_what_is_not_a_number_is_not_remembered() -> None:
    memory = sharpe_memory()
    differential_sharpe(memory[0], 0.01, 0.1)
    before = copied(memory[0])
    assert math.isnan(differential_sharpe(memory[0], math.nan, 0.1))
    assert memory[0] == before[0]
    account = drawdown_memory(100.0)
    assert math.isnan(drawdown_penalised(account[0], math.inf, 1.0))
    assert account[0].equity == 100.0
    assert math.isnan(log_return(1.0, 1.0, math.nan, 0.0))


@given(st.lists(RETURNS, min_size=3, max_size=30), RETURNS)
@PROPERTY
def test_the_differential_sharpe_is_the_derivative_of_the_ratio_by_eta(history: list[float], last: float) -> None:
    memory = sharpe_memory()
    for one in history:
        differential_sharpe(memory[0], one, 0.1)
    mean, square = float(memory[0].first), float(memory[0].second)
    step = 1e-6

    def ratio(eta: float) -> float:
        one, two = mean + eta * (last - mean), square + eta * (last * last - square)
        return one / math.sqrt(two - one * one)

    found = differential_sharpe(memory[0], last, 0.1)
    if square - mean * mean <= 1e-6:
        return  # too little variance for a difference quotient
    assert found == pytest.approx((ratio(step) - ratio(-step)) / (2 * step), rel=1e-4, abs=1e-6)


def test_returns_without_variance_are_worth_nothing() -> None:
    memory = sharpe_memory()
    assert [differential_sharpe(memory[0], 0.0, 0.5) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_only_a_deeper_drawdown_is_penalised() -> None:
    memory = drawdown_memory(100.0)
    fall, rise, again = (drawdown_penalised(memory[0], equity, 2.0) for equity in (90.0, 95.0, 90.0))
    assert fall == pytest.approx(-0.1 - 2.0 * 0.1)
    assert rise == pytest.approx(95 / 90 - 1)
    assert again == pytest.approx(90 / 95 - 1 - 2.0 * 0.05)


def test_an_account_that_is_gone_has_no_return_after_it() -> None:
    memory = drawdown_memory(100.0)
    assert drawdown_penalised(memory[0], -5.0, 1.0) == -2.0
    assert math.isnan(drawdown_penalised(memory[0], 100.0, 1.0))


@pytest.mark.parametrize("equity", [0.0, -1.0, math.nan, math.inf])
def test_an_account_begins_with_something(equity: float) -> None:
    with pytest.raises(ValueError, match="above 0 is allowed"):
        drawdown_memory(equity)
