"""Watching: what a user's file reads by itself, while it runs. Such data cannot be cut, so nothing vouches for it."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Any, Final

CODE: Final = (".py", ".pyc", ".pyi", ".so", ".pyd", ".egg-info", ".dist-info")
CONNECTIONS: Final = frozenset({"socket.connect", "urllib.Request", "sqlite3.connect", "ftplib.connect"})
INSTALLED: Final = tuple({os.path.realpath(place) for place in (sys.prefix, sys.base_prefix)})
SYSTEM: Final = ("/proc", "/sys", "/dev", "/usr/share/zoneinfo", "/etc")

_watches: list["Watch"] = []
_hooked: list[bool] = []


class Watch(AbstractContextManager["Watch"]):
    """Collects the files that are opened for reading and the connections that are made while it is entered.

    `trusted` names files that somebody vouches for. What native code opens, past Python's own doors, is not seen.
    """

    def __init__(self, path: Path, trusted: tuple[str, ...] = ()) -> None:
        self._allowed = {os.path.realpath(path), *(os.path.realpath(one) for one in trusted)}
        self._seen: dict[str, None] = {}

    def __enter__(self) -> "Watch":
        """Begin to watch."""
        if not _hooked:
            sys.addaudithook(_audit)  # for the life of the process: it is silent while nobody watches
            _hooked.append(True)
        _watches.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        _watches.remove(self)

    def found(self) -> tuple[str, ...]:
        """Return what was read, in words."""
        return tuple(self._seen)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take one event of the interpreter."""
        if event in CONNECTIONS:
            self._seen[f"makes a connection ({event})"] = None
        elif event == "open" and arguments and isinstance(arguments[0], str | bytes):
            path, mode = os.path.realpath(os.fsdecode(arguments[0])), arguments[1]
            if not _is_own(path) and path not in self._allowed and (mode is None or "r" in mode or "+" in mode):
                self._seen[f"reads {os.fsdecode(arguments[0])} by itself"] = None


def _is_own(path: str) -> bool:
    """Tell a file of the interpreter, of a package or of the system from data."""
    return path.endswith(CODE) or path.startswith((*INSTALLED, *SYSTEM)) or os.path.isdir(path)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    for watch in _watches:
        watch.see(event, arguments)


@contextmanager
def native_words_to_stderr() -> Iterator[None]:
    """Send to stderr whatever is printed meanwhile, also by Fortran and C (LAPACK complains of NaN on stdout)."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
