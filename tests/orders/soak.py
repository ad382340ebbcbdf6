"""Real processes, really killed: `python -m tests.orders.soak --kills 200` (half of them Ray actors).

The venue is a process that nobody kills; what trades there dies by SIGKILL at random instants, also while it recovers,
and is started again. In the end the journal and the venue's books are compared. Prints the time from a kill to trading.
"""

import argparse
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from journal.store import SqliteJournal
from journal.verify import verify_file
from tests.orders.oracle import KINDS, Findings, examine
from tests.orders.workload import VENUE
from venues.simulated.session import look

FAULTS = ("delay=0.02", "partial storm=0.3", "duplicate event=0.1", "drop after execution=0.05", "news lost=0.1",
          "5xx after accept=0.05", "drop before execution=0.05", "disconnect=0.01")  # fmt: skip
PAUSE = threading.Event()
WAIT_S = 60.0


@contextmanager
def a_venue(seed: int):
    """Serve a simulated venue with faults from a process of its own; yield its port."""
    words = [word for fault in FAULTS for word in ("--fault", fault)]
    command = [sys.executable, "-m", "venues.simulated.server", "--seed", str(seed), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


def said(process: subprocess.Popen, seconds: float) -> str:
    """Return the next line that a process says within so many seconds, "" if none."""
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline().strip() if ready else ""


def kill_processes(kills: int, seed: int, folder: Path) -> tuple[Findings, list[float]]:
    """Kill the engine as a whole, so many times; return what was found and the seconds from kill to trading."""
    chance, journal, took = random.Random(seed), folder / "processes.sqlite3", []
    with a_venue(seed) as port:
        command = [sys.executable, "-m", "tests.orders.engine", "--journal", str(journal), "--port", str(port),
                   "--seed", str(seed), "--orders"]  # fmt: skip
        killed_s: float | None = None
        for k in range(kills + 1):
            orders = str(8 * k + 8)
            with subprocess.Popen([*command, orders], stdout=subprocess.PIPE, text=True) as engine:
                if k == kills or chance.random() < 0.8:
                    assert said(engine, WAIT_S) == "ready", "the engine did not recover"
                    if killed_s is not None:
                        took.append(time.monotonic() - killed_s)
                if k == kills:
                    assert said(engine, WAIT_S) == "done", "the engine did not come to its end"
                    break
                PAUSE.wait(chance.random() * 0.8)
                killed_s = time.monotonic()
                engine.send_signal(signal.SIGKILL)
        return compare(journal, port), took


def kill_actors(kills: int, seed: int, folder: Path) -> tuple[Findings, list[float]]:
    """Kill keeper or gateway, each a Ray actor, so many times."""
    import ray

    from actors.system import Cluster, RayPeers
    from tests.orders.processes import GatewayProcess, KeeperProcess

    chance, journal, took = random.Random(seed), str(folder / "actors.sqlite3"), []
    cluster = Cluster()
    cluster.start()
    try:
        with a_venue(seed) as port:
            cluster.host(KeeperProcess, "governor", RayPeers(), journal, port, seed, 8 * kills)
            cluster.host(GatewayProcess, "gateway", RayPeers(), journal, port)
            ticker = Ticker([cluster.handle(name) for name in ("governor", "gateway")])
            for _ in range(kills):
                name = chance.choice(("governor", "gateway"))
                pid = cluster.ask(name, "process")["pid"]
                os.kill(pid, signal.SIGKILL)
                begin = time.monotonic()
                wait_for(lambda name=name, pid=pid: is_back(cluster, name, pid))
                took.append(time.monotonic() - begin)
                PAUSE.wait(chance.random() * 0.5)
            wait_for(lambda: cluster.ask("governor")["done"] and cluster.ask("gateway")["unsettled"] == 0)
            ticker.stop()
            found = compare(Path(journal), port)
            ray.get(cluster.handle("governor").status.remote(), timeout=WAIT_S)
            return found, took
    finally:
        cluster.stop()


class Ticker:
    """Ticks actors from a thread, as the supervisor does in a run."""

    def __init__(self, handles) -> None:
        self._handles, self._end = handles, threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def _tick(self) -> None:
        while not self._end.wait(0.02):
            for handle in self._handles:
                handle.on_tick.remote(0)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


def is_back(cluster, name: str, pid: int) -> bool:
    """Tell whether a killed actor is another process now, and orders may leave."""
    if cluster.ask(name, "process")["pid"] == pid:
        return False
    return bool(cluster.ask("gateway")["ready"]) and cluster.ask("governor")["epoch"] > 0


def wait_for(condition) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        PAUSE.wait(0.02)


def compare(journal: Path, port: int) -> Findings:
    """Compare journal and venue; a journal whose chain is broken is a finding, too."""
    opened = SqliteJournal(journal, read_only=True)
    found = examine(opened, look(port), VENUE)
    opened.close()
    problem = verify_file(journal).problem
    if problem:
        found.note("ledger", f"the journal: {problem}")
    return found


def main() -> int:
    """Kill, compare, print; return 1 when something was found."""
    from actors.local import ENVIRONMENT

    for name, value in ENVIRONMENT.items():  # before anything imports Ray, which reads them once
        os.environ.setdefault(name, value)
    parser = argparse.ArgumentParser(prog="python -m tests.orders.soak")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        for what, kill in (("processes", kill_processes), ("Ray actors", kill_actors)):
            found, took = kill(asked.kills // 2, asked.seed, Path(folder))
            took.sort()
            p50, p99 = took[len(took) // 2], took[min(int(len(took) * 0.99), len(took) - 1)]
            kinds = ", ".join(f"{found[kind]} {kind}" for kind in KINDS)
            print(f"{asked.kills // 2} kill -9 of {what}: {kinds}; to trading again p50 {p50:.2f} s, p99 {p99:.2f} s")
            print("".join(f"  {words}\n" for words in found.words), end="")
            failed += bool(found)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
