"""How a command ends: one JSON document on stdout, one line on stderr, and an exit code that means something.

0 done; 1 a check failed; 2 wrong usage or configuration; 3 refused by authority (a locked home, a fenced epoch).
"""

import signal
import sqlite3
import sys
from collections.abc import Callable
from enum import IntEnum
from types import FrameType
from typing import Any

import click
import msgspec


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    CHECK_FAILED = 1
    USAGE = 2
    REFUSED = 3


def is_expected(error: Exception) -> bool:
    """Tell whether an error is about the user's input, so that a line is the right answer and a traceback is not."""
    from actors.venue_host import HostError
    from actors.world import WorldStuckError
    from journal.store import Fenced
    from research.home import HomeLockedError
    from research.ordering import FinalError
    from research.paper import RunError

    return isinstance(
        error,
        (ValueError, OSError, sqlite3.DatabaseError, HomeLockedError, Fenced, FinalError, RunError, WorldStuckError,
         HostError),
    )  # fmt: skip


def fail(error: Exception) -> int:
    """Say in one line what is wrong; return the exit code."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    click.echo(f"trifecta: {text}", err=True)
    return int(_code_of(error))


def _code_of(error: Exception) -> Exit:
    from actors.world import WorldStuckError
    from journal.commands import CommandsError
    from journal.store import Fenced
    from journal.switchboard import SwitchboardError
    from research.home import HomeLockedError
    from research.ordering import FinalError
    from research.paper import RunError
    from research.replay import DamagedJournalError

    if isinstance(error, (HomeLockedError, Fenced, FinalError)):
        return Exit.REFUSED
    if (
        isinstance(error, (RunError, WorldStuckError, DamagedJournalError, SwitchboardError, CommandsError))
        or _is_corrupt(error)
        or _is_corrupt(error.__cause__)
    ):
        return Exit.CHECK_FAILED
    return Exit.USAGE


def _is_corrupt(error: BaseException | None) -> bool:
    """Tell whether a file is a database, but a damaged one."""
    return isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT


def heed_wish_to_stop() -> Callable[[], bool]:
    """Take Ctrl-C and a polite kill alike from here on: what runs is left by KeyboardInterrupt, so that it cleans up.

    Returns who tells whether somebody wished it: an exception that arises inside a library's callback or a destructor
    may be swallowed there, so what takes long asks as well.
    """
    wished: list[int] = []  # not an Event: Tune pickles whom it calls back, and a lock cannot be

    def interrupt(number: int, _: FrameType | None) -> None:
        wished.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return lambda: bool(wished)


def say(text: str) -> None:
    """Tell people something: on stderr, so that stdout stays for the answer."""
    click.echo(text, err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print the one JSON document of a command."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2).decode())
    sys.stdout.write("\n")
    sys.stdout.flush()
