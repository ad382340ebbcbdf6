"""From SIGKILL to trading again, in a whole system: `python -m tests.cluster.recovery --kills 100`.

Risk, governor and gateways of a running session are killed in turn, at random instants. Recovered is who is another
process and has gone on in market time beyond where it was when it was killed. In the end the session must have decided
what the kernel decides: prints the times, and returns 1 when it has not.

With `--venue simulated:wild` orders take the way of a live venue to exchanges that fail. A gateway has recovered then
when the session has gone on with it; in the end ledger and venues must be the same to the last lot.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from actors.local import ENVIRONMENT
from actors.settings import GOVERNOR, RISK

VICTIMS = (RISK, GOVERNOR, "gateway-a", "gateway-fx")
POSITION = {GOVERNOR: "horizon_ns"}
"""Where in market time an actor says that it is; the others: `done_ns`. An account that is flat and stopped for the
day is not valued until the next one, so the time of its valuation says nothing of who is alive."""
WAIT_S = 60.0
END_S = 900.0
PAUSE = threading.Event()


def position(cluster, name: str) -> int:
    """Return how far an actor is in market time."""
    return int(cluster.ask(name)[POSITION.get(name, "done_ns")])


def recover(cluster, name: str) -> float:
    """Kill an actor; return the seconds until it has gone on."""
    simulated = "welcomed" in cluster.ask(name)
    who = GOVERNOR if simulated else name  # a gateway that nobody asks for anything stands where it is
    before, pid = position(cluster, who), cluster.ask(name, "process")["pid"]
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while (
        cluster.ask(name, "process")["pid"] == pid
        or not cluster.ask(name).get("welcomed", True)
        or position(cluster, who) <= before
    ):
        assert time.monotonic() - begin < WAIT_S, f"{name} did not recover"
        PAUSE.wait(0.02)
    return time.monotonic() - begin


def kill_in_turn(kills: int, seed: int, folder: Path, venue: str = "paper") -> tuple[dict[str, list[float]], object]:
    """Kill so many times; return the seconds per actor, and the first difference to the kernel (None: none).

    At simulated venues it is the first to their books.
    """
    from actors.system import Cluster
    from research.digests import first_difference
    from research.fault_plans import venue_choice
    from tests.builders import a_plan, a_result, a_tape
    from tests.cluster.test_cluster import Run

    chance, took = random.Random(seed), {name: [] for name in VICTIMS}
    plan, tape = a_plan(), a_tape(100 * kills, 1_600 * kills)
    cluster = Cluster()
    cluster.start()
    try:
        changes = {"batch_rows": 64, "batches_ahead": 2, "snapshot_groups": 16, "chosen": venue_choice(venue)}
        with Run(cluster, folder, (plan, tape, a_result(plan, tape)), **changes) as run:
            run.until(lambda status: status["records"] > 20)
            for k in range(kills):
                assert not cluster.ask(GOVERNOR)["complete"], f"the run was over after {k} kills"
                name = VICTIMS[k % len(VICTIMS)]
                took[name].append(recover(cluster, name))
                PAUSE.wait(chance.random() * 0.2)
            end = time.monotonic() + END_S
            while not cluster.ask(GOVERNOR)["complete"]:
                assert time.monotonic() < end, "the session did not come to its end"
                PAUSE.wait(0.5)
            result = run.finish()
            if venue != "paper":
                return took, next((item for one in run.audits for item in one.differences), None)
            return took, first_difference(run.kernel, result)
    finally:
        cluster.stop()


def main() -> int:
    """Kill, print what it took, compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.recovery")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--venue", default="paper", help="paper, or simulated[:FAULTS]")
    asked = parser.parse_args()
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with tempfile.TemporaryDirectory(prefix="rec-") as folder:
        took, difference = kill_in_turn(asked.kills, asked.seed, Path(folder), asked.venue)
    every = sorted(seconds for found in took.values() for seconds in found)
    for name, found in (*took.items(), ("all", every)):
        ordered = sorted(found)
        p50, p99 = ordered[len(ordered) // 2], ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
        print(f"{name:12} {len(found):4} kills, to trading again p50 {p50:.2f} s, p99 {p99:.2f} s (goal 5 s)")
    right = "decides what the kernel decides" if asked.venue == "paper" else "ledger and venues are the same"
    print(right if difference is None else f"differs: {difference}")
    return int(difference is not None)


if __name__ == "__main__":
    sys.exit(main())
