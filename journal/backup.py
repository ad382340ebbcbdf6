"""Backup and restore: a journal as one file with its SHA-256 beside it, taken while others write.

A backup is a SQLite journal whatever it is taken from. It is said to be done once it is verified: the chain as read
back from the copy, held against the key and the head of its writer where there are any, then the hash over the bytes of
that same file. Nothing is ever overwritten.

Its newest checkpoint becomes the head beside it, and the public key goes along: a copy of a signed journal can be
verified where it is. The private key stays where it is: who restores elsewhere, to write on, carries it there.
"""

import hashlib
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from journal.entries import VERSION, JournalError
from journal.evidence import Evidence, evidence_at, evidence_of
from journal.heads import begin_head, checkpoint_of, create
from journal.records import Checkpoint
from journal.signing import head_path, public_path
from journal.sqlite import SqliteJournal, read_epochs
from journal.store import Place, is_url, open_journal, shown
from journal.verify import Verification, verify_journal

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


def back_up(journal: Copied, path: Path, evidence: Evidence | None = None, public: Path | None = None) -> Backup:
    """Write a verified copy of a journal, and its SHA-256 beside it; JournalError if the copy is not sound.

    `evidence` was read before the journal was opened, `public` is its public key. Until it is verified it has another
    name, so that what carries the name given is always whole.
    """
    for taken in (path, digest_path(path), head_path(path)):
        if taken.exists():
            raise JournalError(f"{taken}: exists, and is not overwritten; name a new file")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        journal.copy_to(partial)
        found, newest = _verified(partial, path, ANY_VERSION, evidence)
        sha256 = _sha256(partial)
        _leave_evidence(path, newest, public)
        digest_path(path).write_text(f"{sha256}  {path.name}\n", encoding="ascii")
        _settle(partial, digest_path(path))
        os.link(partial, path)  # refuses to replace a file that has come meanwhile
    finally:
        partial.unlink(missing_ok=True)
    _settle(path.parent)
    return Backup(path=path, records=found.records, head=found.head, sha256=sha256)


def back_up_place(place: Place, path: Path) -> Backup:
    """Write a verified copy of the journal at a place; see `back_up`."""
    if is_url(place):
        from journal.postgres import PostgresJournal

        with closing(PostgresJournal(str(place), read_only=True)) as database:
            return back_up(database, path)
    evidence = evidence_of(place)
    with closing(SqliteJournal(Path(place), read_only=True)) as file:
        return back_up(file, path, evidence, public_path(Path(place)))


def restore(source: Path, place: Place) -> Backup:
    """Put a backup back where no journal is: checked against its SHA-256, where one lies beside it, and its chain.

    Where it goes, key and head may be already: it is held against them, else against those beside the backup.
    JournalError where it is not sound, of another version, or where there is something already.
    """
    sha256 = _checked_sha256(source)
    evidence = _evidence_for(source, place)
    backup, newest = _verified(source, source, frozenset({VERSION}), evidence)
    if is_url(place):
        _restore_into_database(source, place)
    else:
        path = Path(place)
        if newest is None and backup.records and public_path(path).is_file():
            raise JournalError(
                f"{source}: not signed, and {public_path(path)} signs here; restore it to another folder"
            )
        _check_free(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _leave_evidence(path, newest, public_path(source))
        _restore_into_file(source, path, sha256)
        evidence = evidence_at(path) if evidence is not None else None
    with closing(open_journal(place, read_only=True)) as restored:
        found = verify_journal(restored, evidence)
    if not found.ok or (found.records, found.head) != (backup.records, backup.head):
        raise JournalError(f"{shown(place)}: not what {source} holds ({found.problem}); do not use it")
    return Backup(path=source, records=found.records, head=found.head, sha256=sha256)


def _evidence_for(source: Path, place: Place) -> Evidence | None:
    """Return what a backup is held against: key and head of where it goes, else those beside it; None without a key."""
    own = evidence_of(place)
    if own is None or (own.key is None and own.problem is None):
        return evidence_at(source, with_head=head_path(source).is_file()) if public_path(source).is_file() else None
    if own.head is None and own.problem is None and head_path(source).is_file():
        return evidence_at(Path(place), head=head_path(source))
    return own


def _verified(
    file: Path, name: Path, versions: frozenset[int], evidence: Evidence | None
) -> tuple[Verification, Checkpoint | None]:
    """Return the finding on a sound journal file, and its last record if that is a checkpoint.

    JournalError names the file as `name`.
    """
    with closing(SqliteJournal(file, read_only=True, versions=versions)) as copy:
        found = verify_journal(copy, evidence)
        last = next(copy.entries(after=found.records - 1), None) if found.ok and found.records else None
    if not found.ok:
        raise JournalError(f"{name}: {found.finding}; {found.records} before it are sound")
    return found, checkpoint_of(last.body) if last is not None else None


def _leave_evidence(journal: Path, newest: Checkpoint | None, public: Path | None) -> None:
    """Leave head and public key beside a copy of a signed journal, unless there are some."""
    if newest is None:
        return
    begin_head(head_path(journal), newest)
    if public is not None and public.is_file():
        public_path(journal).parent.mkdir(mode=0o700, exist_ok=True)
        create(public_path(journal), public.read_bytes(), 0o644)


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


def _check_free(path: Path) -> None:
    """Raise JournalError where a file is, or the log of one."""
    for end in ("", "-wal", "-shm"):
        taken = path.with_name(path.name + end)
        if taken.exists():
            raise JournalError(f"{taken}: exists, and is not overwritten; move it away first")


def _restore_into_file(source: Path, path: Path, sha256: str) -> None:
    """Copy a backup to where no file is."""
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
