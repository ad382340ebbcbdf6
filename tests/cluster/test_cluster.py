"""Real Ray: the actors decide what the kernel decides, whichever of their processes is killed on the way.

One Ray for all of it; the actors of each test are its own.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from actors.restoring import newest_session
from actors.settings import GOVERNOR, RISK, SUPERVISOR, PlaceOpener, Settings
from actors.staging import open_session, run_world
from actors.supervisor import Supervisor
from actors.switching import Act, trip
from actors.system import Cluster, RayLife, RayPeers, crash_only
from actors.venue_host import end_host, is_served, look
from journal.store import MemoryJournal, SqliteJournal
from journal.switchboard import Switchboard
from journal.verify import verify_file
from policies.switches import ANY, Mode, Scope, Trip
from research.digests import digests_of, first_difference
from research.fault_plans import venue_choice
from research.home import Home
from research.result import result_of_session
from research.simulated_run import audit_venues, cast_of, placed, serve_venues
from tests.builders import MINUTE, START_NS, a_plan, a_result, a_tape
from tests.research.files import REPO
from venues.replay import save_tape

pytestmark = pytest.mark.cluster

PAUSE = threading.Event()
END_S_MAX = 90.0


def shared_memory():
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.fixture(scope="module")
def cluster():
    """Ray, and at its end the proof that nothing of it is left."""
    before = shared_memory()
    made = Cluster()
    made.start()
    processes = [*psutil.Process().children(recursive=True)]
    assert len(processes) > 3
    folder = made.folder
    yield made
    processes += psutil.Process().children(recursive=True)
    made.stop()
    assert [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert not folder.exists()
    assert {name for name in shared_memory() - before if folder.name in name} == set()


@pytest.fixture(scope="module")
def small():
    plan, tape = a_plan(), a_tape(90, 800, start_ns=START_NS + 90 * MINUTE)
    return plan, tape, a_result(plan, tape)


@pytest.fixture(scope="module")
def large():
    plan, tape = a_plan(), a_tape(240, 4000)
    return plan, tape, a_result(plan, tape)


class Run:
    """The actors of one session on the cluster, until the block ends."""

    def __init__(self, cluster, folder, run, *, chosen=None, **changes):
        self.cluster, self.chosen, self.audits = cluster, chosen, ()
        self.plan, self.tape, self.kernel = run
        self.settings = Settings(
            plan=self.plan, journal_path=str(folder / "journal.db"), tape_folder=str(folder),
            tape_hash=save_tape(folder, self.tape), **changes,
        )  # fmt: skip
        self.settings = placed(self.settings, Home(folder), chosen)
        journal = SqliteJournal(folder / "journal.db")
        open_session(journal, self.settings, (), "")
        journal.close()

    def __enter__(self):
        begin = time.perf_counter()
        if self.chosen is not None:
            serve_venues(self.settings, self.chosen)
        self.cluster.launch(self.settings, cast_of(self.settings))
        self.launched_s = time.perf_counter() - begin
        return self

    def __exit__(self, *_):
        self.cluster.dismiss()
        if self.chosen is not None and is_served(Path(self.settings.venue_path)):
            end_host(Path(self.settings.venue_path))

    def until(self, condition):
        """Wait until the governor's status fulfils a condition; return it."""
        end = time.monotonic() + END_S_MAX
        while time.monotonic() < end:
            status = self.cluster.ask(GOVERNOR)
            if condition(status):
                return status
            PAUSE.wait(0.05)
        raise AssertionError(f"no end: {self.cluster.ask(SUPERVISOR, 'failures')[-3:]}")

    def finish(self):
        """Let it come to its end; return its result, from its journal."""
        self.until(lambda status: status["complete"])
        path = Path(self.settings.journal_path)
        assert verify_file(path).ok
        journal = SqliteJournal(path, read_only=True)
        log = newest_session(journal)
        self.audits = audit_venues(self.settings, journal)
        journal.close()
        assert log.complete
        return result_of_session(self.plan, self.tape, log, [0] * 3)


def test_ray_world_and_kernel_have_the_same_digests(cluster, small, tmp_path, capsys):
    with Run(cluster, tmp_path, small) as run:
        result = run.finish()
        memory = {name: run.cluster.ask(name, "process")["memory"] >> 20 for name in run.cluster.names}
        registry = run.cluster.ask(SUPERVISOR, "registry")
    journal = MemoryJournal()
    open_session(journal, run.settings, (), "")
    run_world(run.settings, journal)
    world = result_of_session(run.plan, run.tape, newest_session(journal), [0] * 3)
    assert digests_of(result) == digests_of(world) == digests_of(run.kernel)
    assert first_difference(run.kernel, result) is None
    assert result.orders
    assert {state["name"] for state in registry if state["heard_s"] is None} <= {GOVERNOR}
    with capsys.disabled():
        print(f"\n{len(memory)} actors in {run.launched_s:.1f} s; MB of their own: {memory}")


def test_a_run_goes_on_whichever_process_is_killed(cluster, large, tmp_path):
    with Run(cluster, tmp_path, large, batch_rows=64, batches_ahead=2, snapshot_groups=16) as run:
        victims = (RISK, GOVERNOR, "gateway-a", "agent-arbitrage", "feed-0", GOVERNOR)
        killed = {}
        for k, name in enumerate(victims):
            status = run.until(lambda status, k=k: status["complete"] or status["records"] > 40 * (k + 1))
            assert not status["complete"], f"the run was over before {name} was killed"
            pid = cluster.ask(name, "process")["pid"]
            os.kill(pid, signal.SIGKILL)
            psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
            assert cluster.ask(name, "process")["pid"] != pid
            killed[name] = pid
        result = run.finish()
        assert cluster.ask(GOVERNOR)["epoch"] == 2 + victims.count(GOVERNOR)
        assert cluster.ask(SUPERVISOR, "failures") == []
    assert set(killed) == set(victims)
    assert first_difference(large[2], result) is None
    assert digests_of(result) == digests_of(large[2])


def test_without_faults_simulated_venues_of_another_process_fill_as_paper_does(cluster, small, tmp_path):
    with Run(cluster, tmp_path, small, chosen=venue_choice("simulated")) as run:
        result = run.finish()
    assert all(one.is_reconciled for one in run.audits)
    assert first_difference(small[2], result) is None


@pytest.mark.slow
def test_no_order_is_lost_or_doubled_at_a_venue_that_fails_whichever_process_is_killed(cluster, large, tmp_path):
    changes = {"batch_rows": 64, "batches_ahead": 2, "snapshot_groups": 16}
    with Run(cluster, tmp_path, large, chosen=venue_choice("simulated:wild"), **changes) as run:
        for k, name in enumerate((RISK, GOVERNOR, "gateway-a", "gateway-b", "gateway-fx", GOVERNOR, "gateway-a")):
            status = run.until(lambda status, k=k: status["complete"] or status["records"] > 60 * (k + 1))
            assert not status["complete"], f"the run was over before {name} was killed"
            os.kill(cluster.ask(name, "process")["pid"], signal.SIGKILL)
        run.finish()
    assert [item for one in run.audits for item in (*one.differences, *one.breaks)] == []
    assert sum(one.orders for one in run.audits) > 20


def held_at(run):
    """What the venues of a run hold, contracts left out: those settle."""
    folder = Path(run.settings.venue_path)
    books = [look(folder, venue.name) for venue in run.plan.venues]
    return {name: lots for one in books for name, lots in one.positions.items() if lots and "." not in name}


@pytest.fixture
def holding(cluster, large, tmp_path):
    """A run at simulated venues of another process, with switches, at an instant at which something is held there."""
    board = Home(tmp_path).switches
    Switchboard(board).close()
    changes = {"batch_rows": 64, "batches_ahead": 2, "snapshot_groups": 16, "switches_path": str(board)}
    with Run(cluster, tmp_path, large, chosen=venue_choice("simulated"), **changes) as run:
        run.until(lambda status: status["complete"] or held_at(run))
        yield run


def test_a_kill_switch_closes_what_is_held_at_the_venues_once_although_the_governor_dies(cluster, holding):
    board = Switchboard(Path(holding.settings.switches_path))
    act = Act(who=("ann",), reason="a test", now_ns=1)
    trip(board, Trip(Scope.GLOBAL, ANY, Mode.FLATTEN_AND_BLOCK), act)
    board.close()
    os.kill(cluster.ask(GOVERNOR, "process")["pid"], signal.SIGKILL)
    result = holding.finish()
    assert all(one.is_reconciled for one in holding.audits)
    assert not {name for one in holding.audits for name in one.positions if "." not in name}
    ids = [order.order_id for order in result.orders]
    assert len(set(ids)) == len(ids)
    assert cluster.ask(SUPERVISOR, "failures") == []


def stop_all(processes):
    for process in processes:
        process.suspend()


def test_an_emergency_stop_acts_at_the_venues_while_the_engine_is_stopped_and_it_hears_of_it(cluster, holding):
    """The command is a process of its own, with its own connections; everybody else is really stopped meanwhile."""
    home = Path(holding.settings.switches_path).parent
    engine = [psutil.Process(cluster.ask(name, "process")["pid"]) for name in cluster.names]
    stop_all(engine)
    while not (held := held_at(holding)):  # what was held a moment ago has been closed since
        for process in engine:
            process.resume()
        assert not holding.until(lambda status: status["complete"] or held_at(holding))["complete"]
        stop_all(engine)
    try:
        words = ["kill", "--emergency", "--flatten", "--leave-engine", "--home", str(home), "--json"]
        command = [sys.executable, "-c", "from cli.main import main; main()", *words]
        ended = subprocess.run(command, cwd=REPO, capture_output=True, timeout=60, check=False)
        assert ended.returncode == 0, ended
        closed = {name: lots for one in json.loads(ended.stdout)["canceled"] for name, lots in one["closed"].items()}
        assert {name: -lots for name, lots in closed.items()} == held
        assert held_at(holding) == {}
    finally:
        for process in engine:
            process.resume()
    result = holding.finish()
    assert all(one.is_reconciled for one in holding.audits)
    assert {name: lots for one in holding.audits for name, lots in one.closed_past.items()} == closed
    said = [(one.instrument, one.lots) for one in result.reports if one.reason == "EMERGENCY"]
    assert sorted(said) == sorted(closed.items())


def test_a_governor_that_another_has_replaced_ends_its_process_and_the_run_goes_on(cluster, large, tmp_path):
    import ray

    with Run(cluster, tmp_path, large, batch_rows=64, batches_ahead=2) as run:
        run.until(lambda status: status["records"] > 60)
        first = cluster.ask(GOVERNOR, "process")["pid"]
        usurper = (
            ray.remote(crash_only(cluster_governor()))
            .options(name="usurper", num_cpus=0)
            .remote(GOVERNOR, run.settings, RayPeers(), PlaceOpener(run.settings.journal_path), RayLife("usurper"))
        )
        assert ray.get(usurper.status.remote(), timeout=60)["epoch"] == 3
        psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=30)
        assert not psutil.pid_exists(first)
        result = run.finish()
        assert cluster.ask(GOVERNOR)["epoch"] == 4
        ray.kill(usurper)
    assert first_difference(large[2], result) is None


def cluster_governor():
    from actors.governor import Governor

    return Governor


def test_who_is_looked_up_again_is_found_also_when_he_was_created_anew(cluster):
    import ray

    peers = RayPeers()
    assert peers("echo").on_word.remote("lost") is None
    for word in ("one", "two"):
        echo = ray.remote(Echo).options(name="echo", num_cpus=0).remote()
        ray.get(echo.heard.remote(), timeout=60)
        end = time.monotonic() + 20
        while time.monotonic() < end and ray.get(echo.heard.remote(), timeout=60) == []:
            peers("echo").on_word.remote(word)
        assert ray.get(echo.heard.remote(), timeout=60)[0] == word
        ray.kill(echo)


def test_an_actor_that_fails_is_started_again_also_when_it_cannot_restore_at_first(cluster, tmp_path):
    import ray

    supervisor = ray.remote(crash_only(Supervisor)).options(name=SUPERVISOR, num_cpus=0, max_concurrency=2).remote(
        SUPERVISOR, Settings(plan=a_plan()), RayPeers()
    )  # fmt: skip
    actor = ray.remote(crash_only(Fragile)).options(num_cpus=0, max_restarts=-1, max_task_retries=10).remote(
        "fragile", str(tmp_path / "lives")
    )  # fmt: skip
    assert ray.get(actor.lives.remote(), timeout=60) == 1
    actor.on_word.options(max_task_retries=0).remote("break")
    assert ray.get(actor.lives.remote(), timeout=60) == 3
    failures = ray.get(supervisor.failures.remote(), timeout=60)
    assert [(name, text.strip().splitlines()[-1]) for _, name, text in failures] == [
        ("fragile", "ValueError: break"), ("fragile", "OSError: locked in life 2"),
    ]  # fmt: skip
    ray.kill(actor)
    ray.kill(supervisor)


def test_an_actor_that_cannot_start_at_all_says_why(cluster, tmp_path):
    import ray

    (tmp_path / "lives").write_text("x")  # its first life will be its second
    actor = ray.remote(crash_only(Fragile)).options(num_cpus=0, max_restarts=-1).remote("f", str(tmp_path / "lives"))
    with pytest.raises(ray.exceptions.ActorDiedError, match="locked in life 2"):
        ray.get(actor.lives.remote(), timeout=60)


class Fragile:
    """Cannot be made in its second life."""

    def __init__(self, name, path):
        self.name = name
        with Path(path).open("a+", encoding="ascii") as out:
            out.write("x")
        self.count = len(Path(path).read_text(encoding="ascii"))
        if self.count == 2:
            raise OSError("locked in life 2")

    def on_word(self, word):
        raise ValueError(word)

    def lives(self):
        return self.count


class Echo:
    def __init__(self):
        self.words = []

    def on_word(self, word):
        self.words.append(word)

    def heard(self):
        return self.words
