"""The PostgreSQL store: the same tables, chain, fence and group commits in a database, by URL.

A writer's transaction begins by locking the one row that says the version (`FOR UPDATE`), and only then looks at the
newest epoch. Under READ COMMITTED every statement sees what was committed before it began, so that look, a statement of
its own, sees the claim of whoever held the lock before. In one statement with the lock it would not: a statement that
waited goes on with the snapshot from before its wait. The key of `records` is a second fence: of two writers at one
head only one can add the next number.

A reader takes a connection of its own and reads one snapshot (REPEATABLE READ); it stops nobody.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

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
    chained,
    check_indexed,
)
from journal.records import AnyRecord, Claim
from journal.sqlite import TABLES, check_version, write_copy
from journal.store import shown

_TABLES: Final = MetaData()
META: Final = Table("meta", _TABLES, Column("name", Text, primary_key=True), Column("value", Text))
EPOCHS: Final = Table(
    "epochs",
    _TABLES,
    Column("epoch", BigInteger, primary_key=True),
    Column("owner", Text),
    Column("claimed_ns", BigInteger),
)
RECORDS: Final = Table(
    "records", _TABLES, Column("seq", BigInteger, primary_key=True), Column("kind", Text),
    Column("time_ns", BigInteger), Column("body", LargeBinary), Column("hash", Text),
)  # fmt: skip
"""What is read and written; `journal.migrations` makes them."""

VERSION_ROW: Final = select(META.c.value).where(META.c.name == "version")
NEWEST_EPOCH: Final = select(func.coalesce(func.max(EPOCHS.c.epoch), 0))
HEAD: Final = select(RECORDS.c.seq, RECORDS.c.hash).order_by(RECORDS.c.seq.desc()).limit(1)

CREATION_LOCK: Final = 0x7472_6901
"""Advisory lock of whoever makes the tables: two that open an empty database at once do it one after the other."""
RUN_LOCK: Final = 0x7472_6902
"""Advisory lock of the run that is at work on a journal."""

READ_ONLY_SERVER: Final = "25006"
"""SQLSTATE of a write to a server that is only a standby just now."""

ROWS_AT_ONCE: Final = 2000

PATIENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that is gone is noticed within seconds, unless the URL says otherwise: a writer that hangs sees nothing."""

CONFIRM_DURABLE: Final = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
"""
"""A database may have been told to confirm before it has written; what is more than `on` is left as it is."""


class PostgresJournal:
    """A journal in the first schema of a database's search path; `read_only` never writes to it.

    A lost connection is made again at the next call. `versions` as for `SqliteJournal`.
    """

    def __init__(self, url: str, *, read_only: bool = False, versions: frozenset[int] = frozenset({VERSION})) -> None:
        self.place = shown(url)
        self._read_only = read_only
        self._engine = open_engine(url, read_only=read_only)
        self._db: Connection | None = None
        self._attempt: Attempt | None = None  # an append whose outcome is not known
        try:
            self.version = self._prepare(versions)
            self._known_head = self._found_head()
        except ProgrammingError as error:
            self.close()
            raise JournalError(f"{self.place}: {_first_line(error)}") from error
        except BaseException:
            self.close()
            raise

    def _prepare(self, versions: frozenset[int]) -> int:
        """Make the tables of an empty database, or find out their version."""
        with self._transaction() as db:
            if not self._read_only:
                db.execute(text(f"SELECT pg_advisory_xact_lock({CREATION_LOCK}, hashtext(current_schema()))"))
                self._check_durable(db)
            found = set(inspect(db).get_table_names())
            if not found and not self._read_only:
                from journal.migrating import upgrade

                upgrade(db, 0)
            elif not found:
                raise NoJournalError(f"{self.place}: there is no journal here")
            elif not found >= TABLES:
                raise JournalError(f"{self.place}: this database is not a journal; use another one, or another schema")
            version = db.scalar(VERSION_ROW)
            return check_version(self.place, version, versions)

    def _check_durable(self, db: Connection) -> None:
        """Refuse a server that does not write what it confirms."""
        if db.scalar(text("SHOW fsync")) != "on":
            raise JournalError(f"{self.place}: the server runs with fsync off; what it confirms could be lost")

    @property
    def head(self) -> Head:
        """Sequence number and hash of the newest record; a reader asks each time, a writer knows."""
        return self._found_head() if self._read_only else self._known_head

    def _found_head(self) -> Head:
        with self._transaction() as db:
            return _head_of(db)

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch, a row that two claimants cannot both insert, and record it in the same transaction."""
        with self._transaction() as db:
            db.execute(VERSION_ROW.with_for_update())
            epoch = int(db.scalar(NEWEST_EPOCH) or 0) + 1
            db.execute(insert(EPOCHS), {"epoch": epoch, "owner": owner, "claimed_ns": now_ns})
            (entry,) = chained(_head_of(db), [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
            db.execute(insert(RECORDS), entry._asdict())
        self._known_head, self._attempt = (entry.seq, entry.hash), None
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Write records in one durable transaction; Fenced under an old epoch, and then nothing is written."""
        with self._transaction() as db:
            db.execute(VERSION_ROW.with_for_update())
            newest = int(db.scalar(NEWEST_EPOCH) or 0)
            if newest != epoch:
                raise Fenced(f"epoch {epoch} is fenced: epoch {newest} has been claimed")
            before = 0
            if self._attempt is not None:
                found = _head_of(db)
                before, self._known_head = self._attempt.written(found, records), found
            entries = chained(self._known_head, records[before:])
            self._attempt = Attempt(self._known_head, before, tuple(records), entries)
            if entries:
                db.execute(insert(RECORDS), [entry._asdict() for entry in entries])
        self._attempt = None
        if entries:
            self._known_head = (entries[-1].seq, entries[-1].hash)
        return self._known_head[0]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Hold a transaction on the one connection; durable when this ends, or undone when it raises.

        Where the connection was lost on the way that is not certain: a commit may have been carried out unanswered.
        """
        try:
            if self._db is None:
                self._db = self._engine.connect()
            with self._db.begin():
                yield self._db
        except BaseException as error:
            if not isinstance(error, DBAPIError) or not self._is_passing(error):
                raise
            self._let_go()
            raise self._unavailable(error) from error

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order, as they were at one instant."""
        with self._snapshot() as db:
            yield from _entries(db, after)

    def newest(self, kind: str) -> int:
        """Return the sequence number of the newest `session` or `claim` record, 0 where there is none."""
        check_indexed(kind)
        with self._transaction() as db:
            # Literally: only so does the planner see that the partial index answers it.
            return int(db.scalar(text(f"SELECT coalesce(max(seq), 0) FROM records WHERE kind = '{kind}'")) or 0)  # noqa: S608

    def copy_to(self, path: Path) -> None:
        """Write everything as it is at one instant into a new SQLite journal file, while others write."""
        with self._snapshot() as db:
            epochs = [
                (row.epoch, row.owner, row.claimed_ns) for row in db.execute(select(EPOCHS).order_by(EPOCHS.c.epoch))
            ]
            write_copy(path, epochs, _entries(db, -1))

    def adopt(self, epochs: Sequence[tuple[int, str, int]], entries: Iterator[Entry]) -> None:
        """Write epochs and records of another journal into this one, all or nothing; JournalError if it has any."""
        with self._transaction() as db:
            db.execute(VERSION_ROW.with_for_update())
            if db.scalar(NEWEST_EPOCH) or _head_of(db)[0]:
                raise JournalError(f"{self.place}: there is a journal here, and it is not overwritten")
            if epochs:
                db.execute(insert(EPOCHS), [dict(zip(EPOCHS.c.keys(), row, strict=True)) for row in epochs])
            batch: list[dict[str, Any]] = []
            for entry in entries:
                batch.append(entry._asdict())
                if len(batch) == ROWS_AT_ONCE:
                    db.execute(insert(RECORDS), batch)
                    batch = []
            if batch:
                db.execute(insert(RECORDS), batch)
            head = _head_of(db)
        self._known_head = head

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """Hold a connection of its own on which everything is as it was when it began."""
        try:
            with self._engine.connect() as db:
                yield db.execution_options(isolation_level="REPEATABLE READ")
        except DBAPIError as error:
            if not self._is_passing(error):
                raise
            raise self._unavailable(error) from error

    def _is_passing(self, error: DBAPIError) -> bool:
        """Tell what may work again later (no connection, no room, a lock that is held) from what is wrong."""
        if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
            return True
        return not self._read_only and getattr(error.orig, "sqlstate", None) == READ_ONLY_SERVER

    def _unavailable(self, error: DBAPIError) -> JournalUnavailable:
        return JournalUnavailable(f"{self.place}: the journal cannot be used now ({_first_line(error)})")

    def _let_go(self) -> None:
        if self._db is not None:
            self._db.invalidate()
            self._db.close()
            self._db = None

    def close(self) -> None:
        """Let go of the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None
        self._engine.dispose()


def open_engine(url: str, *, read_only: bool) -> Engine:
    """Return what makes connections to a database; JournalError where the URL is none."""
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        patience = {name: value for name, value in PATIENCE.items() if name not in parsed.query}
        engine = create_engine(parsed, poolclass=NullPool, isolation_level="READ COMMITTED", connect_args=patience)
    except (ArgumentError, ValueError):
        raise JournalError(f"{shown(url)}: not a URL; postgresql://user@host/database is allowed") from None

    @event.listens_for(engine, "connect")
    def _(db: Any, _: Any) -> None:
        with db.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_WAIT_S:.0f}s'")
            if read_only:
                cursor.execute("SET default_transaction_read_only = on")
            cursor.execute(CONFIRM_DURABLE)
        db.commit()

    return engine


def lock_run(url: str) -> Connection | None:
    """Return a connection that holds the lock of a run as long as it is open; None where another run has it."""
    try:
        db = open_engine(url, read_only=False).connect()
        db = db.execution_options(isolation_level="AUTOCOMMIT")
        locked = db.scalar(text(f"SELECT pg_try_advisory_lock({RUN_LOCK}, hashtext(current_schema()))"))
    except DBAPIError as error:
        raise JournalUnavailable(f"{shown(url)}: the journal cannot be used now ({_first_line(error)})") from error
    if locked:
        return db
    db.close()
    return None


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else "no answer"


def _entries(db: Connection, after: int) -> Iterator[Entry]:
    rows = db.execution_options(yield_per=ROWS_AT_ONCE).execute(
        select(RECORDS).where(RECORDS.c.seq > after).order_by(RECORDS.c.seq)
    )
    for row in rows:
        yield Entry(*row)


def _head_of(db: Connection) -> Head:
    row = db.execute(HEAD).first()
    return (int(row.seq), str(row.hash)) if row is not None else (0, GENESIS)
