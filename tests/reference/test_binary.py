"""Reference: binary option arithmetic."""

from decimal import Decimal
from typing import Any

import pytest

from market.money import decimal_of, money_of, units_of
from market.payoff import (
    Settlement,
    breakeven_probability,
    digital_call_probability,
    digital_d2,
    edge_significance,
    expected_value,
    kelly_fraction,
    settle,
    settled_profit,
    stake_fraction,
)
from tests.reference.cases import Case, cases, check


def bet(inputs: dict[str, Any]) -> dict[str, Any]:
    terms = inputs["payout"], inputs["loss_rebate"], inputs["p_tie"]
    share = stake_fraction(inputs["p_win"], *terms, inputs["kelly_fraction"], inputs["cap_pct"])
    return {
        "breakeven_p": breakeven_probability(*terms),
        "ev_per_unit": expected_value(inputs["p_win"], *terms),
        "kelly_full": kelly_fraction(inputs["p_win"], *terms),
        "stake": inputs["equity"] * share,
    }


def digital(inputs: dict[str, Any]) -> dict[str, Any]:
    years = inputs["seconds"] / inputs["year_seconds"]
    terms = inputs["spot"], inputs["strike"], inputs["ann_vol"], years, inputs["rate"]
    return {"d2": digital_d2(*terms), "prob_above": digital_call_probability(*terms)}


def significance(inputs: dict[str, Any]) -> dict[str, Any]:
    test = edge_significance(inputs["n"], inputs["wins"], inputs["payout"])
    return {
        "breakeven": test.breakeven,
        "hit_rate": test.hit_rate,
        "p_value": test.p_value,
        "min_wins_for_5pct": test.wins_min,
    }


def settlement(inputs: dict[str, Any]) -> dict[str, Any]:
    strike, price = (units_of(inputs[key], 8, key) for key in ("strike", "settle"))
    direction = {"CALL": 1, "PUT": -1}[inputs["direction"]]
    outcome = settle(direction, strike, price, inputs["tie_rule"] == "LOSS")
    payout_ppm = units_of(Decimal(inputs["payout"]), 6, "payout")
    pnl = settled_profit(outcome, money_of(inputs["stake"]), payout_ppm, 0)
    return {"outcome": Settlement(outcome).name, "pnl": str(decimal_of(pnl))}


ADAPTERS = {
    "binary_bet": bet,
    "digital_call_probability": digital,
    "edge_significance": significance,
    "settle": settlement,
}


@pytest.mark.parametrize("case", cases("binary"))
def test_binary_contracts_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
