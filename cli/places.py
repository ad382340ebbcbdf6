"""Which journal a word of `trifecta journal` is about, and opening it for reading."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from journal.store import Journal, Place

PLACE = click.argument("path", metavar="[PLACE]", required=False)
"""A file or a URL, for the words that take nothing else."""


def place_of(path: str | None, journal: str | None, home: Path) -> "Place":
    """Return the place of a journal: given by itself, by --journal, or in the home; NoJournalError without a file."""
    from journal.store import NoJournalError, is_url

    found = path or journal or home / "journal.db"
    if is_url(found):
        return found
    if not Path(found).is_file():
        raise NoJournalError(f"{found}: there is no journal here; name one, or the --home of a run")
    return Path(found)


@contextmanager
def opened(place: "Place") -> Iterator["Journal"]:
    """Open a journal for reading; what turns out to be damaged on the way is said of the file, not of SQLite."""
    from msgspec import DecodeError

    from journal.store import open_journal, shown
    from research.replay import DamagedJournalError

    source = open_journal(place, read_only=True)
    try:
        yield source
    except (sqlite3.DatabaseError, DecodeError) as error:
        raise DamagedJournalError(
            f"{shown(place)}: damaged ({error}); `trifecta journal verify` names the first bad record"
        ) from error
    finally:
        source.close()
