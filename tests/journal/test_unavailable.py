"""A store that cannot be written says so; the same append made again writes every record once, whatever happened."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.chain import GENESIS
from journal.entries import Attempt, chained
from journal.store import Fenced, JournalError, JournalUnavailable, SqliteJournal
from journal.verify import verify_journal
from tests.journal.records import some_samples


@pytest.fixture
def journal(tmp_path):
    made = SqliteJournal(tmp_path / "journal.db")
    made.claim("me", 0)
    made.append(1, some_samples(3))
    yield made
    made.close()


def records(journal):
    return [entry.record() for entry in journal.entries()][1:]


class LosingConnection:
    """A connection to SQLite whose next COMMIT fails: before it is carried out, or after, when its answer is lost."""

    def __init__(self, db, *, carried_out):
        self._db, self._carried_out, self._failed = db, carried_out, False

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, statement, *arguments):
        if statement == "COMMIT" and not self._failed:
            self._failed = True
            self._db.execute("COMMIT" if self._carried_out else "ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._db.execute(statement, *arguments)


# --- the pure part


def an_attempt(before, count):
    """Return an append of some samples to a journal of `before` samples, of which the first are those."""
    head = end_of(chained((0, GENESIS), some_samples(before)))
    samples = some_samples(before + count)
    return Attempt(head, before, tuple(samples), chained(head, samples[before:]))


def end_of(entries):
    return (entries[-1].seq, entries[-1].hash) if entries else (0, GENESIS)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3), st.booleans())
def test_an_append_made_again_is_there_as_a_whole_or_not_at_all(before, count, more, carried_out):
    attempt = an_attempt(before, count)
    again = some_samples(before + count + more)
    found = end_of(attempt.entries) if carried_out and count else attempt.head
    assert attempt.written(found, again) == (before + count if carried_out else before)


@pytest.mark.parametrize("found", [(1, "f" * 64), (2, "f" * 64), (9, "f" * 64), (0, "f" * 64)])
def test_a_head_that_is_none_of_ours_is_of_another_writer(found):
    with pytest.raises(JournalError, match="another one is at work"):
        an_attempt(0, 3).written(found, some_samples(3))


def test_other_records_cannot_come_in_the_place_of_what_is_there():
    attempt = an_attempt(0, 3)
    for others in (some_samples(3, first=7), some_samples(2), []):
        with pytest.raises(JournalError, match="others cannot come in their place"):
            attempt.written(end_of(attempt.entries), others)
        assert attempt.written(attempt.head, others) == 0


# --- SQLite


def test_a_full_disk_is_said_and_nothing_of_the_group_is_written(journal):
    before = journal.head
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")
    group = some_samples(500, first=3)
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match=r"cannot be written now \(.*full") as error:
            journal.append(1, group)
    assert "\n" not in str(error.value)
    assert (journal.head, records(journal)) == (before, some_samples(3))
    journal._db.execute("PRAGMA max_page_count = 1000000")
    assert journal.append(1, group) == 504
    assert records(journal) == some_samples(503)
    assert verify_journal(journal).ok


def test_a_lock_that_nobody_lets_go_is_said(journal, tmp_path):
    journal._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for act in (lambda: journal.append(1, some_samples(2, first=3)), lambda: journal.claim("another", 0)):
        with pytest.raises(JournalUnavailable, match="database is locked"):
            act()
    other.execute("ROLLBACK")
    other.close()
    assert journal.append(1, some_samples(2, first=3)) == 6
    assert records(journal) == some_samples(5)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_an_append_that_fails_again_and_grows_meanwhile_is_written_once(journal, first, second):
    journal._db = LosingConnection(journal._db, carried_out=first)
    with pytest.raises(JournalUnavailable):
        journal.append(1, some_samples(2, first=3))
    journal._db = LosingConnection(journal._db, carried_out=second)
    with pytest.raises(JournalUnavailable):
        journal.append(1, some_samples(4, first=3))
    assert journal.append(1, some_samples(5, first=3)) == 9
    assert records(journal) == some_samples(8)
    assert verify_journal(journal).ok


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("more", [0, 4])
def test_an_append_whose_answer_was_lost_is_recognised(journal, carried_out, more):
    journal._db = LosingConnection(journal._db, carried_out=carried_out)
    with pytest.raises(JournalUnavailable, match="disk I/O error"):
        journal.append(1, some_samples(2, first=3))
    assert journal.append(1, some_samples(2 + more, first=3)) == 6 + more
    assert journal.append(1, some_samples(1, first=5 + more)) == 7 + more
    assert records(journal) == some_samples(6 + more)
    assert verify_journal(journal).ok


def test_whoever_is_fenced_while_its_answer_was_lost_learns_that(journal, tmp_path):
    journal._db = LosingConnection(journal._db, carried_out=True)
    with pytest.raises(JournalUnavailable):
        journal.append(1, some_samples(2, first=3))
    successor = SqliteJournal(tmp_path / "journal.db")
    successor.claim("successor", 0)
    with pytest.raises(Fenced):
        journal.append(1, some_samples(2, first=3))
    successor.close()
    assert [entry.kind for entry in journal.entries()] == ["claim", *["sample"] * 5, "claim"]


def test_a_claim_whose_answer_was_lost_costs_an_epoch_and_no_more(journal):
    journal._db = LosingConnection(journal._db, carried_out=True)
    with pytest.raises(JournalUnavailable):
        journal.claim("me again", 0)
    assert journal.claim("me again", 0) == 3
    journal.append(3, some_samples(1))
    assert verify_journal(journal).ok


def test_records_that_another_wrote_under_this_epoch_are_not_taken_for_ones_own(journal, tmp_path):
    journal._db = LosingConnection(journal._db, carried_out=False)
    with pytest.raises(JournalUnavailable):
        journal.append(1, some_samples(2, first=3))
    other = SqliteJournal(tmp_path / "journal.db")
    other.append(1, some_samples(1, first=90))
    with pytest.raises(JournalError, match="another one is at work"):
        journal.append(1, some_samples(2, first=3))
    other.close()


def test_a_damaged_file_is_not_called_unavailable(journal, tmp_path):
    journal.close()
    file = tmp_path / "journal.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises((JournalError, sqlite3.DatabaseError)):
        SqliteJournal(file).append(1, some_samples(1))
