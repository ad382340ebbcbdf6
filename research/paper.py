"""A paper run: the three desks on Ray over recorded data, journaled, from the start or from where it stopped."""

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import psutil

from actors.restoring import SessionLog, newest_session
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings
from actors.staging import session_record
from actors.system import Cluster
from journal.records import Stop
from journal.store import Journal, SqliteJournal
from journal.verify import verify_journal
from policies.plan import plan_hash
from research.home import Home
from research.planning import Planned
from research.result import RunResult, result_of_session
from venues.replay import save_tape

SILENCE_S_MAX: Final = 90.0
FAILURES_MAX: Final = 20
PAUSE_S: Final = 0.4
"""Between two looks at a running system."""


class RunError(RuntimeError):
    """A run could not come to its end; what is in the journal stands, and the next run goes on from there."""


class Progress(NamedTuple):
    """Where a run is: market time, rows passed of all, and what happened so far; money in 10**-6."""

    market_ns: int
    events: int
    events_all: int
    wall_seconds: float
    decisions: int
    executed: int
    fills: int
    equity: int
    desks: dict[str, int]


class Finished(NamedTuple):
    """A run that has ended: its result, its journal, and how long it took."""

    result: RunResult
    settings: Settings
    complete: bool
    resumed: bool
    records: int
    head: str
    wall_seconds: float
    events: int

    @property
    def events_per_second(self) -> float:
        """Market rows per second of wall time in which actors were at work."""
        return self.events / self.wall_seconds if self.wall_seconds > 0 else 0.0


def run_paper(
    home: Home,
    planned: Planned,
    watch: Callable[[Progress], None],
    stop: Callable[[], bool],
    *,
    dashboard: bool = False,
    starting: Callable[[Path], None] = lambda _: None,
) -> Finished:
    """Run a plan to its end, or until `stop` says so; `watch` is called about twice a second.

    `starting` is told Ray's temporary folder before Ray starts.
    """
    settings, resumed = open_session(home, planned)
    cluster = Cluster(dashboard=dashboard)
    starting(cluster.folder)
    begin = time.perf_counter()
    try:
        cluster.start()
        cluster.launch(settings)
        begin = time.perf_counter()
        candidates = _follow(cluster, settings, planned, watch, stop)
    finally:
        cluster.stop()
    wall = time.perf_counter() - begin
    return _finished(home, planned, settings, candidates, resumed, wall)


def abandon(home: Home, folder: Path | None) -> None:
    """End a run that is still starting, from within a signal handler: nothing was decided, so nothing is asked."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=2.0)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    home.unlock()


def open_session(home: Home, planned: Planned) -> tuple[Settings, bool]:
    """Continue the newest session if it is this one and has not ended, else begin a new one; tell which it was."""
    tape = save_tape(home.tapes, planned.tape)
    journal = SqliteJournal(home.journal)
    try:
        _check_journal(home.journal, journal)
        log = newest_session(journal)
        old = log.session
        settings = Settings(
            plan=planned.plan,
            session=old.number if old else 1,
            journal_path=str(home.journal.resolve()),
            tape_folder=str(home.tapes.resolve()),
            tape_hash=tape,
        )
        if old and not log.complete and old.plan_hash == plan_hash(planned.plan) and old.tape_hash == tape:
            return settings, True
        settings = Settings(
            plan=planned.plan,
            session=old.number + 1 if old else 1,
            journal_path=settings.journal_path,
            tape_folder=settings.tape_folder,
            tape_hash=tape,
        )
        epoch = journal.claim("session", time.time_ns())
        abandoned = old is not None and not log.stops
        if old is not None and abandoned:
            journal.append(epoch, [Stop(time_ns=0, number=old.number, complete=False, reason="abandoned")])
        journal.append(epoch, [session_record(settings, planned.data, revision())])
        return settings, False
    finally:
        journal.close()


def _check_journal(path: Path, journal: Journal) -> None:
    """Refuse to go on from a journal that is not what was written: starting is recovering from it."""
    found = verify_journal(journal)
    if not found.ok:
        raise RunError(
            f"{path}: record {found.first_bad} is bad: {found.problem}; move the file away, or use another --home"
        )


def revision() -> str:
    """Return the code's revision, where it runs from a checkout."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except OSError:
        return ""
    return found.stdout.strip()


def _follow(
    cluster: Cluster,
    settings: Settings,
    planned: Planned,
    watch: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> list[int]:
    """Watch until the governor has journaled the end; return the candidates each desk heard."""
    begin = moved = time.perf_counter()
    last = -1
    while True:
        governor, risk = _asked(cluster, GOVERNOR), _asked(cluster, RISK)
        if governor is None or risk is None:  # one of them starts again: its silence is counted, not its absence
            if stop():
                return [0 for _ in settings.agents]
            _check_silence(cluster, time.perf_counter() - moved)
            time.sleep(PAUSE_S)
            continue
        events = int(np.searchsorted(planned.tape.time_ns, risk["done_ns"], side="right"))
        now = time.perf_counter()
        watch(
            Progress(
                int(risk["time_ns"]), events, len(planned.tape.time_ns), now - begin, governor["decisions"],
                governor["executed"], governor["fills"], risk["equity"], risk["desks"],
            )
        )  # fmt: skip
        if governor["complete"]:
            return [(_asked(cluster, name) or {}).get("candidates", 0) for name in settings.agents]
        if stop():
            _asked(cluster, GOVERNOR, "on_stop", "interrupted")
            return [0 for _ in settings.agents]
        mark = events + governor["records"]
        moved = now if mark != last else moved
        last = mark
        _check_failures(cluster)
        _check_silence(cluster, now - moved)
        time.sleep(PAUSE_S)


def _asked(cluster: Cluster, name: str, method: str = "status", *arguments: object) -> Any:
    """Return an actor's answer; None while it is away (Ray starts it again); RunError when it does not come back."""
    import ray.exceptions

    try:
        return cluster.ask(name, method, *arguments)
    except ray.exceptions.ActorDiedError as error:
        raise RunError(f"{name} has ended and does not start again: {str(error).splitlines()[0]}") from error
    except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
        return None


def _check_failures(cluster: Cluster) -> None:
    failures: list[tuple[int, str, str]] = _asked(cluster, SUPERVISOR, "failures") or []
    if len(failures) > FAILURES_MAX:
        _, name, text = failures[-1]
        raise RunError(f"{name} failed {len(failures)} times; the last time with: {text.strip().splitlines()[-1]}")


def _check_silence(cluster: Cluster, silence_s: float) -> None:
    if silence_s > SILENCE_S_MAX:
        states: list[dict[str, Any]] = _asked(cluster, SUPERVISOR, "registry") or []
        quiet = [state["name"] for state in states if not state["heard_s"] or state["heard_s"] > 10]
        raise RunError(f"nothing moved for {silence_s:.0f} s; silent: {', '.join(quiet) or 'nobody'}")


def _finished(
    home: Home, planned: Planned, settings: Settings, candidates: list[int], resumed: bool, wall: float
) -> Finished:
    journal = SqliteJournal(home.journal)  # not for reading alone: closing it folds the write-ahead log into the file
    try:
        log: SessionLog = newest_session(journal)
        records, head = journal.head
    finally:
        journal.close()
    result = result_of_session(planned.plan, planned.tape, log, candidates)
    events = len(planned.tape.time_ns)
    return Finished(result, settings, log.complete, resumed, records, head, wall, events)
