"""`trifecta kill --emergency` while `trifecta run --venue simulated` is really stopped, with all it has started."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from actors.venue_host import HostError, end_host, is_served, look, read_spec
from research.home import Home
from tests.cli.running import schema
from tests.cluster.test_run import WAIT_S
from tests.research.files import REPO
from tests.waiting import until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WINDOW = ("--start", "2022-02-09", "--end", "2022-02-09T18:00")
VENUES = ("--venue", "simulated")


@pytest.fixture
def home(tmp_path):
    """A home; the process of its venues ends with the test."""
    yield tmp_path / "home"
    for folder in Home(tmp_path / "home").venues.glob("session-*"):
        if is_served(folder):
            end_host(folder)


def start(home, scratch):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIFECTA_")}
    words = ["run", "--home", str(home), "--json", *VENUES, *WINDOW]
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO,
        env=environment | {"TMPDIR": str(scratch), "PYTHONPATH": str(REPO)},
    )  # fmt: skip


def held(home):
    """What the venues of a home hold, contracts left out: those settle."""
    folder = Home(home).venues / "session-0001"
    if not (folder / "port").exists():
        return {}
    try:
        venues = [venue.name for venue in read_spec(folder).settings.plan.venues]
        books = [look(folder, name) for name in venues]
    except HostError:
        return {}
    return {name: lots for one in books for name, lots in one.positions.items() if lots and "." not in name}


def stopped(process):
    """Stop a run and all that it has started; return everybody."""
    everybody = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in everybody:
        one.suspend()
    return everybody


def stop_while_holding(home, process):
    """Stop a run at an instant at which something is held at its venues; return everybody, and what is held."""
    while True:
        until(lambda: process.poll() is not None or held(home), WAIT_S)
        assert process.poll() is None, process.communicate()
        everybody = stopped(process)
        if there := held(home):
            return everybody, there
        go_on(everybody)


def go_on(everybody):
    for one in reversed(everybody):
        if one.is_running():
            one.resume()


def killed(home, *words):
    """Stop a home as an operator would, from a process of its own; return what it says."""
    words = ["kill", "--home", str(home), "--emergency", "--flatten", "--reason", "it hangs", "--json", *words]
    command = [sys.executable, "-c", "from cli.main import main; main()", *words]
    ended = subprocess.run(command, cwd=REPO, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended
    document = json.loads(ended.stdout)
    schema("kill").validate(document)
    return document


@pytest.mark.parametrize("leave", [True, False])
def test_an_emergency_stop_closes_at_the_venues_and_the_engine_reconciles_when_it_goes_on(home, scratch, leave):
    """It goes on where it was left, or, where it was killed, from its journal."""
    first = start(home, scratch)
    everybody = []
    try:
        everybody, there = stop_while_holding(home, first)
        words = ["--leave-engine"] if leave else []
        found = killed(home, *words)
        assert (found["engine"], found["left"]) == (first.pid, leave)
        closed = {name: lots for one in found["canceled"] for name, lots in one["closed"].items()}
        assert {name: -lots for name, lots in closed.items()} == there
        assert held(home) == {}
        go_on(everybody)
        if leave:
            out, err = first.communicate(timeout=WAIT_S)
            assert first.returncode == 0, err
        else:
            first.communicate(timeout=20)
            assert first.returncode == -signal.SIGKILL
            second = start(home, scratch)
            out, err = second.communicate(timeout=WAIT_S)
            assert second.returncode == 0, err
    finally:
        go_on([one for one in everybody if one.is_running()])
        first.kill()
        first.communicate()
    document = json.loads(out)
    schema("run").validate(document)
    assert document["reconciled"]
    assert document["resumed"] is not leave
    assert {name: lots for one in document["accounts"] for name, lots in one["closed_past"].items()} == closed
    (switch,) = document["switches"]
    assert (switch["switch"], switch["mode"], switch["hard"], switch["reason"]) == (
        "global:*", "CANCEL_AND_BLOCK", True, "it hangs",
    )  # fmt: skip
