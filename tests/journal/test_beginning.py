"""Beginning again after a lost head: only by a person, only of a journal that is whole, and never unsaid."""

import sqlite3
from contextlib import closing

import pytest

from journal.beginning import begin_head_again
from journal.records import NewHead
from journal.signing import SigningError, head_path, open_seal
from journal.store import SqliteJournal
from journal.verify import verify_file, verify_journal
from tests.cli.running import refused, schema, trifecta
from tests.journal.records import some_samples
from tests.journal.sealed import write_sealed

TOLD = {"who": "ann", "reason": "the disk was lost", "now_ns": 9}


@pytest.fixture
def path(tmp_path):
    return write_sealed(tmp_path / "journal.db", some_samples(30))


def test_a_journal_that_lost_its_head_is_begun_again_and_says_so(path):
    head_path(path).unlink()
    with pytest.raises(SigningError, match="new-head"):
        SqliteJournal(path, seal=open_seal)
    before = verify_file(path)
    assert not before.ok
    made = begin_head_again(path, **TOLD)
    found = verify_file(path)
    assert (found.ok, found.signature, found.after_head) == (True, "signed", 0)
    with closing(SqliteJournal(path, read_only=True)) as journal:
        records = [entry.record() for entry in journal.entries(after=made.seq)]
    assert [record for record in records if isinstance(record, NewHead)] == [made]
    assert (made.who, made.reason, made.hash) == ("ann", "the disk was lost", verify_hash(path, made.seq))


def verify_hash(path, seq):
    with closing(SqliteJournal(path, read_only=True)) as journal:
        return next(iter(journal.entries(after=seq - 1))).hash


def test_a_head_that_is_there_is_never_replaced(path):
    before = head_path(path).read_bytes()
    with pytest.raises(SigningError, match="it is there"):
        begin_head_again(path, **TOLD)
    assert head_path(path).read_bytes() == before


@pytest.mark.parametrize("told", [{"who": " "}, {"reason": ""}])
def test_nobody_begins_it_again_without_a_name_and_a_reason(path, told):
    head_path(path).unlink()
    with pytest.raises(SigningError, match="--who and --reason"):
        begin_head_again(path, **(TOLD | told))
    assert not head_path(path).exists()


def test_a_journal_that_is_not_whole_gets_no_head(path):
    head_path(path).unlink()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE records SET body = x'7b7d' WHERE seq = 7")
    with pytest.raises(SigningError, match="record 7 is bad"):
        begin_head_again(path, **TOLD)
    assert not head_path(path).exists()


def test_an_unsigned_journal_gets_no_head(tmp_path):
    with closing(SqliteJournal(tmp_path / "bare.db")) as journal:
        journal.append(journal.claim("me", 0), some_samples(2))
    with pytest.raises(SigningError, match="it is unsigned"):
        begin_head_again(tmp_path / "bare.db", **TOLD)


def test_the_word_for_it_is_explicit(path):
    head_path(path).unlink()
    assert "--reason is missing" in refused("journal", "new-head", path, "--who", "ann")
    ended = trifecta("journal", "new-head", path, "--who", "ann", "--reason", "lost", "--json")
    schema("journal_new_head").validate(ended.document)
    assert (ended.code, ended.document["who"]) == (0, "ann")
    assert "head begun again" in trifecta("journal", "tail", path).out
    assert "is there" in refused("journal", "new-head", path, "--who", "ann", "--reason", "again")
    assert "a database is not signed" in refused(
        "journal", "new-head", "postgresql://u@h/d", "--who", "ann", "--reason", "x"
    )


# --- the index by which a start finds where to begin


FORGERIES = {
    "another index": (
        "DROP INDEX records_begin; "
        "CREATE INDEX records_begin ON records (kind, seq) WHERE (kind = 'session' OR kind = 'claim') AND seq < 5"
    ),
    "none": "DROP INDEX records_begin",
}


@pytest.mark.parametrize("words", FORGERIES.values(), ids=FORGERIES)
def test_an_index_that_is_not_what_was_made_is_found(path, words):
    assert verify_file(path).ok
    with closing(sqlite3.connect(path)) as db:
        db.executescript(words)
    found = verify_file(path)
    assert (found.ok, found.damage) == (False, "index")
    assert "REINDEX" in found.finding


def forge_index(path):
    """Make the index while its condition reads otherwise, then put its text back, as a forger would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP INDEX records_begin")
        made = "CREATE INDEX records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'claim'"
        db.execute("CREATE INDEX records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'cl_im'")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'records_begin'", (made,))
        db.execute("PRAGMA writable_schema = RESET")


def test_an_index_that_hides_the_newest_claim_is_found_by_verify_and_by_a_start(path):
    forge_index(path)
    assert verify_file(path).damage == "index"
    with closing(SqliteJournal(path, read_only=True)) as journal:
        assert journal.newest("claim") == 0
        found = verify_journal(journal)
    assert (found.ok, found.damage) == (False, "index")
    with closing(sqlite3.connect(path)) as db:
        db.execute("REINDEX records_begin")
    assert verify_file(path).ok
