"""The JSON document of a risk report (docs/json/risk_report.schema.json): money as text, estimates as numbers."""

from typing import Any

from msgspec import to_builtins

from policies.tail_risk import Method, Tail
from research.catalogue import show_time
from research.holdings import money_text
from research.risk_report import RiskReport, money_of_fraction


def document_of(found: RiskReport, confidence: float) -> dict[str, Any]:
    """Return the document."""
    shares = found.shares
    return {
        "command": "risk report",
        "source": found.source,
        "currency": found.currency,
        "at": show_time(found.at_ns),
        "equity": money_text(found.equity),
        "confidence": confidence,
        "period_seconds": found.period_ns / 1e9,
        "moves_seconds": found.moves_ns / 1e9,
        "returns": found.returns,
        "returns_reason": found.returns_reason,
        "tails": {method.value: _tail(tail, found.equity) for method, tail in found.tails.items()},
        "exceptions": to_builtins(found.exceptions),
        "positions": _positions(found),
        "positions_reason": found.holdings_reason,
        "contracts_at_stake": money_text(sum(one.notional for one in found.holdings if one.is_contract)),
        "portfolio": {
            "var": shares.var and shares.var.var,
            "undiversified_var": shares.var and shares.var.undiversified,
            "es": shares.es and shares.es.total,
            "reason": shares.reason or (shares.var and shares.var.reason),
        },
        "clusters": _clusters(found),
        "correlation": {
            "observations": found.clusters.observations,
            "shrinkage": found.clusters.shrinkage,
            "not_measured": list(found.clusters.not_measured),
            "reason": found.clusters.reason,
        },
        "stress": _stress(found),
    }


def _tail(tail: Tail, equity: int) -> dict[str, Any]:
    method: Method = tail.method
    return {
        "method": method.value, "var": tail.var, "es": tail.es, "var_money": money_of_fraction(tail.var, equity),
        "es_money": money_of_fraction(tail.es, equity), "reason": tail.reason, "caution": tail.caution,
    }  # fmt: skip


def _positions(found: RiskReport) -> list[dict[str, Any]]:
    var, es = found.shares.var, found.shares.es
    columns = {
        "marginal_var": var and var.marginal, "component_var": var and var.component,
        "component_fraction": var and var.fraction, "incremental_var": var and var.incremental,
        "component_es": es and es.component,
    }  # fmt: skip
    held = [holding for holding in found.holdings if not holding.is_contract]
    return [
        {"instrument": holding.instrument, "lots": holding.lots, "notional": money_text(holding.notional)}
        | {name: values[k] if values else None for name, values in columns.items()}
        for k, holding in enumerate(held)
    ]


def _clusters(found: RiskReport) -> list[dict[str, Any]]:
    return [
        {
            "members": list(members), "gross": money_text(one.gross), "net": money_text(one.net),
            "cap": money_text(one.cap), "fraction_of_equity": one.fraction_of(found.equity), "breached": one.breached,
        }
        for members, one in zip(found.clusters.members, found.clusters.exposures, strict=True)
    ]  # fmt: skip


def _stress(found: RiskReport) -> list[dict[str, Any]]:
    return [
        {
            "scenario": one.scenario, "total": money_text(one.total), "venue_loss": money_text(one.venue_loss),
            "equity_after": money_text(one.equity_after), "fraction_of_equity": one.fraction_of(found.equity),
            "positions": {symbol: money_text(money) for symbol, money in one.pnl.items()},
            "unlisted": list(one.unlisted),
        }
        for one in found.stress
    ]  # fmt: skip
