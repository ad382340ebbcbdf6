"""Verification names the first bad record, whatever was done to the file; it never raises on a damaged one."""

import shutil
import sqlite3

import pytest

from journal.chain import canonical, link
from journal.records import Stop
from journal.store import JournalError, SqliteJournal
from journal.verify import Verification, verify_file, verify_journal
from tests.journal.records import a_sample, some_samples

RECORDS = 60


@pytest.fixture
def path(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    epoch = journal.claim("me", 0)
    for first in range(0, RECORDS - 1, 10):
        journal.append(epoch, some_samples(min(10, RECORDS - 1 - first), first=first))
    journal.close()
    return tmp_path / "journal.db"


def run(path, *statements):
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(*statement) if isinstance(statement, tuple) else db.execute(statement)
    db.commit()
    db.close()


def test_a_sound_journal_is_ok_and_its_head_is_named(path):
    journal = SqliteJournal(path, read_only=True)
    assert verify_file(path) == Verification(ok=True, records=RECORDS, head=journal.head[1], signature="unsigned")
    journal.close()


HASH = "its hash does not follow from its bytes and the record before it"
TYPES = "its columns hold other types than were written"
COLUMNS = "its columns do not repeat what its bytes say"


@pytest.mark.parametrize(
    ("tampering", "first_bad", "problem"),
    [
        ("UPDATE records SET body = CAST(replace(CAST(body AS TEXT), '7', '9') AS BLOB) WHERE seq = 20", 20, HASH),
        ("UPDATE records SET hash = upper(hash) WHERE seq = 20", 20, HASH),
        ("UPDATE records SET hash = (SELECT hash FROM records WHERE seq = 19) WHERE seq = 20", 20, HASH),
        ("UPDATE records SET kind = 'order' WHERE seq = 20", 20, COLUMNS),
        ("UPDATE records SET time_ns = time_ns + 1 WHERE seq = 20", 20, COLUMNS),
        ("UPDATE records SET kind = 'order' WHERE seq = 1", 1, COLUMNS),
        ("DELETE FROM records WHERE seq = 20", 21, "sequence jumps from 19 to 21: a record is missing or was added"),
        ("DELETE FROM records WHERE seq = 1", 2, "sequence jumps from 0 to 2: a record is missing or was added"),
        (
            "INSERT INTO records SELECT 0, kind, time_ns, body, hash FROM records WHERE seq = 20", 0,
            "sequence jumps from 0 to 0: a record is missing or was added",
        ),
        ("INSERT INTO records SELECT 61, kind, time_ns, body, hash FROM records WHERE seq = 20", 61, HASH),
        ("UPDATE records SET hash = x'00' WHERE seq = 20", 20, TYPES),
        ("UPDATE records SET body = 5 WHERE seq = 20", 20, TYPES),
        ("UPDATE records SET body = CAST(body AS TEXT) WHERE seq = 20", 20, TYPES),
        ("UPDATE records SET kind = x'00' WHERE seq = 20", 20, TYPES),
        ("UPDATE records SET time_ns = 'soon' WHERE seq = 20", 20, TYPES),
    ],
)  # fmt: skip
def test_tampering_is_found_at_its_place(path, tampering, first_bad, problem):
    run(path, tampering)
    found = verify_file(path)
    assert (found.ok, found.first_bad, found.problem) == (False, first_bad, problem)
    assert found.records == max(first_bad - 1, 0) - (1 if "jumps" in problem and first_bad > 1 else 0)


def test_two_records_in_each_others_place_are_found(path):
    run(
        path, "UPDATE records SET seq = -1 WHERE seq = 20", "UPDATE records SET seq = 20 WHERE seq = 21",
        "UPDATE records SET seq = 21 WHERE seq = -1",
    )  # fmt: skip
    assert (verify_file(path).first_bad, verify_file(path).problem) == (20, HASH)


def test_a_record_put_between_two_others_is_found(path):
    run(
        path, "UPDATE records SET seq = -seq WHERE seq >= 30", "UPDATE records SET seq = 1 - seq WHERE seq < 0",
        ("INSERT INTO records VALUES (30, 'sample', 5, ?, ?)", (canonical(a_sample(5)), "0" * 64)),
    )  # fmt: skip
    assert (verify_file(path).first_bad, verify_file(path).problem) == (30, HASH)


def test_a_sound_chain_over_bytes_that_are_no_record_is_found(path):
    journal = SqliteJournal(path, read_only=True)
    seq, head = journal.head
    journal.close()
    body = b'{"kind":"stop","time_ns":1}'
    run(path, ("INSERT INTO records VALUES (?, 'stop', 1, ?, ?)", (seq + 1, body, link(head, body))))
    assert verify_file(path).ok  # whoever reads it wants to know that, and who wants evidence does not
    journal = SqliteJournal(path, read_only=True)
    found = verify_journal(journal)
    journal.close()
    assert (found.ok, found.records, found.first_bad) == (False, RECORDS, RECORDS + 1)
    assert found.problem.startswith("its bytes are no record of this version: ")


def test_a_record_added_at_the_end_with_a_sound_hash_is_only_found_by_the_head(path):
    """Nothing in the file can show that: keep the head elsewhere (the summary of a run prints it)."""
    journal = SqliteJournal(path, read_only=True)
    seq, head = journal.head
    journal.close()
    body = canonical(Stop(time_ns=1, number=1, complete=True, reason="forged"))
    run(path, ("INSERT INTO records VALUES (?, 'stop', 1, ?, ?)", (seq + 1, body, link(head, body))))
    assert verify_file(path).ok
    assert verify_file(path).head != head


def verdict(path):
    """Return (sound, records, what is wrong) also where the file is refused altogether."""
    try:
        found = verify_file(path)
    except JournalError as error:
        return False, 0, str(error)
    return found.ok, found.records, found.problem


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_file_cut_off_is_an_error_or_a_finding_and_never_sound(path, tmp_path, share):
    whole = path.read_bytes()
    cut = tmp_path / "cut.db"
    cut.write_bytes(whole[: int(len(whole) * share)])
    sound, count, problem = verdict(cut)
    assert not sound
    assert count < RECORDS
    assert problem
    assert "\n" not in problem


@pytest.mark.parametrize("offset", [1, 100, 1000, 4096, 5000, 20_000])
def test_overwritten_bytes_are_an_error_or_a_finding_or_touch_no_record(path, offset):
    head = verify_file(path).head
    data = bytearray(path.read_bytes())
    data[offset : offset + 64] = b"\xff" * 64
    path.write_bytes(data)
    if verdict(path)[0]:
        assert verify_file(path).head == head


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_a_write_ahead_log_cut_off_leaves_whole_groups(tmp_path, share):
    """As after a power cut: the newest groups may be gone, what is left is sound and ends between two groups."""
    journal = SqliteJournal(tmp_path / "journal.db")
    epoch = journal.claim("me", 0)
    for _ in range(20):
        journal.append(epoch, some_samples(10))
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(tmp_path / name, copied / name)
    journal.close()
    log = copied / "journal.db-wal"
    whole = log.read_bytes()
    assert len(whole) > 10_000
    log.write_bytes(whole[: int(len(whole) * share)])
    sound, count, problem = verdict(copied / "journal.db")
    if share == 0.0:  # the file itself had never been written to
        assert (sound, "not a journal" in problem) == (False, True)
        return
    assert sound
    assert count == 0 or count % 10 == 1
    assert count < 201
    again = SqliteJournal(copied / "journal.db")
    again.append(again.claim("next", 0), some_samples(1))
    again.close()
    assert verify_file(copied / "journal.db").ok


def test_a_table_whose_numbers_are_no_numbers_is_a_finding(path):
    """As after a change of bytes in the schema: the column is no longer the key, and holds whatever it held."""
    run(
        path, "ALTER TABLE records RENAME TO numbered", "CREATE TABLE records (seq, kind, time_ns, body, hash)",
        "INSERT INTO records SELECT nullif(seq, 7), kind, time_ns, body, hash FROM numbered",
    )  # fmt: skip
    found = verify_file(path)
    assert (found.ok, found.first_bad, found.problem) == (False, 1, TYPES)
