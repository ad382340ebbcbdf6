"""The arbitrage policy's arithmetic: what the entry locks in, what closing costs, and what is left after all costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import Record, records
from policies.arbitrage import P_FILL, P_HEALTH, assess, closing_cost_ticks, entry_prices, fixed_cost_ticks
from policies.catalogue import params_of, policy_named
from policies.intents import INTENT
from policies.routes import CANDIDATE
from tests.builders import SECOND, an_instrument
from tests.market.floor import a_table
from tests.properties import PROPERTY

PARAMS = np.array([value for _, value in params_of(policy_named("convergence"), {})])


def a_candidate(direction: int = 1, **changes: float) -> Record:
    """Return B's 100100 / 100110 above A's 100000 / 100008."""
    candidate = records(1, CANDIDATE)[0]
    terms = {
        "time_ns": 100 * SECOND, "direction": direction, "bid_a": 100_000, "ask_a": 100_008, "bid_b": 100_100,
        "ask_b": 100_110, "time_a_ns": 100 * SECOND, "time_b_ns": 100 * SECOND, "basis": 3.0,
    }  # fmt: skip
    for name, value in (terms | changes).items():
        candidate[name] = value
    return candidate


def a_pair(**terms: object) -> Record:
    return a_table(an_instrument("EURUSD", "x", **terms), an_instrument("EURUSD", "y", **terms))


def assessed(candidate: Record, lots: int = 10, **terms: object) -> Record:
    out = records(1, INTENT)[0]
    assess(a_pair(**terms), 0, 1, candidate, lots, PARAMS, PARAMS[P_FILL], PARAMS[P_HEALTH], out)
    return out


def test_the_entry_buys_at_the_ask_of_the_cheaper_and_sells_at_the_bid_of_the_dearer() -> None:
    assert entry_prices(a_candidate(1)) == (100_008, 100_100)
    assert entry_prices(a_candidate(2)) == (100_110, 100_000)


def test_closing_costs_half_of_both_spreads_moved_by_the_usual_difference() -> None:
    assert closing_cost_ticks(a_candidate(1)) == 9.0 + 3.0
    assert closing_cost_ticks(a_candidate(2)) == 9.0 - 3.0


def test_four_fills_pay_fees_and_slippage() -> None:
    table = a_pair(slippage_ticks=2, fee_per_lot="0.03")
    assert fixed_cost_ticks(table, 0, 1, a_candidate(), 10) == 2 * (2 + 2) + 4 * 3
    table = a_pair(fee_ppm=100)
    exact = 1e-4 * (100_008 + 100_000 + 100_110 + 100_100)
    assert fixed_cost_ticks(table, 0, 1, a_candidate(), 10) == pytest.approx(exact, rel=1e-6)


def test_what_is_left_is_the_gross_spread_less_every_cost_in_basis_points_of_the_price_paid() -> None:
    out = assessed(a_candidate(), slippage_ticks=2, fee_per_lot="0.03")
    assert out.gross == 1e4 * 92 / 100_008
    assert out.reward == 1e4 * (92 - 12 - 20) / 100_008
    assert (out.strength, assessed(a_candidate(2)).strength) == (1.0, -1.0)
    assert out.confidence == 1.0 - 0.01 * out.risk_score


def test_a_risk_score_is_the_weighted_sum_of_what_may_go_wrong() -> None:
    assert assessed(a_candidate(), lots=10, depth_lots=10**9).risk_score == pytest.approx(15 * 0.05, abs=1e-4)
    old = a_candidate(time_b_ns=100 * SECOND - SECOND // 4)
    assert assessed(old, depth_lots=10**9).risk_score == pytest.approx(15 * 0.05 + 15 * 0.5, abs=1e-4)
    shallow = a_candidate(lots_a=40, lots_b=20)
    assert assessed(shallow, depth_lots=10**9).risk_score == pytest.approx(15 * 0.05 + 20 * 0.5, abs=1e-4)


@given(st.integers(0, 500), st.integers(1, 500), st.integers(0, 2000), st.floats(0.0, 50.0))
@PROPERTY
def test_more_risk_is_never_a_lower_score(lots: int, depth: int, age_ms: int, sigma: float) -> None:
    base = assessed(a_candidate(lots_a=depth, lots_b=depth), lots=lots + 1)
    aged = a_candidate(lots_a=depth, lots_b=depth, time_a_ns=100 * SECOND - age_ms * 10**6, sigma_1s=sigma)
    assert 0.0 <= base.risk_score <= assessed(aged, lots=lots + 1).risk_score <= 100.0
    assert base.risk_score <= assessed(a_candidate(lots_a=depth, lots_b=depth), lots=2 * lots + 1).risk_score


@given(st.integers(0, 100), st.integers(0, 100))
@PROPERTY
def test_a_higher_fee_never_leaves_more(fee: int, more: int) -> None:
    cheap, dear = (assessed(a_candidate(), fee_ppm=ppm).reward for ppm in (fee, fee + more))
    assert dear <= cheap <= assessed(a_candidate()).gross
