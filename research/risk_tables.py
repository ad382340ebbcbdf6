"""A risk report in a terminal: tables of tails, positions, clusters and stress, and in words what is undefined."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from market.money import show_money
from research.catalogue import show_time
from research.risk_report import Exceptions, RiskReport, money_of_fraction

NONE = "-"


def risk_tables(found: RiskReport, confidence: float) -> Iterator[Table]:
    """Yield the tables that have a row."""
    yield _tails(found, confidence)
    held = [holding for holding in found.holdings if not holding.is_contract]
    if held:
        yield _positions(found, confidence)
    if found.clusters.members:
        yield _clusters(found)
    if found.stress:
        yield _stress(found)


def notes_of(found: RiskReport) -> Iterator[str]:
    """Yield a line for each thing that is undefined, left out or exceeded."""
    if found.returns_reason:
        yield f"no returns of equity: {found.returns_reason}"
    if found.shares.reason:
        yield f"no shares of VaR: {found.shares.reason}"
    elif found.shares.var is not None:
        var = found.shares.var
        yield f"VaR of the positions {_number(var.var)} {found.currency}, {_number(var.undiversified)} undiversified"
    if found.clusters.not_measured:
        names = ", ".join(found.clusters.not_measured)
        yield f"too few common returns, correlation 1 within their class is assumed: {names}"
    stake = sum(one.notional for one in found.holdings if one.is_contract)
    if stake:
        yield f"open contracts, lost in full at worst and in none of the above: {show_money(stake)} {found.currency}"
    yield _exceptions(found.exceptions)


def _tails(found: RiskReport, confidence: float) -> Table:
    title = (
        f"VaR and ES at {confidence:g} of {found.returns:,} returns per {found.period_ns / 1e9:,.0f} s, as of "
        f"{show_time(found.at_ns)}, equity {show_money(found.equity)} {found.currency}"
    )
    rows = [
        (
            method.value, _percent(tail.var), _percent(tail.es), _number(money_of_fraction(tail.var, found.equity)),
            _number(money_of_fraction(tail.es, found.equity)), tail.reason or tail.caution or "",
        )
        for method, tail in found.tails.items()
    ]  # fmt: skip
    return _table(title, ("Method", "VaR", "ES", "VaR money", "ES money", "Note"), rows, words=(0, 5))


def _positions(found: RiskReport, confidence: float) -> Table:
    held = [holding for holding in found.holdings if not holding.is_contract]
    var, es = found.shares.var, found.shares.es
    columns = [var and var.component, var and var.fraction, var and var.incremental, es and es.component]
    rows = []
    for k, holding in enumerate(held):
        component, fraction, incremental, tail = (values[k] if values else None for values in columns)
        rows.append(
            (
                holding.instrument, f"{holding.lots:+,}", show_money(holding.notional), _number(component),
                _percent(fraction), _number(incremental), _number(tail),
            )
        )  # fmt: skip
    headers = ("Position", "Lots", "Notional", "Component VaR", "Share", "Incremental VaR", "Component ES")
    return _table(f"Shares of VaR and ES at {confidence:g}, per {found.moves_ns / 1e9:,.0f} s", headers, rows)


def _clusters(found: RiskReport) -> Table:
    rows = [
        (
            ", ".join(members), show_money(one.gross), show_money(one.net), _percent(one.fraction_of(found.equity)),
            "above its cap" if one.breached else "",
        )
        for members, one in zip(found.clusters.members, found.clusters.exposures, strict=True)
    ]  # fmt: skip
    shrinkage = "" if found.clusters.shrinkage is None else f", shrinkage {found.clusters.shrinkage:.3f}"
    title = f"Correlation clusters ({found.clusters.observations:,} common returns{shrinkage})"
    return _table(title, ("Members", "Gross", "Net", "Of equity", ""), rows, words=(0, 4))


def _stress(found: RiskReport) -> Table:
    rows = [
        (
            one.scenario, show_money(one.total), _percent(one.fraction_of(found.equity)), show_money(one.venue_loss),
            show_money(one.equity_after), ", ".join(one.unlisted),
        )
        for one in found.stress
    ]  # fmt: skip
    headers = ("Scenario", "Result", "Of equity", "Lost at venues", "Equity after", "Not moved by it")
    return _table("Stress, at shocked prices", headers, rows, words=(0, 5))


def _exceptions(found: Exceptions) -> str:
    if found.number.p_value is None:
        return "EWMA forecasts: too few returns to hold them against what came"
    clustered = found.independence.p_value
    p_clustered = NONE if clustered is None else f"{clustered:.3f}"
    return (
        f"EWMA forecasts exceeded {found.exceeded:,} times of {found.forecasts:,}: p {found.number.p_value:.3f} for "
        f"their number (Kupiec), {p_clustered} for their independence (Christoffersen)"
    )


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int] = (0,)) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for k, header in enumerate(headers):
        table.add_column(header, justify="left" if k in words else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.2f}"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100.0 * value:.3f} %"
