"""`trifecta run`, `parity` and `policies` as far as they go without Ray: refusals, documents, exit codes."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from jsonschema import ValidationError

from actors.feed import FeedShard
from actors.settings import Settings
from cli.run import document
from journal.store import SqliteJournal
from research.asking import Request, plan_for
from research.backtest import run_backtest
from research.home import Home
from research.paper import Finished
from tests.cli.running import refused, schema, trifecta
from tests.research.journals import a_session, write_journal


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    home = tmp_path_factory.mktemp("session")
    _, journal = a_session(home / "tapes")
    write_journal(home / "journal.db", journal)
    return home


def test_a_second_run_on_a_home_is_refused_and_names_the_first(market, home):
    with Home(home):
        message = refused("run", "--data", market, "--home", home, code=3)
    assert message.splitlines()[-1] == f"{home}: locked by process {os.getpid()}; let it end, or use another --home"


def words_of(ended):
    return [line for line in ended.err.splitlines() if not line.startswith(("warning: ", "paper"))]


@pytest.mark.parametrize(
    ("statement", "place"),
    [("DELETE FROM records WHERE seq = 9", 10), ("UPDATE records SET hash = 'x' WHERE seq = 9", 9)],
)
def test_a_run_does_not_go_on_from_a_journal_that_was_changed(market, session, tmp_path, statement, place):
    home = shutil.copytree(session, tmp_path / "home")
    with closing(sqlite3.connect(home / "journal.db")) as db, db:
        db.execute(statement)
    before = (home / "journal.db").read_bytes()
    ended = trifecta("run", "--data", market, "--home", home)
    assert (ended.code, ended.out) == (1, "")
    (line,) = words_of(ended)
    assert line.startswith(f"trifecta: {home / 'journal.db'}: record {place} is bad: ")
    assert line.endswith("; move the file and its head away, or use another --home")
    with closing(SqliteJournal(home / "journal.db", read_only=True)) as journal:
        assert len(list(journal.entries())) == sum(1 for _ in rows(before, tmp_path))
    assert not (home / "lock").exists()


def rows(content, folder):
    copy = folder / "copy.db"
    copy.write_bytes(content)
    with closing(sqlite3.connect(copy)) as db:
        return db.execute("SELECT seq FROM records").fetchall()


@pytest.mark.parametrize("content", [b"not a journal", b"SQLite format 3\x00" + b"\x00" * 84])
def test_a_run_does_not_overwrite_what_is_no_journal(market, home, content):
    home.mkdir()
    (home / "journal.db").write_bytes(content)
    ended = trifecta("run", "--data", market, "--home", home)
    assert ended.code in (1, 2)
    assert len(words_of(ended)) == 1
    assert (home / "journal.db").read_bytes() == content


def test_a_home_or_report_that_cannot_be_written_is_refused_before_the_work(market, tmp_path):
    (tmp_path / "file").write_text("")
    inside = tmp_path / "file" / "home"
    assert refused("run", "--data", market, "--home", inside) == f"{inside / 'reports'}: Not a directory"
    out = tmp_path / "file" / "report.html"
    assert refused("run", "--data", market, "--home", tmp_path, "--out", out) == f"{tmp_path / 'file'}: File exists"


def test_kernel_and_world_decide_the_same(market, home):
    words = ("parity", "--data", market, "--home", home, "--no-ray", "--end", "2024-01-08T02:00")
    ended = trifecta(*words, "--json")
    schema("parity").validate(ended.document)
    assert (ended.code, ended.document["equal"], ended.document["ray"]) == (0, True, None)
    assert ended.document["kernel"] == ended.document["world"]
    assert ended.document["kernel"]["counts"]["decisions"] > 0
    shown = trifecta(*words, "--seed", "7")
    assert shown.code == 0
    assert "equal: every decision, order, fill, sample and the final ledger" in shown.out
    assert ended.document["kernel"]["decisions"] in shown.out


def test_a_difference_is_shown_and_fails(monkeypatch, market, home):
    import research.parity
    from research.digests import Difference

    found = Difference(part="orders", index=3, left='{"lots":1}', right=None)
    monkeypatch.setattr(research.parity, "first_difference", lambda *_: found)
    words = ("parity", "--data", market, "--home", home, "--no-ray", "--end", "2024-01-08T01:00")
    ended = trifecta(*words, "--json")
    schema("parity").validate(ended.document)
    assert (ended.code, ended.document["equal"], ended.document["differing"]) == (1, False, "world")
    assert ended.document["first_difference"] == {"part": "orders", "index": 3, "left": '{"lots":1}', "right": None}
    shown = trifecta(*words)
    assert shown.code == 1
    assert "DIFFERENT: world parts from the kernel in orders, entry 3" in shown.out


def test_the_document_of_a_run_fits_its_schema(market, home, tmp_path):
    planned = plan_for(Request(data=market, home=home))
    finished = Finished(
        result=run_backtest(planned).result, complete=True,
        settings=Settings(plan=planned.plan, journal_path="journal.db"), resumed=False, records=12, head="a" * 64,
        wall_seconds=1.5, events=len(planned.tape.time_ns),
    )  # fmt: skip
    found = json.loads(msgspec.json.encode(document(planned, finished, tmp_path / "report.html")))
    schema("run").validate(found)
    assert list(found["desks"]) == ["forex", "arbitrage", "binary"]
    assert found["orders"] == len(finished.result.orders)
    assert found["fills"] == sum(desk["fills"] for desk in found["desks"].values())
    assert found["events_per_second"] == found["events"] / 1.5
    with pytest.raises(ValidationError):
        schema("run").validate(found | {"more": 1})
    with pytest.raises(ValidationError):
        schema("run").validate({name: value for name, value in found.items() if name != "journal"})


def test_policies_are_listed_with_their_bounds():
    ended = trifecta("policies", "--json")
    schema("policies").validate(ended.document)
    assert (ended.code, ended.err) == (0, "")
    found = {policy["name"]: policy for policy in ended.document["policies"]}
    modelled = {"network", "genome", "network_digital", "network_pair"}
    assert set(found) - modelled == {"sma_cross", "trend_reversion", "confluence", "drifting_digital", "convergence"}
    assert modelled <= set(found)
    assert found["sma_cross"]["params"][0] == {"name": "fast", "default": 10, "low": 1, "high": 2000, "whole": True}
    shown = trifecta("policies", env={"COLUMNS": "80"}).out
    assert max(map(len, shown.splitlines())) <= 80
    assert all(name in shown for name in found)


def test_every_command_has_help_and_a_wrong_one_is_exit_code_2():
    listed = trifecta("--help")
    assert listed.code == 0
    for command in ("run", "backtest", "parity", "replay", "journal", "data", "policies"):
        assert command in listed.out
        assert trifecta(command, "--help").code == 0
    assert "No such command 'trade'" in refused("trade")
    assert "Missing argument 'JOURNAL'" in refused("replay")
    assert trifecta("--version").out.startswith("trifecta, version ")


def test_starting_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, cli.main, cli.run, cli.backtest, cli.parity, cli.replay, cli.journal, cli.policies; print("
        "[m for m in ('numpy', 'pyarrow', 'numba', 'rich', 'ray', 'pydantic', 'yaml', 'torch') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout.strip() == "[]"


def test_a_world_that_stands_still_ends_with_a_line(market, home, monkeypatch):
    monkeypatch.setattr(FeedShard, "on_pull", lambda *_: None)
    message = refused("parity", "--data", market, "--home", home, "--no-ray", code=1)
    assert message.startswith("World: nothing has moved for 600 s of virtual time")
