"""Migration: bring the tables of an older journal to this version, after a backup, with every record as it was.

`meta` alone says which version a journal has. Alembic's own table exists within the migration's transaction only.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from msgspec import Struct
from sqlalchemy import Connection, create_engine, event, text

from journal.backup import back_up
from journal.entries import VERSION, JournalError
from journal.evidence import evidence_of
from journal.signing import public_path
from journal.sqlite import SqliteJournal
from journal.store import Place, is_url, shown
from journal.verify import verify_journal

if TYPE_CHECKING:
    from journal.postgres import PostgresJournal

FOLDER: Final = Path(__file__).resolve().parent / "migrations"

KNOWN: Final = frozenset(range(1, VERSION + 1))
"""Versions that can be brought to this one."""


class Migration(Struct, frozen=True, kw_only=True):
    """What was done: versions before and after, and the backup that was made before (None: nothing was to do)."""

    before: int
    after: int
    records: int
    head: str
    backup: Path | None


def upgrade(connection: Connection, version: int, to: int = VERSION) -> None:
    """Bring tables of `version` (0: there are none) to another one, within the connection's transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(FOLDER / "versions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    if version:
        command.stamp(config, f"{version:04d}")
    command.upgrade(config, f"{to:04d}")
    connection.execute(text("DROP TABLE alembic_version"))


def migrate(place: Place, backup: Path) -> Migration:
    """Back a journal of an older version up to `backup`, verified, then bring it to this one.

    In the name of the backup `{version}` becomes the version that is kept there.
    Records stay byte for byte, so checkpoints and the head outside hold as before. JournalError where it is newer,
    damaged, or no journal; then nothing is changed.
    """
    evidence = evidence_of(place)
    journal = _open_any(place)
    try:
        version = journal.version
        if version == VERSION:
            seq, head = journal.head
            return Migration(before=version, after=version, records=seq, head=head, backup=None)
        public = None if is_url(place) else public_path(Path(place))
        made = back_up(journal, Path(str(backup).replace("{version}", str(version))), evidence, public)
    finally:
        journal.close()
    _upgrade_in_place(place, version)
    after = _open_any(place)
    try:
        found = verify_journal(after, evidence)
        if not found.ok or found.records < made.records:
            raise JournalError(f"{shown(place)}: damaged by its migration ({found.problem}); {made.path} is as it was")
    finally:
        after.close()
    return Migration(before=version, after=VERSION, records=found.records, head=found.head, backup=made.path)


def _open_any(place: Place) -> "SqliteJournal | PostgresJournal":
    """Open a journal of any known version for reading."""
    if not is_url(place):
        return SqliteJournal(Path(place), read_only=True, versions=KNOWN)
    from journal.postgres import PostgresJournal

    return PostgresJournal(str(place), read_only=True, versions=KNOWN)


def _upgrade_in_place(place: Place, version: int) -> None:
    if is_url(place):
        from journal.postgres import open_engine

        engine = open_engine(str(place), read_only=False)
    else:
        engine = create_engine(f"sqlite:///{Path(place).resolve()}")

        @event.listens_for(engine, "connect")
        def _(db: Any, _: Any) -> None:
            db.isolation_level = None  # else Python commits before it makes a table, and half a migration could stay

        @event.listens_for(engine, "begin")
        def _(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        upgrade(connection, version)
    engine.dispose()
