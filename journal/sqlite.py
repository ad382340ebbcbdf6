"""The embedded store: one SQLite file, one writer, group commits, fenced by epoch.

WAL mode with `synchronous=FULL`: when `append` returns, the records survive a power cut. Every append checks, in its
own transaction, that no later epoch has been claimed; a fenced writer gets `Fenced` and must end itself.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from journal.chain import GENESIS
from journal.entries import (
    LOCK_WAIT_S,
    VERSION,
    Attempt,
    Entry,
    Fenced,
    Head,
    JournalError,
    JournalUnavailable,
    NoJournalError,
    check_indexed,
)
from journal.records import CHECKPOINT, AnyRecord, Claim
from journal.sealing import Groups, Sealer

TABLES: Final = frozenset({"meta", "epochs", "records"})

SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epochs (epoch INTEGER PRIMARY KEY, owner TEXT NOT NULL, claimed_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, time_ns INTEGER NOT NULL, body BLOB NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'claim';
INSERT OR IGNORE INTO meta VALUES ('version', '2');
COMMIT;
"""
"""One transaction: of two processes that open a new file the second finds everything there. It says VERSION, and is
what comes out of `journal.migrations`, which a new file does not wait for."""

INSERT: Final = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"

PASSING: Final = frozenset({
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
})  # fmt: skip
"""What SQLite says of a store that may work again later: no room, a lock that is held, a disk that fails or is gone."""


class SqliteJournal:
    """A journal in one SQLite file; `read_only` opens an existing file and never writes to it.

    A writer with a `seal` ends every group with a signed checkpoint, and lets the head outside the file follow.
    `versions` are those of the tables that are accepted: others than the newest only by who brings them there.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        seal: Sealer | None = None,
        versions: frozenset[int] = frozenset({VERSION}),
    ) -> None:
        self.path = path
        self._read_only = read_only
        seal = None if read_only else seal
        # The head of a new journal is there before its file: without a file a missing head is nothing to ask about.
        begun = seal(path) if seal is not None and not path.exists() else None
        try:
            self._db, self.version = _connect(path, read_only, versions)
            # A reader asks for the head only when it wants it: a file cut at its end is readable from its beginning.
            self._known_head = None if read_only else _read_head(self._db, path)
            if seal is not None and begun is None:
                begun = seal(path, signed=_ends_signed(self._db))
        except BaseException:
            if begun is not None:
                begun.close()
            raise
        self._groups = Groups(begun)
        self._attempt: Attempt | None = None  # an append whose outcome is not known

    @property
    def head(self) -> Head:
        """Sequence number and hash of the newest record; JournalError where the file is cut before it."""
        if self._known_head is None:
            self._known_head = _read_head(self._db, self.path)
        return self._known_head

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch, a row that two claimants cannot both insert, and record it in the same transaction."""
        with self._transaction() as db:
            epoch = _newest_epoch(db) + 1
            db.execute("INSERT INTO epochs VALUES (?, ?, ?)", (epoch, owner, now_ns))
            claim = Claim(time_ns=now_ns, epoch=epoch, owner=owner)
            entries = self._groups.chained(_read_head(db, self.path), [claim])
            db.executemany(INSERT, entries)
        self._known_head, self._attempt = (entries[-1].seq, entries[-1].hash), None
        self._groups.publish(self._known_head)
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Write records in one durable transaction; Fenced under an old epoch, and then nothing is written."""
        with self._transaction() as db:
            newest = _newest_epoch(db)
            if newest != epoch:
                raise Fenced(f"epoch {epoch} is fenced: epoch {newest} has been claimed")
            before = 0
            if self._attempt is not None:
                found = _read_head(db, self.path)
                before, self._known_head = self._attempt.written(found, records), found
            entries = self._groups.chained(self.head, records[before:])
            self._attempt = Attempt(self.head, before, tuple(records), entries)
            db.executemany(INSERT, entries)
        head = (entries[-1].seq, entries[-1].hash) if entries else self.head
        self._groups.publish(head)
        self._known_head, self._attempt = head, None
        return head[0]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; what was done is durable when this ends, or undone when it raises.

        Where the commit itself failed that is not certain: the disk may have kept what it could not confirm.
        """
        try:
            if self._db.in_transaction:  # an earlier one could not even be undone
                self._db.execute("ROLLBACK")
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                with suppress(sqlite3.OperationalError):
                    self._db.execute("ROLLBACK")
            if not self._read_only and isinstance(error, sqlite3.OperationalError) and _is_passing(error):
                raise JournalUnavailable(f"{self.path}: the journal cannot be written now ({error})") from error
            raise

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""
        rows = self._db.execute(
            "SELECT seq, kind, time_ns, body, hash FROM records WHERE seq > ? ORDER BY seq", (after,)
        )
        for row in rows:
            yield Entry(*row)

    def newest(self, kind: str) -> int:
        """Return the sequence number of the newest `session` or `claim` record, 0 where there is none."""
        check_indexed(kind)
        # The kind stands in the text: only so does SQLite see that the partial index answers it.
        row = self._db.execute(f"SELECT coalesce(max(seq), 0) FROM records WHERE kind = '{kind}'").fetchone()  # noqa: S608
        return int(row[0])

    def copy_to(self, path: Path) -> None:
        """Write everything as it is at one instant into a new file, which needs no log beside it.

        One step of SQLite's backup holds one snapshot: a writer goes on meanwhile, and what it adds is not in the copy.
        """
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._db.close()
        self._groups.close()


def write_copy(path: Path, epochs: Sequence[tuple[int, str, int]], entries: Iterator[Entry]) -> None:
    """Write epochs and records, as they are, into a new journal file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO epochs VALUES (?, ?, ?)", epochs)
        db.executemany(INSERT, entries)
        db.execute("COMMIT")


def read_epochs(path: Path) -> list[tuple[int, str, int]]:
    """Return the epochs of a journal file: number, owner, when it was claimed."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT epoch, owner, claimed_ns FROM epochs ORDER BY epoch").fetchall()


def _connect(path: Path, read_only: bool, versions: frozenset[int]) -> tuple[sqlite3.Connection, int]:
    if read_only and not path.is_file():
        raise NoJournalError(f"{path}: there is no journal here")
    try:
        uri = f"{path.resolve().as_uri()}{'?mode=ro' if read_only else ''}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_WAIT_S, check_same_thread=False)
        if not read_only:
            _use_write_ahead_log(db)
            db.execute("PRAGMA synchronous=FULL")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables and not read_only:
            db.executescript(SCHEMA)
        elif not tables >= TABLES:
            raise JournalError(f"{path}: this SQLite file is not a journal")
        found = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL):
            raise JournalUnavailable(f"{path}: the journal cannot be opened now ({error})") from error
        raise JournalError(f"{path}: not a readable journal ({error})") from error
    return db, check_version(str(path), found[0] if found else None, versions)


def check_version(place: str, found: object, versions: frozenset[int] = frozenset({VERSION})) -> int:
    """Return the version that a journal's tables say; JournalError where it is not one of `versions`."""
    number = int(found) if isinstance(found, str) and found.isascii() and found.isdigit() else 0
    if number in versions:
        return number
    remedy = f"; `trifecta journal migrate {place}` brings it there" if 0 < number < VERSION else ""
    raise JournalError(f"{place}: journal version {found or 'unknown'}; this program reads version {VERSION}{remedy}")


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    """Switch the file to it. Where two do that at once SQLite lets neither wait: one is refused, and asks again."""
    switched, end = False, time.monotonic() + LOCK_WAIT_S
    while not switched:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            switched = True
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.01)


def _is_passing(error: sqlite3.OperationalError) -> bool:
    """Tell what may work again later from what is damaged or wrong; the low byte is the primary code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING


def _newest_epoch(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(epoch), 0) FROM epochs").fetchone()[0])


def _ends_signed(db: sqlite3.Connection) -> bool:
    """Tell whether the newest record is a checkpoint, as a sealed writer leaves it."""
    return db.execute("SELECT kind FROM records ORDER BY seq DESC LIMIT 1").fetchone() == (CHECKPOINT,)


def _read_head(db: sqlite3.Connection, path: Path) -> Head:
    try:
        row = db.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: damaged ({error})") from error
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)
