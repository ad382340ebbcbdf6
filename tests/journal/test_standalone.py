"""The verifier that stands alone: it needs nothing of ours, and says of every case what ours says."""

import ast
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from journal import standalone
from journal.export import export_lines
from journal.signing import head_path, public_path
from journal.store import SqliteJournal
from journal.verify import verify_file
from tests.journal.mutations import AGREED
from tests.journal.sealed import a_sealed_journal
from tests.journal.test_beginning import FORGERIES, forge_index
from tests.journal.test_evidence import run

SOURCE = Path(standalone.__file__)

STATEMENTS = {
    "nothing": (),
    "flip": ("UPDATE records SET body = CAST(replace(CAST(body AS TEXT), '7', '8') AS BLOB) WHERE seq = 4",),
    "hash": ("UPDATE records SET hash = upper(hash) WHERE seq = 4",),
    "type": ("UPDATE records SET body = CAST(body AS TEXT) WHERE seq = 4",),
    "delete": ("DELETE FROM records WHERE seq = 9",),
    "insert": ("INSERT INTO records SELECT 0, kind, time_ns, body, hash FROM records WHERE seq = 9",),
    "swap": (
        "UPDATE records SET seq = -1 WHERE seq = 10",
        "UPDATE records SET seq = 10 WHERE seq = 11",
        "UPDATE records SET seq = 11 WHERE seq = -1",
    ),
    "truncate": ("DELETE FROM records WHERE seq > 14",),
    "all": ("DELETE FROM records",),
    "checkpoints": ("DELETE FROM records WHERE kind = 'checkpoint'",),
}


@pytest.fixture
def path(tmp_path):
    return a_sealed_journal(tmp_path / "home")


def exported(path):
    out = path.with_suffix(".jsonl")
    with closing(SqliteJournal(path, read_only=True)) as journal, io.BytesIO() as lines:
        export_lines(journal, lines, after=-(2**63))
        out.write_bytes(lines.getvalue())
    return out


@pytest.mark.parametrize("statements", STATEMENTS.values(), ids=STATEMENTS)
def test_both_say_the_same(path, statements):
    run(path, *statements)
    ours, theirs = verify_file(path), standalone.verify(path, None, None, True)
    assert {name: getattr(ours, name) for name in AGREED} == {name: theirs[name] for name in AGREED}
    assert ours.ok == (statements == ())


@pytest.mark.parametrize("statements", [case for name, case in STATEMENTS.items() if name not in ("type", "all")])
def test_an_export_says_what_the_file_says(path, statements):
    run(path, *statements)
    ours = verify_file(path)
    theirs = standalone.verify(exported(path), public_path(path), head_path(path), True)
    names = ("ok", "records", "head", "first_bad", "damage", "after_head")
    assert {name: getattr(ours, name) for name in names} == {name: theirs[name] for name in names}


@pytest.mark.parametrize("cut", [1, 2, 40, 400])
def test_an_export_that_was_cut_is_found(path, cut):
    out = exported(path)
    content = out.read_bytes()
    out.write_bytes(content[:-cut])
    found = standalone.verify(out, public_path(path), head_path(path), True)
    assert found["ok"] == (cut == 1)  # the newest line without its end is whole
    assert cut == 1 or found["damage"] in ("unreadable", "truncated", "changed")


@pytest.mark.parametrize("words", FORGERIES.values(), ids=FORGERIES)
def test_an_index_that_is_not_what_was_made_is_found_by_both(path, words):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(words)
    hold_together(path, "index")


def test_an_index_that_hides_the_newest_claim_is_found_by_both(path):
    forge_index(path)
    hold_together(path, "index")
    with closing(sqlite3.connect(path)) as db:
        db.execute("REINDEX records_begin")
    hold_together(path, None)


def test_a_damaged_record_is_said_before_an_index_that_was_forged(path):
    forge_index(path)
    run(path, "DELETE FROM records WHERE seq = 9")
    hold_together(path, "missing")


def hold_together(path, damage):
    ours, theirs = verify_file(path), standalone.verify(path, None, None, True)
    assert ours.damage == damage
    assert {name: getattr(ours, name) for name in AGREED} == {name: theirs[name] for name in AGREED}


@pytest.mark.parametrize("missing", ["head", "key", "both"])
def test_both_miss_the_same_evidence(path, missing):
    if missing != "key":
        head_path(path).unlink()
    if missing != "head":
        public_path(path).unlink()
    ours, theirs = verify_file(path), standalone.verify(path, None, None, True)
    assert ours.damage == theirs["damage"] == "evidence"


def test_it_is_one_short_file_that_needs_one_package():
    text = SOURCE.read_text()
    assert len(text.splitlines()) < 300
    names = [node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names]
    roots = {name.split(".")[0] for name in names}
    assert {root for root in roots if root not in sys.stdlib_module_names} == {"cryptography"}


def test_a_copy_of_it_runs_elsewhere(path, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    for file in (SOURCE, path, public_path(path), head_path(path)):
        shutil.copy(file, place)

    def verified(*words):
        return subprocess.run(
            [sys.executable, "-I", "standalone.py", *words], cwd=place, capture_output=True, text=True, check=False
        )

    done = verified("journal.db", "--key", "journal.pub")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["signature"]) == (0, "", "signed")
    run(place / "journal.db", "DELETE FROM records WHERE seq > 14")
    done = verified("journal.db", "--key", "journal.pub", "--head", "journal.db.head")
    assert (done.returncode, json.loads(done.stdout)["damage"]) == (1, "truncated")
    assert verified("journal.db", "--key", "journal.pub", "--no-head").returncode == 0
    for words in (("none.db",), ("journal.db", "--key", "journal.db"), ("standalone.py", "--key", "journal.pub")):
        done = verified(*words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
