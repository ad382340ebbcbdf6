"""Reference: measures of the book, order flow, and trade-flow statistics."""

from typing import Any

import numpy as np
import pytest

from market.microstructure import (
    amihud,
    book_measures,
    book_of,
    bulk_buy_volume,
    depth_fill,
    kyle_lambda,
    order_flow,
    recovery_time,
    roll_spread,
    spread_parts,
    vpin,
)
from tests.reference.cases import Case, cases, check

SIDES = {"BUY": 1, "SELL": -1}


def measures(inputs: dict[str, Any]) -> dict[str, Any]:
    book = book_of(inputs["book"]["bids"], inputs["book"]["asks"])
    return book_measures(book, inputs["levels"], inputs["depth_bps"])._asdict()


def flow(inputs: dict[str, Any]) -> dict[str, Any]:
    events, total = order_flow(np.array(inputs["quotes_bid_bidqty_ask_askqty"], np.float64))
    return {"events": events.tolist(), "ofi": total}


def walked(inputs: dict[str, Any]) -> dict[str, Any]:
    book = book_of(inputs["book"]["bids"], inputs["book"]["asks"])
    return depth_fill(book, SIDES[inputs["side"]], inputs["qty"])._asdict()


def kyle(inputs: dict[str, Any]) -> dict[str, Any]:
    return kyle_lambda(np.array(inputs["price_change"]), np.array(inputs["signed_volume"]))._asdict()


def illiquidity(inputs: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(("illiq", "used"), amihud(np.array(inputs["close"]), np.array(inputs["volume"])), strict=True))


def toxicity(inputs: dict[str, Any]) -> dict[str, Any]:
    assert inputs["classification"].startswith("tick rule, first trade = buy, zero tick keeps the last sign")
    trades = np.array(inputs["trades_price_qty"], np.float64)
    buckets, values = vpin(trades, inputs["bucket_volume"], inputs["window_buckets"])
    return {"buckets": [{"buy": buy, "sell": sell} for buy, sell in buckets.tolist()], "vpin": values.tolist()}


def bulk(inputs: dict[str, Any]) -> dict[str, Any]:
    sigma, bought = bulk_buy_volume(np.array(inputs["price_change"]), np.array(inputs["volume"]))
    return {"sigma": sigma, "buy_volume": None if bought is None else bought.tolist()}


def spreads(inputs: dict[str, Any]) -> dict[str, Any]:
    found = []
    for (price, side), quotes in zip(inputs["trades"], inputs["quotes_bid_ask_then_bid_ask_5s_later"], strict=True):
        bid, ask, bid_later, ask_later = quotes
        parts = spread_parts(SIDES[side], price, (bid + ask) / 2, (bid_later + ask_later) / 2)
        names = ("effective_spread_bps", "realized_spread_bps", "price_impact_bps")
        found.append(dict(zip(names, parts, strict=True)))
    return {"trades": found}


def resiliency(inputs: dict[str, Any]) -> dict[str, Any]:
    times, depths = np.array(inputs["depth_series"], np.float64).reshape(-1, 2).T
    before, fraction = inputs["pre_depth"], inputs["recover_fraction"]
    return {"recovery_ms": recovery_time(times, depths, inputs["shock_time_ms"], before, fraction)}


def roll(inputs: dict[str, Any]) -> dict[str, Any]:
    return roll_spread(np.array(inputs["prices"], np.float64))._asdict()


ADAPTERS = {
    "book_measures": measures,
    "order_flow_imbalance": flow,
    "depth_vwap": walked,
    "kyle_lambda": kyle,
    "amihud": illiquidity,
    "vpin": toxicity,
    "bulk_volume_classification": bulk,
    "effective_realized_spread": spreads,
    "resiliency_time": resiliency,
    "roll_spread": roll,
}


@pytest.mark.parametrize("case", cases("microstructure"))
def test_microstructure_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
