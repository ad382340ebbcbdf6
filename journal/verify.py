"""Verification: does every record follow from the one before it? Names the first that does not."""

import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec import Struct

from journal.chain import GENESIS, link
from journal.store import Entry, Journal, JournalError, SqliteJournal

HEADER_BYTES: Final = 100
PAGE_SIZE: Final = slice(16, 18)
PAGE_COUNT: Final = slice(28, 32)
"""Where the header of a SQLite file states how large it is; big-endian."""
FILE_BYTES_MAX: Final = 2**40
"""A header that states more is no header."""

BEFORE_ALL: Final = -(2**63)
"""Records are numbered from 1; what somebody has put below is looked at, too."""


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
        for entry in journal.entries(after=BEFORE_ALL):
            problem = _problem(entry, count + 1, previous)
            if problem:
                # In a damaged page numbers may run backwards: then it is the next one that is lost.
                bad = count + 1 if 0 < count >= entry.seq else entry.seq
                return Verification(ok=False, records=count, head=previous, first_bad=bad, problem=problem)
            previous, count = entry.hash, count + 1
    except sqlite3.DatabaseError as error:
        return Verification(
            ok=False, records=count, head=previous, first_bad=count + 1, problem=f"the file is damaged: {error}"
        )
    return Verification(ok=True, records=count, head=previous)


def verify_file(path: Path) -> Verification:
    """Verify a journal file, also one that was cut short; JournalError when it is none, or of another version."""
    try:
        journal = SqliteJournal(path, read_only=True)
    except JournalError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) != sqlite3.SQLITE_CORRUPT:
            raise
        return _verify_rest(path, f"the file is damaged: {error.__cause__}")
    try:
        return verify_journal(journal)
    finally:
        journal.close()


def _verify_rest(path: Path, problem: str) -> Verification:
    """Verify what is left of a damaged file.

    SQLite refuses a file that is shorter than its header says, whatever is still in it. A copy with the lost pages
    filled with zeros can be read up to the first of them.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder, "journal.db")
        for end in ("", "-wal"):
            if path.with_name(path.name + end).is_file():
                shutil.copyfile(path.with_name(path.name + end), copy.with_name(copy.name + end))
        with copy.open("r+b") as file:
            header = file.read(HEADER_BYTES)
            size = int.from_bytes(header[PAGE_SIZE]) * int.from_bytes(header[PAGE_COUNT])
            if copy.stat().st_size < size <= FILE_BYTES_MAX:
                file.truncate(size)
        try:
            journal = SqliteJournal(copy, read_only=True)
        except JournalError:
            return Verification(ok=False, records=0, head=GENESIS, first_bad=1, problem=problem)
        try:
            found = verify_journal(journal)
        finally:
            journal.close()
    return Verification(ok=False, records=found.records, head=found.head, first_bad=found.records + 1, problem=problem)


def _problem(entry: Entry, expected_seq: int, previous: str) -> str | None:
    if entry.seq != expected_seq:
        return f"sequence jumps from {expected_seq - 1} to {entry.seq}: a record is missing or was added"
    if [type(column) for column in entry] != [int, str, int, bytes, str]:
        return "its columns hold other types than were written"
    if link(previous, entry.body) != entry.hash:
        return "its hash does not follow from its bytes and the record before it"
    try:
        record = entry.record()
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return f"its bytes are no record of this version: {error}"
    if record.__struct_config__.tag != entry.kind or record.time_ns != entry.time_ns:
        return "its columns do not repeat what its bytes say"
    return None
