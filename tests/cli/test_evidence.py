"""`trifecta journal verify|key|checkpoint`: signed journals, keys and heads kept elsewhere."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from journal.signing import head_path, public_path
from tests.cli.running import refused, schema, trifecta
from tests.journal.sealed import a_sealed_journal


@pytest.fixture
def path(tmp_path):
    return a_sealed_journal(tmp_path / "home")


def verify(*words, code=0):
    ended = trifecta("journal", "verify", *words, "--json")
    schema("journal_verify").validate(ended.document)
    shown = trifecta("journal", "verify", *words)
    assert (ended.code, shown.code, ended.err, len(shown.out.splitlines())) == (code, code, "", 1)
    return ended.document, shown.out


def change(path, statement):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def test_a_signed_journal_names_its_key(path):
    document, shown = verify("--home", path.parent)
    key = trifecta("journal", "key", "--home", path.parent, "--json")
    schema("journal_key").validate(key.document)
    assert (document["signature"], document["damage"]) == ("signed", None)
    assert document["key"] == key.document["fingerprint"]
    assert f"signed with key {document['key'][:16]} to the last" in shown
    assert document["key"] in trifecta("journal", "key", path).out


def test_a_cut_between_two_groups_is_named_with_its_class(path):
    change(path, "DELETE FROM records WHERE seq > 14")
    document, shown = verify("--home", path.parent, code=1)
    assert (document["damage"], document["first_bad"], document["signature"]) == ("truncated", 15, None)
    assert "truncated: record 15 is bad: the tail is cut off" in shown


def test_damage_that_is_in_no_record_names_none(path):
    change(path, "DELETE FROM epochs")
    document, shown = verify("--home", path.parent, code=1)
    assert (document["damage"], document["first_bad"]) == ("epochs", None)
    assert "epochs: the table of epochs" in shown


def test_key_and_head_kept_elsewhere(path, tmp_path):
    key, head, copy = tmp_path / "kept.pub", tmp_path / "kept.json", tmp_path / "copy.db"
    shutil.copy(public_path(path), key)
    shutil.copy(path, copy)
    ended = trifecta("journal", "checkpoint", path, "--out", head)
    assert (ended.code, ended.out) == (0, "")
    assert trifecta("journal", "checkpoint", path).out == head.read_text()
    assert json.loads(head.read_text())["seq"] == 37
    assert verify(copy, "--key", key, "--head", head)[0]["signature"] == "signed"
    document, shown = verify(copy, "--key", key, "--no-head")
    assert (document["signature"], "without a head" in shown) == ("signed_without_head", True)
    assert verify(copy, code=1)[0]["damage"] == "evidence"


def test_a_head_that_is_behind_is_said(path, tmp_path):
    content = head_path(path).read_bytes()
    older = min(content.splitlines(), key=lambda line: json.loads(line)["seq"])
    (tmp_path / "older").write_bytes(older)
    document, shown = verify(path, "--head", tmp_path / "older")
    assert (document["signature"], document["after_head"]) == ("signed", 6)
    assert "the last 6 are not in the head yet" in shown


def test_what_is_missing_is_refused_in_a_line(path, tmp_path):
    assert "there is no such file" in refused("journal", "verify", path, "--key", tmp_path / "none")
    assert "one of Ed25519" in refused("journal", "verify", path, "--key", path)
    assert "there is no key here yet" in refused("journal", "key", "--home", tmp_path)
    assert "one of them is allowed" in refused("journal", "verify", path, "--head", path, "--no-head").replace(
        "trifecta journal verify: ", ""
    )
    head_path(path).unlink()
    assert "is missing" in refused("journal", "checkpoint", path)


def test_an_unsigned_journal_says_so(path, tmp_path):
    bare = shutil.copy(path, tmp_path / "bare.db")
    change(bare, "DELETE FROM records WHERE seq > 1")  # a claim, and nothing that is signed
    document, shown = verify(bare)
    assert (document["signature"], document["key"]) == ("unsigned", None)
    assert "unsigned: records that were written anew would not show" in shown


def test_tail_shows_checkpoints(path):
    lines = trifecta("journal", "tail", path, "--kind", "checkpoint", "-n", "1").out.splitlines()
    assert len(lines) == 1
    assert "to 37, signed with key" in lines[0]
