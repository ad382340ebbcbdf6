"""Backups are whole, verified and never overwrite; a restored journal goes on where its backup was taken."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from journal.backup import back_up_place, digest_path, restore
from journal.sqlite import read_epochs
from journal.store import Fenced, JournalError, NoJournalError, SqliteJournal, is_url, open_journal
from journal.verify import verify_file, verify_journal
from tests.journal.records import some_samples
from tests.journal.test_store import WRITER
from tests.waiting import until


def filled(place, count=25):
    """Write a journal of two epochs."""
    with closing(open_journal(place)) as journal:
        journal.append(journal.claim("one", 3), some_samples(count))
        journal.append(journal.claim("two", 4), some_samples(5, first=count))
        return journal.head


def entries(place):
    with closing(open_journal(place, read_only=True)) as journal:
        return list(journal.entries())


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "backups" / "copy.db"


@pytest.fixture
def backup(tmp_path, copy):
    """A backup of a filled journal file."""
    filled(str(tmp_path / "source.db"))
    back_up_place(str(tmp_path / "source.db"), copy)
    return copy


# --- backup


def test_a_backup_holds_everything_and_says_what(place, copy):
    head = filled(place)
    made = back_up_place(place, copy)
    assert (made.path, made.records, made.head) == (copy, *head)
    assert entries(str(copy)) == entries(place)
    assert read_epochs(copy) == [(1, "one", 3), (2, "two", 4)]
    assert made.sha256 == hashlib.sha256(copy.read_bytes()).hexdigest()
    assert digest_path(copy).read_text() == f"{made.sha256}  copy.db\n"
    assert sorted(path.name for path in copy.parent.iterdir()) == ["copy.db", "copy.db.sha256"]


def test_a_backup_of_an_empty_journal_is_an_empty_journal(place, copy):
    open_journal(place).close()
    assert back_up_place(place, copy).records == 0
    assert verify_file(copy).records == 0


def test_a_backup_is_a_journal_that_can_be_written(place, copy):
    filled(place)
    back_up_place(place, copy)
    with closing(SqliteJournal(copy)) as journal:
        assert journal.claim("three", 5) == 3
        with pytest.raises(Fenced):
            journal.append(2, some_samples(1))
        journal.append(3, some_samples(1))
        assert verify_journal(journal).ok


def test_a_backup_taken_while_a_writer_writes_is_whole_groups_and_the_writer_goes_on(place, tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    seen = []
    reading = threading.Thread(target=lambda: seen.extend(int(line) for line in writer.stdout), daemon=True)
    before = int(writer.stdout.readline())
    reading.start()
    backups = []
    for k in range(4):
        backups.append(back_up_place(place, tmp_path / f"copy-{k}.db"))
        heard = len(seen)
        until(lambda heard=heard: len(seen) > heard)  # it goes on
    writer.kill()
    writer.wait(60)
    reading.join(60)
    writer.stdout.close()
    whole = entries(place)
    counts = [made.records for made in backups]
    assert counts == sorted(set(counts))
    assert counts[0] >= before
    for made in backups:
        assert (made.records - 1) % 20 == 0
        assert entries(str(made.path)) == whole[: made.records]


@pytest.mark.parametrize("taken", ["copy.db", "copy.db.sha256"])
def test_a_backup_overwrites_nothing(place, copy, taken):
    filled(place)
    copy.parent.mkdir()
    (copy.parent / taken).write_text("mine")
    with pytest.raises(JournalError) as error:
        back_up_place(place, copy)
    assert str(error.value) == f"{copy.parent / taken}: exists, and is not overwritten; name a new file"
    assert [path.read_text() for path in copy.parent.iterdir()] == ["mine"]


def test_a_damaged_journal_gives_no_backup(tmp_path, copy):
    source = tmp_path / "journal.db"
    filled(str(source))
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("UPDATE records SET time_ns = 99 WHERE seq = 7")
    with pytest.raises(JournalError) as error:
        back_up_place(str(source), copy)
    assert str(error.value) == (
        f"{copy}: record 7 is bad: its columns do not repeat what its bytes say; 6 before it are sound"
    )
    assert list(copy.parent.iterdir()) == []


def test_nothing_can_be_backed_up_from_nowhere(tmp_path, copy):
    with pytest.raises(NoJournalError):
        back_up_place(str(tmp_path / "none.db"), copy)


# --- restore


def test_what_is_restored_is_the_backup_and_goes_on(place, backup):
    done = restore(backup, place)
    assert entries(place) == entries(str(backup))
    with closing(open_journal(place)) as journal:
        assert journal.head == (done.records, done.head)
        assert journal.claim("after", 9) == 3
        with pytest.raises(Fenced):
            journal.append(2, some_samples(1))
        journal.append(3, some_samples(1))
        assert verify_journal(journal).ok


def test_a_journal_goes_from_store_to_store_and_stays_the_same(server, tmp_path, backup):
    url = server.url()
    restore(backup, url)
    back = back_up_place(url, tmp_path / "back.db")
    assert entries(str(back.path)) == entries(str(backup))
    assert read_epochs(back.path) == read_epochs(backup)


def test_a_restore_overwrites_no_journal(place, backup):
    filled(place, count=3)
    before = entries(place)
    with pytest.raises(JournalError, match="is not overwritten"):
        restore(backup, place)
    assert entries(place) == before


@pytest.mark.parametrize("taken", ["journal.db", "journal.db-wal", "journal.db-shm"])
def test_a_restore_overwrites_no_file(tmp_path, backup, taken):
    (tmp_path / taken).write_text("mine")
    with pytest.raises(JournalError) as error:
        restore(backup, tmp_path / "journal.db")
    assert str(error.value) == f"{tmp_path / taken}: exists, and is not overwritten; move it away first"
    assert (tmp_path / taken).read_text() == "mine"
    assert not (tmp_path / "journal.db.partial").exists()


def is_untouched(place):
    try:
        found = entries(place)
    except NoJournalError:
        return True
    return is_url(place) and not found


def test_a_backup_whose_bytes_changed_is_refused(place, backup):
    content = bytearray(backup.read_bytes())
    content[-1] ^= 1
    backup.write_bytes(content)
    with pytest.raises(JournalError, match="it is not what was backed up"):
        restore(backup, place)
    assert is_untouched(place)


def test_a_backup_whose_chain_is_broken_is_refused_also_without_its_hash(place, backup):
    with closing(sqlite3.connect(backup)) as db, db:
        db.execute("DELETE FROM records WHERE seq = 9")
    digest_path(backup).unlink()
    with pytest.raises(JournalError, match="record 10 is bad: sequence jumps from 8 to 10"):
        restore(backup, place)
    assert is_untouched(place)


def test_a_backup_of_an_older_version_is_refused_with_a_remedy(place, backup):
    with closing(sqlite3.connect(backup)) as db, db:
        db.execute("UPDATE meta SET value = '1'")
    digest_path(backup).unlink()
    with pytest.raises(JournalError, match=f"`trifecta journal migrate {backup}` brings it there"):
        restore(backup, place)
    assert is_untouched(place)


def test_a_backup_without_a_hash_beside_it_is_restored_by_its_chain(place, backup):
    digest_path(backup).unlink()
    assert restore(backup, place).records == 32


def test_there_must_be_a_backup_to_restore(tmp_path, place):
    with pytest.raises(JournalError, match="there is no backup here"):
        restore(tmp_path / "none.db", place)
