"""The portfolio gate: each limit alone, what it does not know, and that a limit more never allows more."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.component_risk import component_var
from policies.correlation_gate import conflicts, effective_correlation
from policies.distributions import normal_quantile
from policies.portfolio_gate import (
    EXPOSURE_MAX,
    UNKNOWN,
    Portfolio,
    PortfolioRule,
    expose,
    learn,
    objections,
    open_portfolio,
    portfolio_limits,
    value_at_risk,
)
from tests.builders import HOUR, MONEY
from tests.policies.portfolios import DEVIATION, EQUITY, NOW, ROOMY, a_portfolio, limits, measured
from tests.properties import PROPERTY

R = PortfolioRule


def asked(
    portfolio: Portfolio, *legs: tuple[int, int], equity: int = EQUITY, now_ns: int = NOW, **terms: float
) -> PortfolioRule:
    (one, *rest) = [(instrument, notional * MONEY) for instrument, notional in legs]
    other = rest[0] if rest else (-1, 0)
    return R(objections(portfolio, limits(**terms), equity, now_ns, (*one, *other)))


def pair(rho: float) -> list[list[float]]:
    return [[1.0, rho], [rho, 1.0]]


def test_an_ordinary_exposure_passes() -> None:
    assert asked(a_portfolio(1_000, -2_000, 0), (2, 5_000)) == R(0)


def test_value_at_risk_is_that_of_the_whole_portfolio_with_the_new_exposure() -> None:
    portfolio = a_portfolio(30_000, 0)
    var = 2 * DEVIATION * math.hypot(30_000, 40_000)
    assert asked(portfolio, (1, 40_000), var_max=round(var * MONEY)) == R(0)
    assert asked(portfolio, (1, 40_000), var_max=round(var * MONEY) - 1) == R.VAR_LIMIT


def test_a_measured_hedge_lowers_value_at_risk_and_an_unmeasured_one_does_not() -> None:
    hedge = (1, -10_000)
    assert asked(a_portfolio(10_000, 0, correlation=pair(1.0)), hedge, var_max=0) == R(0)
    for observations, rules in ((30, R(0)), (29, R.VAR_LIMIT)):
        portfolio = a_portfolio(10_000, 0, correlation=pair(1.0), observations=observations)
        assert asked(portfolio, hedge, var_max=399 * MONEY) == rules


@pytest.mark.parametrize("side", [1, -1])
def test_unmeasured_pairs_add_up_whatever_their_sides(side: int) -> None:
    portfolio = a_portfolio(10_000 * side, 0, observations=29)
    for other in (1, -1):
        assert asked(portfolio, (1, 5_000 * other), var_max=300 * MONEY) == R(0)
        assert asked(portfolio, (1, 5_000 * other), var_max=300 * MONEY - 1) == R.VAR_LIMIT


def test_a_cluster_holds_its_cap_and_no_more_longs_and_shorts_counted_in_full() -> None:
    portfolio = a_portfolio(6_000, 0, 90_000, correlation=[[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    for sign in (1, -1):
        assert asked(portfolio, (1, 4_000 * sign), cluster_ppm_max=100_000, correlation_max=2.0) == R(0)
        assert asked(portfolio, (1, 4_001 * sign), cluster_ppm_max=100_000, correlation_max=2.0) == R.CLUSTER_CAP


@pytest.mark.parametrize(
    ("rho", "held", "new", "blocked"),
    [(0.7, 1, 1, True), (0.69, 1, 1, False), (0.9, 1, -1, False), (-0.7, 1, -1, True), (-0.9, -1, 1, True),
     (-0.9, 1, 1, False), (0.8, -1, -1, True), (0.9, 0, 1, False)],
)  # fmt: skip
def test_the_same_bet_is_refused_by_correlation_and_sides(rho: float, held: int, new: int, blocked: bool) -> None:
    portfolio = a_portfolio(1_000 * held, 0, correlation=pair(rho))
    assert asked(portfolio, (1, 1_000 * new)) == (R.SAME_BET if blocked else R(0))


def test_more_of_the_same_instrument_is_not_a_second_bet() -> None:
    assert asked(a_portfolio(1_000, 0), (0, 1_000)) == R(0)


def test_an_unmeasured_pair_of_one_class_is_the_same_bet_and_of_two_is_not() -> None:
    for side in (1, -1):
        assert asked(a_portfolio(1_000, 0, classes=(1, 1), observations=29), (1, 1_000 * side)) == R.SAME_BET
        assert asked(a_portfolio(1_000, 0, classes=(1, 2), observations=29), (1, 1_000 * side)) == R(0)


def test_both_legs_of_an_intent_count_together() -> None:
    portfolio = a_portfolio(0, 0, correlation=pair(0.95))
    assert asked(portfolio, (0, 5_000), (1, -5_000)) == R(0)
    assert asked(portfolio, (0, 5_000), (1, 5_000)) == R.SAME_BET
    assert asked(portfolio, (0, 5_000), (1, -5_000), cluster_ppm_max=99_999) == R.CLUSTER_CAP
    assert asked(portfolio, (0, 5_000), (1, 5_000), var_max=195 * MONEY) == R.SAME_BET | R.VAR_LIMIT


def spoiled(**changes: Any) -> Portfolio:
    """Return an ordinary portfolio with one place of some of its arrays overwritten."""
    portfolio = a_portfolio(1_000, 2_000)
    for name, (place, value) in changes.items():
        getattr(portfolio, name)[place] = value
    return portfolio


@pytest.mark.parametrize(
    "change",
    [
        {"net": (1, UNKNOWN)}, {"net": (1, EXPOSURE_MAX + 1)}, {"gross": (1, UNKNOWN)}, {"gross": (1, 1)},
        {"deviation": (1, math.nan)}, {"deviation": (0, math.nan)}, {"deviation": (0, -0.01)},
        {"correlation": ((0, 1), math.nan)}, {"clusters": (0, -1)},
        {"estimated_ns": (0, 0)}, {"estimated_ns": (0, NOW + 1)}, {"estimated_ns": (0, NOW - HOUR - 1)},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_missing_or_impossible_objects(change: dict[str, Any]) -> None:
    assert asked(spoiled(), (0, 1_000)) == R(0)
    assert asked(spoiled(**change), (0, 1_000)) & R.NOT_MEASURED


@pytest.mark.parametrize(
    "terms", [{"z": math.nan}, {"z": 0.0}, {"z": math.inf}, {"correlation_max": math.nan}], ids=str
)
def test_limits_that_are_no_numbers_object(terms: dict[str, float]) -> None:
    assert asked(spoiled(), (0, 1_000), **terms) == R.NOT_MEASURED


def test_no_equity_and_unknown_instruments_and_impossible_notionals_object() -> None:
    for equity in (0, -1):
        assert asked(spoiled(), (0, 1_000), equity=equity) == R.NOT_MEASURED
    assert asked(spoiled(), (2, 1_000)) == asked(spoiled(), (-1, 1_000)) == R.NOT_MEASURED
    assert asked(spoiled(), (0, 1_000), (2, 1_000)) == R.NOT_MEASURED
    assert asked(spoiled(), (0, EXPOSURE_MAX // MONEY + 1)) == R.NOT_MEASURED


def test_a_matrix_that_is_no_correlation_objects() -> None:
    impossible = [[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]]
    assert asked(a_portfolio(1_000, 1_000, 1_000, correlation=impossible), (0, 0)) == R.NOT_MEASURED | R.VAR_LIMIT


@pytest.mark.parametrize("rho", [math.nan, 1.5, -1.5])
def test_a_measured_correlation_that_is_none_objects_and_an_unmeasured_one_need_not_be_one(rho: float) -> None:
    portfolio = a_portfolio(1_000, 2_000)
    for observations, rules in ((29, R(0)), (30, R.NOT_MEASURED | R.VAR_LIMIT)):
        learn(portfolio, measured(pair(rho), observations), (0, 1), NOW)
        assert asked(portfolio, (0, 0)) == rules


def test_limits_that_were_not_set_let_nothing_pass_and_a_new_portfolio_neither() -> None:
    nothing = portfolio_limits(z=2.0, stale_after_ns=HOUR)[0]
    found = R(objections(a_portfolio(0, 0), nothing, EQUITY, NOW, (0, MONEY, -1, 0)))
    assert found == R.VAR_LIMIT | R.CLUSTER_CAP
    assert asked(open_portfolio([1, 1]), (0, 1)) == R.NOT_MEASURED


def test_an_estimate_of_other_instruments_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit 2 instruments"):
        learn(a_portfolio(0, 0), measured(np.eye(3)), (0, 1, 2), NOW)


@pytest.mark.parametrize(
    ("held", "buying", "selling", "net", "gross"),
    [(10, 0, 0, 10, 10), (10, 5, 0, 15, 15), (10, 0, 4, 10, 14), (10, 0, 25, -15, 35), (-10, 5, 5, -15, 20),
     (0, 5, 5, 5, 10)],
)  # fmt: skip
def test_working_orders_count_in_full(held: int, buying: int, selling: int, net: int, gross: int) -> None:
    portfolio = open_portfolio([0])
    expose(portfolio, 0, held, buying, selling)
    assert (portfolio.net[0], portfolio.gross[0]) == (net, gross)


def test_effective_correlation_is_of_results_and_nobody_knows_nan() -> None:
    assert effective_correlation(-0.9, 1, -1) == 0.9
    assert [bool(conflicts(value, 0.7)) for value in (0.7, 0.69, math.nan)] == [True, False, True]


EXPOSURES = st.lists(st.integers(-20_000, 20_000), min_size=3, max_size=3)
LOADINGS = st.lists(st.floats(-0.95, 0.95), min_size=3, max_size=3)
LEG = st.tuples(st.integers(0, 2), st.integers(-20_000, 20_000))


def one_factor(loadings: list[float]) -> np.ndarray:
    """Return a matrix that is a correlation whatever the loadings."""
    matrix = np.outer(loadings, loadings)
    np.fill_diagonal(matrix, 1.0)
    return matrix


@given(EXPOSURES, LOADINGS, LEG)
@PROPERTY
def test_the_gates_value_at_risk_is_that_of_the_report(
    exposures: list[int], loadings: list[float], leg: tuple[int, int]
) -> None:
    matrix = one_factor(loadings)
    portfolio = a_portfolio(*exposures, correlation=matrix)
    z = normal_quantile(0.95)
    ours = value_at_risk(portfolio, limits(z=z), (leg[0], leg[1] * MONEY, -1, 0)) / MONEY
    after = np.array(exposures, np.float64)
    after[leg[0]] += leg[1]
    theirs = component_var(after, matrix * DEVIATION**2, 0.95).var
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-3)


TIGHTER = st.fixed_dictionaries(
    {
        "var_max": st.floats(0.0, 1.0), "cluster_ppm_max": st.floats(0.0, 1.0), "correlation_max": st.floats(-1.0, 1.0),
        "stale_after_ns": st.floats(0.0, 1.0),
    }
)  # fmt: skip


@given(EXPOSURES, LOADINGS, LEG, LEG, TIGHTER, st.integers(0, HOUR), st.sampled_from([10, 100]))
@PROPERTY
def test_a_tighter_limit_never_allows_what_a_looser_one_refuses(
    exposures: list[int], loadings: list[float], one: tuple[int, int], other: tuple[int, int],
    tighter: dict[str, float], age_ns: int, observations: int,
) -> None:  # fmt: skip
    portfolio = a_portfolio(*exposures, correlation=one_factor(loadings), observations=observations, classes=(0, 0, 1))
    base = ROOMY | {"var_max": 500 * MONEY, "cluster_ppm_max": 300_000}
    tight = base | {name: base[name] * share for name, share in tighter.items()}
    loose_rules, tight_rules = (asked(portfolio, one, other, now_ns=NOW + age_ns, **terms) for terms in (base, tight))
    assert bool(tight_rules) or not loose_rules
    if R.NOT_MEASURED not in tight_rules:
        assert loose_rules & ~tight_rules == R(0)


@given(EXPOSURES, LOADINGS, LEG, st.integers(0, 2), st.integers(0, 2))
@PROPERTY
def test_knowing_less_never_allows_more(
    exposures: list[int], loadings: list[float], leg: tuple[int, int], i: int, j: int
) -> None:
    terms = {"var_max": 300 * MONEY, "cluster_ppm_max": 200_000}
    portfolio = a_portfolio(*exposures, correlation=one_factor(loadings), classes=(0, 0, 0))
    knowing = asked(portfolio, leg, **terms)
    for a, b in ((i, j), (j, i)):
        portfolio.correlation[a, b], portfolio.blind[a, b] = (0.0, 1.0) if i != j else (1.0, 0.0)
    assert knowing & ~asked(portfolio, leg, **terms) == R(0)
