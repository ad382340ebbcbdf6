"""The home: where a user's journals, tapes, reports and caches lie, and the lock that lets in one run at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO


class HomeLockedError(RuntimeError):
    """Another run is at work in this home."""


class Home:
    """The folders of a home; used with `with`, it is locked until the block ends or the process dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    @property
    def journal(self) -> Path:
        """The journal of all runs."""
        return self.path / "journal.db"

    @property
    def switches(self) -> Path:
        """The kill switches: apart from the journal, so that they work while the engine hangs."""
        return self.path / "switches.db"

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
    def cluster(self) -> Path:
        """The address of the system that runs in this home, while one does."""
        return self.path / "cluster.json"

    def __enter__(self) -> "Home":
        """Lock the home; HomeLockedError names the process that has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = self._locked()
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        return self

    def _locked(self) -> IO[str]:
        """Return the lock file, locked; a file that its last owner removed in between locks nobody out."""
        path = self.path / "lock"
        while True:
            lock = path.open("a+", encoding="ascii", errors="replace")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                lock.close()
                raise HomeLockedError(
                    f"{self.path}: locked by process {owner}; let it end, or use another --home"
                ) from None
            if path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
            lock.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    def unlock(self) -> None:
        """Unlock the home and leave no lock file behind."""
        if self._lock is not None:
            (self.path / "lock").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
