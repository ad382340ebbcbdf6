"""`trifecta reconcile`: what differs between a venue's account and ours, and how to resolve it."""

from pathlib import Path

import click

from cli.options import home_option, json_option
from cli.outcome import Exit, print_json


@click.command()
@click.argument("journal", required=False, type=click.Path(dir_okay=False, path_type=Path))
@home_option
@json_option
@click.option("--accept", metavar="SYMBOL@VENUE", help="Take over the position difference of this instrument.")
@click.option("--who", default="", help="Who takes it over; is journaled.")
@click.option("--reason", default="", help="Why; is journaled.")
def reconcile(
    journal: Path | None, home: Path, as_json: bool, accept: str | None, who: str, reason: str
) -> int:  # fmt: skip
    """Show the breaks of JOURNAL (the home's, if none is named) that block instruments (exit 1 while one stands)."""
    import time
    from contextlib import nullcontext

    from msgspec import to_builtins

    from journal.store import JournalError, SqliteJournal
    from research.home import Home
    from research.reconcile import accept as take_over
    from research.reconcile import standings

    path = journal or Home(home).journal
    if not path.is_file():
        raise JournalError(f"{path}: there is no journal here; name one, or the --home of a run")
    taken = None
    if accept is not None:
        with Home(home) if journal is None else nullcontext():
            writer = SqliteJournal(path)
            try:
                taken = take_over(writer, accept, who=who, reason=reason, now_ns=time.time_ns())
            finally:
                writer.close()
    reader = SqliteJournal(path, read_only=True)
    try:
        found = standings(reader)
    finally:
        reader.close()
    clean = not any(one.breaks for one in found)
    if as_json:
        print_json({
            "command": "reconcile", "journal": str(path), "clean": clean, "venues": to_builtins(found),
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
