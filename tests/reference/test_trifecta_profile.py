"""Reference: the trifecta profile's limits, levels, gates and ranking, with the profile's numbers as configured."""

import json
import tomllib
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from market.money import money_of, units_of
from market.payoff import breakeven_probability, expected_value
from policies.gates import (
    ArbitrageGate,
    BinaryGate,
    Candidate,
    Day,
    DayLimits,
    ForexGate,
    InvalidConfidenceError,
    arbitrage_automatic,
    arbitrage_eligible,
    arbitrage_rank,
    assess_day,
    binary_eligible,
    choose,
    forex_automatic,
    forex_combined,
    forex_eligible,
    next_streak,
    position_allowed,
    position_cap,
    require_probability,
    size_multiplier_ppm,
)
from policies.intents import Rule
from tests.reference.cases import REPOSITORY, ROOT, Case, cases, check

PROFILE: dict[str, Any] = tomllib.loads((REPOSITORY / "config" / "profiles" / "trifecta.toml").read_text())
PERCENT_DIGITS = 4  # a percentage as whole parts per million
SECOND_NS = 10**9

LIMITS, LEVELS = PROFILE["limits"], PROFILE["levels"]
DAY_LIMITS = DayLimits(
    LIMITS["trades_per_day_max"],
    money_of(LIMITS["daily_loss_max"]),
    LIMITS["loss_streak_max"],
    LEVELS["usage_medium"],
    LEVELS["usage_high"],
)
COOLDOWNS_NS = np.array(LIMITS["cooldown_seconds"], np.int64) * SECOND_NS
ARBITRAGE = ArbitrageGate(
    units_of(PROFILE["arbitrage"]["net_profit_percent_min"], PERCENT_DIGITS, "net"),
    PROFILE["arbitrage"]["risk_score_max"],
    units_of(PROFILE["arbitrage"]["auto_gross_spread_percent"], PERCENT_DIGITS, "gross"),
    money_of(PROFILE["arbitrage"]["auto_net_profit"]),
    PROFILE["arbitrage"]["auto_risk_score"],
    PROFILE["arbitrage"]["top_n"],
)
FOREX = ForexGate(
    PROFILE["forex"]["confidence_min"],
    float(PROFILE["forex"]["reward_to_risk_min"]),
    PROFILE["forex"]["auto_confidence"],
    float(PROFILE["forex"]["auto_reward_to_risk"]),
    PROFILE["forex"]["confidence_weight"],
    PROFILE["forex"]["reward_to_risk_cap"],
    PROFILE["forex"]["top_n"],
)
SIZES = np.array(PROFILE["forex"]["size_multipliers"], np.float64)
BINARY = BinaryGate(
    PROFILE["binary"]["probability_min"],
    PROFILE["binary"]["edge_min"],
    PROFILE["binary"]["expiry_seconds"][0] * SECOND_NS,
    PROFILE["binary"]["top_n"],
)
REASONS = {
    Rule.TRADES_PER_DAY: "MAX_TRADES",
    Rule.DAILY_LOSS: "DAILY_LOSS",
    Rule.LOSS_STREAK: "CONSECUTIVE_LOSSES",
    Rule.COOLDOWN: "COOLDOWN",
    Rule.HALTED: "KILL_SWITCH",
}


def risk_level(inputs: dict[str, Any]) -> dict[str, Any]:
    day = Day(
        inputs["trades_today"],
        -money_of(inputs["pnl_today"]),
        inputs["consecutive_losses"],
        inputs["seconds_since_last_loss"] * SECOND_NS,
        inputs.get("kill_switch", False),
    )
    risk = assess_day(day, DAY_LIMITS, COOLDOWNS_NS)
    left = risk.cooldown_left_ns
    return {
        "usage": risk.usage,
        "level": risk.level.name,
        "reasons": [name for rule, name in REASONS.items() if risk.rules & rule],
        "cooldown_left_seconds": None if left is None else left / SECOND_NS,
    }


def consecutive_losses(inputs: dict[str, Any]) -> dict[str, Any]:
    streaks = [0]
    for net in inputs["net_pnls"]:
        streaks.append(next_streak(streaks[-1], money_of(net)))
    return {"counter_after_each": streaks[1:]}


def position(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scale quantities to lots of 1e-6 and prices to money per lot of 1e-6: notional is exact in 1e-12."""
    held, order = (units_of(inputs[key], 6, key) for key in ("existing_qty", "order_qty"))
    price, equity = units_of(inputs["price"], 6, "price"), units_of(inputs["equity"], 12, "equity")
    cap = position_cap(equity, units_of(LIMITS["position_fraction_max"], 6, "fraction"))
    return {
        "notional_after": str(Decimal(abs(held + order) * price).scaleb(-12)),
        "cap": str(Decimal(cap).scaleb(-12)),
        "allowed": position_allowed(held, order, price, cap),
    }


def arbitrage(inputs: dict[str, Any]) -> dict[str, Any]:
    shown, candidates = [], []
    for row in inputs["opportunities"]:
        net, gross = (
            units_of(row[key], PERCENT_DIGITS, key) for key in ("net_profit_pct", "gross_spread_pct")
        )  # fmt: skip
        gain, risk = money_of(row["net_profit_usd"]), float(row["risk_score"])
        eligible = arbitrage_eligible(ARBITRAGE, net, risk)
        automatic = eligible and arbitrage_automatic(ARBITRAGE, gross, gain, risk)
        rank = arbitrage_rank(gain, risk)
        candidates.append(Candidate(row["id"], eligible, automatic, (rank, -risk)))
        shown.append({"id": row["id"], "eligible": eligible, "auto": automatic, "rank_score": rank / 1e6})
    top, executed = choose(candidates, ARBITRAGE.top_n)
    return {"opportunities": shown, "top": top, "auto_execute": executed}


def forex(inputs: dict[str, Any]) -> dict[str, Any]:
    shown, candidates = [], []
    for row in inputs["signals"]:
        try:
            confidence = require_probability(row["confidence"], row["id"])
        except InvalidConfidenceError:
            return {"error": "INVALID_CONFIDENCE"}
        reward = float(row["rr"])
        eligible = forex_eligible(FOREX, confidence, reward)
        automatic = eligible and forex_automatic(FOREX, confidence, reward)
        combined = forex_combined(FOREX, confidence, reward)
        candidates.append(Candidate(row["id"], eligible, automatic, (combined, confidence)))
        size = size_multiplier_ppm(SIZES, combined) / 1e6
        shown.append(
            {
                "id": row["id"],
                "eligible": eligible,
                "auto": automatic,
                "combined": combined,
                "size_multiplier": size,
            }
        )
    top, executed = choose(candidates, FOREX.top_n)
    return {"signals": shown, "top": top, "auto_execute": executed}


def binary(inputs: dict[str, Any]) -> dict[str, Any]:
    shown, candidates = [], []
    for row in inputs["signals"]:
        probability, payout = require_probability(row["probability"], row["id"]), row["payout"]
        eligible = binary_eligible(BINARY, probability, payout, row["expiry_seconds"] * SECOND_NS)
        value = expected_value(probability, payout, 0.0, 0.0)
        candidates.append(Candidate(row["id"], eligible, eligible, (value, probability)))
        breakeven = breakeven_probability(payout, 0.0, 0.0)
        shown.append({"id": row["id"], "eligible": eligible, "breakeven": breakeven, "ev_per_unit": value})
    return {"signals": shown, "top": choose(candidates, BINARY.top_n)[0]}


ADAPTERS = {
    "risk_level": risk_level,
    "consecutive_losses": consecutive_losses,
    "position_cap": position,
    "arbitrage_gate": arbitrage,
    "forex_gate": forex,
    "forex_gate_error": forex,
    "binary_gate": binary,
}


@pytest.mark.parametrize("case", cases("profiles/trifecta_cases.json"))
def test_the_profile_decides_as_the_reference(case: Case) -> None:
    check(case, ADAPTERS)


def test_the_configured_numbers_are_those_of_the_reference_profile() -> None:
    file = ROOT / "profiles" / "trifecta.json"
    if not file.exists():
        pytest.skip(f"{file} is not there; set TRIFECTA_REFERENCE")
    profile = json.loads(file.read_text())["profile"]
    limits, arbitrage_, forex_, binary_ = (profile[key] for key in ("limits", "arbitrage", "forex", "binary"))
    pauses = profile["cooldown_seconds_by_consecutive_losses"]
    stated = (
        limits["max_trades_per_day"], limits["max_loss_per_day"], limits["max_consecutive_losses"],
        limits["max_position_pct"], [pauses[str(n)] for n in range(limits["max_consecutive_losses"])],
        arbitrage_["min_net_profit_pct"], arbitrage_["max_risk_score"], arbitrage_["auto"]["gross_spread_pct_gt"],
        arbitrage_["auto"]["net_profit_usd_gt"], arbitrage_["auto"]["risk_score_lt"], arbitrage_["top_n"],
        forex_["min_confidence"], forex_["min_rr"], forex_["auto"]["confidence_gt"], forex_["auto"]["rr_gt"],
        forex_["size_multiplier"], forex_["top_n"], binary_["min_probability"], binary_["min_edge"],
        binary_["expiry_seconds"], binary_["top_n"],
    )  # fmt: skip
    configured = (
        *(LIMITS[key] for key in ("trades_per_day_max", "daily_loss_max", "loss_streak_max", "position_fraction_max")),
        LIMITS["cooldown_seconds"], *PROFILE["arbitrage"].values(),
        *(value for key, value in PROFILE["forex"].items() if key not in ("confidence_weight", "reward_to_risk_cap")),
        *PROFILE["binary"].values(),
    )  # fmt: skip
    assert configured == stated
