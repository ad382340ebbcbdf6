"""Arbitrage arithmetic: the depth walk against linear programming, rounds of fees, and what a naked leg costs."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from policies.opportunity import (
    NO_TRADE,
    LegAction,
    Legs,
    RiskShares,
    RiskWeights,
    TriangleLeg,
    TwoLegTerms,
    capped_share,
    legging_decision,
    risk_score,
    triangular,
    two_leg,
    volatility_share,
)
from tests.properties import PROPERTY

SIZES = st.integers(1, 40).map(lambda size: size / 8)
GAPS = st.lists(st.tuples(st.integers(0, 30), SIZES), max_size=5)


def book(gaps: list[tuple[int, float]], start: float, step: float) -> list[tuple[float, float]]:
    """Return levels that get worse by each gap."""
    return [
        (start + step * sum(gap for gap, _ in gaps[: k + 1]), size) for k, (_, size) in enumerate(gaps)
    ]  # fmt: skip


def best_profit(asks: list[tuple[float, float]], bids: list[tuple[float, float]], terms: TwoLegTerms) -> float:
    """Return the most profit a linear program finds: buy x_i at ask i, sell y_j at bid j, sum x = sum y."""
    if not asks or not bids:
        return 0.0
    costs = np.array([price * (1 + terms.fee_buy) for price, _ in asks])
    charged = np.array([price * terms.rebalance_bps / 1e4 for price, _ in asks])
    proceeds = np.array([price * (1 - terms.fee_sell) for price, _ in bids])
    bounds = [(0, size) for _, size in [*asks, *bids]]
    rows, caps = [np.concatenate([costs, 0 * proceeds])], [min(terms.quote_balance, 1e12)]
    rows.append(np.concatenate([0 * costs, np.ones(len(bids))]))
    caps.append(min(terms.base_balance, 1e12))
    if terms.net_percent_min is not None:
        rows.append(np.concatenate([costs * (1 + terms.net_percent_min / 100) + charged, -proceeds]))
        caps.append(0.0)
    balance = np.concatenate([np.ones(len(asks)), -np.ones(len(bids))])
    objective = np.concatenate([costs + charged, -proceeds])
    found = optimize.linprog(objective, A_ub=rows, b_ub=caps, A_eq=[balance], b_eq=[0], bounds=bounds)
    return float(-found.fun)


@given(
    GAPS, GAPS, st.integers(-20, 60), st.sampled_from([0.0, 0.001]), st.sampled_from([None, 0.0, 0.2, 1.0]),
    st.sampled_from([0.0, 2.0]), st.sampled_from([float("inf"), 150.0]), st.sampled_from([float("inf"), 2.0]),
)  # fmt: skip
@PROPERTY
def test_the_depth_walk_earns_what_a_linear_program_would(
    ask_gaps: list[tuple[int, float]], bid_gaps: list[tuple[int, float]], spread: int, fee: float,
    net_min: float | None, rebalance: float, quote: float, base: float,
) -> None:  # fmt: skip
    asks, bids = book(ask_gaps, 100.0, 0.05), book(bid_gaps, 100.0 + spread * 0.05, -0.05)
    terms = TwoLegTerms(fee, fee, quote, base, rebalance, net_min)
    trade = two_leg(asks, bids, terms)
    assert trade.net_profit == pytest.approx(best_profit(asks, bids, terms), rel=1e-7, abs=1e-7)
    assert trade.quantity <= base
    assert trade.cost <= quote * (1 + 1e-12)
    if trade.quantity > 0 and net_min is not None:
        assert trade.net_percent is not None
        assert trade.net_percent >= net_min - 1e-9


def test_an_empty_or_crossed_out_book_trades_nothing_and_has_no_ratios() -> None:
    terms = TwoLegTerms(0.001, 0.001)
    assert two_leg([], [(101.0, 1.0)], terms) == NO_TRADE
    trade = two_leg([(100.0, 1.0)], [(100.0, 1.0)], terms)
    assert trade == NO_TRADE
    assert (trade.buy_vwap, trade.sell_vwap, trade.gross_percent, trade.net_percent) == (None, None, None, None)


def test_a_round_and_its_reverse_at_the_same_prices_cost_the_fees_and_no_more() -> None:
    legs = [TriangleLeg(True, 2.0, 2.0), TriangleLeg(False, 2.0, 2.0)]
    result = triangular(legs, 0.01, 50.0)
    assert result.product == pytest.approx(0.99**2)
    assert not result.profitable
    assert result.steps == (pytest.approx(24.75), pytest.approx(49.005))


def test_what_cannot_be_measured_is_a_full_share() -> None:
    assert capped_share(1.0, 0.0) == capped_share(0.0, -1.0) == capped_share(3.0, 2.0) == 1.0
    assert capped_share(-1.0, 2.0) == 0.0
    assert volatility_share(2.0, 0.25, 4.0) == 0.25


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6), st.integers(0, 5))
@PROPERTY
def test_a_risk_score_lies_between_0_and_100_and_rises_with_every_component(shares: list[float], k: int) -> None:
    score = risk_score(RiskShares(*shares), RiskWeights())
    worse = [1.0 if i == k else share for i, share in enumerate(shares)]
    assert 0.0 <= score <= risk_score(RiskShares(*worse), RiskWeights()) <= 100.0 + 1e-9
    assert sum(RiskWeights()) == pytest.approx(1.0)


MONEY = st.decimals("0.1", "1000", places=2)


@given(MONEY, MONEY, MONEY, MONEY, st.integers(0, 20))
@PROPERTY
def test_a_retry_at_its_limit_breaks_even_and_an_old_one_goes_out_at_the_market(
    bought: Decimal, sold: Decimal, paid: Decimal, received: Decimal, age_ms: int
) -> None:
    fee = Decimal("0.001")
    decision = legging_decision(Legs(bought, sold, paid, received, fee, fee), age_ms, 10)
    assert decision.naked == bought - sold
    if bought == sold:
        assert decision.action is LegAction.DONE
    elif age_ms >= 10:
        unwind = LegAction.UNWIND_SELL_ANY_VENUE if bought > sold else LegAction.UNWIND_BUY_ANY_VENUE
        assert (decision.action, decision.limit_price) == (unwind, None)
    elif bought > sold:
        assert decision.action is LegAction.RETRY_SELL
        assert float(decision.limit_price * (1 - fee)) == pytest.approx(float(paid * (1 + fee)), rel=1e-12)
    else:
        assert decision.action is LegAction.RETRY_BUY
        assert float(decision.limit_price * (1 + fee)) == pytest.approx(float(received * (1 - fee)), rel=1e-12)
