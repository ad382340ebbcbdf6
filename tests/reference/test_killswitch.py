"""Reference: kill switches, their sequences, throttles and pre-trade controls."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from market.costs import PPM
from market.money import INT64_MAX
from policies.intents import Rule
from policies.pretrade import (
    OrderLimits,
    OrderTerms,
    open_windows,
    order_value_twice,
    order_violations,
    window_allows,
    window_note,
)
from policies.switches import Mode, Rearm, Result, Scope, Trip, decide, rearmed, tripped
from tests.reference.cases import Case, cases, check

MS = 10**6


def a_trip(words: dict[str, Any]) -> Trip:
    return Trip(Scope(words["scope"]), words["key"], Mode[words["mode"]], bool(words.get("hard", False)))


def kill_decision(inputs: dict[str, Any]) -> dict[str, Any]:
    order = inputs["order"]
    trips = [a_trip(words) for words in inputs["trips"]] if inputs["store_readable"] else None
    found = decide(
        trips, {Scope(name): (key,) for name, key in order["scopes"].items()},
        reduces=order["reduce_only"], source=order.get("source", ""),
    )  # fmt: skip
    return {
        "allowed": found.allowed, "mode": found.mode.name, "matched": found.matched, "reason": found.reason,
    }  # fmt: skip


def kill_sequence(inputs: dict[str, Any]) -> dict[str, Any]:
    """Run the operations on a plain list; that a restart keeps the state of the store is tests/journal's to show."""
    active: dict[str, Trip] = {}
    results = []
    for words in inputs["operations"]:
        name = f"{words['scope']}:{words['key']}"
        if words["op"] == "trip":
            result, trip = tripped(list(active.values()), a_trip(words))
            active[name] = trip
        elif words["op"] == "rearm":
            reason = words.get("reason", "the case states none")
            wish = Rearm(Scope(words["scope"]), words["key"], tuple(words["approvers"]), reason, words["reconciled"])
            result = rearmed(list(active.values()), wish)
            if result is Result.REARMED:
                del active[name]
        else:
            assert words["op"] == "restart"
            results.append({"result": "RESTARTED_STATE_KEPT", "active": shown(active)})
            continue
        results.append({"result": result.value, "active": shown(active)})
    return {"results": results}


def shown(active: dict[str, Trip]) -> list[str]:
    return sorted(f"{trip.name}:{trip.mode.name}" for trip in active.values())


def throttle(inputs: dict[str, Any]) -> dict[str, Any]:
    latches = {"message": False, "repeated_execution": True}[inputs["kind"]]
    window, disabled, said = open_windows(1, inputs["limit"])[0], False, []
    span_ns = inputs["window_ms"] * MS
    for time_ms in inputs["times_ms"]:
        passes = not disabled and window_allows(window, time_ms * MS, span_ns, inputs["limit"])
        if passes:
            window_note(window, time_ms * MS)
        disabled = disabled or (latches and not passes)
        said.append("OK" if passes else "DISABLED" if latches else "REJECT")
    return {"decisions": said}


def scaled(*texts: str | None) -> list[int]:
    """Return decimals as whole numbers of one step; None as 0, which stands for "not stated"."""
    digits = max([0, *(-int(Decimal(text).as_tuple().exponent) for text in texts if text is not None)])
    return [0 if text is None else int(Decimal(text).scaleb(digits)) for text in texts]


def pre_trade_controls(inputs: dict[str, Any]) -> dict[str, Any]:
    """Prices in their finest step, quantities in theirs, values in the product of both."""
    limits, order = inputs["limits"], inputs["order"]
    price, reference = scaled(order["price"], order["reference_price"])
    lots, lots_max = scaled(order["qty"], limits["max_order_qty"])
    unit = step_of(order["price"], order["reference_price"]) * step_of(order["qty"], limits["max_order_qty"])
    most = Decimal(limits["max_order_value"]) / unit
    age_ms = order["reference_age_ms"]
    terms = OrderTerms(
        buys=int(order["side"] == "BUY"),
        lots=lots,
        limit=price,
        reference_twice=2 * reference,
        reference_age_ns=INT64_MAX if age_ms is None else int(age_ms * MS),
        value_twice=int(order_value_twice(lots, price, 2 * reference, 1)),
        seen=int(order["intent_id"] in order.get("recent_intents", ())),
    )
    bounds = OrderLimits(
        int(Decimal(limits["collar_pct"]) * PPM), int(most), lots_max, int(limits["max_reference_age_ms"] * MS)
    )
    bits = order_violations(terms, bounds)
    return {"violations": sorted(str(rule.name) for rule in Rule if bits & rule)}


def step_of(*texts: str | None) -> Decimal:
    exponents: Sequence[int] = [int(Decimal(text).as_tuple().exponent) for text in texts if text is not None]
    return Decimal(1).scaleb(min([0, *exponents]))


ADAPTERS = {
    "kill_decision": kill_decision,
    "kill_sequence": kill_sequence,
    "throttle": throttle,
    "pre_trade_controls": pre_trade_controls,
}


@pytest.mark.parametrize("case", cases("killswitch"))
def test_kill_switches_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
