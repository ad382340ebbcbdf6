"""A polite kill of a command that has a Ray of its own: it ends in order, and nothing of it is left."""

import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from actors.address import read_address
from actors.local import OWNER, PREFIX, Process
from journal.verify import verify_file
from tests.research.files import REPO
from tests.waiting import until

SWEEP = ("tune", "--symbols", "GBPUSD", "AUDUSD", "USDJPY", "--timeframe", "1m", "--policy", "trend_reversion",
         "--grid", "stop_atr=1:20:0.5", "--grid", "target_atr=6:60:1", "--batch", "2000")  # fmt: skip
RUN = ("run",)


def folders_of(pid):
    """Return the temporary folders that say they are of a process."""
    found = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        try:
            owner = msgspec.json.decode(path.read_bytes(), type=Process)
        except (OSError, msgspec.MsgspecError):
            continue  # another run's, on its way out
        found += [path.parent] * (owner.pid == pid)
    return found


def names(process):
    """Return the titles of a process's children, as far as they still live, cut as the system cuts them."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            found += [word.split(".")[0] for word in child.cmdline()[:1]]
    return found


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("words", [SWEEP, RUN], ids=["tune", "run"])
def test_a_command_that_is_told_to_stop_leaves_nothing_behind(tmp_path, words, number):
    command = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *words, "--home", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )  # fmt: skip
    own = psutil.Process(command.pid)
    until((tmp_path / "cluster.json").exists if words == RUN else lambda: "ray::BatchTrial" in names(own))
    (folder,) = folders_of(command.pid)
    children = own.children(recursive=True)
    command.send_signal(number)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert not any(child.is_running() for child in children)
    assert not folder.exists()
    assert read_address(tmp_path / "cluster.json") is None
    if words == RUN:
        assert "the next run goes on from" in err
        assert verify_file(tmp_path / "journal.db").ok
