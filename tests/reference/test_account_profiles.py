"""Reference: firms' floors through days and resets, their objectives, the crypto profile's caps and SAFE_MODE."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from market.ledger import ACCOUNT, floating_of
from market.money import decimal_of, money_of, units_of
from market.records import Records, records
from market.stop_invariants import StopChange, StopFlaw, stop_flaws
from policies.calendars import (
    SECOND_NS,
    instant_of,
    moment_of,
    reset_ns,
    resets_between,
    trading_days,
    utc_offset_ns,
)
from policies.floors import ALERT_PERCENT, acknowledge, amount_of, open_floors
from policies.gates import position_cap, share_used
from policies.guard import alerts_of, open_guard, roll_floors, room_allows, start_guard, watch_floors
from policies.intents import Rule
from policies.leverage import Basis, effective_leverage, exposure_of
from policies.objectives import Phase, Shown, best_day, phase_of, within_best_day
from research.account_plan import firm_floors, safe_floors
from research.config_accounts import FirmRules, Objectives
from research.config_sections import AccountProfile
from research.profiles import load_profile, read_profile
from tests.reference.cases import ROOT, Case, cases, check

FILE = ROOT / "profiles" / "prop_firm_profiles.json"
FIRMS: dict[str, Any] = json.loads(FILE.read_text())["profiles"] if FILE.exists() else {}
CRYPTO_FILE = ROOT / "profiles" / "crypto.json"
DAILY, TOTAL = 0, 1
NAMES = {Rule.ACCOUNT_DAILY_LOSS: "DAILY_LOSS", Rule.ACCOUNT_TOTAL_LOSS: "MAX_LOSS"}
plain_floating = getattr(floating_of, "py_func", floating_of)


def time_of(text: str) -> int:
    return instant_of(datetime.fromisoformat(text))


def text_of(time_ns: int) -> str:
    return f"{moment_of(time_ns):%Y-%m-%dT%H:%M:%SZ}"


def rules_of(firm: dict[str, Any]) -> FirmRules:
    """Return a firm of the reference as the section of our profile; without a daily limit it still has an anchor."""
    return FirmRules(
        daily_fraction=firm["daily_pct"] or "1",
        daily_amount_of=firm["daily_amount_basis"],
        daily_anchor=firm["daily_anchor"],
        total_mode=firm["max_mode"],
        total_fraction=firm["max_pct"],
        total_amount_of=firm["max_amount_basis"],
        lock_at=firm["lock_at"] or "none",
        breach={"lt": "below", "le": "at_or_below"}[firm["breach"]],
        time_zone=firm["tz"],
        reset=firm["reset"],
    )


class Day:
    """An account under some floors, moved by the compiled rules as the book moves it."""

    def __init__(self, floors: list[Any], initial: int, start_ns: int, end_ns: int) -> None:
        terms = [
            {name: getattr(plan, name) for name in plan.__struct_fields__ if name not in ("name", "lock", "calendar")}
            | ({} if plan.lock is None else {"lock": plan.lock}) | {"calendar": k}
            for k, (plan, _) in enumerate(floors)
        ]  # fmt: skip
        self.floors = open_floors(terms, initial)
        self.guard = open_guard({"active": 1}, initial)
        self.instants = [resets_between(start_ns, end_ns, *calendar) for _, calendar in floors]
        width = max(map(len, self.instants))
        resets_ns = np.full((len(floors), width), 2**63 - 1)
        for row, instants in zip(resets_ns, self.instants, strict=True):
            row[: len(instants)] = instants
        self.resets_ns = resets_ns
        start_guard(self.guard, self.floors, resets_ns)
        self.alerts = alerts_of(self.floors, resets_ns)
        self.account: Records = records(1, ACCOUNT)
        self.account[0].equity = self.account[0].equity_low = self.account[0].cash = initial

    def roll(self, now: int) -> int:
        return int(roll_floors(self.floors, self.guard[0], self.resets_ns, self.account[0].equity, now, self.alerts))

    def watch(self, now: int, balance: int, equity: int) -> int:
        account = self.account[0]
        account.cash, account.equity, account.equity_low = balance, equity, equity
        return int(watch_floors(self.floors, self.guard[0], account, now, self.alerts))


def prop_firm_day(inputs: dict[str, Any]) -> dict[str, Any]:
    firm, initial = FIRMS[inputs["profile"]], money_of(inputs["initial"])
    events = [(time_of(ts), money_of(balance), money_of(equity)) for ts, balance, equity in inputs["events"]]
    plans = firm_floors(AccountProfile(name="f", firm=rules_of(firm)), initial)
    day = Day(plans, initial, events[0][0], events[-1][0])
    limited = firm["daily_pct"] is not None
    rows, alerts, told = [], [], 0

    def note(time_ns: int, kind: str, bits: int) -> None:
        nonlocal told
        rows.append(row_of(day, time_ns, kind, bits, limited))
        count = int(day.floors[DAILY].alerts)
        levels = ALERT_PERCENT[min(told, count) : count] if limited else ()
        alerts.extend({"ts": text_of(time_ns), "rule": "DAILY_LOSS", "level": level / 100} for level in levels)
        told = count

    for time_ns, balance, equity in events:
        for instant in day.instants[DAILY]:
            if day.guard[0].next_ns == instant <= time_ns:
                bits = day.roll(instant)
                told = 0
                note(instant, "RESET", bits)
        note(time_ns, "TICK", day.watch(time_ns, balance, equity))
    first = next((k for k, row in enumerate(rows) if row["breached"]), None)
    breach = None if first is None else {"index": first, "ts": rows[first]["ts"], "rules": rows[first]["breached"]}
    return {
        "rows": rows, "first_breach": breach, "verdict": "BREACH" if breach else "OK", "daily_alerts": alerts,
    }  # fmt: skip


def row_of(day: Day, time_ns: int, kind: str, bits: int, limited: bool) -> dict[str, Any]:
    daily, total = day.floors
    equity = int(day.account[0].equity)

    def money(value: int) -> str:
        return str(decimal_of(int(value)))

    shown = {
        "ts": text_of(time_ns), "kind": kind, "anchor": money(daily.top), "equity": money(equity),
        "daily_floor": money(daily.floor) if limited else None, "max_floor": money(total.floor),
        "daily_room": money(equity - daily.floor) if limited else None, "max_room": money(equity - total.floor),
        "breached": [name for rule, name in NAMES.items() if bits & rule and (limited or name == "MAX_LOSS")],
    }  # fmt: skip
    amount = int(amount_of(daily, daily.top))
    return shown | {"daily_usage": share_used(int(daily.top) - equity, amount)} if limited else shown


def midnights(inputs: dict[str, Any]) -> dict[str, Any]:
    days = {text: datetime.fromisoformat(text).date() for text in inputs["local_dates"]}
    return {text: text_of(reset_ns(day, inputs["tz"])) for text, day in days.items()}


def platform_ahead(inputs: dict[str, Any]) -> dict[str, Any]:
    """A platform of GMT+2/+3 that switches with the US is always seven hours ahead of New York."""
    ahead = {}
    for text in inputs["instants"]:
        noon = time_of(f"{text}T12:00:00+00:00")
        platform = utc_offset_ns(noon, "America/New_York") + 7 * 3600 * SECOND_NS
        ahead[text] = (platform - utc_offset_ns(noon, "Europe/Prague")) // (3600 * SECOND_NS)
    return {"hours_platform_ahead_of_prague": ahead}


def days_traded(inputs: dict[str, Any]) -> dict[str, Any]:
    days = trading_days(map(time_of, inputs["open_times_utc"]), "Europe/Prague")
    return {"days": [day.isoformat() for day in days], "count": len(days)}


def best_day_rule(inputs: dict[str, Any]) -> dict[str, Any]:
    found = best_day(inputs["daily_closed_pnl"])
    return {
        "best_day": found.best,
        "ratio_positive_days": found.of_winning_days,
        "ratio_net_total": found.of_net_total,
        "met_positive_days": within_best_day(found.of_winning_days, inputs["limit"]),
        "met_net_total": within_best_day(found.of_net_total, inputs["limit"]),
    }


def phased_volume(inputs: dict[str, Any]) -> dict[str, Any]:
    phases = [
        Phase(row["name"], row["min_trades"], row["min_days"], row["min_profit_pct"], row["volume_mult"])
        for row in inputs["phases"]
    ]
    shown = Shown(inputs["closed_trades"], inputs["trading_days"], inputs["profit_pct"], inputs["drawdown_pct"])
    phase, volume = phase_of(shown, phases, [tuple(pair) for pair in inputs["protect"]])
    return {"phase": phase, "volume_mult": volume}


def account_equity(inputs: dict[str, Any]) -> dict[str, Any]:
    equity = Decimal(inputs["balance"])
    for row in inputs["positions"]:
        lots = units_of(Decimal(row["qty"]) * Decimal(row["multiplier"]), 8, "qty")
        lots = lots if row["side"] == "LONG" else -lots
        entry, mark = (units_of(row[key], 8, key) for key in ("entry", "bid" if lots > 0 else "ask"))
        floating = plain_floating(lots, lots * entry, mark, 1)
        equity += Decimal(floating).scaleb(-16) * Decimal(row["fx"]) + Decimal(row["swap"])
        equity -= Decimal(row["commission_due"])
    return {"equity": str(equity)}


def loss_room(inputs: dict[str, Any]) -> dict[str, Any]:
    equity, new, buffer = (money_of(inputs[key]) for key in ("equity", "new_risk", "buffer"))
    open_risk = sum(map(money_of, inputs["open_risk"]))
    floor = max(money_of(inputs["daily_floor"]), money_of(inputs["max_floor"]))
    return {
        "worst_case_equity": str(decimal_of(equity - open_risk - new)),
        "required": str(decimal_of(floor + buffer)),
        "allowed": bool(room_allows(equity, open_risk, new, floor, buffer)),
        "max_new_risk": str(decimal_of(max(equity - open_risk - floor - buffer, 0))),
    }


def exposure_cap(inputs: dict[str, Any]) -> dict[str, Any]:
    basis = Basis[inputs["basis"].upper()]
    rows = [*inputs["open"], inputs["new"]]
    each = [
        exposure_of(
            money_of(row["notional"]), money_of(row["open_risk"]), units_of(row["leverage"], 6, "leverage"), basis
        )
        for row in rows
    ]
    cap = position_cap(money_of(inputs["equity"]), units_of(inputs["cap_pct"], 6, "cap"))
    current, after = sum(each[:-1]), sum(each)
    return {
        "current": str(decimal_of(current)), "after": str(decimal_of(after)), "cap_amount": str(decimal_of(cap)),
        "allowed": after <= cap, "headroom_before": str(decimal_of(cap - current)),
    }  # fmt: skip


def leverage(inputs: dict[str, Any]) -> dict[str, Any]:
    requested = inputs["requested"]
    caps = (inputs[key] for key in ("profile_max", "venue_max", "jurisdiction_max"))
    answer = effective_leverage(
        None if requested is None else units_of(requested, 6, "requested"),
        units_of(inputs["default"], 6, "default"),
        *(units_of(cap, 6, "cap") for cap in caps),
    )
    accepted = answer.reason == ""
    return {
        "accepted": accepted, "reason": answer.reason, "effective_max": str(decimal_of(answer.effective_max)),
        "leverage": str(decimal_of(answer.leverage)) if accepted else None,
    }  # fmt: skip


def safe_mode(inputs: dict[str, Any]) -> dict[str, Any]:
    events = inputs["events"]
    crypto = load_profile("crypto").accounts[0].crypto
    assert crypto is not None
    changed = crypto.safe_mode.model_copy(update={"reference": inputs["reference"]})
    plans = safe_floors("crypto", crypto.model_copy(update={"safe_mode": changed}))
    initial = money_of(events[0]["equity"])
    day = Day(plans, initial, time_of(events[0]["ts"]), time_of(events[-1]["ts"]))
    return {"states": list(states_of(day, events))}


def states_of(day: Day, events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for event in events:
        now, equity = time_of(event["ts"]), money_of(event["equity"])
        day.roll(now)
        day.watch(now, equity, equity)
        if event["action"] == "ACK":
            acknowledge(day.floors)
        reasons = [
            name + ("_PENDING_ACK" if row.pending else "")
            for name, row in zip(("DAILY", "MONTHLY"), day.floors, strict=True)
            if row.latched
        ]
        daily, monthly = (int(row.top - equity) / int(row.top) for row in day.floors)
        yield {
            "ts": event["ts"], "daily_dd": daily, "monthly_dd": monthly, "reasons": reasons,
            "mode": "SAFE_MODE" if reasons else "NORMAL",
        }  # fmt: skip


def stop_invariants(inputs: dict[str, Any]) -> dict[str, Any]:
    def units(key: str) -> int:
        return units_of(inputs[key], 8, key) if inputs[key] is not None else 0

    lots = abs(units("position_qty")) * (1 if inputs["side"] == "LONG" else -1)
    change = StopChange(
        lots, units("entry"), units("mark"), units("old_stop"), units("new_stop"), units("liquidation"),
        units("min_distance"), units("tick"), units("stop_qty"), inputs["reduce_only"],
    )  # fmt: skip
    flaws = int(stop_flaws(change))
    return {"violations": [flaw.name for flaw in StopFlaw if flaws & flaw]}


ADAPTERS = {
    "prop_firm_day": prop_firm_day,
    "midnight_local_in_utc": midnights,
    "platform_midnight_vs_rule_midnight": platform_ahead,
    "trading_days": days_traded,
    "best_day_rule": best_day_rule,
    "phased_volume": phased_volume,
    "account_equity": account_equity,
    "pre_trade_loss_room": loss_room,
    "exposure_cap": exposure_cap,
    "effective_leverage": leverage,
    "safe_mode": safe_mode,
    "stop_invariants": stop_invariants,
}


@pytest.mark.parametrize("case", [*cases("propfirm"), *cases("profiles/crypto_cases.json")])
def test_account_rules_decide_as_the_reference(case: Case) -> None:
    check(case, ADAPTERS)


@pytest.mark.parametrize("name", FIRMS)
def test_the_packaged_firms_are_those_of_the_reference(name: str) -> None:
    firm, file = FIRMS[name], read_profile(name)
    stated = rules_of(firm)
    if firm["daily_pct"] is None:
        stated = stated.model_copy(update={"daily_fraction": None})
    assert file.firm == stated
    assert file.objectives == Objectives(
        profit_target_fraction=firm["profit_target_pct"],
        trading_days_min=firm["min_trading_days"],
        best_day_fraction_max=firm["best_day_pct"],
        news_minutes=firm["news_minutes"] or 0,
        weekend_hold=firm["weekend_hold"],
    )


def test_the_packaged_crypto_profile_is_that_of_the_reference() -> None:
    if not CRYPTO_FILE.exists():
        pytest.skip(f"{CRYPTO_FILE} is not there; set TRIFECTA_REFERENCE")
    profile, file = json.loads(CRYPTO_FILE.read_text())["profile"], read_profile("crypto").crypto
    assert file is not None
    risk, exposure, safe, stops = (
        profile[key] for key in ("risk_per_trade", "total_exposure_cap", "safe_mode", "stops")
    )  # fmt: skip
    correlated, lever = profile["correlation"], profile["leverage"]
    ours = [
        *file.risk.model_dump().values(), *file.exposure.model_dump().values(), *file.leverage.model_dump().values(),
        *file.correlation.model_dump().values(), *file.safe_mode.model_dump().values(),
        *file.stops.model_dump().values(),
    ]  # fmt: skip
    theirs = [
        *(risk[key] for key in ("min_pct", "max_pct", "confidence_floor", "confidence_cap", "gamma")),
        exposure["pct"], exposure["basis"], lever["default"], lever["max"],
        *(correlated[key] for key in ("window_bars", "max_effective_rho", "cluster_cap_pct", "min_observations")),
        *(safe[key] for key in ("daily_drawdown", "monthly_drawdown", "reference", "period_tz")),
        *(stops[key] for key in ("atr_period", "atr_k", "breakeven_at_R", "trail_at_R", "trail_atr_k")),
    ]  # fmt: skip
    assert [str(one) for one in ours] == [str(one) for one in theirs]
