"""The store: durable when `append` returns, one writer, fenced by epoch, readable while it is written."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from journal.chain import GENESIS, canonical, chain
from journal.records import Claim
from journal.store import Fenced, JournalError, MemoryJournal, SqliteJournal, open_journal
from journal.verify import verify_journal
from tests.journal.records import a_session_record, some_samples


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def journal(request, tmp_path):
    match request.param:
        case "memory":
            made = MemoryJournal()
        case "sqlite":
            made = SqliteJournal(tmp_path / "journal.db")
        case _:
            made = open_journal(request.getfixturevalue("server").url())
    yield made
    made.close()


def contents(journal):
    return [(entry.seq, entry.kind, entry.time_ns, entry.record()) for entry in journal.entries()]


# --- every store


def test_a_new_journal_is_empty(journal):
    assert (journal.head, list(journal.entries())) == ((0, GENESIS), [])


def test_a_claim_is_recorded_and_epochs_rise_by_one(journal):
    assert [journal.claim(owner, 10 * k) for k, owner in enumerate("abc")] == [1, 2, 3]
    assert [record for *_, record in contents(journal)] == [
        Claim(time_ns=10 * k, epoch=k + 1, owner=owner) for k, owner in enumerate("abc")
    ]


def test_what_is_appended_is_read_back_in_order_and_chained(journal):
    epoch = journal.claim("me", 0)
    assert journal.append(epoch, some_samples(3)) == 4
    assert journal.append(epoch, some_samples(2, first=3)) == 6
    assert [seq for seq, *_ in contents(journal)] == [1, 2, 3, 4, 5, 6]
    assert [record for *_, record in contents(journal)][1:] == some_samples(5)
    bodies = [entry.body for entry in journal.entries()]
    assert bodies[1:] == [canonical(sample) for sample in some_samples(5)]
    assert [entry.hash for entry in journal.entries()] == chain(bodies)
    assert journal.head == (6, chain(bodies)[-1])
    assert [entry.seq for entry in journal.entries(after=4)] == [5, 6]


def test_an_append_of_nothing_changes_nothing(journal):
    epoch = journal.claim("me", 0)
    before = journal.head
    assert (journal.append(epoch, []), journal.head) == (1, before)


def test_an_old_epoch_cannot_append_and_nothing_is_written(journal):
    old = journal.claim("old", 0)
    journal.append(old, some_samples(1))
    new = journal.claim("new", 1)
    before = contents(journal)
    with pytest.raises(Fenced, match="epoch 1 is fenced: epoch 2 has been claimed"):
        journal.append(old, some_samples(5))
    assert contents(journal) == before
    assert journal.append(new, some_samples(1)) == 4
    assert verify_journal(journal).ok


def test_an_epoch_that_nobody_claimed_cannot_append(journal):
    with pytest.raises(Fenced, match="epoch 1 is fenced"):
        journal.append(1, some_samples(1))
    journal.claim("me", 0)
    with pytest.raises(Fenced, match="epoch 2 is fenced"):
        journal.append(2, some_samples(1))
    assert journal.head[0] == 1


def test_the_newest_session_and_claim_are_found_at_once(journal):
    assert (journal.newest("session"), journal.newest("claim")) == (0, 0)
    epoch = journal.claim("me", 0)
    journal.append(
        epoch, [*some_samples(2), a_session_record(1), *some_samples(2), a_session_record(2), *some_samples(1)]
    )
    assert (journal.newest("session"), journal.newest("claim")) == (7, 1)
    journal.claim("another", 1)
    assert (journal.newest("session"), journal.newest("claim")) == (7, 9)
    with pytest.raises(ValueError, match="kind 'order': the newest of session and claim can be asked for"):
        journal.newest("order")


# --- one store at one place, opened by several


def test_a_commit_waits_for_the_disk(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    pragma = {name: journal._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
    journal.close()


def test_a_group_is_one_transaction(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    epoch = journal.claim("me", 0)
    statements = []
    journal._db.set_trace_callback(statements.append)
    journal.append(epoch, some_samples(50))
    verbs = [statement.split()[0] for statement in statements]
    assert (verbs.count("BEGIN"), verbs.count("INSERT"), verbs.count("COMMIT")) == (1, 50, 1)
    journal.close()


def test_a_group_that_cannot_be_written_leaves_nothing_of_itself(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    epoch = journal.claim("me", 0)
    journal.append(epoch, some_samples(2))
    before = contents(journal), journal.head
    journal._db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON records WHEN new.time_ns = 3 BEGIN SELECT RAISE(ABORT, 'disk'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk"):
        journal.append(epoch, some_samples(5))
    assert (contents(journal), journal.head) == before
    journal._db.execute("DROP TRIGGER full")
    assert journal.append(epoch, some_samples(1)) == 4
    assert verify_journal(journal).ok
    journal.close()


def test_a_journal_opened_again_goes_on_where_it_was(place):
    first = open_journal(place)
    first.append(first.claim("one", 0), some_samples(3))
    head = first.head
    first.close()
    again = open_journal(place)
    assert again.head == head
    assert again.claim("two", 1) == 2
    assert again.append(2, some_samples(1)) == 6
    assert verify_journal(again).ok
    again.close()


def test_a_claimant_that_opened_the_file_before_another_wrote_chains_to_the_newest_record(place):
    one, other = open_journal(place), open_journal(place)
    one.append(one.claim("one", 0), some_samples(3))
    assert other.claim("other", 0) == 2
    other.append(2, some_samples(1))
    with pytest.raises(Fenced):
        one.append(1, some_samples(1))
    assert one.claim("one again", 0) == 3
    one.append(3, some_samples(1))
    assert verify_journal(one).ok
    assert [kind for _, kind, *_ in contents(one)] == [
        "claim", "sample", "sample", "sample", "claim", "sample", "claim", "sample",
    ]  # fmt: skip
    one.close()
    other.close()


def test_a_reader_sees_whole_groups_while_a_writer_writes(place):
    writer = open_journal(place)
    epoch = writer.claim("me", 0)
    reader = open_journal(place, read_only=True)
    seen = []
    for _ in range(5):
        writer.append(epoch, some_samples(10))
        seen.append(len(contents(reader)))
    assert seen == [11, 21, 31, 41, 51]
    walk = reader.entries()
    next(walk)
    writer.append(epoch, some_samples(10))  # a reader in the middle of its walk does not stop the writer
    assert len(list(walk)) == 50
    assert len(contents(reader)) == 61
    writer.close()
    reader.close()


def test_a_reader_cannot_write(tmp_path):
    SqliteJournal(tmp_path / "journal.db").close()
    reader = SqliteJournal(tmp_path / "journal.db", read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.claim("reader", 0)
    assert reader.head == (0, GENESIS)
    reader.close()


# --- what is refused


def test_a_reader_of_nothing_is_told_so_and_makes_no_file(tmp_path):
    path = tmp_path / "journal.db"
    with pytest.raises(JournalError) as error:
        SqliteJournal(path, read_only=True)
    assert str(error.value) == f"{path}: there is no journal here"
    assert list(tmp_path.iterdir()) == []


def test_another_version_is_refused_in_one_line(tmp_path):
    path = tmp_path / "journal.db"
    SqliteJournal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '9'")
    db.close()
    for read_only in (True, False):
        with pytest.raises(JournalError) as error:
            SqliteJournal(path, read_only=read_only)
        assert str(error.value) == f"{path}: journal version 9; this program reads version 2"


def test_a_database_of_somebody_else_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(JournalError) as error:
        SqliteJournal(path)
    assert str(error.value) == f"{path}: this SQLite file is not a journal"


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database at all" * 100)
    for read_only in (True, False):
        with pytest.raises(JournalError, match="not a readable journal") as error:
            SqliteJournal(path, read_only=read_only)
        assert "\n" not in str(error.value)


# --- several processes

CLAIMANT = """
import sys
from journal.store import open_journal
print("ready", flush=True)
sys.stdin.readline()
journal = open_journal(sys.argv[1])
print(*[journal.claim(sys.argv[2], 0) for _ in range(25)], flush=True)
"""


def test_two_processes_never_get_the_same_epoch_also_when_they_make_the_file_together(place):
    claimants = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMANT, place, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).parents[2],
        )
        for name in ("one", "two", "three")
    ]  # fmt: skip
    for claimant in claimants:
        assert claimant.stdout.readline() == "ready\n"
    for claimant in claimants:
        claimant.stdin.write("go\n")
        claimant.stdin.flush()
    epochs = [[int(epoch) for epoch in claimant.communicate(timeout=60)[0].split()] for claimant in claimants]
    assert [claimant.returncode for claimant in claimants] == [0, 0, 0]
    assert sorted(epoch for own in epochs for epoch in own) == list(range(1, 76))
    assert all(own == sorted(own) for own in epochs)
    journal = open_journal(place, read_only=True)
    assert verify_journal(journal).records == 75
    assert [record.epoch for *_, record in contents(journal)] == list(range(1, 76))
    journal.close()


WRITER = """
import sys
from journal.store import open_journal
from tests.journal.records import some_samples
journal = open_journal(sys.argv[1])
epoch = journal.claim("writer", 0)
done = 0
while True:
    done = journal.append(epoch, some_samples(20, first=done))
    print(done, flush=True)
"""


@pytest.mark.parametrize("groups", [1, 7, 40])
def test_what_was_acknowledged_is_there_after_the_writer_was_killed(place, groups):
    """The writer says each group that `append` acknowledged; it is killed while it writes the next ones."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    for _ in range(groups):
        acknowledged = int(writer.stdout.readline())
    writer.kill()
    rest = writer.communicate(timeout=60)[0].split()
    whole = [int(line) for line in rest if int(line) > acknowledged and (int(line) - 1) % 20 == 0]
    journal = open_journal(place)
    found = verify_journal(journal)
    assert found.ok
    assert found.records >= max([acknowledged, *whole])
    assert (found.records - 1) % 20 == 0  # whole groups only
    assert journal.claim("next", 0) == 2
    journal.append(2, some_samples(1))
    assert verify_journal(journal).ok
    journal.close()
