"""How a command ends: one JSON document on stdout, one line on stderr, and an exit code that means something.

0 done; 1 a check failed; 2 wrong usage or configuration; 3 refused by authority (a locked home, a fenced epoch).
"""

import signal
import sqlite3
import sys
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
    from actors.world import WorldStuckError
    from journal.store import Fenced
    from research.home import HomeLockedError
    from research.paper import RunError

    kinds = (ValueError, OSError, sqlite3.DatabaseError, HomeLockedError, Fenced, RunError, WorldStuckError)
    return isinstance(error, kinds)


def fail(error: Exception) -> int:
    """Say in one line what is wrong; return the exit code."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    click.echo(f"trifecta: {text}", err=True)
    return int(_code_of(error))


def _code_of(error: Exception) -> Exit:
    from actors.world import WorldStuckError
    from journal.store import Fenced
    from journal.switchboard import SwitchboardError
    from research.home import HomeLockedError
    from research.paper import RunError
    from research.replay import DamagedJournalError

    if isinstance(error, (HomeLockedError, Fenced)):
        return Exit.REFUSED
    if (
        isinstance(error, (RunError, WorldStuckError, DamagedJournalError, SwitchboardError))
        or _is_corrupt(error)
        or _is_corrupt(error.__cause__)
    ):
        return Exit.CHECK_FAILED
    return Exit.USAGE


def _is_corrupt(error: BaseException | None) -> bool:
    """Tell whether a file is a database, but a damaged one."""
    return isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT


def heed_polite_kill() -> None:
    """Take a polite kill as Ctrl-C from here on: a Ray of one's own is ended in order, temporary files are removed."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    """Tell people something: on stderr, so that stdout stays for the answer."""
    click.echo(text, err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print the one JSON document of a command."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2).decode())
    sys.stdout.write("\n")
    sys.stdout.flush()
