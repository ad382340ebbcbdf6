"""Kept rows: an append-only SQLite file of chained records, apart from the journal, that any process may append to.

Every row is written with `synchronous=FULL`: when `change` returns, it survives a power cut. Readers never wait for a
writer and never hold one up, stopped in the middle or not. A file that is gone, replaced, damaged or does not follow
from itself is an error of the kind that its owner names: who reads it must take the careful way.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeVar

import msgspec

from journal.chain import GENESIS, canonical, link
from journal.record import Record

LOCK_WAIT_S: Final = 5.0

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS {table} (row INTEGER PRIMARY KEY, body BLOB NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS {table}_are_kept BEFORE DELETE ON {table}
    BEGIN SELECT raise(ABORT, 'rows of the {name} are never deleted'); END;
CREATE TRIGGER IF NOT EXISTS {table}_stand BEFORE UPDATE ON {table}
    BEGIN SELECT raise(ABORT, 'rows of the {name} are never changed'); END;
COMMIT;
"""

Mark = tuple[int, ...]
R = TypeVar("R", bound=Record)


class KeptRows(Generic[R]):
    """One file of rows; any number of processes may have it open.

    It is made if it is not there, unless who opens it expects it to be: then a file that is gone is an error.
    """

    table: ClassVar[str]
    name: ClassVar[str]
    """What the file is called in messages, beside the name of its table."""
    kind: ClassVar[type[Record]]
    error: ClassVar[type[ValueError]]

    def __init__(self, path: Path, *, create: bool = True, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self.path = path
        self._decoder: msgspec.json.Decoder[R] = msgspec.json.Decoder(self.kind)
        self._lock_wait_s = lock_wait_s
        self._wal = f"{path}-wal"
        self._db: sqlite3.Connection | None = None
        self._known: Mark | None = None
        self._rows: tuple[R, ...] = ()
        try:
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise self.error(f"{path}: there is no {self.name} here")
            self._connect()
            self._inode = path.stat().st_ino
            self._reload()
        except (sqlite3.DatabaseError, OSError) as error:
            self.close()
            raise self.error(f"{path}: the {self.table} cannot be read ({error})") from error

    def rows(self) -> tuple[R, ...]:
        """Return every row, oldest first; the file's error while that cannot be said.

        Microseconds while nothing has changed: it may stand right before every send.
        """
        try:
            if self._mark() != self._known:
                self._reconnect()
        except (sqlite3.DatabaseError, OSError) as error:
            self._known = None
            raise self.error(f"{self.path}: the {self.table} cannot be read ({error})") from error
        return self._rows

    def append(self, decide: Callable[[tuple[R, ...]], R | None]) -> R | None:
        """Append the row that `decide` makes of those there are, durably; None where it makes none.

        Nobody else changes anything in between. The file's error when it cannot be made durable: then it is not done.
        """
        try:
            return self._append(decide)
        except (sqlite3.DatabaseError, OSError) as error:
            self._known = None
            raise self.error(f"{self.path}: the {self.table} cannot be changed ({error})") from error

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _append(self, decide: Callable[[tuple[R, ...]], R | None]) -> R | None:
        self.rows()
        db = self._open()
        db.execute("BEGIN IMMEDIATE")
        try:
            rows, head = self._read(db)
            fresh = decide(rows)
            if fresh is not None:
                fresh = msgspec.structs.replace(fresh, row=len(rows) + 1)
                body = canonical(fresh)
                db.execute(f"INSERT INTO {self.table} VALUES (?, ?, ?)", (len(rows) + 1, body, link(head, body)))  # noqa: S608
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.DatabaseError):
                db.execute("ROLLBACK")
            raise
        self._reload()
        return fresh

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise self.error(f"{self.path}: the {self.name} is closed")
        return self._db

    def _connect(self) -> None:
        self._db = db = sqlite3.connect(
            self.path, isolation_level=None, timeout=self._lock_wait_s, check_same_thread=False
        )
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            db.executescript(_SCHEMA.format(table=self.table, name=self.name))
        elif self.table not in tables:
            raise self.error(f"{self.path}: this SQLite file is not a {self.name}")

    def _mark(self) -> Mark:
        """Return what differs as soon as anybody, or anything, has changed the file."""
        db = self._open()
        file = os.stat(self.path)
        if file.st_ino != self._inode:
            raise self.error(f"{self.path}: the file of the {self.table} was replaced; start again to take it")
        try:
            log = os.stat(self._wal)
            behind = (log.st_size, log.st_mtime_ns)
        except FileNotFoundError:
            behind = (0, 0)
        version = db.execute("PRAGMA data_version").fetchone()[0]
        return (version, file.st_size, file.st_mtime_ns, *behind)

    def _reconnect(self) -> None:
        """Read everything anew, from the disk: pages that were read before may not be what is there now."""
        self._open().close()
        self._connect()
        self._reload()

    def _reload(self) -> None:
        self._known = None
        mark = self._mark()
        self._rows, _ = self._read(self._open())
        self._known = mark

    def _read(self, db: sqlite3.Connection) -> tuple[tuple[R, ...], str]:
        """Return all rows and the hash of the last; the file's error at the first that does not follow."""
        rows: list[R] = []
        head = GENESIS
        for number, body, stored in db.execute(f"SELECT row, body, hash FROM {self.table} ORDER BY row"):  # noqa: S608
            head = link(head, body) if isinstance(body, bytes) else ""
            if number != len(rows) + 1 or head != stored:
                raise self.error(
                    f"{self.path}: row {len(rows) + 1} of the {self.table} does not follow from those before it"
                )
            try:
                rows.append(self._decoder.decode(body))
            except msgspec.MsgspecError as error:
                raise self.error(f"{self.path}: row {number} of the {self.table} cannot be read ({error})") from error
        return tuple(rows), head
