"""A paper run: the three desks on Ray over recorded data, journaled, from the start or from where it stopped."""

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import psutil

from actors.restoring import SessionLog, newest_session
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings
from actors.staging import session_record
from actors.system import Cluster
from journal.commands import CommandFile, CommandsError
from journal.evidence import Evidence, evidence_of
from journal.records import Stop, Switch
from journal.signing import open_seal
from journal.store import Journal, Place, absolute, open_journal, shown
from journal.switchboard import Switchboard, SwitchboardError
from journal.verify import verify_journal
from policies.plan import plan_hash
from research.account_plan import refuse_short_calendars
from research.accounts import Audit
from research.fault_plans import VenueChoice
from research.home import Home
from research.planning import Planned
from research.result import RunResult, result_of_session
from research.simulated_run import are_there, audit_venues, cast_of, placed, serve_venues
from venues.replay import save_tape

SILENCE_S_MAX: Final = 300.0
"""The first run on a machine compiles its kernels in the actors: minutes on a busy one."""

BUSY_S: Final = 0.75
"""Who has not answered by then is busy; waiting longer would keep Ctrl-C waiting as well."""

LAST_S: Final = 10.0
"""For a last word, when nothing else is waited for."""

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
    audits: tuple[Audit, ...] = ()
    switches: tuple[Switch, ...] = ()

    @property
    def is_reconciled(self) -> bool:
        """Tell whether ledger and venues are the same to the last lot, and no break stands; on paper they are one."""
        return all(one.is_reconciled for one in self.audits)

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
    venue: VenueChoice | None = None,
    dashboard: bool = False,
    starting: Callable[[Path], None] = lambda _: None,
) -> Finished:
    """Run a plan to its end, or until `stop` says so; `watch` is called about twice a second.

    Its orders stay on paper, or go to the simulated venues that are chosen. `starting` is told Ray's temporary folder
    before Ray starts.
    """
    run = PaperRun(home, planned, venue)
    cluster = Cluster(dashboard=dashboard, address=home.cluster)
    starting(cluster.folder)
    try:
        cluster.start()
        run.launch(cluster)
        run.follow(watch, stop)
    finally:
        cluster.stop()
    return run.finished()


class PaperRun:
    """A session and its actors on a cluster that somebody else stops: its actors outlive the session's end."""

    def __init__(self, home: Home, planned: Planned, venue: VenueChoice | None = None) -> None:
        self._home, self._planned = home, planned
        self.settings, self.resumed = open_session(home, planned, venue)
        if venue is not None:
            serve_venues(self.settings, venue)
        self._candidates: list[int] = []
        self._wall_s = 0.0

    def launch(self, cluster: Cluster) -> None:
        """Start the actors; they begin at once."""
        self._cluster = cluster
        cluster.launch(self.settings, cast_of(self.settings))

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


def abandon(home: Home, folder: Path | None) -> None:
    """End a run that is still starting, from within a signal handler: nothing was decided, so nothing is asked."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=2.0)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    home.cluster.unlink(missing_ok=True)
    home.unlock()


def open_session(home: Home, planned: Planned, venue: VenueChoice | None = None) -> tuple[Settings, bool]:
    """Continue the newest session if it is this one and has not ended, else begin a new one; tell which it was."""
    if len(planned.tape.time_ns):
        refuse_short_calendars(planned.plan.rules, int(planned.tape.time_ns[-1]))
    tape = save_tape(home.tapes, planned.tape)
    Switchboard(home.switches).close()  # from here on one that is gone is an error
    CommandFile(home.commands).close()
    evidence = evidence_of(home.journal)  # before it is opened to be written: that begins a head where there is none
    journal = open_journal(home.journal, seal=open_seal)
    try:
        _check_journal(home.journal, journal, evidence)
        log = newest_session(journal)
        old = log.session
        settings = placed(
            Settings(
                plan=planned.plan,
                session=old.number if old else 1,
                journal_path=absolute(home.journal),
                tape_folder=str(home.tapes.resolve()),
                tape_hash=tape,
                switches_path=str(home.switches.resolve()),
                commands_path=str(home.commands.resolve()),
            ),
            home,
            venue,
        )
        same = old and (old.plan_hash, old.tape_hash, old.venue) == (plan_hash(planned.plan), tape, settings.venue)
        if same and not log.complete and are_there(settings):
            return settings, True
        settings = placed(msgspec.structs.replace(settings, session=old.number + 1 if old else 1), home, venue)
        epoch = journal.claim("session", time.time_ns())
        abandoned = old is not None and not log.stops
        if old is not None and abandoned:
            journal.append(epoch, [Stop(time_ns=0, number=old.number, complete=False, reason="abandoned")])
        journal.append(epoch, [session_record(settings, planned.data, revision())])
        return settings, False
    finally:
        journal.close()


def _check_journal(place: Place, journal: Journal, evidence: Evidence | None) -> None:
    """Refuse to go on from a journal that is not what was written: starting is recovering from it."""
    found = verify_journal(journal, evidence)
    if not found.ok:
        raise RunError(f"{shown(place)}: {found.finding}; move the file and its head away, or use another --home")


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
                return [(_asked(cluster, name, LAST_S) or {}).get("candidates", 0) for name in settings.agents]
            mark = events + governor["records"]
            moved = now if mark != last else moved
            last = mark
        if stop():
            _asked(cluster, GOVERNOR, BUSY_S, "on_stop", "interrupted")  # unheard, it is as good as killed
            return None
        _check_failures(cluster)
        _check_silence(cluster, now - moved, state[0].get("held", "") if state is not None else "")
        time.sleep(PAUSE_S)


def _ask_both(cluster: Cluster) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Ask governor and risk how they are; None while one is starting again, or too busy to answer."""
    governor = _asked(cluster, GOVERNOR, BUSY_S)
    risk = _asked(cluster, RISK, BUSY_S) if governor is not None else None
    return (governor, risk) if risk is not None else None


def _asked(cluster: Cluster, name: str, timeout_s: float, method: str = "status", *arguments: object) -> Any:
    """Return an actor's answer; None while it is busy or away (Ray starts it again); RunError when it is gone."""
    from ray.exceptions import ActorDiedError, RayActorError

    try:
        return cluster.ask(name, method, *arguments, timeout_s=timeout_s)
    except ActorDiedError as error:
        raise RunError(f"{name} has ended and does not start again: {str(error).splitlines()[0]}") from error
    except (TimeoutError, RayActorError):
        return None


def _check_failures(cluster: Cluster) -> None:
    failures: list[tuple[int, str, str]] = _asked(cluster, SUPERVISOR, BUSY_S, "failures") or []
    if len(failures) > FAILURES_MAX:
        _, name, text = failures[-1]
        raise RunError(f"{name} failed {len(failures)} times; the last time with: {text.strip().splitlines()[-1]}")


def _check_silence(cluster: Cluster, silence_s: float, held: str) -> None:
    if silence_s > SILENCE_S_MAX:
        if held:
            raise RunError(f"trading was held for {silence_s:.0f} s: {held}")
        states: list[dict[str, Any]] = _asked(cluster, SUPERVISOR, LAST_S, "registry") or []
        quiet = [state["name"] for state in states if not state["heard_s"] or state["heard_s"] > 10]
        raise RunError(f"nothing moved for {silence_s:.0f} s; silent: {', '.join(quiet) or 'nobody'}")


def _finished(
    home: Home, planned: Planned, settings: Settings, candidates: list[int], resumed: bool, wall: float
) -> Finished:
    journal = open_journal(home.journal)  # not for reading alone: closing it folds the write-ahead log into the file
    try:
        log: SessionLog = newest_session(journal)
        records, head = journal.head
        audits = audit_venues(settings, journal) if log.complete else ()
    finally:
        journal.close()
    with suppress(SwitchboardError):  # the same here; that it cannot be read is `trifecta status`'s to say
        Switchboard(home.switches, create=False).close()
    with suppress(CommandsError):
        CommandFile(home.commands, create=False).close()
    result = result_of_session(planned.plan, planned.tape, log, candidates)
    events = len(planned.tape.time_ns)
    switches = tuple(log.switches)
    return Finished(result, settings, log.complete, resumed, records, head, wall, events, audits, switches)
