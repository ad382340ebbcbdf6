"""A paper run: the three desks on Ray over recorded data, journaled, from the start or from where it stopped."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from actors.restoring import SessionLog, newest_session
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings
from actors.staging import session_record
from actors.system import Cluster
from journal.records import Stop
from journal.store import SqliteJournal
from policies.plan import plan_hash
from research.home import Home
from research.planning import Planned
from research.result import RunResult, result_of_session
from venues.replay import save_tape

SILENCE_S_MAX: Final = 300.0
"""The first run on a machine compiles its kernels in the actors: minutes on a busy one."""

BUSY_S: Final = 0.75
"""Who has not answered by then is busy; waiting longer would keep Ctrl-C waiting as well."""

FAILURES_MAX: Final = 20


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
) -> Finished:
    """Run a plan to its end, or until `stop` says so; `watch` is called about twice a second."""
    run = PaperRun(home, planned)
    cluster = Cluster(dashboard=dashboard, address=home.cluster)
    try:
        cluster.start()
        run.launch(cluster)
        run.follow(watch, stop)
    finally:
        cluster.stop()
    return run.finished()


class PaperRun:
    """A session and its actors on a cluster that somebody else stops: its actors outlive the session's end."""

    def __init__(self, home: Home, planned: Planned) -> None:
        self._home, self._planned = home, planned
        self.settings, self.resumed = open_session(home, planned)
        self._candidates: list[int] = []
        self._wall_s = 0.0

    def launch(self, cluster: Cluster) -> None:
        """Start the actors; they begin at once."""
        self._cluster = cluster
        cluster.launch(self.settings)

    def follow(self, watch: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
        """Watch until the end is journaled, or until `stop` says so; tell whether it was the end."""
        begin = time.perf_counter()
        candidates = _follow(self._cluster, self.settings, self._planned, watch, stop)
        self._candidates = candidates or [0] * len(self.settings.agents)
        self._wall_s = time.perf_counter() - begin
        return candidates is not None

    def finished(self) -> Finished:
        """Return what the journal says of the session."""
        return _finished(self._home, self._planned, self.settings, self._candidates, self.resumed, self._wall_s)


def open_session(home: Home, planned: Planned) -> tuple[Settings, bool]:
    """Continue the newest session if it is this one and has not ended, else begin a new one; tell which it was."""
    tape = save_tape(home.tapes, planned.tape)
    journal = SqliteJournal(home.journal)
    try:
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
) -> list[int] | None:
    """Watch until the governor has journaled the end; return the candidates each desk heard, None when stopped."""
    begin = moved = time.perf_counter()
    last = -1
    while True:
        now = time.perf_counter()
        state = _ask_both(cluster)
        if state is not None:
            governor, risk = state
            events = int(np.searchsorted(planned.tape.time_ns, risk["done_ns"], side="right"))
            watch(
                Progress(
                    int(risk["time_ns"]), events, len(planned.tape.time_ns), now - begin, governor["decisions"],
                    governor["executed"], governor["fills"], risk["equity"], risk["desks"],
                )
            )  # fmt: skip
            if governor["complete"]:
                return [cluster.ask(name)["candidates"] for name in settings.agents]
            mark = events + governor["records"]
            moved = now if mark != last else moved
            last = mark
        if stop():
            with suppress(TimeoutError):  # it is as good as killed then, and the journal is whole all the same
                cluster.ask(GOVERNOR, "on_stop", "interrupted", timeout_s=BUSY_S)
            return None
        _check_health(cluster, now - moved)
        time.sleep(0.4)


def _ask_both(cluster: Cluster) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Ask governor and risk how they are; None while one is starting again, or too busy (compiling its kernels)."""
    from ray.exceptions import RayActorError

    try:
        return cluster.ask(GOVERNOR, timeout_s=BUSY_S), cluster.ask(RISK, timeout_s=BUSY_S)
    except (TimeoutError, RayActorError):
        return None


def _check_health(cluster: Cluster, silence_s: float) -> None:
    failures: list[tuple[int, str, str]] = cluster.ask(SUPERVISOR, "failures")
    if len(failures) > FAILURES_MAX:
        _, name, text = failures[-1]
        raise RunError(f"{name} failed {len(failures)} times; the last time with: {text.strip().splitlines()[-1]}")
    if silence_s > SILENCE_S_MAX:
        states: list[dict[str, Any]] = cluster.ask(SUPERVISOR, "registry")
        quiet = [state["name"] for state in states if not state["heard_s"] or state["heard_s"] > 10]
        raise RunError(f"nothing moved for {silence_s:.0f} s; silent: {', '.join(quiet) or 'nobody'}")


def _finished(
    home: Home, planned: Planned, settings: Settings, candidates: list[int], resumed: bool, wall: float
) -> Finished:
    journal = SqliteJournal(home.journal, read_only=True)
    try:
        log: SessionLog = newest_session(journal)
        records, head = journal.head
    finally:
        journal.close()
    result = result_of_session(planned.plan, planned.tape, log, candidates)
    events = len(planned.tape.time_ns)
    return Finished(result, settings, log.complete, resumed, records, head, wall, events)
