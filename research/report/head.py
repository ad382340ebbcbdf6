"""The top of a report: what ran, on which data, and what it came to in a few numbers."""

from collections.abc import Mapping
from typing import Any, Final

from market.money import MONEY_UNIT
from policies.plan import plan_hash
from research.report.facts import PriceSeries, ReportFacts
from research.report.markup import (
    SECOND_NS,
    amount,
    details,
    percent,
    plural,
    scrolling,
    signed,
    span_text,
    table,
    text,
    utc,
)
from research.result import RunResult
from research.run_metrics import account_end, hit_rate, round_trips

TITLES: Final = {"BACKTEST": "Backtest", "PAPER": "Paper run", "LIVE": "Live run"}
FEW_RETURNS: Final = 30
DATA_OPEN_MAX: Final = 4
RATIOS: Final = (("sharpe", "Sharpe"), ("sortino", "Sortino"), ("cagr", "CAGR"), ("calmar", "Calmar"))


def title_of(facts: ReportFacts) -> str:
    """Return the title of the page."""
    return TITLES.get(facts.stage, f"{facts.stage.capitalize()} run")


def market_span(result: RunResult, prices: Mapping[str, PriceSeries]) -> tuple[int, int] | None:
    """Return (first, last) instant of the market that was seen; None where there is no trace of any."""
    ends = [series.time_ns[k] for series in prices.values() if len(series.time_ns) for k in (0, -1)]
    ends += [result.samples[k].time_ns for k in (0, -1) if result.samples]
    return (int(min(ends)), int(max(ends))) if ends else None


def identity(result: RunResult, facts: ReportFacts, prices: Mapping[str, PriceSeries]) -> str:
    """Return what names the run: stage, span, hashes, journal, time taken, command."""
    span = market_span(result, prices)
    rows = [("Stage", text(facts.stage))]
    if span:
        length = span_text(span[1] - span[0])
        rows.append(("Market span", f"{utc(span[0])} to {utc(span[1])} UTC ({length})"))
    rate = f" ({facts.events_per_second:,.0f} per second)" if facts.events_per_second else ""
    rows.append(("Events", f"{facts.events:,}{rate}"))
    rows.append(("Wall time", span_text(round(facts.wall_seconds * SECOND_NS))))
    if facts.started_utc:
        rows.append(("Started", f"{text(facts.started_utc)} UTC"))
    rows.append(("Plan", _code(plan_hash(result.plan))))
    rows.append(("Tape", _code(facts.tape_hash)))
    if facts.journal:
        journal = facts.journal
        rows.append(("Journal head", f"{_code(journal.head)} {plural(journal.records, 'record')}"))
        rows.append(("Journal", _code(journal.path)))
    rows.append(("Command", _code(facts.command)))
    return f'<dl class="identity">{"".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)}</dl>'


def data_list(facts: ReportFacts) -> str:
    """Return the data that the run read, by hash; a long list is folded."""
    if not facts.data:
        return ""
    cells = [(source, f"{rows:,}", digest) for source, digest, rows in facts.data]
    listed = scrolling(table(("Source", "Rows", "SHA-256"), cells, class_="hashes"), "Data")
    return details(f"Data: {plural(len(cells), 'source')}", listed, len(cells) <= DATA_OPEN_MAX)


def headline(result: RunResult, metrics: Mapping[str, Any]) -> str:
    """Return the numbers that everybody asks for first."""
    end, currency, trips = account_end(result), result.plan.currency, round_trips(result)
    limit, fall = result.plan.limits.drawdown_max, end.drawdown_max
    used = f"; {percent(fall / limit, 0)} of the limit of {amount(limit / MONEY_UNIT)}" if limit > 0 else ""
    cards = [
        card("Final equity", _money(amount(end.equity / MONEY_UNIT), currency),
              f"started with {amount(end.initial / MONEY_UNIT)}"),
        card("Net profit", _money(signed(end.profit / MONEY_UNIT), currency),
              f"{100 * end.profit / max(end.initial, 1):+,.2f} %; {_open(end.open_profit)}"),
        card("Max drawdown", _money(amount(fall / MONEY_UNIT), currency), f"worst prices of every instant{used}"),
        card("Trades", f"{len(result.trades):,}",
              f"{metrics['wins']:,} gained, {metrics['losses']:,} lost; {plural(len(trips), 'round trip')}"),
        card("Win rate", *_ratio(metrics, "win_rate", f"of trades; of round trips {percent(hit_rate(trips))}")),
    ]  # fmt: skip
    few = "; too few to mean much" if metrics["n"] < FEW_RETURNS else ""
    period = "daily" if metrics["sampled"] == "day" else "bar"
    basis = f"{plural(metrics['n'], f'{period} return')}, {metrics['periods_per_year']:,.0f} a year{few}"
    cards += [card(title, *_ratio(metrics, name, basis)) for name, title in RATIOS]
    return f'<ul class="cards">{"".join(cards)}</ul>'


def _open(profit: int) -> str:
    return f"{signed(profit / MONEY_UNIT)} of it in open positions" if profit else "no open profit or loss"


def _ratio(metrics: Mapping[str, Any], name: str, note: str) -> tuple[str, str]:
    """Return a metric as text with its note; an undefined one says why."""
    value = metrics[name]
    if value is None:
        return f'n/a <span class="why">({text(metrics["reasons"][name].replace("_", " "))})</span>', note
    return (percent(value) if name in ("win_rate", "cagr") else f"{value:,.2f}"), note


def card(name: str, value: str, note: str) -> str:
    """Return one number of the top of a page; its value is markup, name and note are words."""
    return f'<li><span class="name">{text(name)}</span><span class="value">{value}</span><span>{text(note)}</span></li>'


def _money(number: str, currency: str) -> str:
    return f"{text(number)} <small>{text(currency)}</small>"


def _code(words: str) -> str:
    return f"<code>{text(words)}</code>"
