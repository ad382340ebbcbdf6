"""Reference: the order table, life cycles with races, client order ids, recovery, reconciliation."""

import json
import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from market.orders import (
    OPEN_RISK,
    TERMINAL,
    TRANSITIONS,
    EventKind,
    OrderEvent,
    OrderFlag,
    OrderState,
    OrderStatus,
    Result,
    client_order_id,
)
from market.reconciliation import Break, BreakKind, Snapshot, WorkingOrder, reconcile
from market.recovery import RECOVERY, CrashPoint
from tests.reference.cases import ROOT, Case, cases, check

FILE = ROOT / "orders" / "fsm_transitions.json"
MACHINE: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"table": []}
ROWS = MACHINE["table"]
START_CUM = {"PARTIALLY_FILLED": 4, "FILLED": 10}
PREFIX = "tds"


def lots_of(*texts: str) -> tuple[list[int], int]:
    """Return decimals as whole numbers of one step, and the digits of that step."""
    digits = max([0, *(-int(Decimal(text).as_tuple().exponent) for text in texts)])
    return [int(Decimal(text).scaleb(digits)) for text in texts], digits


def decimal(lots: int, digits: int) -> str:
    return str(Decimal(lots).scaleb(-digits))


def flag_names(flags: int) -> list[str]:
    return sorted(str(flag.name) for flag in OrderFlag if flags & flag)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['state']}-{row['event']}")
def test_every_row_of_the_reference_table_is_a_row_of_ours(row: dict[str, Any]) -> None:
    flags = sum(OrderFlag[name] for name in row["flags"])
    expected = (OrderStatus[row["next"]], Result[row["result"]], flags)
    assert tuple(TRANSITIONS[OrderStatus[row["state"]]][EventKind[row["event"]]]) == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['state']}-{row['event']}")
def test_an_order_in_a_status_does_what_the_reference_table_says(row: dict[str, Any]) -> None:
    cum = START_CUM.get(row["state"], 0)
    order = OrderState(lots=10, status=OrderStatus[row["state"]], cum=cum)
    if order.status is OrderStatus.PENDING_REPLACE:
        order.pending_lots = 12
    kind = EventKind[row["event"]]
    lots = {EventKind.FILL_PARTIAL: 1, EventKind.FILL_COMPLETE: max(10 - cum, 1), EventKind.REPLACE_REQ: 12}
    outcome = order.apply(OrderEvent(kind=kind, execution="e", lots=lots.get(kind, 0)))
    got = (outcome.status.name, outcome.result.name, flag_names(outcome.flags))
    assert got == (row["next"], row["result"], sorted(row["flags"]))
    assert order.status is outcome.status


def test_statuses_and_their_sets_are_those_of_the_reference() -> None:
    if not ROWS:
        pytest.skip("no order table below the reference root")
    assert [status.name for status in OrderStatus] == MACHINE["states"]
    assert sorted(status.name for status in TERMINAL) == sorted(MACHINE["terminal"])
    assert sorted(status.name for status in OPEN_RISK) == sorted(MACHINE["counts_as_open_risk"])
    assert {result.name for result in Result} == set(MACHINE["result_codes"])
    assert {(row["state"], row["event"]) for row in ROWS} == {
        (status.name, kind.name) for status in OrderStatus for kind in list(EventKind)[:15]
    }


def order_scenario(inputs: dict[str, Any]) -> dict[str, Any]:
    quantities = [event[key] for event in inputs["events"] for key in ("qty", "cum") if key in event]
    (lots, *rest), digits = lots_of(inputs["order_qty"], *quantities)
    order, numbers = OrderState(lots=lots), iter(rest)
    after = []
    for event in inputs["events"]:
        said = OrderEvent(
            kind=EventKind[event["event"]],
            execution=event.get("exec_id", ""),
            lots=next(numbers) if "qty" in event or "cum" in event else 0,
            status=OrderStatus[event.get("status", "ACCEPTED")],
            unknown_order=event.get("reason") == "UNKNOWN_ORDER",
        )
        outcome = order.apply(said)
        after.append(
            {
                "event": event["event"],
                "status": order.status.name,
                "cum": decimal(order.cum, digits),
                "leaves": decimal(order.leaves, digits),
                "result": outcome.result.name,
            }
        )
    final = {
        "status": order.status.name,
        "cum": decimal(order.cum, digits),
        "qty": decimal(order.lots, digits),
        "flags": flag_names(order.flags),
    }
    return {"after": after, "final": final}


def order_id(inputs: dict[str, Any]) -> dict[str, Any]:
    name = client_order_id(inputs["prefix"], inputs["intent_id"], int(inputs["leg"]), int(inputs["replace_seq"]))
    charset = r"^[a-z0-9-]{1,32}$"
    assert re.fullmatch(charset, name)
    return {"client_order_id": name, "length": len(name), "charset": charset}


def crash_recovery(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"actions": {point: RECOVERY[CrashPoint(point)][1] for point in inputs["crash_points"]}}


def signed(fill: dict[str, str]) -> Decimal:
    return Decimal(fill["qty"]) if fill["side"] == "BUY" else -Decimal(fill["qty"])


def reconciliation(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scale both sides to whole lots; fills of the cases name no instrument and belong to the first position."""
    local, venue = inputs["local"], inputs["venue"]
    first = next(iter(local["positions"]), "")
    texts = [text for side in (local, venue) for text in side["positions"].values()]
    texts += [order[key] for side in (local, venue) for order in side["open_orders"] for key in ("qty", "cum")]
    booked: dict[str, Decimal] = defaultdict(Decimal)
    for fill in local["fills"]:
        booked[fill.get("instrument", first)] += signed(fill)
    numbers, digits = lots_of(*texts, *map(str, booked.values()))
    lots = iter(numbers)
    positions = [{key: next(lots) for key in side["positions"]} for side in (local, venue)]
    orders = [
        [WorkingOrder(order["client_id"], first, next(lots), next(lots)) for order in side["open_orders"]]
        for side in (local, venue)
    ]
    sides = [Snapshot(*pair) for pair in zip(positions, orders, strict=True)]
    breaks = reconcile(*sides, {key: next(lots) for key in booked}, PREFIX)
    return {"breaks": [shown(item, digits) for item in breaks], "clean": not breaks}


def shown(item: Break, digits: int) -> dict[str, Any]:
    key = "sum_fills" if item.kind is BreakKind.LEDGER_BREAK else item.key
    numbers = {"local": item.local, "venue": item.venue, "diff": item.diff}
    spelled = {name: decimal(lots, digits) for name, lots in numbers.items() if lots is not None}
    return {"type": item.kind.name, "key": key, **spelled}


ADAPTERS = {
    "order_scenario": order_scenario,
    "client_order_id": order_id,
    "crash_recovery": crash_recovery,
    "reconcile": reconciliation,
}


@pytest.mark.parametrize("case", cases("orders"))
def test_orders_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
