"""Reference: position sizes, confidence and drawdown scaling, stops, liquidation, Kelly."""

from decimal import Decimal
from typing import Any

import pytest

from policies.gates import InvalidConfidenceError, require_probability
from policies.kelly import (
    bounded_kelly,
    continuous_kelly,
    discrete_kelly,
    edge_of,
    fractional,
    growth_at,
    sample_kelly,
)
from policies.position_sizing import (
    Accepted,
    Caps,
    Sized,
    Unit,
    VolatilityTarget,
    fixed_fractional,
    inverse_contract_loss,
    inverse_contracts,
    leveraged_quantity,
    volatility_leverage,
)
from policies.protective_stops import (
    LONG,
    SHORT,
    PriceBar,
    TrailingTerms,
    atr_stop,
    follow,
    liquidation_price,
    protective,
)
from policies.scaling import (
    CRYPTO_SCALE,
    ConfidenceScale,
    composed_risk,
    confidence_risk,
    drawdown_linear,
    drawdown_step,
    multiplied,
    require_scale,
    steps_of,
)
from tests.reference.cases import Case, cases, check

SIDES = {"LONG": LONG, "SHORT": SHORT}
STEP = "0.001"
"""Of cases that name no step."""


def decimal(inputs: dict[str, Any], name: str, default: object = None) -> Decimal:
    return Decimal(str(inputs.get(name, default)))


def sized(size: Any, equity: Decimal) -> dict[str, Any]:
    if not isinstance(size, Sized):
        return {"accepted": False, "reason": size.reason.value, "qty": "0"}
    return {
        "accepted": True, "qty": size.quantity, "binding": size.binding, "notional_account": size.notional,
        "risk_at_stop": size.risk, "risk_pct_actual": float(size.risk / equity),
    }  # fmt: skip


def fixed_fraction(inputs: dict[str, Any]) -> dict[str, Any]:
    equity, entry, stop = (decimal(inputs, name) for name in ("equity", "entry", "stop"))
    if "tick" in inputs:
        stop = protective(stop, LONG if entry > stop else SHORT, decimal(inputs, "tick"))
    unit = Unit(
        entry=entry, stop=stop, multiplier=decimal(inputs, "multiplier", 1),
        quote_to_account=decimal(inputs, "fx_quote_to_account", 1), cost=decimal(inputs, "cost_per_unit", 0),
    )  # fmt: skip
    caps = Caps(notional=equity * decimal(inputs, "max_notional_pct") if "max_notional_pct" in inputs else None)
    return sized(fixed_fractional(equity * decimal(inputs, "risk_pct"), unit, accepted(inputs), caps), equity)


def accepted(inputs: dict[str, Any]) -> Accepted:
    return Accepted(
        step=decimal(inputs, "qty_step", STEP), minimum=decimal(inputs, "min_qty", 0),
        notional_min=decimal(inputs, "min_notional", 0),
    )  # fmt: skip


def inverse(inputs: dict[str, Any]) -> dict[str, Any]:
    entry, stop, contract = (decimal(inputs, name) for name in ("entry", "stop", "contract_usd"))
    equity = decimal(inputs, "equity_coin")
    size = inverse_contracts(equity * decimal(inputs, "risk_pct"), entry, stop, contract, accepted(inputs))
    found = sized(size, equity)
    loss = None if entry == stop else float(inverse_contract_loss(entry, stop, contract))
    return found | {"qty_contracts": found["qty"], "coin_loss_per_contract_at_stop": loss}


def volatility(inputs: dict[str, Any]) -> dict[str, Any]:
    target = VolatilityTarget(
        target=inputs["target_ann_vol"], floor=inputs["vol_floor_ann"], leverage_max=inputs["max_leverage"]
    )
    found = volatility_leverage(inputs["per_period_sigma"], inputs["periods_per_year"], target)
    equity, price, step = (decimal(inputs, name) for name in ("equity", "price", "qty_step"))
    return {
        "ann_vol": found.annual, "raw_leverage": found.raw, "leverage": found.used,
        "qty": leveraged_quantity(equity, price, found.used, step),
    }  # fmt: skip


def confidence(inputs: dict[str, Any]) -> dict[str, Any]:
    names = ("c_min", "c_max", "r_min", "r_max", "gamma")
    scale = require_scale(ConfidenceScale(*(float(inputs[name]) for name in names)))
    try:
        value = require_probability(inputs["confidence"], "confidence")
    except InvalidConfidenceError:
        return {"error": "INVALID_CONFIDENCE"}
    risk = confidence_risk(value, scale)
    return {"trade": risk > 0, "risk_pct": risk}


def drawdown(inputs: dict[str, Any]) -> dict[str, Any]:
    fall = float(inputs["drawdown"])
    return {
        "linear": drawdown_linear(fall, float(inputs["linear_max_dd"])),
        "step": drawdown_step(fall, steps_of(inputs["steps"])),
    }


def composed(inputs: dict[str, Any]) -> dict[str, Any]:
    multipliers = (
        drawdown_step(float(inputs["drawdown"]), steps_of(inputs["steps"])),
        float(inputs["regime_mult"]),
        float(inputs["phase_mult"]),
    )
    signal = multiplied(confidence_risk(float(inputs["confidence"]), CRYPTO_SCALE), *multipliers)
    left = float(inputs["daily_risk_budget_left_pct"])
    risk = composed_risk(signal, left, CRYPTO_SCALE.risk_max)
    return {"risk_pct": risk, "binding": "daily_budget" if left < signal else "signal"}


def initial_stop(inputs: dict[str, Any]) -> dict[str, Any]:
    entry, atr, k, tick = (decimal(inputs, name) for name in ("entry", "atr", "k", "tick"))
    raw, stop = atr_stop(SIDES[inputs["side"]], entry, atr, k, tick)
    return {"raw": raw, "stop": stop, "distance": abs(entry - stop)}


def trailing(inputs: dict[str, Any]) -> dict[str, Any]:
    terms = TrailingTerms(
        cost=decimal(inputs, "fee_per_unit_roundtrip"), tick=decimal(inputs, "tick"),
        breakeven_at_r=decimal(inputs, "breakeven_at_R"), trail_at_r=decimal(inputs, "trail_at_R"),
        trail_atr=decimal(inputs, "trail_atr_k"),
    )  # fmt: skip
    bars = [PriceBar(*map(Decimal, bar)) for bar in inputs["bars_high_low_close_atr"]]
    entry, stop = decimal(inputs, "entry"), decimal(inputs, "initial_stop")
    path = list(follow(SIDES[inputs["side"]], entry, stop, terms, bars))
    return {
        "path": [{"bar": k, "stop": step.stop, "exit": step.exit} for k, step in enumerate(path)],
        "exit_bar": len(path) - 1 if path and path[-1].exit else None,
    }


def liquidation(inputs: dict[str, Any]) -> dict[str, Any]:
    terms = (decimal(inputs, name) for name in ("entry", "leverage", "maintenance_margin_rate"))
    return {"liquidation_price": float(liquidation_price(SIDES[inputs["side"]], *terms))}


def kelly_of_bet(inputs: dict[str, Any]) -> dict[str, Any]:
    terms = (inputs["p_win"], inputs["payout_b"], inputs["p_tie"])
    found = discrete_kelly(*terms)
    assert found.fraction is not None
    return {
        "kelly": found.fraction, "half": fractional(found.fraction, 0.5, 1.0),
        "quarter": fractional(found.fraction, 0.25, 1.0), "growth_per_bet": found.growth, "edge": edge_of(*terms),
    }  # fmt: skip


def kelly_of_process(inputs: dict[str, Any]) -> dict[str, Any]:
    full = continuous_kelly(inputs["mu"], inputs["sigma"], inputs["rf"])
    used = fractional(full, inputs["fraction"], inputs["cap"])
    growth = growth_at(used, inputs["mu"], inputs["sigma"], inputs["rf"])
    return {"kelly_full": full, "fraction_used": used, "growth_at_used": growth}


def kelly_of_results(inputs: dict[str, Any]) -> dict[str, Any]:
    found = sample_kelly(inputs["r_multiples"])
    return {"kelly": found.fraction, "growth": found.growth}


def kelly_of_record(inputs: dict[str, Any]) -> dict[str, Any]:
    prior = (float(inputs["prior_alpha"]), float(inputs["prior_beta"]))
    found = bounded_kelly(
        inputs["wins"], inputs["losses"], inputs["payout_b"], inputs["confidence"], inputs["fraction"], prior
    )
    return {
        "p_mean": found.mean, "p_lower": found.lower, "kelly_point": found.fraction_at_mean,
        "kelly_lower": found.fraction_at_lower, "stake": found.stake,
    }  # fmt: skip


ADAPTERS = {
    "fixed_fractional": fixed_fraction,
    "inverse_contract_size": inverse,
    "vol_target": volatility,
    "confidence_risk_pct": confidence,
    "drawdown_multiplier": drawdown,
    "composed_risk_pct": composed,
    "atr_stop": initial_stop,
    "trailing_stop_path": trailing,
    "liquidation_price_isolated": liquidation,
    "kelly_discrete": kelly_of_bet,
    "kelly_continuous": kelly_of_process,
    "kelly_from_r_multiples": kelly_of_results,
    "kelly_beta_lower_bound": kelly_of_record,
}


@pytest.mark.parametrize("case", cases("sizing"))
def test_sizing_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
