"""The home: where a user's journals, tapes, reports and caches lie, and the locks that let in one run at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from journal.store import Place, is_url, shown


class HomeLockedError(RuntimeError):
    """Another run is at work in this home, or on this journal."""


class _Lock(Protocol):
    def close(self) -> None:
        """Let the next one in."""


class Home:
    """The folders of a home; used with `with`, it and its journal are locked until the block or the process ends."""

    def __init__(self, path: Path, journal: Place | None = None) -> None:
        self.path = path
        self.journal: Place = journal or path / "journal.db"
        """Where the journal of all runs is: a file in the home, another one, or a `postgresql://` URL."""
        self._locks: list[_Lock] = []

    @property
    def switches(self) -> Path:
        """The kill switches: apart from the journal, so that they work while the engine hangs."""
        return self.path / "switches.db"

    @property
    def commands(self) -> Path:
        """What people have ordered of an account: apart from the journal for the same reason."""
        return self.path / "commands.db"

    @property
    def venues(self) -> Path:
        """Where the processes of simulated venues are found, a folder per session."""
        return self.path / "venues"

    @property
    def tapes(self) -> Path:
        """Recorded market data, by hash."""
        return self.path / "tapes"

    @property
    def reports(self) -> Path:
        """HTML reports."""
        return self.path / "reports"

    @property
    def params(self) -> Path:
        """Parameters that a sweep found best, by hash."""
        return self.path / "params"

    @property
    def models(self) -> Path:
        """Trained agents, by hash, and who is whose champion."""
        return self.path / "models"

    @property
    def cluster(self) -> Path:
        """The address of the system that runs in this home, while one does."""
        return self.path / "cluster.json"

    def __enter__(self) -> "Home":
        """Lock the home and its journal; HomeLockedError names the process that has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._locks.append(FileLock(self.path / "lock", str(self.path), "--home"))
            self._locks.append(_lock_of_journal(self.journal))
        except BaseException:
            self.unlock()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    def unlock(self) -> None:
        """Unlock home and journal, and leave no lock file behind."""
        while self._locks:
            self._locks.pop().close()


class FileLock:
    """A locked file with the number of the process that has it; `what` is locked, and `option` names another one."""

    def __init__(self, path: Path, what: str, option: str) -> None:
        self._path = path
        self._file = self._locked(what, option)
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def _locked(self, what: str, option: str) -> IO[str]:
        """Return the lock file, locked; a file that its last owner removed in between locks nobody out."""
        while True:
            lock = self._path.open("a+", encoding="ascii", errors="replace")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                lock.close()
                raise HomeLockedError(
                    f"{what}: locked by process {owner}; let it end, or use another {option}"
                ) from None
            if self._path.exists() and self._path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
            lock.close()

    def close(self) -> None:
        """Unlock and remove the file."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def _lock_of_journal(place: Place) -> _Lock:
    """Lock a journal that several homes may name: two runs would fence each other for ever."""
    if not is_url(place):
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(f"{path.name}.lock"), str(path), "--journal")
    from journal.postgres import lock_run

    held = lock_run(str(place))
    if held is None:
        raise HomeLockedError(f"{shown(place)}: another run is at work on it; let it end, or use another --journal")
    return held
