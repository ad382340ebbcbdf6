"""Reference: two-leg and triangular arbitrage, risk score, legging."""

from decimal import Decimal
from typing import Any

import pytest

from policies.opportunity import (
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
from tests.reference.cases import Case, cases, check


def two_legs(inputs: dict[str, Any]) -> dict[str, Any]:
    stated = {
        "quote_balance": "quote_balance_A",
        "base_balance": "base_balance_B",
        "rebalance_bps": "rebalance_cost_bps",
        "net_percent_min": "min_net_profit_pct",
    }
    terms = {name: inputs[key] for name, key in stated.items() if key in inputs}
    trade = two_leg(inputs["asks_A"], inputs["bids_B"], TwoLegTerms(inputs["fee_A"], inputs["fee_B"], **terms))
    return {
        "qty": trade.quantity,
        "buy_vwap": trade.buy_vwap,
        "sell_vwap": trade.sell_vwap,
        "gross_spread_pct": trade.gross_percent,
        "cost": trade.cost,
        "proceeds": trade.proceeds,
        "rebalance_cost": trade.rebalance_cost,
        "net_profit": trade.net_profit,
        "net_profit_pct": trade.net_percent,
    }


def triangle(inputs: dict[str, Any]) -> dict[str, Any]:
    legs = [TriangleLeg(leg["side"] == "BUY", leg["bid"], leg["ask"]) for leg in inputs["legs"]]
    result = triangular(legs, inputs["fee"], inputs["start"])
    return {
        "end": result.steps[-1],
        "product": result.product,
        "profit_pct": result.profit_percent,
        "steps": result.steps,
        "profitable": result.profitable,
    }


def score(inputs: dict[str, Any]) -> dict[str, Any]:
    shares = RiskShares(
        depth=capped_share(inputs["qty"], inputs["available_depth"]),
        latency=capped_share(inputs["latency_ms"], 1000.0),
        volatility=volatility_share(inputs["sigma_1s_bps"], inputs["latency_ms"] / 1000.0, inputs["net_spread_bps"]),
        staleness=capped_share(inputs["quote_age_ms"], 500.0),
        venue=1.0 - min(inputs["venue_health"]),
        leg=1.0 - min(inputs["fill_probability"]),
    )
    return {"components": shares._asdict(), "score": risk_score(shares, RiskWeights())}


def legging(inputs: dict[str, Any]) -> dict[str, Any]:
    keys = ("filled_buy", "filled_sell", "avg_buy", "avg_sell", "fee_buy", "fee_sell")
    decision = legging_decision(Legs(*(Decimal(inputs[key]) for key in keys)), inputs["age_ms"], inputs["retry_ms"])
    limit = decision.limit_price
    return {
        "naked_qty": str(decision.naked),
        "action": decision.action.name,
        "limit_price": None if limit is None else float(limit),
    }


ADAPTERS = {
    "two_leg_arbitrage": two_legs,
    "two_leg_arbitrage_min_pct": two_legs,
    "triangular": triangle,
    "arbitrage_risk_score": score,
    "legging_decision": legging,
}


@pytest.mark.parametrize("case", cases("arbitrage"))
def test_arbitrage_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
