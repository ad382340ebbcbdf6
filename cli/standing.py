"""`trifecta standing`: what the desks have learned from their own trades, as tables or JSON."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import home_option, journal_option, json_option, open_console
from cli.outcome import print_json
from cli.places import PLACE, opened, place_of

if TYPE_CHECKING:
    from rich.console import Console

    from research.standing_rows import StandingRows

Row = Sequence[str]


@click.command()
@PLACE
@home_option
@journal_option
@click.option("--session", type=click.IntRange(min=1), default=None, help="Of this session alone.  [default: all]")
@json_option
def standing(path: str | None, home: Path, journal: str | None, session: int | None, as_json: bool) -> None:
    """Show what the desks have learned from the trades in PLACE (the home's journal, if none is named).

    A trade counts once, when it is closed or settled. Forex: how often a side of a pair gained, and what its claims are
    worth by that. Arbitrage: how a route's legs fill, and how much of the expected profit is kept. Binary: the hit rate
    of a setup against break-even, the chance that it beats that, and the p-value of so many wins. "worth" is what the
    mean claim counts for, with this record.
    """
    from msgspec import to_builtins

    from journal.store import shown
    from research.standing import standing_of
    from research.standing_rows import standing_rows

    place = place_of(path, journal, home)
    with opened(place) as source:
        found = standing_rows(standing_of(source, session))
    if as_json:
        print_json({"command": "standing", "journal": shown(place), "session": session, **to_builtins(found)})
    else:
        _show(found)


def _show(found: "StandingRows") -> None:
    console = open_console()
    if not found.trades and not found.routes:
        click.echo("no trade has been closed yet: every claim counts as it is made")
    _table(console, "Forex: sides of pairs", _SIDES, (
        (row.instrument, row.side, f"{row.wins:,}/{row.outcomes:,}", f"{row.accuracy:.1%}", f"{row.net:+,.2f}",
         f"{row.pair_profit_share:.1%}", f"{row.claimed:.3f}", f"{row.evaluated:.3f}")
        for row in found.sides
    ))  # fmt: skip
    _table(console, "Arbitrage: routes", _ROUTES, (
        (f"{row.instrument_a} {row.instrument_b}", f"{row.entries:,}", f"{row.legged:,}", f"{row.missed:,}",
         f"{row.net:+,.2f}", f"{row.fill_probability:.3f}", f"{row.venue_health:.3f}", f"{row.profit_kept:.3f}")
        for row in found.routes
    ))  # fmt: skip
    _table(console, "Binary: setups against break-even", _SETUPS, (
        (row.instrument, row.side, row.hours, f"{row.wins:,}/{row.outcomes:,}", _share(row.hit_rate),
         f"{row.breakeven:.1%}", f"{row.beats:.1%}", "-" if row.p_value is None else f"{row.p_value:.3f}",
         f"{row.claimed:.3f}", f"{row.evaluated:.3f}")
        for row in found.setups
    ))  # fmt: skip
    _table(console, "Venues", ("venue", "answered", "rejected", "taken"), (
        (row.venue, f"{row.answered:,}", f"{row.rejected:,}", _share(row.health)) for row in found.venues
    ))  # fmt: skip
    refused = f"; {found.refused:,} had a claim that is no probability" if found.refused else ""
    click.echo(
        f"{found.trades:,} closed trades of {found.sessions:,} sessions{refused}; journal head {found.head[:12]}"
    )


_SIDES = ("pair", "side", "gained", "accuracy", "net", "pair", "claims", "worth")
_ROUTES = ("route", "entries", "one leg", "none", "net", "fills", "taken", "kept")
_SETUPS = ("contract", "side", "hours", "won", "rate", "even", "beats", "p", "claims", "worth")
_WORDS = {"contract", "side", "hours", "venue", "route"}


def _table(console: "Console", title: str, headers: Row, rows: Iterable[Row]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for k, header in enumerate(headers):
        table.add_column(header, justify="left" if k == 0 or header in _WORDS else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    if table.row_count:
        console.print(table)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
