"""Backup and restore: a journal as one file with its SHA-256 beside it, taken while others write.

A backup is a SQLite journal whatever it is taken from. It is said to be done once it is verified: the chain as read
back from the copy, then the hash over the bytes of that same file. Nothing is ever overwritten.
"""

import hashlib
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from journal.entries import VERSION, JournalError
from journal.sqlite import SqliteJournal, read_epochs
from journal.store import Place, is_url, open_journal, shown
from journal.verify import verify_journal

ANY_VERSION: Final = frozenset(range(1, VERSION + 1))


class Backup(Struct, frozen=True, kw_only=True):
    """A verified copy: where it is, how many records it holds, the head they lead to, and the SHA-256 of the file."""

    path: Path
    records: int
    head: str
    sha256: str


class Copied(Protocol):
    """A journal that can write a copy of itself as it is at one instant."""

    def copy_to(self, path: Path) -> None:
        """Write everything into a new SQLite file."""


def digest_path(path: Path) -> Path:
    """Return where the SHA-256 of a backup lies, in the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def back_up(journal: Copied, path: Path) -> Backup:
    """Write a verified copy of a journal, and its SHA-256 beside it; JournalError if the copy is not sound.

    Until it is verified it has another name, so that what carries the name given is always whole.
    """
    for taken in (path, digest_path(path)):
        if taken.exists():
            raise JournalError(f"{taken}: exists, and is not overwritten; name a new file")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        journal.copy_to(partial)
        records, head = _verified(partial, path, ANY_VERSION)
        sha256 = _sha256(partial)
        digest_path(path).write_text(f"{sha256}  {path.name}\n", encoding="ascii")
        _settle(partial, digest_path(path))
        os.link(partial, path)  # refuses to replace a file that has come meanwhile
    finally:
        partial.unlink(missing_ok=True)
    _settle(path.parent)
    return Backup(path=path, records=records, head=head, sha256=sha256)


def back_up_place(place: Place, path: Path) -> Backup:
    """Write a verified copy of the journal at a place; see `back_up`."""
    if is_url(place):
        from journal.postgres import PostgresJournal

        with closing(PostgresJournal(str(place), read_only=True)) as database:
            return back_up(database, path)
    with closing(SqliteJournal(Path(place), read_only=True)) as file:
        return back_up(file, path)


def restore(source: Path, place: Place) -> Backup:
    """Put a backup back where no journal is: checked against its SHA-256, where one lies beside it, and its chain.

    JournalError where it is not sound, of another version, or where there is something already.
    """
    sha256 = _checked_sha256(source)
    records, head = _verified(source, source, frozenset({VERSION}))
    if is_url(place):
        _restore_into_database(source, place)
    else:
        _restore_into_file(source, Path(place), sha256)
    with closing(open_journal(place, read_only=True)) as restored:
        found = verify_journal(restored)
    if not found.ok or (found.records, found.head) != (records, head):
        raise JournalError(f"{shown(place)}: not what {source} holds ({found.problem}); do not use it")
    return Backup(path=source, records=records, head=head, sha256=sha256)


def _verified(file: Path, name: Path, versions: frozenset[int]) -> tuple[int, str]:
    """Return records and head of a sound journal file; JournalError names the file as `name`."""
    with closing(SqliteJournal(file, read_only=True, versions=versions)) as copy:
        found = verify_journal(copy)
    if not found.ok:
        raise JournalError(
            f"{name}: record {found.first_bad} is bad: {found.problem}; {found.records} before it are sound"
        )
    return found.records, found.head


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked_sha256(source: Path) -> str:
    """Return the SHA-256 of a backup; JournalError where the file beside it says another."""
    if not source.is_file():
        raise JournalError(f"{source}: there is no backup here")
    found = _sha256(source)
    beside = digest_path(source)
    if beside.is_file() and beside.read_text(encoding="ascii", errors="replace").split()[:1] != [found]:
        raise JournalError(f"{source}: its SHA-256 is {found}, {beside} says otherwise: it is not what was backed up")
    return found


def _restore_into_file(source: Path, path: Path, sha256: str) -> None:
    """Copy a backup to where no file is, nor the log of one."""
    for end in ("", "-wal", "-shm"):
        taken = path.with_name(path.name + end)
        if taken.exists():
            raise JournalError(f"{taken}: exists, and is not overwritten; move it away first")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        shutil.copyfile(source, partial)
        if _sha256(partial) != sha256:
            raise JournalError(f"{partial}: the copy is not what {source} holds")
        _settle(partial)
        os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _settle(path.parent)


def _restore_into_database(source: Path, place: Place) -> None:
    from journal.postgres import PostgresJournal

    with closing(PostgresJournal(str(place))) as target, closing(SqliteJournal(source, read_only=True)) as backup:
        target.adopt(read_epochs(source), backup.entries())


def _settle(*places: Path) -> None:
    """Wait until files, or the names in a folder, are on the disk."""
    for place in places:
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
