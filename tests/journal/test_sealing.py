"""Sealing in the stores: every writer of the program signs, and backup, restore and migration keep what was signed."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from actors.settings import PlaceOpener
from journal import standalone
from journal.backup import back_up_place, restore
from journal.entries import JournalError, JournalUnavailable
from journal.evidence import evidence_at
from journal.migrating import migrate
from journal.signing import SigningError, head_path, open_seal, public_path
from journal.store import SqliteJournal
from journal.verify import verify_file
from tests.journal.records import some_samples
from tests.journal.sealed import a_sealed_journal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    return a_sealed_journal(tmp_path / "home")


def signature(path):
    found = verify_file(path)
    return found.damage or found.signature


def go_on(path):
    with closing(SqliteJournal(path, seal=open_seal)) as journal:
        journal.append(journal.claim("next", 0), some_samples(2))


# --- who signs


def test_what_actors_open_to_write_is_sealed(tmp_path):
    with closing(PlaceOpener(str(tmp_path / "journal.db"))(read_only=False)) as journal:
        journal.append(journal.claim("me", 0), some_samples(3))
    assert signature(tmp_path / "journal.db") == "signed"


def test_whoever_opens_a_journal_in_the_program_reads_or_signs():
    calls = [
        (file, call)
        for folder in ("actors", "cli", "research", "serve")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for call in re.findall(r"\b(?:open_journal|SqliteJournal)\(.*", file.read_text())
    ]
    assert len(calls) > 5
    bare = [(file.name, call) for file, call in calls if "read_only=" not in call and "seal=" not in call]
    assert [name for name, _ in bare] == ["paper.py"], bare  # it writes nothing: closing folds the log into the file


def test_a_new_journal_beside_another_one_begins_its_own_head(path):
    other = path.with_name("other.db")
    assert evidence_at(other).problem is None
    go_on(other)
    assert (signature(path), signature(other)) == ("signed", "signed")


def test_a_signed_journal_without_its_head_gets_no_new_one(path):
    head_path(path).unlink()
    for _ in range(2):
        with pytest.raises(SigningError, match=r"head: missing, and journal\.db is signed"):
            SqliteJournal(path, seal=open_seal)
    assert not head_path(path).exists()


# --- a head that cannot be written


def test_an_append_whose_head_failed_is_made_again_and_writes_nothing_twice(path, monkeypatch):
    with closing(SqliteJournal(path, seal=open_seal)) as journal:
        before, head = journal.head[0], head_path(path).read_bytes()
        records = some_samples(3)
        publish = journal._groups._seal.publish

        def fail(_):
            raise OSError(28, "no space")

        monkeypatch.setattr(journal._groups._seal, "publish", fail)
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="the head outside the journal cannot be written now"):
                journal.append(1, records)
        assert head_path(path).read_bytes() == head
        monkeypatch.setattr(journal._groups._seal, "publish", publish)
        assert journal.append(1, [*records, *some_samples(1, first=3)]) == before + 4 + 2
    found = verify_file(path)
    assert (found.ok, found.signature, found.after_head, found.records) == (True, "signed", 0, before + 6)


# --- backup and restore


def test_a_backup_is_verified_where_it_is_and_by_the_verifier_that_stands_alone(path, tmp_path):
    copy = tmp_path / "kept" / "copy.db"
    back_up_place(path, copy)
    go_on(path)
    assert signature(copy) == "signed"
    assert standalone.verify(copy, None, None, True)["signature"] == "signed"
    assert not (copy.parent / "keys" / "journal.key").exists()
    assert verify_file(copy, evidence_at(copy, key=public_path(path), head=head_path(path))).damage == "truncated"


def test_a_journal_that_was_forged_gives_no_backup(path, tmp_path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM records WHERE seq > 14")
    with pytest.raises(JournalError, match="the tail is cut off"):
        back_up_place(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_restored_journal_is_signed_and_goes_on_with_its_keys(path, tmp_path):
    back_up_place(path, tmp_path / "kept" / "copy.db")
    new = tmp_path / "new" / "journal.db"
    restore(tmp_path / "kept" / "copy.db", new)
    assert signature(new) == "signed"
    with pytest.raises(SigningError, match="its public key is there; put it back"):
        go_on(new)
    shutil.copy(path.parent / "keys" / "journal.key", new.parent / "keys")
    go_on(new)
    assert signature(new) == "signed"


def test_a_backup_that_is_behind_the_head_goes_back_once_the_head_is_moved_away(path, tmp_path):
    copy = tmp_path / "kept" / "copy.db"
    back_up_place(path, copy)
    go_on(path)
    path.unlink()
    with pytest.raises(JournalError, match="the tail is cut off"):
        restore(copy, path)
    assert not path.exists()
    head_path(path).rename(tmp_path / "old.head")
    restore(copy, path)
    go_on(path)
    assert signature(path) == "signed"


def test_an_unsigned_backup_does_not_come_to_where_journals_are_signed(path, tmp_path):
    with closing(SqliteJournal(tmp_path / "bare.db")) as journal:
        journal.append(journal.claim("me", 0), some_samples(2))
    back_up_place(tmp_path / "bare.db", tmp_path / "copy.db")
    with pytest.raises(JournalError, match="not signed"):
        restore(tmp_path / "copy.db", path.with_name("other.db"))
    restore(tmp_path / "copy.db", tmp_path / "elsewhere" / "journal.db")
    assert signature(tmp_path / "elsewhere" / "journal.db") == "unsigned"


# --- migration


def test_a_migrated_journal_and_what_was_kept_of_it_are_signed_as_before(path):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP INDEX records_begin")
        db.execute("UPDATE meta SET value = '1'")
    head = head_path(path).read_bytes()
    kept = path.with_name("journal-v1.db")
    assert migrate(path, kept).backup == kept
    assert head_path(path).read_bytes() == head
    assert signature(path) == "signed"
    assert standalone.verify(kept, None, None, True)["signature"] == "signed"
    go_on(path)
    assert signature(path) == "signed"
