"""Reference: tick, lot and minimum-notional rounding."""

from decimal import Decimal
from typing import Any

import pytest

from market.money import round_money, units_of
from market.rounding import (
    BUY,
    SELL,
    PriceKind,
    notional_accepted,
    round_price,
    round_price_by_table,
    round_quantity,
)
from tests.reference.cases import Case, cases, check

SIDES = {"BUY": BUY, "SELL": SELL}


def price(inputs: dict[str, Any]) -> dict[str, Any]:
    kind = PriceKind[inputs["kind"]]
    return {"price": str(round_price(Decimal(inputs["price"]), Decimal(inputs["tick"]), SIDES[inputs["side"]], kind))}


def quantity(inputs: dict[str, Any]) -> dict[str, Any]:
    rounded, accepted = round_quantity(*(Decimal(inputs[key]) for key in ("qty", "step", "min", "max")))
    return {"qty": str(rounded), "accepted": accepted}


def price_by_table(inputs: dict[str, Any]) -> dict[str, Any]:
    table = [(Decimal(start), Decimal(tick)) for start, tick in inputs["tick_table"]]
    tick, rounded, on_tick = round_price_by_table(
        Decimal(inputs["price"]), SIDES[inputs["side"]], PriceKind.LIMIT, table
    )
    return {"tick": str(tick), "price": str(rounded), "on_tick_after": on_tick}


def min_notional(inputs: dict[str, Any]) -> dict[str, Any]:
    at = inputs["reference_price"] if inputs["market"] else inputs["price"]
    notional = Decimal(at) * Decimal(inputs["qty"])
    units = (units_of(value, 12, "notional") for value in (notional, inputs["min_notional"]))
    return {"notional": str(notional), "accepted": notional_accepted(*units)}


def money(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"half_even": str(round_money(Decimal(inputs["amount"]), inputs["places"]))}


FLOATS = {
    "0.1+0.2==0.3": lambda: 0.1 + 0.2 == 0.3,
    "int(0.29*100)": lambda: int(0.29 * 100),
    "1.1*3": lambda: 1.1 * 3,
    "floor(0.7/0.1)": lambda: int(0.7 // 0.1),
    "round(2.675,2)": lambda: round(2.675, 2),
    "0.3/0.1": lambda: 0.3 / 0.1,
}


def float_traps(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"values": [str(FLOATS[expression]()) for expression in inputs["expressions"]]}


ADAPTERS = {
    "round_price": price,
    "round_qty": quantity,
    "round_price_tick_table": price_by_table,
    "min_notional": min_notional,
    "round_money": money,
    "float_traps": float_traps,
}


@pytest.mark.parametrize("case", cases("rounding"))
def test_rounding_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
