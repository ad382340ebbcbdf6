"""The store: an append-only table of chained records, one writer, group commits, fenced by epoch.

Where a journal lies is said by one word, its place: a file (SQLite) or a `postgresql://` URL. `open_journal` opens
either; `MemoryJournal` has the same face for simulations and backtests. Everything that users of a journal need is
imported from here.
"""

import re
from pathlib import Path
from typing import Final, TypeAlias

from journal.entries import (
    LOCK_WAIT_S,
    VERSION,
    Entry,
    Fenced,
    Head,
    Journal,
    JournalError,
    JournalUnavailable,
    NoJournalError,
)
from journal.memory import MemoryJournal
from journal.sealing import Sealer
from journal.sqlite import SqliteJournal

__all__ = [
    "LOCK_WAIT_S",
    "VERSION",
    "Entry",
    "Fenced",
    "Head",
    "Journal",
    "JournalError",
    "JournalUnavailable",
    "MemoryJournal",
    "NoJournalError",
    "Place",
    "SqliteJournal",
    "absolute",
    "is_url",
    "open_journal",
    "shown",
]

Place: TypeAlias = str | Path
"""A file, or a `postgresql://` URL."""

SCHEMES: Final = ("postgresql", "postgres")

_URL: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD: Final = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*(?=@)|(?<=[?&])(password)=[^&]*")


def is_url(place: Place) -> bool:
    """Tell a URL from a file; JournalError for the URL of something that is no PostgreSQL."""
    found = _URL.match(place) if isinstance(place, str) else None
    if found is None:
        return False
    if found[1].lower() not in SCHEMES:
        raise JournalError(f"{shown(place)}: a file or a postgresql:// URL is allowed")
    return True


def shown(place: Place) -> str:
    """Return a place as it may be shown: without its password."""
    return _PASSWORD.sub(lambda match: f"{match[1]}:***" if match[1] is not None else "password=***", str(place))


def absolute(place: Place) -> str:
    """Return a place that means the same in another folder."""
    return str(place) if is_url(place) else str(Path(place).resolve())


def open_journal(place: Place, *, read_only: bool = False, seal: Sealer | None = None) -> Journal:
    """Open a journal for its one writer, or for reading; a writer of a file signs with its `seal`.

    A database is not signed: several machines write to it, and key and head would have to be where each of them is.
    JournalError where it is none or of another version, JournalUnavailable where it cannot be reached now.
    """
    if not is_url(place):
        return SqliteJournal(Path(place), read_only=read_only, seal=seal)
    from journal.postgres import PostgresJournal  # SQLAlchemy: a third of a second that a file does not need

    return PostgresJournal(str(place), read_only=read_only)
