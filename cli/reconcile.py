"""`trifecta reconcile`: what differs between a venue's account and ours, and how to resolve it."""

from pathlib import Path

import click

from cli.options import home_option, journal_option, json_option
from cli.outcome import Exit, print_json
from cli.places import PLACE, place_of


@click.command()
@PLACE
@home_option
@journal_option
@json_option
@click.option("--accept", metavar="SYMBOL@VENUE", help="Take over the position difference of this instrument.")
@click.option("--price", default=None, help="Where the venue's statement does not say at which price it came about.")
@click.option("--who", default="", help="Who takes it over; is journaled.")
@click.option("--reason", default="", help="Why; is journaled.")
def reconcile(
    path: str | None, home: Path, journal: str | None, as_json: bool, accept: str | None,
    price: str | None, who: str, reason: str,
) -> int:  # fmt: skip
    """Show the breaks of PLACE (the home's journal, if none is named) that block instruments (exit 1 if any stands)."""
    import time
    from contextlib import closing, nullcontext

    from msgspec import to_builtins

    from journal.signing import open_seal
    from journal.store import open_journal, shown
    from research.home import Home
    from research.reconcile import accept as take_over
    from research.reconcile import standings

    place = place_of(path, journal, home)
    taken = None
    if accept is not None:
        with (
            Home(home, journal) if path is None else nullcontext(),
            closing(open_journal(place, seal=open_seal)) as writer,
        ):
            taken = take_over(writer, accept, who=who, reason=reason, now_ns=time.time_ns(), price=price)
    with closing(open_journal(place, read_only=True)) as reader:
        found = standings(reader)
    clean = not any(one.breaks for one in found)
    if as_json:
        print_json({
            "command": "reconcile", "journal": shown(place), "clean": clean, "venues": to_builtins(found),
            "accepted": to_builtins(taken) if taken is not None else None,
        })  # fmt: skip
        return int(Exit.DONE if clean else Exit.CHECK_FAILED)
    if taken is not None:
        click.echo(f"taken over: {taken.lots:+,} lots of {taken.instrument}, by {taken.who}: {taken.reason}")
    if not found:
        click.echo("no live venue has traded under this journal: there is nothing to reconcile")
    for one in found:
        state = "clean" if not one.breaks else f"{len(one.breaks)} breaks"
        click.echo(f"{one.venue}: {one.orders:,} orders, {one.unsettled} not final, {one.unknown} unknown: {state}")
        for item in one.breaks:
            pair = "" if item.ours is None else f": ours {item.ours:,}, theirs {item.theirs:,}"
            click.echo(f"  {item.kind} {item.key}{pair}\n    {item.instrument} takes no new risk. {item.remedy}")
    return int(Exit.DONE if clean else Exit.CHECK_FAILED)
