"""`trifecta journal`: verify, export or follow a journal."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.evidence import PATH, checkpoint, key, path_of, verify
from cli.options import home_option

if TYPE_CHECKING:
    from journal.store import SqliteJournal

KINDS = (
    "session",
    "claim",
    "mandate",
    "decision",
    "order",
    "report",
    "latch",
    "sample",
    "snapshot",
    "stop",
    "checkpoint",
)


@click.group()
def journal() -> None:
    """Verify, export or follow a journal."""


for command in (verify, key, checkpoint):
    journal.add_command(command)


@contextmanager
def _open(path: Path) -> Iterator["SqliteJournal"]:
    """Open a journal for reading; what turns out to be damaged on the way is said of the file, not of SQLite."""
    from msgspec import DecodeError

    from journal.store import SqliteJournal
    from research.replay import DamagedJournalError

    source = SqliteJournal(path, read_only=True)
    try:
        yield source
    except (sqlite3.DatabaseError, DecodeError) as error:
        raise DamagedJournalError(
            f"{path}: damaged ({error}); `trifecta journal verify` names the first bad record"
        ) from error
    finally:
        source.close()


@journal.command()
@PATH
@home_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File; stdout without it.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only records of this kind.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only records after this sequence number.")
def export(path: Path | None, home: Path, out: Path | None, kinds: tuple[str, ...], after: int) -> None:
    """Write records as JSON lines: sequence, hash, and the record as it was hashed."""
    from journal.export import export_lines

    with _open(path_of(path, home)) as source:
        if out is None:
            export_lines(source, sys.stdout.buffer, after=after, kinds=frozenset(kinds))
            return
        with out.open("wb") as file:
            count = export_lines(source, file, after=after, kinds=frozenset(kinds))
        click.echo(f"{out}: {count:,} records", err=True)


@journal.command()
@PATH
@home_option
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="How many to begin with."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as records are written.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only records of this kind.")
def tail(path: Path | None, home: Path, lines: int, follow: bool, kinds: tuple[str, ...]) -> None:
    """Show the newest records, a line each."""
    from collections import deque

    from journal.export import wanted

    with _open(path_of(path, home)) as source, suppress(KeyboardInterrupt):
        last = 0
        for entry in deque(wanted(source, 0, frozenset(kinds)), maxlen=lines or None) if lines else ():
            click.echo(_line(entry))
            last = entry.seq
        while follow:
            for entry in wanted(source, last, frozenset(kinds)):
                click.echo(_line(entry))
                last = entry.seq
            time.sleep(0.5)


def _stamp(time_ns: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}" if 0 < time_ns < 2**62 else "-"


def _line(entry: Any) -> str:
    """Return a record as people follow it: place, market time, kind, and what matters of it."""
    record = entry.record()
    when = _stamp(record.time_ns)
    match entry.kind:
        case "decision":
            legs = " ".join(f"{leg.lots:+d} {leg.instrument}" for leg in record.legs)
            text = f"{record.desk} {legs}  {record.ruling} {' '.join(record.rules)}"
        case "order":
            text = f"#{record.number} {record.lots:+d} {record.instrument} {record.order_kind} {record.reason}"
        case "report":
            what = f"{record.report} {record.lots:+d} {record.instrument}"
            text = f"#{record.number} {what} at {record.price} {record.reason}"
        case "sample":
            text = f"equity {record.equity / 1e6:,.2f}"
        case "session":
            text = f"session {record.number}, {record.stage}, plan {record.plan_hash[:12]}"
        case "claim":
            text = f"epoch {record.epoch} by {record.owner}"
        case "stop":
            text = f"session {record.number} {'complete' if record.complete else 'interrupted'}: {record.reason}"
        case "latch":
            text = " ".join(record.rules)
        case "checkpoint":
            text = f"to {record.seq}, signed with key {record.key[:16]}"
        case _:
            text = ""
    return f"{entry.seq:>8}  {when}  {entry.kind:<9} {text.rstrip()}"
