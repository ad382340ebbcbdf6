"""Reference: VaR and ES, their backtests, shares of risk, shrinkage, clusters, the correlation gate, stress."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from market.money import decimal_of, money_of
from policies.clusters import cluster_exposures, cluster_labels
from policies.component_risk import component_es, component_var
from policies.correlation_gate import conflicts, effective_correlation
from policies.shrinkage import ledoit_wolf, oracle_approximating
from policies.stress import Scenario, stress
from policies.tail_risk import Method, alpha_of, cornish_fisher, ewma_sigma, series_of, tail
from policies.var_backtest import christoffersen, kupiec
from tests.reference.cases import ROOT, Case, Prose, cases, check

FILE = ROOT / "risk" / "stress_scenarios.json"
SCENARIOS: dict[str, Any] = json.loads(FILE.read_text())["scenarios"] if FILE.exists() else {}
SIDES = {"LONG": 1, "SHORT": -1}


def var_es(inputs: dict[str, Any]) -> dict[str, Any]:
    returns, confidence, decay = inputs["returns"], inputs["confidence"], inputs["ewma_lambda"]
    measured = {
        short: tail(returns, confidence, method, decay)
        for short, method in (
            ("hist_linear", Method.HISTORICAL_LINEAR), ("hist_ru", Method.HISTORICAL), ("normal", Method.NORMAL),
            ("ewma", Method.EWMA),
        )
    }  # fmt: skip
    found: dict[str, Any] = {f"{short}_var": one.var for short, one in measured.items()}
    found |= {f"{short}_es": one.es for short, one in measured.items()}
    series = series_of(returns)
    expansion = cornish_fisher(series, alpha_of(confidence))
    assert expansion is not None
    return found | {
        "skew": expansion.skew, "excess_kurtosis": expansion.excess_kurtosis, "cf_z": expansion.z,
        "cf_var": expansion.var, "cf_es": expansion.es, "cf_monotone": expansion.monotone,
        "ewma_sigma": ewma_sigma(series, decay),
    }  # fmt: skip


def var_es_edge(inputs: dict[str, Any]) -> dict[str, Any]:
    linear = tail(inputs["returns"], inputs["confidence"], Method.HISTORICAL_LINEAR)
    whole = tail(inputs["returns"], inputs["confidence"], Method.HISTORICAL)
    found = {"var": whole.var, "es": whole.es, "hist_linear_var": linear.var, "hist_linear_es": linear.es}
    found |= {"hist_ru_var": whole.var, "hist_ru_es": whole.es}
    return found | ({"warning": Prose()} if whole.caution or whole.reason else {})


def kupiec_pof(inputs: dict[str, Any]) -> dict[str, Any]:
    found = kupiec(inputs["observations"], inputs["exceptions"], inputs["p"])
    return {"lr_pof": found.ratio, "p_value": found.p_value}


def independence(inputs: dict[str, Any]) -> dict[str, Any]:
    found = christoffersen(inputs["hits"])
    counts = {name: getattr(found, name) for name in ("n00", "n01", "n10", "n11")}
    return counts | {"lr_ind": found.test.ratio, "p_value": found.test.p_value}


def components(inputs: dict[str, Any]) -> dict[str, Any]:
    weights, covariance = (np.array(inputs[name], np.float64) for name in ("weights", "cov"))
    found = component_var(weights, covariance, inputs["confidence"])
    return {
        "sigma_p": found.sigma, "var": found.var, "marginal": found.marginal, "component": found.component,
        "component_pct": found.fraction, "incremental_full_removal": found.incremental,
        "undiversified_var": found.undiversified,
    }  # fmt: skip


def shrunk(inputs: dict[str, Any]) -> dict[str, Any]:
    returns = np.array(inputs["returns"], np.float64)
    found = ledoit_wolf(returns)
    return {
        "shrinkage": found.shrinkage, "cov": found.shrunk.tolist(), "sample_cov_biased": found.sample.tolist(),
        "oas_shrinkage": oracle_approximating(returns).shrinkage,
    }  # fmt: skip


def tail_shares(inputs: dict[str, Any]) -> dict[str, Any]:
    returns, weights = (np.array(inputs[name], np.float64) for name in ("returns", "weights"))
    found = component_es(returns, weights, inputs["confidence"])
    if found is None:
        return {"tail_indices": [], "component_es": None, "es_tail_mean": None}
    return {"tail_indices": found.rows, "component_es": found.component, "es_tail_mean": found.total}


def clusters(inputs: dict[str, Any]) -> dict[str, Any]:
    labels = cluster_labels(np.array(inputs["correlation"], np.float64), inputs["threshold"])
    notionals = [money_of(str(notional)) for notional in inputs["signed_notional"]]
    equity = money_of(str(inputs["equity"]))
    found = cluster_exposures(labels, notionals, equity, Decimal(str(inputs["cap_gross_pct"])))
    return {
        "labels": labels,
        "gross_by_cluster": {str(k): float(decimal_of(cluster.gross)) for k, cluster in enumerate(found)},
        "net_by_cluster": {str(k): float(decimal_of(cluster.net)) for k, cluster in enumerate(found)},
        "gross_pct": {str(k): cluster.fraction_of(equity) for k, cluster in enumerate(found)},
        "breach": [k for k, cluster in enumerate(found) if cluster.breached],
    }


def pairs(inputs: dict[str, Any]) -> dict[str, Any]:
    new, most = SIDES[inputs["new_side"]], inputs["max_effective_rho"]
    found = []
    for symbol, side in inputs["open"]:
        effective = effective_correlation(inputs["rho"][symbol], new, SIDES[side])
        found.append({"symbol": symbol, "effective_rho": effective, "conflict": bool(conflicts(effective, most))})
    return {"pairs": found, "blocked": any(pair["conflict"] for pair in found)}


def stress_pnl(inputs: dict[str, Any]) -> dict[str, Any]:
    said = SCENARIOS[inputs["scenario"]]
    scenario = Scenario(
        name=inputs["scenario"],
        date=said["date"],
        shocks={symbol: Decimal(str(shock)) for symbol, shock in said["shocks"].items()},
        venue_default={venue: Decimal(str(share)) for venue, share in said.get("venue_default", {}).items()},
        provenance=said["provenance"],
    )
    notionals, balances = (
        {key: money_of(str(amount)) for key, amount in inputs[name].items()}
        for name in ("signed_notional", "venue_balances")
    )
    betas = {
        symbol: {other: Decimal(str(beta)) for other, beta in own.items()} for symbol, own in inputs["beta_map"].items()
    }
    equity = money_of(str(inputs["equity"]))
    found = stress(scenario, notionals, equity, balances, betas)
    return {
        "pnl_by_position": {symbol: float(decimal_of(money)) for symbol, money in found.pnl.items()},
        "venue_loss": float(decimal_of(found.venue_loss)),
        "total": float(decimal_of(found.total)),
        "pct_equity": found.fraction_of(equity),
        "equity_after": float(decimal_of(found.equity_after)),
    }


ADAPTERS = {
    "var_es": var_es,
    "var_es_edge": var_es_edge,
    "kupiec_pof": kupiec_pof,
    "christoffersen_independence": independence,
    "component_var": components,
    "ledoit_wolf": shrunk,
    "historical_component_es": tail_shares,
    "cluster_caps": clusters,
    "correlation_gate": pairs,
    "stress_pnl": stress_pnl,
}


@pytest.mark.parametrize("case", cases("risk"))
def test_risk_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
