"""`trifecta journal` and `trifecta replay`: sound journals pass, damaged ones are named at their first bad record."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from journal.order_records import Order
from journal.records import Claim
from journal.store import MemoryJournal, SqliteJournal
from tests.cli.running import refused, schema, trifecta
from tests.research.journals import a_session, write_journal


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A home with one finished session, read only."""
    home = tmp_path_factory.mktemp("session")
    _, journal = a_session(home / "tapes")
    write_journal(home / "journal.db", journal)
    return home


@pytest.fixture
def own(session, tmp_path):
    """A copy of that home to damage."""
    return shutil.copytree(session, tmp_path / "home")


def change(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "journal.db")) as db, db:
        for statement in statements:
            db.execute(statement)


def verify(home: Path) -> dict:
    ended = trifecta("journal", "verify", "--home", home, "--json")
    schema("journal_verify").validate(ended.document)
    assert (ended.code, ended.err) == (0 if ended.document["ok"] else 1, "")
    shown = trifecta("journal", "verify", home / "journal.db")
    assert (shown.code, len(shown.out.splitlines())) == (ended.code, 1)
    return ended.document


def test_a_sound_journal_verifies(session):
    document = verify(session)
    with closing(SqliteJournal(session / "journal.db", read_only=True)) as journal:
        assert (document["records"], document["head"]) == journal.head
    assert (document["first_bad"], document["problem"]) == (None, None)


@pytest.mark.parametrize(
    ("statement", "first_bad", "problem"),
    [
        ("UPDATE records SET body = CAST(replace(CAST(body AS TEXT), ':', ': ') AS BLOB) WHERE seq = 50", 50,
         "its hash does not follow from its bytes and the record before it"),
        ("UPDATE records SET hash = (SELECT hash FROM records WHERE seq = 9) WHERE seq = 20", 20, "its hash does not"),
        ("UPDATE records SET kind = 'latch' WHERE seq = 5", 5, "its columns do not repeat what its bytes say"),
        ("UPDATE records SET time_ns = time_ns + 1 WHERE seq = 5", 5, "its columns do not repeat what its bytes say"),
        ("DELETE FROM records WHERE seq = 30", 31, "sequence jumps from 29 to 31: a record is missing or was added"),
        ("DELETE FROM records WHERE seq = 1", 2, "sequence jumps from 0 to 2: a record is missing or was added"),
    ],
)  # fmt: skip
def test_the_first_changed_record_is_named(own, statement, first_bad, problem):
    change(own, statement)
    document = verify(own)
    assert document["first_bad"] == first_bad
    assert document["problem"].startswith(problem)
    assert "is bad" in refused("replay", own / "journal.db", code=1)


def test_an_inserted_record_shifts_the_rest_and_is_named(own):
    change(
        own,
        "UPDATE records SET seq = -seq WHERE seq >= 40",
        "UPDATE records SET seq = 1 - seq WHERE seq < 0",
        "INSERT INTO records SELECT 40, kind, time_ns, body, hash FROM records WHERE seq = 39",
    )
    document = verify(own)
    assert (document["first_bad"], document["records"]) == (40, 39)


def test_a_record_cut_from_the_end_leaves_a_sound_journal_with_another_head(own, session):
    change(own, "DELETE FROM records WHERE seq = (SELECT max(seq) FROM records)")
    before, after = verify(session), verify(own)
    assert (after["ok"], after["records"]) == (True, before["records"] - 1)
    assert after["head"] != before["head"]


@pytest.mark.parametrize("share", [0.0002, 0.01, 0.3, 0.5001, 0.77, 0.999])
def test_a_file_cut_in_the_middle_names_the_first_record_that_is_lost(own, session, share):
    file, whole = own / "journal.db", verify(session)["records"]
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    document = verify(own)
    assert not document["ok"]
    assert document["first_bad"] == document["records"] + 1
    assert document["records"] <= whole * share + 25  # they are not all of one size
    for words in (("replay", file), ("journal", "tail", file)):
        ended = trifecta(*words)
        assert (ended.code, len(ended.err.splitlines())) == (1, 1)
        assert str(file) in ended.err


def test_a_journal_cut_within_its_last_record_names_it(own):
    file = own / "journal.db"
    file.write_bytes(file.read_bytes()[:-1])
    assert not verify(own)["ok"]


@pytest.mark.parametrize("kept", [0, 31, 32, 5000, 0.5, 0.9, 1.0])
def test_a_write_ahead_log_cut_anywhere_leaves_the_records_that_were_whole(tmp_path, kept):
    file = tmp_path / "journal.db"
    journal = SqliteJournal(file)
    epoch = journal.claim("one", 1)
    for number in range(200):
        journal.append(epoch, [an_order(number)])
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(file, copy)
    log = file.with_name("journal.db-wal").read_bytes()
    journal.close()
    (copy / "journal.db-wal").write_bytes(log[: int(len(log) * kept) if isinstance(kept, float) else kept])
    if kept == 1.0:
        assert verify(copy)["records"] == 201
    elif isinstance(kept, float) or kept > 5000:
        document = verify(copy)
        assert (document["ok"], document["records"] < 201) == (True, True)
    else:
        assert "is not a journal" in refused("journal", "verify", copy / "journal.db")


def an_order(number):
    return Order(
        time_ns=number, epoch=1, number=number, order_id=f"tri-{number}", instrument="EURUSD@a", lots=1,
        order_kind="MARKET", limit=0, stop=0, target=0, hold_ns=0, reduce=False, reason="ENTRY", arrive_ns=number + 1,
    )  # fmt: skip


@pytest.mark.parametrize("command", [("journal", "verify"), ("journal", "tail"), ("journal", "export"), ("replay",)])
def test_a_journal_of_another_version_or_none_is_refused(own, command):
    file = own / "journal.db"
    change(own, "UPDATE meta SET value = '99'")
    assert refused(*command, file) == f"{file}: journal version 99; this program reads version 2"
    change(own, "DELETE FROM meta")
    assert refused(*command, file) == f"{file}: journal version unknown; this program reads version 2"
    change(own, "DROP TABLE records")
    assert refused(*command, file) == f"{file}: this SQLite file is not a journal"
    file.write_text("not a database at all")
    assert refused(*command, file) in (
        f"{file}: not a readable journal (file is not a database)", f"{file}: this SQLite file is not a journal",
    )  # fmt: skip
    file.unlink()
    assert refused(*command, file).startswith(f"{file}: there is no journal here")


def test_export_writes_every_record_as_it_was_hashed(session, tmp_path):
    out = tmp_path / "records.jsonl"
    ended = trifecta("journal", "export", "--home", session, "--out", out)
    assert (ended.code, ended.out) == (0, "")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert trifecta("journal", "export", "--home", session).out == out.read_text()
    few = trifecta("journal", "export", "--home", session, "--kind", "stop", "--after", "3").out.splitlines()
    assert [json.loads(line)["record"]["kind"] for line in few] == ["stop"]


def test_export_into_what_is_no_place_is_refused(session, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "records.jsonl"
    assert refused("journal", "export", "--home", session, "--out", out) == f"{out}: Not a directory"


def test_tail_shows_the_newest_records_a_line_each(session):
    lines = trifecta("journal", "tail", "--home", session, "-n", "3").out.splitlines()
    assert len(lines) == 3
    assert lines[-1].split(None, 3)[2:] == ["stop", "session 1 complete: end"]
    assert trifecta("journal", "tail", "--home", session, "-n", "0").out == ""
    decisions = trifecta("journal", "tail", "--home", session, "--kind", "decision", "-n", "5").out.splitlines()
    assert [line.split()[3] for line in decisions] == ["decision"] * 5


def test_replay_decides_the_same_again(session):
    ended = trifecta("replay", session / "journal.db", "--json")
    schema("replay").validate(ended.document)
    assert (ended.code, ended.err) == (0, "")
    assert (ended.document["identical"], ended.document["first_difference"]) == (True, None)
    assert ended.document["decisions"] == sum(one["identical"] for one in ended.document["sessions"]) > 0
    assert "the same: identical" in trifecta("replay", session / "journal.db").out


def test_replay_names_what_was_decided_otherwise(own):
    """A journal whose chain is whole but whose decision is not what the policy decides from those inputs."""
    altered = own / "altered.db"
    with closing(SqliteJournal(own / "journal.db", read_only=True)) as journal:
        entries = list(journal.entries())
    place = [entry.seq for entry in entries if entry.kind == "decision"][7]
    rewrite_from(entries, altered, place)
    ended = trifecta("replay", altered, "--tapes", own / "tapes", "--json")
    schema("replay").validate(ended.document)
    difference = ended.document["first_difference"]
    assert (ended.code, ended.document["identical"]) == (1, False)
    assert (difference["index"], difference["fields"]) == (7, ["confidence"])
    assert difference["journaled"]["confidence"] == 0.123
    assert difference["decided_again"]["confidence"] != 0.123
    (session,) = ended.document["sessions"]
    assert session["decisions"] == session["identical"] + 1
    shown = trifecta("replay", altered, "--tapes", own / "tapes")
    assert shown.code == 1
    assert "DIFFERENT from decision 7 on" in shown.out
    assert "fields: confidence" in shown.out


def rewrite_from(entries, path, place):
    """Write the records anew with one decision changed, as one who also recomputes the chain would."""
    altered, epoch = MemoryJournal(), 0
    for entry in entries:
        record = entry.record()
        if isinstance(record, Claim):
            epoch = altered.claim(record.owner, record.time_ns)
        else:
            changed = msgspec.structs.replace(record, confidence=0.123) if entry.seq == place else record
            altered.append(epoch, [changed])
    write_journal(path, altered)


def test_replay_without_the_recorded_data_says_what_is_missing(own):
    (tape,) = (own / "tapes").iterdir()
    shutil.rmtree(tape)
    message = refused("replay", own / "journal.db")
    assert message == (
        f"{own / 'journal.db'}: session 1 ran over the tape {tape.name}, which is not in {own / 'tapes'}; "
        "it was made from fx/EURUSD.parquet"
    )


def test_replay_refuses_data_that_is_not_what_its_hash_says(own):
    (tape,) = (own / "tapes").iterdir()
    content = bytearray((tape / "close.npy").read_bytes())
    content[-1] ^= 1
    (tape / "close.npy").write_bytes(content)
    assert "the stored columns do not give the hash in their name" in refused("replay", own / "journal.db")


@pytest.mark.parametrize("file", ["close.npy", "feed.npy"])
def test_replay_refuses_data_that_is_cut_or_lost(own, file):
    (tape,) = (own / "tapes").iterdir()
    (tape / file).write_bytes((tape / file).read_bytes()[:100])
    assert refused("replay", own / "journal.db")
    (tape / file).unlink()
    assert file in refused("replay", own / "journal.db")


def test_an_empty_journal_has_nothing_to_replay(tmp_path):
    SqliteJournal(tmp_path / "journal.db").close()
    ended = trifecta("replay", tmp_path / "journal.db", "--json")
    assert (ended.code, ended.document["decisions"], ended.document["sessions"]) == (0, 0, [])
    assert verify(tmp_path)["records"] == 0
