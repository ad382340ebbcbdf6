"""`trifecta journal explain`: the whole story of one order, in order and in words."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import home_option, journal_option, json_option, open_console
from cli.outcome import print_json
from cli.places import opened, place_of

if TYPE_CHECKING:
    from research.explaining import Explanation


@click.command()
@click.argument("order_id")
@home_option
@journal_option
@click.option("--session", type=click.IntRange(min=1), default=None, help="Of this session.  [default: the newest]")
@json_option
def explain(order_id: str, home: Path, journal: str | None, session: int | None, as_json: bool) -> None:
    """Tell the story of one order, from the quote that was seen to the position that came of it.

    ORDER_ID is a client order id, an order's number, or the id of an intent, also of one that was refused or withheld.
    """
    from msgspec import to_builtins

    from journal.store import shown
    from journal.story import UnknownOrderError, story_of
    from research.explaining import explain as in_words

    place = place_of(None, journal, home)
    with opened(place) as source:
        try:
            found = in_words(story_of(source, order_id, session))
        except UnknownOrderError as error:
            raise UnknownOrderError(f"{shown(place)}: {error}") from None
    if as_json:
        print_json({"command": "journal explain", "journal": shown(place), **to_builtins(found)})
    else:
        _show(found)


def _show(found: "Explanation") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    names = ", ".join(f"#{number} {name}" for number, name in zip(found.numbers, found.order_ids, strict=True))
    title = names or f"intent {found.intent_id}"
    console = open_console()
    console.print(
        f"[bold]{escape(title)}[/bold]  {', '.join(found.instruments)}  session {found.session}, {found.stage}"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("record", justify="right")
    table.add_column("market time (UTC)", no_wrap=True)
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("what happened", overflow="fold")
    for step in found.steps:
        table.add_row(str(step.seq), step.time, step.what, escape(step.text))
    console.print(table)
    console.print(escape(found.outcome))
