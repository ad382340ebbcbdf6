"""`trifecta run` on a real Ray: stopped in the middle it ends at once, goes on, and has decided what was to decide."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from actors.restoring import newest_session
from journal.chain import canonical
from journal.store import JournalError, SqliteJournal
from research.digests import digest
from research.replay import _content
from tests.cli.running import refused, schema, trifecta
from tests.research.files import REPO
from tests.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WINDOW = ("--start", "2022-02-09", "--end", "2022-02-09T18:00")  # long enough to be stopped in the middle
END_S = 5.0
WAIT_S = 180.0


def start(home, scratch):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIFECTA_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", "run", "--home", str(home), "--json", *WINDOW],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO,
        env=environment | {"TMPDIR": str(scratch), "PYTHONPATH": str(REPO)},
    )  # fmt: skip


def decisions(home):
    try:
        with closing(SqliteJournal(home / "journal.db", read_only=True)) as journal:
            return len(newest_session(journal).decisions)
    except JournalError:
        return 0


def wait_for(condition, process):
    until(lambda: process.poll() is not None or condition(), WAIT_S)
    assert process.poll() is None, process.communicate()


def left_over(scratch):
    """Processes that were started with the test's temporary folder, and what lies in it."""
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    found = [words[0] for words in commands if any(str(scratch) in word for word in words)]
    return found, [path.name for path in scratch.iterdir()]


def test_a_run_stopped_in_the_middle_goes_on_and_decides_the_same(tmp_path, scratch):
    home = tmp_path / "home"
    whole = trifecta("backtest", "--home", tmp_path / "other", "--json", "--no-report", *WINDOW).document
    first = start(home, scratch)
    try:
        wait_for(lambda: decisions(home) >= 5, first)
        asked = time.monotonic()
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=60)
        took = time.monotonic() - asked
    finally:
        first.kill()
    assert (first.returncode, out) == (130, "")
    assert "the next run goes on from it" in err
    assert took < END_S
    assert left_over(scratch) == ([], [])
    assert sorted(path.name for path in home.iterdir()) == [
        "catalogue", "commands.db", "journal.db", "journal.db.head", "keys", "reports", "switches.db", "tapes",
    ]  # fmt: skip
    verified = trifecta("journal", "verify", "--home", home, "--json").document
    assert verified["ok"]
    assert 0 < decisions(home) < sum(desk["decisions"] for desk in whole["desks"].values())
    assert trifecta("replay", home / "journal.db").code == 0

    second = start(home, scratch)
    try:
        out, err = second.communicate(timeout=WAIT_S)
    finally:
        second.kill()
    assert second.returncode == 0, err
    document = json.loads(out)
    schema("run").validate(document)
    assert document["resumed"]
    assert left_over(scratch) == ([], [])
    with closing(SqliteJournal(home / "journal.db", read_only=True)) as journal:
        log = newest_session(journal)
        assert (document["journal"]["records"], document["journal"]["head"]) == journal.head
    assert (log.session.number, log.complete) == (1, True)
    assert digest([_content(decision) for decision in log.decisions]) == whole["decisions_digest"]
    for name in ("final_equity", "max_drawdown", "currency", "profile", "data"):
        assert document[name] == whole[name]
    for name, desk in whole["desks"].items():
        own = document["desks"][name]
        assert {k: v for k, v in own.items() if k != "candidates"} == {
            k: v for k, v in desk.items() if k != "candidates"
        }
    assert Path(document["report"]).is_file()
    replayed = trifecta("replay", home / "journal.db", "--json").document
    assert (replayed["identical"], replayed["decisions"]) == (True, len(log.decisions))
    assert canonical(log.session)  # and the session is still the first one's


def test_a_second_run_on_the_same_home_is_refused_and_told_the_pid(tmp_path, scratch):
    home = tmp_path / "home"
    first = start(home, scratch)
    try:
        wait_for(lambda: (home / "lock").exists() and (home / "lock").read_text(), first)
        message = refused("run", "--home", home, *WINDOW, code=3)
        assert message == f"{home}: locked by process {first.pid}; let it end, or use another --home"
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
    finally:
        first.kill()
    assert left_over(scratch) == ([], [])


def test_a_run_stopped_while_it_starts_ends_at_once_and_leaves_nothing(tmp_path, scratch):
    home = tmp_path / "home"
    process = start(home, scratch)
    try:
        wait_for(lambda: any(scratch.glob("tri-*/session_*/sockets")), process)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        took = time.monotonic() - asked
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted at once; what is in the journal stands, the next run goes on from there"
    assert took < END_S
    assert left_over(scratch) == ([], [])
    assert not (home / "lock").exists()
    document = trifecta("journal", "verify", "--home", home, "--json").document
    assert (document["ok"], document["records"]) == (True, 4)  # the claim and the session, each with its checkpoint
