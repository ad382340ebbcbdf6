"""The emergency stop: from another process, whatever the engine does. Trip, end the engine, cancel at the venues.

It needs nothing of the engine: the switchboard is a file, the engine's process stands in the lock of its home, and each
venue is reached by a session of its own. A process that hangs, or was stopped, hears no polite signal, so it is killed;
nothing is lost by that, because starting is recovering. It is killed only after the trip is durable, so that whatever
starts again finds everything blocked; where the trip cannot be made durable, it is killed and the trip tried again.

An engine may be left as it is, to be looked at: whenever it goes on it finds the trip before it sends anything, and
hears from its venues what was done there.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import psutil
from msgspec import Struct

from actors.switching import Act, trip
from journal.switchboard import Switchboard, SwitchboardError
from policies.switches import ANY, Mode, Result, Scope, Trip
from research.home import Home

EVERYTHING: Final = Trip(Scope.GLOBAL, ANY, Mode.CANCEL_AND_BLOCK, hard=True)
END_WAIT_S: Final = 5.0
LOCK_WAIT_S: Final = 2.0


class VenueSession(Protocol):
    """A connection to one venue that is the emergency stop's own."""

    @property
    def name(self) -> str:
        """Name the venue."""

    def cancel_all(self) -> int:
        """Cancel every unexecuted order at the venue; return how many were asked for."""

    def flatten(self) -> dict[str, int]:
        """Close all that is held at the venue; return the lots that were traded for it."""


class Canceled(Struct, frozen=True):
    """What one venue said: how many orders it was asked to cancel, what was closed, or why it could not be asked."""

    venue: str
    orders: int
    problem: str | None = None
    closed: dict[str, int] = {}


class Stopped(Struct, frozen=True):
    """What an emergency stop has done. `trip` is None, and `problem` says why, where the trip is not durable.

    `left` says that the engine was to be left as it is.
    """

    trip: Result | None
    problem: str | None
    engine: int | None
    killed: tuple[int, ...]
    alive: tuple[int, ...]
    canceled: tuple[Canceled, ...]
    left: bool = False

    @property
    def done(self) -> bool:
        """Tell whether everything is stopped: the trip durable, no process left, every venue asked."""
        return self.trip is not None and not self.alive and not any(one.problem for one in self.canceled)


def engine_of(home: Path) -> int | None:
    """Return the process that runs in a home, by its lock; None where nobody holds it, 0 where it does not say who."""
    try:
        with (home / "lock").open("r", encoding="ascii", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = lock.read().strip()
                return int(owner) if owner.isdecimal() else 0
    except FileNotFoundError:
        return None
    return None


def emergency_stop(
    home: Home, act: Act, sessions: Sequence[VenueSession] = (), *, flatten: bool = False, leave: bool = False
) -> Stopped:
    """Trip everything hard, end the engine of this home and all that it started, cancel at every venue.

    `flatten` also closes what is held there, `leave` lets the engine be, unless the trip cannot be made durable.
    """
    done, problem = _trip(home, act)
    engine = engine_of(home.path)
    left = leave and done is not None
    killed, alive = ((), ()) if left else end_engine(engine)
    if done is None:
        done, problem = _trip(home, act)
    canceled = tuple(_cancel(session, flatten=flatten) for session in sessions)
    return Stopped(done, problem, engine, killed, alive, canceled, left)


def _trip(home: Home, act: Act) -> tuple[Result | None, str | None]:
    try:
        board = Switchboard(home.switches, lock_wait_s=LOCK_WAIT_S)
        try:
            return trip(board, EVERYTHING, act)[0], None
        finally:
            board.close()
    except SwitchboardError as error:
        return None, str(error)


def end_engine(engine: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Kill a process and everything it started; return the ids of all of them, and of those that are left."""
    if not engine or engine == os.getpid():
        return (), ((engine,) if engine is not None else ())
    try:
        driver = psutil.Process(engine)
        processes = [driver, *driver.children(recursive=True)]
    except psutil.NoSuchProcess:
        return (), ()
    for process in processes:  # the driver first: it would start again what it misses
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _, left = psutil.wait_procs(processes, timeout=END_WAIT_S)
    alive = [process.pid for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    return tuple(process.pid for process in processes), tuple(alive)


def _cancel(session: VenueSession, *, flatten: bool) -> Canceled:
    orders = 0
    try:
        orders = session.cancel_all()
        return Canceled(session.name, orders, closed=session.flatten() if flatten else {})
    except Exception as error:  # noqa: BLE001 - one venue that fails must not keep the next one from being asked
        return Canceled(session.name, orders, f"{type(error).__name__}: {error}")
