"""The store: an append-only table of chained records, one writer, group commits, fenced by epoch.

SQLite in WAL mode with `synchronous=FULL`: when `append` returns, the records survive a power cut. Every append checks,
in its own transaction, that no later epoch has been claimed; a fenced writer gets `Fenced` and must end itself.
`MemoryJournal` has the same face for simulations and backtests.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from journal.chain import GENESIS, canonical, link
from journal.records import AnyRecord, Checkpoint, Claim, decode, kind_of

if TYPE_CHECKING:
    from journal.signing import Seal

VERSION: Final = 1
LOCK_WAIT_S: Final = 10.0
"""How long a writer waits for another one."""

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epochs (epoch INTEGER PRIMARY KEY, owner TEXT NOT NULL, claimed_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, time_ns INTEGER NOT NULL, body BLOB NOT NULL, hash TEXT NOT NULL
);
INSERT OR IGNORE INTO meta VALUES ('version', '1');
COMMIT;
"""
"""One transaction: of two processes that open a new file the second finds everything there. It says VERSION."""


class Fenced(Exception):  # noqa: N818 - it is a state of affairs, not a defect
    """A later epoch has been claimed: this writer's word counts no more."""


class JournalError(ValueError):
    """The file is not a journal that this version can use; the message names file, what and what is allowed."""


class Entry(NamedTuple):
    """One stored record."""

    seq: int
    kind: str
    time_ns: int
    body: bytes
    hash: str

    def record(self) -> AnyRecord:
        """Return what the bytes stand for."""
        return decode(self.body)


class Journal(Protocol):
    """What writers and readers of a journal see."""

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the newest record; (0, GENESIS) when there is none."""

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch; return it."""

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Make records durable in one transaction; return the last sequence number; Fenced under an old epoch."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""

    def close(self) -> None:
        """Let go of what is held."""


class MemoryJournal:
    """A journal in memory: the same chain and fence, durable as long as the process that holds it."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._epochs: list[str] = []

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the newest record."""
        return (len(self._entries), self._entries[-1].hash) if self._entries else (0, GENESIS)

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch; return it."""
        self._epochs.append(owner)
        epoch = len(self._epochs)
        self.append(epoch, [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Add records; Fenced under an old epoch."""
        if epoch != len(self._epochs):
            raise Fenced(f"epoch {epoch} is fenced: epoch {len(self._epochs)} has been claimed")
        seq, previous = self.head
        for record in records:
            body = canonical(record)
            seq, previous = seq + 1, link(previous, body)
            self._entries.append(Entry(seq, kind_of(record), record.time_ns, body, previous))
        return seq

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""
        yield from self._entries[max(after, 0) :]

    def close(self) -> None:
        """Nothing is held."""


class SqliteJournal:
    """A journal in one SQLite file; `read_only` opens an existing file and never writes to it.

    A writer with a `seal` ends every group with a signed checkpoint, and lets the head outside the file follow.
    """

    def __init__(self, path: Path, *, read_only: bool = False, seal: "Callable[[Path], Seal] | None" = None) -> None:
        self.path = path
        self._db = _connect(path, read_only)
        self._seal = seal(path) if seal is not None and not read_only else None
        self._sealed: Checkpoint | None = None
        # A reader asks for the head only when it wants it: a file cut at its end is still readable from its beginning.
        self._known_head = None if read_only else _read_head(self._db, path)

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the newest record; JournalError where the file is cut before it."""
        if self._known_head is None:
            self._known_head = _read_head(self._db, self.path)
        return self._known_head

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch, a row that two claimants cannot both insert, and record it in the same transaction."""
        with self._transaction() as db:
            epoch = _newest_epoch(db) + 1
            db.execute("INSERT INTO epochs VALUES (?, ?, ?)", (epoch, owner, now_ns))
            head = self._insert(_read_head(db, self.path), [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
        self._known_head = head
        self._publish()
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Write records in one durable transaction; Fenced under an old epoch, and then nothing is written."""
        with self._transaction() as db:
            newest = _newest_epoch(db)
            if newest != epoch:
                raise Fenced(f"epoch {epoch} is fenced: epoch {newest} has been claimed")
            head = self._insert(self.head, records)
        self._known_head = head
        self._publish()
        return head[0]

    def _publish(self) -> None:
        """Let the head outside the file follow what was committed."""
        if self._seal is not None and self._sealed is not None:
            self._seal.publish(self._sealed)
            self._sealed = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; what was done is durable when this ends, or undone when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _insert(self, head: tuple[int, str], records: Sequence[AnyRecord]) -> tuple[int, str]:
        """Chain records to the head, seal the group, and write it; return the new head."""
        seq, previous = head
        rows = []
        for record in records:
            body = canonical(record)
            seq, previous = seq + 1, link(previous, body)
            rows.append((seq, kind_of(record), record.time_ns, body, previous))
        self._sealed = None  # what was rolled back
        if self._seal is not None and rows:
            self._sealed = self._seal.checkpoint(seq, previous, records[-1].time_ns)
            body = canonical(self._sealed)
            seq, previous = seq + 1, link(previous, body)
            rows.append((seq, kind_of(self._sealed), self._sealed.time_ns, body, previous))
        self._db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        return seq, previous

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""
        rows = self._db.execute(
            "SELECT seq, kind, time_ns, body, hash FROM records WHERE seq > ? ORDER BY seq", (after,)
        )
        for row in rows:
            yield Entry(*row)

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._db.close()
        if self._seal is not None:
            self._seal.close()
            self._seal = None


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only and not path.is_file():
        raise JournalError(f"{path}: there is no journal here")
    try:
        uri = f"{path.resolve().as_uri()}{'?mode=ro' if read_only else ''}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_WAIT_S, check_same_thread=False)
        if not read_only:
            _use_write_ahead_log(db)
            db.execute("PRAGMA synchronous=FULL")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables and not read_only:
            db.executescript(_SCHEMA)
        elif not {"meta", "epochs", "records"} <= tables:
            raise JournalError(f"{path}: this SQLite file is not a journal")
        found = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: not a readable journal ({error})") from error
    if found is None or found[0] != str(VERSION):
        raise JournalError(
            f"{path}: journal version {found[0] if found else 'unknown'}; this program reads version {VERSION}"
        )
    return db


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


def _newest_epoch(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(epoch), 0) FROM epochs").fetchone()[0])


def _read_head(db: sqlite3.Connection, path: Path) -> tuple[int, str]:
    try:
        row = db.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: damaged ({error})") from error
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)
