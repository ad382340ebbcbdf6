"""Reference: return metrics, annualisation, closed trades, position accounting."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from market.quality import DataQualityError
from research.performance import (
    periods_per_year,
    return_metrics,
    sharpe_standard_error,
    time_weighted_return,
)
from research.trade_metrics import ClosedTrade, PositionFill, position_accounting, trade_metrics
from tests.reference.cases import Case, cases, check

SIDES = {"LONG": 1, "BUY": 1, "SHORT": -1, "SELL": -1}
SECOND_NS = 10**9


def decimals(texts: list[str]) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def metrics(inputs: dict[str, Any]) -> dict[str, Any]:
    rates = inputs.get("rf_per_period", 0.0), inputs.get("mar_per_period", 0.0)
    policy = inputs.get("nan_policy", "reject")
    try:
        result = return_metrics(inputs["returns"], inputs["periods_per_year"], *rates, nan_policy=policy)
    except DataQualityError as error:
        return {"error": type(error).__name__}
    values = msgspec.structs.asdict(result)
    undefined = {name for name, value in values.items() if value is None}
    assert undefined == set(result.reasons)
    return {**values, "ulcer_index_quantstats_n_minus_1": values["ulcer_index_n_minus_1"]}


def time_weighted(inputs: dict[str, Any]) -> dict[str, Any]:
    equity, flows = decimals(inputs["equity_end"]), decimals(inputs["external_flow_end_of_period"])
    returns, compound = time_weighted_return(equity, flows)
    return {"period_returns": returns, "twr": compound, "naive_wrong": float(equity[-1] / equity[0] - 1)}


def annualisation(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: periods_per_year(*name.rsplit("_", 1)) for name in inputs["calendar_and_bar"]}


def sharpe_error(inputs: dict[str, Any]) -> dict[str, Any]:
    result = sharpe_standard_error(inputs["returns"])
    if result is None:
        return {"sr_per_period": None, "se_iid_lo2002": None, "se_non_normal": None}
    return {
        "sr_per_period": result.sharpe,
        "se_iid_lo2002": result.se_iid,
        "se_non_normal": result.se_non_normal,
    }


def trade_of(row: dict[str, Any]) -> ClosedTrade:
    stop = row["initial_stop"]
    return ClosedTrade(
        side=SIDES[row["side"]],
        quantity=Decimal(row["qty"]),
        entry=Decimal(row["entry"]),
        exit=Decimal(row["exit"]),
        initial_stop=None if stop is None else Decimal(stop),
        fees=Decimal(row["fees"]),
        funding=Decimal(row["funding"]),
        swap=Decimal(row["swap"]),
        multiplier=Decimal(row["multiplier"]),
        rate=Decimal(row["fx_quote_to_account"]),
        entry_ns=row["entry_ts"] * SECOND_NS,
        exit_ns=row["exit_ts"] * SECOND_NS,
    )


def trades(inputs: dict[str, Any]) -> dict[str, Any]:
    result = trade_metrics([trade_of(row) for row in inputs["trades"]], Decimal(inputs["average_equity"]))
    values = msgspec.structs.asdict(result)
    assert {name for name, value in values.items() if value is None} == set(result.reasons)
    return values


def accounting(inputs: dict[str, Any]) -> dict[str, Any]:
    fills = [
        PositionFill(SIDES[row["side"]], *decimals([row["qty"], row["price"], row["fee"]])) for row in inputs["fills"]
    ]
    steps = [
        {
            "position": step.position,
            "avg_price": step.average_price,
            "realized_gross_this_fill": step.realised_gross,
            "realized_net_cum": step.realised_net_total,
        }
        for step in position_accounting(fills, inputs["method"])
    ]
    return {"after_each_fill": steps}


ADAPTERS = {
    "return_metrics": metrics,
    "return_metrics_edge": metrics,
    "time_weighted_return": time_weighted,
    "periods_per_year": annualisation,
    "sharpe_standard_error": sharpe_error,
    "trade_metrics": trades,
    "position_accounting": accounting,
}


@pytest.mark.parametrize("case", cases("performance"))
def test_performance_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
