"""An older journal is brought to this version with every record as it was; a newer one is refused."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine, inspect

from actors.restoring import newest_session
from journal.backup import digest_path
from journal.chain import GENESIS
from journal.entries import VERSION, chained
from journal.migrating import Migration, migrate, upgrade
from journal.postgres import PostgresJournal, open_engine
from journal.records import Claim
from journal.sqlite import SqliteJournal
from journal.store import Fenced, JournalError, NoJournalError, open_journal
from journal.verify import verify_journal
from tests.journal.records import a_session_record, some_samples

VERSION_1 = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epochs (epoch INTEGER PRIMARY KEY, owner TEXT NOT NULL, claimed_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, time_ns INTEGER NOT NULL, body BLOB NOT NULL, hash TEXT NOT NULL
);
INSERT OR IGNORE INTO meta VALUES ('version', '1');
COMMIT;
"""
"""As version 1 made it."""

RECORDS = [
    Claim(time_ns=3, epoch=1, owner="one"), a_session_record(1), *some_samples(20),
    Claim(time_ns=4, epoch=2, owner="two"), a_session_record(2), *some_samples(7),
]  # fmt: skip
ENTRIES = chained((0, GENESIS), RECORDS)


def an_old_file(path):
    """Write a journal of version 1 with two sessions."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(VERSION_1)
        db.executemany("INSERT INTO epochs VALUES (?, ?, ?)", [(1, "one", 3), (2, "two", 4)])
        db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", ENTRIES)
    return str(path)


def an_old_database(url):
    """Make the tables of version 1 in a schema, and fill them."""
    engine = open_engine(url, read_only=False)
    with engine.begin() as db:
        upgrade(db, 0, to=1)
        for epoch in ((1, "one", 3), (2, "two", 4)):
            db.exec_driver_sql("INSERT INTO epochs VALUES (%s, %s, %s)", epoch)
        for entry in ENTRIES:
            db.exec_driver_sql("INSERT INTO records VALUES (%s, %s, %s, %s, %s)", tuple(entry))
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def old(request, tmp_path):
    if request.param == "sqlite":
        return an_old_file(tmp_path / "journal.db")
    return an_old_database(request.getfixturevalue("server").url())


def test_an_older_journal_says_how_to_bring_it_here_and_is_left_alone(old):
    for read_only in (True, False):
        with pytest.raises(JournalError) as error:
            open_journal(old, read_only=read_only)
        assert str(error.value) == (
            f"{old}: journal version 1; this program reads version 2; `trifecta journal migrate {old}` brings it there"
        )


def test_migration_keeps_every_record_and_a_backup_of_what_was(old, tmp_path):
    copy = tmp_path / "kept" / "old-{version}.db"
    done = migrate(old, copy)
    kept = tmp_path / "kept" / "old-1.db"
    assert done == Migration(before=1, after=2, records=len(ENTRIES), head=ENTRIES[-1].hash, backup=kept)
    with closing(open_journal(old)) as journal:
        assert list(journal.entries()) == ENTRIES
        assert (journal.newest("claim"), journal.newest("session")) == (23, 24)
        assert newest_session(journal).samples == some_samples(7)
        assert journal.claim("three", 5) == 3
        with pytest.raises(Fenced):
            journal.append(2, some_samples(1))
        journal.append(3, some_samples(1))
        assert verify_journal(journal).ok
    assert digest_path(kept).is_file()
    with closing(sqlite3.connect(kept)) as db:
        expected = "2" if "://" in old else "1"  # a copy of a database is a file as this version makes it
        assert db.execute("SELECT value FROM meta").fetchall() == [(expected,)]
        assert db.execute("SELECT * FROM records ORDER BY seq").fetchall() == [tuple(entry) for entry in ENTRIES]


def test_a_journal_of_this_version_is_left_as_it_is(place, tmp_path):
    with closing(open_journal(place)) as journal:
        journal.append(journal.claim("me", 0), some_samples(2))
        head = journal.head
    done = migrate(place, tmp_path / "copy.db")
    assert done == Migration(before=VERSION, after=VERSION, records=head[0], head=head[1], backup=None)
    assert not (tmp_path / "copy.db").exists()


def test_a_newer_journal_is_refused(tmp_path):
    path = an_old_file(tmp_path / "journal.db")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '3'")
    with pytest.raises(JournalError) as error:
        migrate(path, tmp_path / "copy.db")
    assert str(error.value) == f"{path}: journal version 3; this program reads version 2"


def test_a_damaged_journal_is_not_migrated(tmp_path):
    path = an_old_file(tmp_path / "journal.db")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM records WHERE seq = 5")
    with pytest.raises(JournalError, match="record 6 is bad"):
        migrate(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM meta").fetchall() == [("1",)]
    assert not (tmp_path / "copy.db").exists()


def test_a_backup_that_cannot_be_made_stops_the_migration(old, tmp_path):
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(JournalError, match="is not overwritten"):
        migrate(old, tmp_path / "copy.db")
    with pytest.raises(JournalError, match="journal version 1"):
        open_journal(old)


def test_there_must_be_a_journal_to_migrate(tmp_path):
    with pytest.raises(NoJournalError):
        migrate(str(tmp_path / "none.db"), tmp_path / "copy.db")


# --- the tables of a new journal are those that migrations make


def shape(connection):
    """Return tables, columns and indexes, without what SQLite writes differently for the same."""
    seen = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), bool(column["primary_key"])) for column in seen.get_columns(table)],
            sorted((index["name"], tuple(index["column_names"])) for index in seen.get_indexes(table)),
        )
        for table in sorted(seen.get_table_names())
    }


def test_a_new_file_has_the_tables_that_migrations_make(tmp_path):
    SqliteJournal(tmp_path / "new.db").close()
    fresh = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    made = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    an_old_file(tmp_path / "old.db")
    migrate(str(tmp_path / "old.db"), tmp_path / "copy.db")
    moved = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with fresh.connect() as one, made.begin() as other, moved.connect() as third:
        upgrade(other, 0)
        assert shape(one) == shape(other) == shape(third)
        wheres = [
            db.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").scalar()
            for db in (one, other, third)
        ]
        assert {sql.partition(" WHERE ")[2] for sql in wheres} == {"kind = 'session' OR kind = 'claim'"}
        assert other.exec_driver_sql("SELECT value FROM meta").scalar() == str(VERSION)
    for engine in (fresh, made, moved):
        engine.dispose()


def test_the_newest_session_is_found_by_the_index_in_both_stores(place):
    with closing(open_journal(place)) as journal:
        journal.append(journal.claim("me", 0), [a_session_record(1), *some_samples(50)])
        question = "SELECT coalesce(max(seq), 0) FROM records WHERE kind = 'session'"
        if isinstance(journal, PostgresJournal):
            with journal._engine.begin() as db:
                db.exec_driver_sql("SET LOCAL enable_seqscan = off")
                plan = "\n".join(row[0] for row in db.exec_driver_sql(f"EXPLAIN {question}"))
        else:
            plan = str(journal._db.execute(f"EXPLAIN QUERY PLAN {question}").fetchall())
        assert "records_begin" in plan
