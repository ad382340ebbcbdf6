"""A local Ray of one's own: its temporary directory, its token, its end. A paper run and a sweep each start one.

Nothing of it outlives `stop`: every process is seen off by its id, and its folder is removed. A driver that was killed
cannot do that; its folder says whose it was, so that `leftovers` finds what it left behind.
"""

import logging
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import psutil

NAMESPACE: Final = "trifecta"
PREFIX: Final = "tri-"
"""Short, because a path of a socket below it may have 107 characters."""

OWNER: Final = "owner"
CLEARINGS_MAX: Final = 5
STORE_BYTES: Final = 150 * 2**20

ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_DEDUP_LOGS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_max_direct_call_object_size": "4194304",  # a plan with networks goes inline: an actor restarts with it
}
"""Set before `import ray`; what the environment says already stands."""


class Process(msgspec.Struct, frozen=True):
    """One process for good: its id is used again, its id with the moment it began is not."""

    pid: int
    began_s: float

    @property
    def alive(self) -> bool:
        """Tell whether it still runs."""
        try:
            found = psutil.Process(self.pid)
            return abs(found.create_time() - self.began_s) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this_process() -> Process:
    """Return the process that asks."""
    own = psutil.Process()
    return Process(own.pid, own.create_time())


def forget_token() -> None:
    """Make Ray read its token anew: it keeps the first that this process has used, and every system has its own."""
    import ray._raylet

    raylet: Any = ray._raylet  # noqa: SLF001 - no public way; without it a process joins one system at most
    raylet.AuthenticationTokenLoader.instance().reset_cache()


class LocalRay:
    """A Ray on this machine that lives as long as this process, or until it is stopped."""

    def __init__(self, *, cpus: int = 2, dashboard: bool = False, store_bytes: int = STORE_BYTES) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.gcs_address = ""
        self._cpus = cpus
        self._dashboard = dashboard
        self._store_bytes = store_bytes
        self._set: list[str] = []
        self._children: list[psutil.Process] = []

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start Ray; `environment` is set for it as well, for its workers and, until it is stopped, for this process.

        What the environment says already stands.
        """
        (self.folder / OWNER).write_bytes(msgspec.json.encode(this_process()))
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        for name, value in {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token), **(environment or {})}.items():
            if name not in os.environ:
                self._set.append(name)
                os.environ[name] = value
        import ray

        forget_token()
        handlers = _signal_handlers()
        ray.init(
            address="local",
            namespace=NAMESPACE,
            num_cpus=self._cpus,
            object_store_memory=self._store_bytes,
            include_dashboard=self._dashboard,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(self.folder),
        )
        for number, handler in handlers.items():
            signal.signal(number, handler)
        self._children = psutil.Process().children(recursive=True)
        self.gcs_address = ray.get_runtime_context().gcs_address

    def stop(self) -> None:
        """Stop Ray and everything it started; remove what it wrote."""
        import ray

        self._children = [*self._children, *psutil.Process().children(recursive=True)]
        started = _started()
        ray.shutdown()
        _end(list({child.pid: child for child in self._children}.values()))
        for process in started:
            process.poll()  # or Python warns that it was never waited for
        _clear(self.folder)
        for name in self._set:
            os.environ.pop(name, None)
        self._set = []


def _started() -> list["subprocess.Popen[bytes]"]:
    """Return the processes that Ray has started from this one; it forgets them on its way out."""
    import ray._private.worker

    worker: Any = ray._private.worker  # noqa: SLF001 - Ray shows them nowhere else
    node = worker._global_node  # noqa: SLF001
    return [started.process for kind in node.all_processes.values() for started in kind] if node else []


def _signal_handlers() -> dict[signal.Signals, Any]:
    """Return who handles a wish to stop: Ray puts its own in their place, and its answer to SIGTERM is to abort."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def _end(processes: list[psutil.Process]) -> None:
    """See processes off: Ray's own end first, then ours; those that Ray only started (HAProxy) may know of no end."""
    _, left = psutil.wait_procs(processes, timeout=1.0)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(left, timeout=5.0)


def _clear(folder: Path) -> None:
    """Remove a folder; a worker that Ray was still starting when it ended may write there until it notices."""
    for _ in range(CLEARINGS_MAX):
        heirs = []
        for pid in _heirs_of(folder):
            with suppress(psutil.NoSuchProcess):
                heirs.append(psutil.Process(pid))
        _end(heirs)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


class Leftover(NamedTuple):
    """What a run that was killed left behind: its folder and the processes that still use it."""

    folder: Path
    owner: int
    pids: tuple[int, ...]


def leftovers(below: Path | None = None) -> Iterator[Leftover]:
    """Yield what is left of runs whose driver is gone, from below the directory for temporary files."""
    for folder in sorted((below or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        try:
            owner = msgspec.json.decode((folder / OWNER).read_bytes(), type=Process)
        except (OSError, msgspec.MsgspecError):
            continue  # not one of ours, or another user's
        if not owner.alive:
            yield Leftover(folder, owner.pid, _users_of(folder))


def _users_of(folder: Path) -> tuple[int, ...]:
    """Return the processes whose command line or environment names a folder: Ray's own, its workers, HAProxy."""
    return _processes(lambda process: _names(folder, process.cmdline()) or _names(folder, process.environ().values()))


def _heirs_of(folder: Path) -> tuple[int, ...]:
    """Return the processes that have inherited a folder: these are Ray's, and not somebody who looks at its logs."""
    return _processes(lambda process: _names(folder, process.environ().values()))


def _names(folder: Path, words: Iterable[str]) -> bool:
    return any(str(folder) in word for word in words)


def _processes(fits: Callable[[psutil.Process], bool]) -> tuple[int, ...]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and fits(process):
                found.append(process.pid)
        except psutil.Error:
            continue  # it has ended, or is another user's
    return tuple(sorted(found))
