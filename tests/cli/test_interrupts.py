"""A polite kill of a command that has a Ray of its own: it ends in order, and nothing of it is left."""

import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from actors.address import read_address
from journal.verify import verify_file
from tests.research.files import REPO
from tests.waiting import until

SWEEP = ("tune", "--symbols", "GBPUSD", "AUDUSD", "USDJPY", "--timeframe", "1m", "--policy", "trend_reversion",
         "--grid", "stop_atr=1:20:0.5", "--grid", "target_atr=6:60:1", "--batch", "2000")  # fmt: skip
RUN = ("run",)
PARITY = ("parity",)
AT_WORK = {SWEEP: "ray::BatchTrial", PARITY: "ray::Supervisor"}
"""By command the process that says that its Ray is at work; a run says so itself."""


def names(process):
    """Return the titles of a process's children, as far as they still live, cut as the system cuts them."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            found += [word.split(".")[0] for word in child.cmdline()[:1]]
    return found


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "number"),
    [(SWEEP, signal.SIGTERM), (RUN, signal.SIGINT), (RUN, signal.SIGTERM), (PARITY, signal.SIGINT)],
    ids=["tune", "run", "run-killed", "parity"],
)  # sweep and parity hear both signals by one handler (tests/cli/test_outcome.py)
def test_a_command_that_is_told_to_stop_leaves_nothing_behind(tmp_path, scratch, words, number):
    command = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *words, "--home", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(scratch)},
    )  # fmt: skip
    own = psutil.Process(command.pid)
    until((tmp_path / "cluster.json").exists if words == RUN else lambda: AT_WORK[words] in names(own))
    children = own.children(recursive=True)
    command.send_signal(number)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert not any(child.is_running() for child in children)
    assert list(scratch.iterdir()) == []
    assert read_address(tmp_path / "cluster.json") is None
    if words == RUN:
        assert "the next run goes on from" in err
        assert verify_file(tmp_path / "journal.db").ok
