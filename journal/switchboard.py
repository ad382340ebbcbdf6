"""The switchboard: the durable latches of the kill switches, in a file of their own.

It is apart from the journal and its one writer, so that a switch can be tripped while the engine hangs, and by a
process that knows nothing of it. Every trip and every re-arm is one more chained row of an append-only table, in SQLite
with `synchronous=FULL`: when `change` returns, the row survives a power cut, and only then is anybody told. What is
tripped is the fold of the rows. Readers never wait for a writer and never hold one up, stopped in the middle or not.

A file that is gone, replaced, damaged or does not follow from itself is a `SwitchboardError`: who reads it must take
everything as blocked.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from journal.chain import GENESIS, canonical, link
from journal.records import Switch

LOCK_WAIT_S: Final = 5.0
NONE: Final = "NONE"
"""The mode of a switch that is not tripped."""

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS switches (row INTEGER PRIMARY KEY, body BLOB NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS switches_are_kept BEFORE DELETE ON switches
    BEGIN SELECT raise(ABORT, 'rows of the switchboard are never deleted'); END;
CREATE TRIGGER IF NOT EXISTS switches_stand BEFORE UPDATE ON switches
    BEGIN SELECT raise(ABORT, 'rows of the switchboard are never changed'); END;
COMMIT;
"""

_DECODER: Final = msgspec.json.Decoder(Switch)

Mark = tuple[int, ...]


class SwitchboardError(ValueError):
    """The switches cannot be read, or not be changed; the message names file and what is wrong with it."""


class Switchboard:
    """One switchboard file; any number of processes may have it open.

    It is made if it is not there, unless who opens it expects it to be: then a file that is gone is an error.
    """

    def __init__(self, path: Path, *, create: bool = True, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self.path = path
        self._lock_wait_s = lock_wait_s
        self._wal = f"{path}-wal"
        self._db: sqlite3.Connection | None = None
        self._known: Mark | None = None
        self._rows: tuple[Switch, ...] = ()
        self._active: tuple[Switch, ...] = ()
        try:
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.is_file():
                raise SwitchboardError(f"{path}: there is no switchboard here")
            self._connect()
            self._inode = path.stat().st_ino
            self._reload()
        except (sqlite3.DatabaseError, OSError) as error:
            self.close()
            raise SwitchboardError(f"{path}: the switches cannot be read ({error})") from error

    def current(self) -> tuple[Switch, ...]:
        """Return the newest row of every switch that is tripped; SwitchboardError while that cannot be said.

        Microseconds while nothing has changed: it may stand right before every send.
        """
        try:
            if self._mark() != self._known:
                self._reconnect()
        except (sqlite3.DatabaseError, OSError) as error:
            self._known = None
            raise SwitchboardError(f"{self.path}: the switches cannot be read ({error})") from error
        return self._active

    def rows(self) -> tuple[Switch, ...]:
        """Return every row, oldest first."""
        self.current()
        return self._rows

    def change(self, decide: Callable[[tuple[Switch, ...]], Switch | None]) -> Switch | None:
        """Append the row that `decide` makes of the switches that are tripped, durably; None where it makes none.

        Nobody else changes anything in between. SwitchboardError when it cannot be made durable: then it is not done.
        """
        try:
            return self._change(decide)
        except (sqlite3.DatabaseError, OSError) as error:
            self._known = None
            raise SwitchboardError(f"{self.path}: the switches cannot be changed ({error})") from error

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _change(self, decide: Callable[[tuple[Switch, ...]], Switch | None]) -> Switch | None:
        self.current()
        db = self._open()
        db.execute("BEGIN IMMEDIATE")
        try:
            rows, head = _read(db, self.path)
            fresh = decide(active_of(rows))
            if fresh is not None:
                fresh = msgspec.structs.replace(fresh, row=len(rows) + 1)
                body = canonical(fresh)
                db.execute("INSERT INTO switches VALUES (?, ?, ?)", (fresh.row, body, link(head, body)))
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.DatabaseError):
                db.execute("ROLLBACK")
            raise
        self._reload()
        return fresh

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise SwitchboardError(f"{self.path}: the switchboard is closed")
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
            db.executescript(_SCHEMA)
        elif "switches" not in tables:
            raise SwitchboardError(f"{self.path}: this SQLite file is not a switchboard")

    def _mark(self) -> Mark:
        """Return what differs as soon as anybody, or anything, has changed the file."""
        db = self._open()
        file = os.stat(self.path)
        if file.st_ino != self._inode:
            raise SwitchboardError(f"{self.path}: the file of the switches was replaced; start again to take it")
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
        self._rows, _ = _read(self._open(), self.path)
        self._active = active_of(self._rows)
        self._known = mark


def active_of(rows: tuple[Switch, ...]) -> tuple[Switch, ...]:
    """Return the newest row of every switch that it leaves tripped, in the order of their names."""
    newest = {(row.scope, row.key): row for row in rows}
    return tuple(row for _, row in sorted(newest.items()) if row.mode != NONE or row.hard)


def _read(db: sqlite3.Connection, path: Path) -> tuple[tuple[Switch, ...], str]:
    """Return all rows and the hash of the last; SwitchboardError at the first that does not follow."""
    rows: list[Switch] = []
    head = GENESIS
    for number, body, stored in db.execute("SELECT row, body, hash FROM switches ORDER BY row"):
        head = link(head, body) if isinstance(body, bytes) else ""
        if number != len(rows) + 1 or head != stored:
            raise SwitchboardError(f"{path}: row {len(rows) + 1} of the switches does not follow from those before it")
        try:
            rows.append(_DECODER.decode(body))
        except msgspec.MsgspecError as error:
            raise SwitchboardError(f"{path}: row {number} of the switches cannot be read ({error})") from error
    return tuple(rows), head
