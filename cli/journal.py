"""`trifecta journal`: verify, export or follow a journal."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from cli.evidence import checkpoint, key, verify
from cli.explaining import explain
from cli.heading import new_head
from cli.keeping import backup, migrate, restore
from cli.lines import line_of
from cli.options import home_option, journal_option
from cli.places import PLACE, opened, place_of
from journal.records import KINDS


@click.group()
def journal() -> None:
    """Verify, export, follow, explain, back up or migrate a journal.

    PLACE is a file, or postgresql://user@host/database; without it, --journal says which, or it is the home's own.
    """


for word in (verify, key, checkpoint, new_head, explain, backup, restore, migrate):
    journal.add_command(word)


@journal.command()
@PLACE
@home_option
@journal_option
@click.option(
    "--format",
    "kind_of_file",
    type=click.Choice(("jsonl", "parquet")),
    default="jsonl",
    show_default=True,
    help="JSON lines, or a folder of Parquet files.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="File, or folder for parquet; stdout without it."
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(tuple(KINDS)), help="Only records of this kind.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only records after this sequence number.")
def export(
    path: str | None,
    home: Path,
    journal: str | None,
    kind_of_file: str,
    out: Path | None,
    kinds: tuple[str, ...],
    after: int,
) -> None:
    """Write records: as JSON lines (sequence, hash, the record as it was hashed), or as Parquet files.

    A Parquet export is a folder: records.parquet holds every record with its JSON, and a file per kind
    (orders.parquet, reports.parquet, decisions.parquet, ...) holds its fields as typed columns.
    """
    from journal.export import export_lines

    wanted_kinds = frozenset(kinds)
    if kind_of_file == "parquet" and out is None:
        raise click.UsageError("--format parquet: name a folder by --out")
    with opened(place_of(path, journal, home)) as source:
        if kind_of_file == "parquet" and out is not None:
            from journal.tables import export_tables

            for file, rows in export_tables(source, out, after=after, kinds=wanted_kinds).items():
                click.echo(f"{file}: {rows:,} records", err=True)
        elif out is None:
            export_lines(source, sys.stdout.buffer, after=after, kinds=wanted_kinds)
        else:
            with out.open("wb") as lines:
                count = export_lines(source, lines, after=after, kinds=wanted_kinds)
            click.echo(f"{out}: {count:,} records", err=True)


@journal.command()
@PLACE
@home_option
@journal_option
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="How many to begin with."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as records are written.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(tuple(KINDS)), help="Only records of this kind.")
def tail(path: str | None, home: Path, journal: str | None, lines: int, follow: bool, kinds: tuple[str, ...]) -> None:
    """Show the newest records, a line each."""
    from collections import deque

    from journal.export import wanted

    with opened(place_of(path, journal, home)) as source, suppress(KeyboardInterrupt):
        last = 0
        for entry in deque(wanted(source, 0, frozenset(kinds)), maxlen=lines or None) if lines else ():
            click.echo(line_of(entry))
            last = entry.seq
        while follow:
            for entry in wanted(source, last, frozenset(kinds)):
                click.echo(line_of(entry))
                last = entry.seq
            time.sleep(0.5)
