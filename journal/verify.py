"""Verification: does every record follow from the one before it? Names the first that does not."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from journal.chain import GENESIS, link
from journal.store import Entry, Journal, SqliteJournal


class Verification(Struct, frozen=True, kw_only=True):
    """The finding: `ok`, how many records were sound, the head they lead to, and what is wrong with the next one."""

    ok: bool
    records: int
    head: str
    first_bad: int | None = None
    problem: str | None = None


def verify_journal(journal: Journal) -> Verification:
    """Check sequence, chain, and that the columns repeat what the bytes say; stop at the first bad record."""
    previous, count = GENESIS, 0
    try:
        for entry in journal.entries():
            problem = _problem(entry, count + 1, previous)
            if problem:
                return Verification(ok=False, records=count, head=previous, first_bad=entry.seq, problem=problem)
            previous, count = entry.hash, count + 1
    except sqlite3.DatabaseError as error:
        return Verification(
            ok=False, records=count, head=previous, first_bad=count + 1, problem=f"the file is damaged: {error}"
        )
    return Verification(ok=True, records=count, head=previous)


def verify_file(path: Path) -> Verification:
    """Verify a journal file; JournalError when it is none, or of another version."""
    journal = SqliteJournal(path, read_only=True)
    try:
        return verify_journal(journal)
    finally:
        journal.close()


def _problem(entry: Entry, expected_seq: int, previous: str) -> str | None:
    if entry.seq != expected_seq:
        return f"sequence jumps from {expected_seq - 1} to {entry.seq}: a record is missing or was added"
    stored: Any = entry.body
    if not isinstance(stored, bytes):  # a column of SQLite takes what it is given
        return "its bytes were replaced by text"
    if link(previous, entry.body) != entry.hash:
        return "its hash does not follow from its bytes and the record before it"
    try:
        record = entry.record()
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return f"its bytes are no record of this version: {error}"
    if record.__struct_config__.tag != entry.kind or record.time_ns != entry.time_ns:
        return "its columns do not repeat what its bytes say"
    return None
