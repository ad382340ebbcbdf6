"""Evidence: what key and head say of a journal whose chain is whole, and what is said when one of them is missing."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from journal.chain import canonical
from journal.evidence import evidence_at
from journal.signing import SigningError, head_path, open_seal, public_path
from journal.store import SqliteJournal
from journal.verify import verify_file, verify_journal
from tests.journal.records import some_samples
from tests.journal.sealed import a_sealed_journal

GROUP = 6
"""Records of a group: five samples and a checkpoint; before the first a claim and its checkpoint."""


@pytest.fixture
def path(tmp_path):
    return a_sealed_journal(tmp_path / "home", groups=5, size=5)


def run(path, *statements):
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def verdict(path, evidence=None):
    found = verify_file(path, evidence)
    return found.damage or found.signature, found.first_bad


def test_a_signed_journal_is_said_to_be_signed_to_the_last(path):
    found = verify_file(path)
    assert (found.ok, found.records, found.signature, found.after_head) == (True, 32, "signed", 0)
    assert found.key is not None


def test_a_chain_alone_is_unchecked(path):
    journal = SqliteJournal(path, read_only=True)
    assert verify_journal(journal).signature == "unchecked"
    assert verify_journal(journal, evidence_at(path)).signature == "signed"
    journal.close()


@pytest.mark.parametrize("kept", [1, 2, 8, 14, 20, 25, 26, 31])
def test_a_tail_cut_off_is_found_also_between_two_groups(path, kept):
    run(path, f"DELETE FROM records WHERE seq > {kept}")
    whole = max(0, (kept - 2) // GROUP * GROUP + 2) if kept >= 2 else 0
    assert verdict(path) == ("truncated", whole + 1)


def test_all_records_deleted_are_found(path):
    run(path, "DELETE FROM records")
    assert verdict(path) == ("truncated", 1)


def test_without_a_head_a_cut_between_groups_does_not_show_and_that_is_said(path):
    run(path, "DELETE FROM records WHERE seq > 26")
    assert verdict(path, evidence_at(path, with_head=False)) == ("signed_without_head", None)
    run(path, "DELETE FROM records WHERE seq > 25")
    assert verdict(path, evidence_at(path, with_head=False)) == ("unsigned", 21)


def test_a_head_kept_elsewhere_proves_what_was_there_by_then(path, tmp_path):
    kept = tmp_path / "kept.json"
    kept.write_bytes(canonical(evidence_at(path).head))
    journal = SqliteJournal(path, seal=open_seal)
    journal.append(1, some_samples(3))
    journal.close()
    found = verify_file(path, evidence_at(path, head=kept))
    assert (found.ok, found.after_head) == (True, 4)
    run(path, "DELETE FROM records WHERE seq > 26")
    head_path(path).unlink()
    assert verdict(path, evidence_at(path, head=kept)) == ("truncated", 27)


def test_another_journal_of_the_same_key_in_its_place_is_foreign(path, tmp_path):
    shutil.copytree(path.parent / "keys", tmp_path / "other" / "keys")
    other = a_sealed_journal(tmp_path / "other", groups=9, size=4)
    shutil.copy(other, path)
    assert verdict(path) == ("foreign", None)


def test_a_journal_of_another_key_is_found(path, tmp_path):
    other = a_sealed_journal(tmp_path / "other", groups=9, size=5)
    shutil.copy(other, path)
    assert verdict(path) == ("unsigned", 1)


def test_records_after_the_newest_checkpoint_are_unsigned(path):
    journal = SqliteJournal(path)  # a writer without a seal
    journal.append(1, some_samples(2))
    journal.close()
    assert verdict(path) == ("unsigned", 33)


# --- evidence that is missing


def test_a_missing_head_is_a_finding(path):
    head_path(path).unlink()
    found = verify_file(path)
    assert (found.damage, found.first_bad, found.problem) == (
        "evidence", None, f"the head {head_path(path)} is missing",
    )  # fmt: skip


def test_a_head_that_another_key_signed_is_a_finding(path, tmp_path):
    other = a_sealed_journal(tmp_path / "other")
    shutil.copy(head_path(other), head_path(path))
    assert verdict(path) == ("evidence", None)
    head_path(path).write_bytes(b"\xff" * 1024)
    assert verdict(path) == ("evidence", None)


def test_a_missing_public_key_is_a_finding(path):
    public_path(path).unlink()
    assert "its public key" in verify_file(path).problem
    head_path(path).unlink()
    assert "no public key" in verify_file(path).problem
    assert verdict(path) == ("evidence", None)


def test_a_copied_journal_is_verified_with_key_and_head_that_are_named(path, tmp_path):
    copy = shutil.copy(path, tmp_path / "copy.db")
    assert verdict(copy) == ("evidence", None)
    assert verdict(copy, evidence_at(copy, public_path(path), head_path(path))) == ("signed", None)
    assert verdict(copy, evidence_at(copy, public_path(path), with_head=False)) == ("signed_without_head", None)
    assert verdict(copy, evidence_at(copy, public_path(path))) == ("evidence", None)


def test_a_named_file_that_is_not_there_is_refused(path, tmp_path):
    for wrong in ({"key": tmp_path / "none.pub"}, {"head": tmp_path / "none.head"}):
        with pytest.raises(SigningError, match="there is no such file"):
            evidence_at(path, **wrong)


# --- journals from before, keys that change


def test_a_journal_without_keys_is_unsigned(tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(journal.claim("me", 0), some_samples(3))
    journal.close()
    assert verdict(tmp_path / "journal.db") == ("unsigned", None)
    assert verify_file(tmp_path / "journal.db").ok


def test_an_unsigned_journal_is_no_evidence_where_a_key_is_named(path, tmp_path):
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(journal.claim("me", 0), some_samples(3))
    journal.close()
    evidence = evidence_at(tmp_path / "journal.db", public_path(path), with_head=False)
    assert verdict(tmp_path / "journal.db", evidence) == ("evidence", None)


def test_an_older_journal_is_signed_from_the_first_sealed_group_on(tmp_path):
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    journal.append(journal.claim("me", 0), some_samples(3))
    journal.close()
    SqliteJournal(path, seal=open_seal).close()  # opened, nothing written
    assert verdict(path) == ("unsigned", None)
    journal = SqliteJournal(path, seal=open_seal)
    journal.append(journal.claim("next", 0), some_samples(1))
    journal.close()
    assert verdict(path) == ("signed", None)
    run(path, "UPDATE records SET time_ns = 9 WHERE seq = 2")
    assert verdict(path) == ("changed", 2)


def test_stripping_all_signatures_is_found_by_the_head(path, tmp_path):
    source = SqliteJournal(path, read_only=True)
    records = [entry.record() for entry in source.entries() if entry.kind == "sample"]
    source.close()
    bare = SqliteJournal(tmp_path / "bare.db")
    bare.append(bare.claim("me", 0), records)
    bare.close()
    shutil.copy(tmp_path / "bare.db", path)
    assert verdict(path) == ("truncated", 1)


def test_a_new_pair_of_keys_signs_on(path):
    shutil.move(path.parent / "keys", path.parent / "old")
    assert verdict(path) == ("evidence", None)
    journal = SqliteJournal(path, seal=open_seal)
    assert verdict(path)[0] == "evidence"  # a head of the old key, until the first new group
    journal.append(1, some_samples(2))
    journal.close()
    assert verdict(path) == ("signed", None)


# --- the table of epochs


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE epochs SET owner = 'you'",
        "UPDATE epochs SET claimed_ns = 1",
        "DELETE FROM epochs",
        "INSERT INTO epochs VALUES (2, 'you', 0)",
    ],
)
def test_epochs_that_do_not_repeat_the_claims_are_found(path, statement):
    run(path, statement)
    assert verdict(path) == ("epochs", None)
