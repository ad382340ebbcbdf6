"""The end of a run in a terminal: what each desk did, what became of the account, and why decisions were stopped.

`metrics_of` is offered here too: a command that prints a summary has its numbers from one place.
"""

from collections.abc import Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from market.money import show_money
from research.report.decisions import reason_rows
from research.report.events import event_counts
from research.report.facts import ReportFacts
from research.report.markup import SECOND_NS, percent, plural, span_text
from research.report.tables import DESK_HEADERS, desk_rows
from research.result import RunResult
from research.run_metrics import AccountEnd, account_end, metrics_of

__all__ = ["metrics_of", "summary_tables"]

DROPPED_FIRST: Final = ("Trades", "Round trips", "Candidates", "Hit rate", "Fills", "Events", "Withheld", "Refused")
"""Columns of the desks' table that a narrow terminal goes without, one after the other."""
GAP: Final = 2
"""Characters between two columns."""

RATIOS: Final = {
    "Sharpe": "sharpe", "Sortino": "sortino", "CAGR": "cagr", "Calmar": "calmar", "Profit factor": "profit_factor",
}  # fmt: skip
FRACTIONS: Final = frozenset({"cagr"})


def summary_tables(result: RunResult, facts: ReportFacts, width: int = 100) -> list[Table]:
    """Return the tables that end a run: desks, account, and reasons where anything was stopped."""
    tables = [_desks(result, width), _account(result, facts)]
    events = event_counts(result)
    if events:
        tables.append(_table("Alerts, breakers and orders of people", ("Kind", "Of", "Times"), events, words=2))
    rows = reason_rows(result)
    if rows:
        tables.append(_table("Why decisions were stopped", ("Reason", "Whose", *result.desks, "all"), rows, words=2))
    return tables


def _desks(result: RunResult, width: int) -> Table:
    rows = desk_rows(result)
    shown = fitting(DESK_HEADERS, rows, width)
    table = _table(
        f"Desks (PnL in {result.plan.currency})", [DESK_HEADERS[k] for k in shown],
        [[row[k] for k in shown] for row in rows],
    )  # fmt: skip
    table.rows[-1].style = "bold"
    table.rows[-2].end_section = True
    return table


def fitting(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns that a line has room for; nothing is cut in two."""
    widths = [max(len(line[k]) for line in (headers, *rows)) for k in range(len(headers))]
    shown = list(range(len(headers)))
    for name in DROPPED_FIRST:
        if sum(widths[k] + GAP for k in shown) <= width:
            break
        shown.remove(headers.index(name))
    return shown


def _account(result: RunResult, facts: ReportFacts) -> Table:
    """Two columns of names and values, money on the left, ratios on the right."""
    metrics, end = metrics_of(result), account_end(result)
    left = _money_rows(result, end)
    right = [(name, _ratio(metrics, field)) for name, field in RATIOS.items()]
    right.append(("Returns", f"{plural(metrics['n'], metrics['sampled'])}, {metrics['periods_per_year']:,.0f} a year"))
    rate = f"{facts.events_per_second:,.0f} per second" if facts.events_per_second else "n/a"
    wall = span_text(round(facts.wall_seconds * SECOND_NS))
    right += [("Events", f"{facts.events:,}"), ("Speed", rate), ("Wall time", wall)]
    blank = ("", "")
    rows = [
        (*(left[k] if k < len(left) else blank), *(right[k] if k < len(right) else blank))
        for k in range(max(len(left), len(right)))
    ]
    table = _table(f"Account ({result.plan.currency})", ("", "", "", ""), rows)
    table.columns[2].justify = "left"
    table.show_header = False
    return table


def _money_rows(result: RunResult, end: AccountEnd) -> list[tuple[str, str]]:
    limit = result.plan.limits.drawdown_max
    trades = result.trades
    gained = sum(trade.pnl > 0 for trade in trades)
    return [
        ("Started with", show_money(end.initial)),
        ("Final equity", show_money(end.equity)),
        *([("Deposited, less withdrawn", show_money(end.flow))] if end.flow else []),
        ("Net profit", show_money(end.profit)),
        ("of it open", show_money(end.open_profit)),
        ("Fees paid", show_money(end.fees)),
        ("Max drawdown, worst prices", show_money(end.drawdown_max)),
        ("of the drawdown limit", percent(end.drawdown_max / limit if limit > 0 else None, 1)),
        ("Trades", f"{len(trades):,}"),
        ("Win rate of trades", percent(gained / len(trades) if trades else None, 1)),
    ]


def _ratio(metrics: dict[str, Any], name: str) -> str:
    value = metrics[name]
    if value is None:
        return f"n/a ({metrics['reasons'][name].replace('_', ' ')})"
    return percent(value) if name in FRACTIONS else f"{value:,.2f}"


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Table:
    """Return a table whose first columns are words and the rest numbers; nothing in it is read as markup."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for k, header in enumerate(headers):
        table.add_column(Text(header), justify="left" if k < words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
