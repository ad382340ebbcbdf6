"""`trifecta kill|resume|status`: with no engine, with one, and with one that hangs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from actors.switching import Act
from journal.switchboard import Switchboard
from policies.switches import Result
from research.emergency import Canceled, emergency_stop, engine_of
from research.home import Home
from tests.cli.running import refused, schema, trifecta
from tests.research.files import REPO
from tests.waiting import until


def said(command, home, *words, code=0):
    """Run a command with --json; return its document, held against its schema."""
    ended = trifecta(command, "--home", home, "--json", *words)
    assert ended.code == code, ended
    schema(command).validate(ended.document)
    return ended.document


def stop(home, scope="desk:forex", *words, reason="drill"):
    return said("kill", home, "--scope", scope, "--reason", reason, "--who", "ann", *words)


def go_on(home, scope, *who, code=0, reason="checked"):
    names = [word for name in who for word in ("--who", name)]
    return said("resume", home, "--scope", scope, "--reason", reason, *names, code=code)


def tripped(home):
    return [f"{row['scope']}:{row['key']}:{row['mode']}" for row in said("status", home)["switches"]]


def test_a_home_where_nothing_ever_was_has_no_switch_tripped(home):
    document = said("status", home)
    assert document | {"home": ""} == {
        "command": "status", "home": "", "readable": True, "problem": None, "engine": None, "switches": [],
        "unclean": [], "breakers": [], "session": None,
    }  # fmt: skip
    assert "no switch is tripped" in trifecta("status", "--home", home).out
    assert not home.exists()


def test_a_kill_is_shown_with_who_and_why_until_it_is_resumed(home):
    assert stop(home)["result"] == "TRIPPED"
    (row,) = said("status", home)["switches"]
    assert row.pop("since_ns") > 0
    assert row == {
        "scope": "desk", "key": "forex", "mode": "BLOCK_NEW", "hard": False, "state": "REDUCING", "who": ["ann"],
        "reason": "drill",
    }  # fmt: skip
    table = trifecta("status", "--home", home).out
    assert all(word in table for word in ("desk:forex", "REDUCING", "BLOCK_NEW", "ann", "drill"))
    assert go_on(home, "desk:forex", "ann", "bob")["result"] == "REARMED"
    assert tripped(home) == []


def test_a_second_kill_may_be_stricter_and_never_weaker(home):
    stop(home)
    assert stop(home, "desk:forex", "--mode", "reduce-only")["result"] == "ALREADY_TRIPPED"
    assert stop(home, "desk:forex", "--hard")["switch"]["state"] == "HALTED"
    assert tripped(home) == ["desk:forex:BLOCK_NEW"]
    rows = Switchboard(home / "switches.db").rows()
    assert [row.row for row in rows] == [1, 2]


def test_resuming_everything_leaves_a_desk_as_it_is(home):
    stop(home)
    stop(home, "global")
    go_on(home, "global", "ann", "bob")
    assert tripped(home) == ["desk:forex:BLOCK_NEW"]


@pytest.mark.parametrize(("scope", "who"), [("desk:forex", ["ann"]), ("desk:forex", ["ann", "ANN"])])
def test_one_person_cannot_resume_a_desk(home, scope, who):
    stop(home)
    assert go_on(home, scope, *who, code=3)["result"] == "REFUSED_APPROVALS"
    assert tripped(home) == ["desk:forex:BLOCK_NEW"]
    line = refused("resume", "--home", home, "--scope", scope, "--reason", "x", "--who", "ann", code=3)
    assert line == "desk:forex: 2 different people must approve (--who, once for each)"


def test_one_person_resumes_an_instrument(home):
    stop(home, "instrument:EURUSD")
    assert go_on(home, "instrument:EURUSD", "ann")["result"] == "REARMED"
    assert go_on(home, "instrument:EURUSD", "ann", code=1)["result"] == "NOT_TRIPPED"


def test_a_journal_that_is_not_sound_keeps_switches_tripped(home):
    stop(home, "venue:x")
    (home / "journal.db").write_bytes(b"no journal, though long enough to be taken for one" * 20)
    found = go_on(home, "venue:x", "ann", code=3)
    assert found["result"] == "REFUSED_NOT_RECONCILED"
    assert "journal.db" in found["why"]
    assert len(said("status", home)["unclean"]) == 1


def test_an_empty_reason_resumes_nothing(home):
    stop(home, "venue:x")
    assert go_on(home, "venue:x", "ann", code=3, reason=" ")["result"] == "REFUSED_REASON"


def test_switches_that_cannot_be_read_are_said_to_block_everything(home):
    home.mkdir()
    (home / "switches.db").write_bytes(b"not a database, but long enough to be taken for one" * 20)
    document = said("status", home, code=1)
    assert (document["readable"], document["switches"]) == (False, [])
    assert "everything is blocked" in trifecta("status", "--home", home).out
    assert "switches.db" in refused("kill", "--home", home, "--scope", "global", "--reason", "x", code=1)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--scope", "global"), "--reason is missing"),
        (("--reason", "x"), "--scope is missing"),
        (("--scope", "floor:1", "--reason", "x"), "floor:1: global, or desk:NAME"),
        (("--scope", "desk:", "--reason", "x"), "desk:: desk:NAME is allowed"),
        (("--scope", "global", "--reason", "x", "--who", " "), "--who is empty"),
        (("--scope", "desk:forex", "--emergency"), "with --emergency only global is allowed"),
        (("--scope", "global", "--reason", "x", "--flatten"), "--flatten: it is allowed with --emergency only"),
        (
            ("--scope", "global", "--reason", "x", "--leave-engine"),
            "--leave-engine: it is allowed with --emergency only",
        ),
    ],
)
def test_a_kill_that_is_not_understood_trips_nothing(home, words, line):
    assert line in refused("kill", "--home", home, *words)
    assert not home.exists()


ENGINE = """
import subprocess, sys
from pathlib import Path
from research.home import Home
with Home(Path(sys.argv[1])):
    worker = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
                              stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    worker.stdout.readline()
    print(worker.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def engine(home):
    """Run a process that holds the home and has started another, both really stopped: they hear no polite signal."""
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(home)], cwd=REPO, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGSTOP)
        worker.suspend()
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        yield process, worker
        for one in (worker, psutil.Process(process.pid) if process.poll() is None else worker):
            if one.is_running():
                one.kill()


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_an_engine_that_hangs_is_stopped_from_another_process(home, engine):
    """The command runs in a process of its own, as an operator's would."""
    process, worker = engine
    assert said("status", home)["engine"] == process.pid
    assert stop(home)["engine"] == process.pid, "a switch is tripped while the engine hangs"
    words = ["kill", "--emergency", "--reason", "it hangs", "--home", str(home), "--json"]
    command = [sys.executable, "-c", "from cli.main import main; main()", *words]
    ended = subprocess.run(command, cwd=REPO, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended
    assert process.wait(10) == -signal.SIGKILL
    until(lambda: is_gone(worker))
    row = next(row for row in said("status", home)["switches"] if row["scope"] == "global")
    assert (row["scope"], row["mode"], row["state"], row["reason"]) == (
        "global",
        "CANCEL_AND_BLOCK",
        "HALTED",
        "it hangs",
    )
    assert engine_of(home) is None
    with Home(home):
        assert engine_of(home) == os.getpid()


class Session:
    """A connection to a venue that somebody else made."""

    def __init__(self, name, orders):
        self.name, self._orders = name, orders

    def cancel_all(self):
        return len(self._orders)

    def flatten(self):
        return {"EURUSD@y": -3}


class Broken(Session):
    def cancel_all(self):
        raise ConnectionError("no route")


def test_every_venue_is_asked_to_cancel_although_one_fails(home):
    act = Act(who=("ann",), reason="drill", now_ns=1)
    found = emergency_stop(Home(home), act, [Broken("x", []), Session("y", [1, 2])])
    assert found.canceled == (Canceled("x", 0, "ConnectionError: no route"), Canceled("y", 2))
    assert (found.trip, found.engine, found.done) == (Result.TRIPPED, None, False)
    assert emergency_stop(Home(home), act, [Session("y", [])]).done
    found = emergency_stop(Home(home), act, [Broken("x", []), Session("y", [1, 2])], flatten=True)
    assert found.canceled == (
        Canceled("x", 0, "ConnectionError: no route"), Canceled("y", 2, closed={"EURUSD@y": -3}),
    )  # fmt: skip


class Closed(Session):
    def flatten(self):
        raise ConnectionError("hung up")


def test_what_was_cancelled_is_said_although_closing_failed(home):
    act = Act(who=("ann",), reason="drill", now_ns=1)
    found = emergency_stop(Home(home), act, [Closed("x", [1])], flatten=True)
    assert found.canceled == (Canceled("x", 1, "ConnectionError: hung up"),)
    assert not found.done


@pytest.mark.slow
def test_an_engine_that_is_left_lives_on_unless_the_trip_cannot_be_made_durable(home, engine):
    process, worker = engine
    found = said("kill", home, "--emergency", "--leave-engine")
    assert (found["done"], found["left"], found["killed"], found["engine"]) == (True, True, [], process.pid)
    assert worker.is_running()
    assert process.poll() is None
    assert "left as it is" in trifecta("kill", "--home", home, "--emergency", "--leave-engine").out
    (home / "switches.db").write_bytes(b"not a database, but long enough to be taken for one" * 20)
    found = said("kill", home, "--emergency", "--leave-engine", code=1)
    assert (found["left"], found["alive"]) == (False, [])
    until(lambda: is_gone(worker))


@pytest.mark.slow
def test_an_engine_is_stopped_even_when_the_trip_cannot_be_made_durable(home, engine):
    process, worker = engine
    (home / "switches.db").write_bytes(b"not a database, but long enough to be taken for one" * 20)
    found = said("kill", home, "--emergency", code=1)
    assert (found["done"], found["result"], found["engine"], found["alive"]) == (False, None, process.pid, [])
    until(lambda: is_gone(worker))
    assert not psutil.pid_exists(process.pid)
    assert "NOT TRIPPED" in trifecta("kill", "--home", home, "--emergency").out


def test_an_emergency_without_an_engine_trips_everything(home):
    ended = trifecta("kill", "--home", home, "--emergency")
    assert (ended.code, ended.out.splitlines()) == (0, ["global: tripped, hard", "no engine runs in this home"])
    assert said("kill", home, "--emergency")["result"] == "ALREADY_TRIPPED"


def test_a_lock_that_does_not_say_whose_it_is_is_not_taken_for_an_end(home):
    with Home(home):
        Path(home / "lock").write_text("")
        assert engine_of(home) == 0
        found = said("kill", home, "--emergency", code=1)
    assert (found["done"], found["alive"], found["result"]) == (False, [0], "TRIPPED")
