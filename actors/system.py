"""The system: the only place that says ray.remote, names, options and restart rules.

A run has its own Ray: own temporary directory, own token, no fixed port that others might have. Actors live as long as
the driver that started them; when it goes, they go. Order actors are never retried by the runtime: a call may have run
although it raised, and exactly once lives in the journal and in the venue's order id.
"""

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings, SqliteOpener

NAMESPACE: Final = "trifecta"

ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_DEDUP_LOGS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
}
"""Set before `import ray`; what the environment says already stands."""


class RayPeers:
    """Finds actors by name, and remembers them: the resolver of the cluster."""

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace
        self._handles: dict[str, Any] = {}

    def __call__(self, name: str, /) -> Any:
        """Return the handle of an actor; a stand-in that drops messages while there is none of that name."""
        handle = self._handles.get(name)
        if handle is None:
            import ray

            try:
                handle = ray.get_actor(name, namespace=self._namespace)
            except ValueError:
                return _Nobody()
            self._handles[name] = handle
        return handle

    def __reduce__(self) -> Any:
        return (RayPeers, (self._namespace,))


class _Nobody:
    """Takes messages for an actor that does not exist (yet): they are lost, and will be asked for again."""

    def __getattr__(self, method: str) -> "_Nobody":
        return self

    def remote(self, *arguments: object) -> None:
        """Drop a message."""


class RayLife:
    """A governor's life in a Ray worker: wall clock, and an end that Ray does not undo."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    @staticmethod
    def now_ns() -> int:
        """Return wall time."""
        return time.time_ns()

    @staticmethod
    def end() -> None:
        """End this actor for good: another governor has taken over."""
        import ray.actor

        leave: Any = ray.actor.exit_actor
        leave()


class Cluster:
    """A local Ray of one's own and the actors of one run in it."""

    def __init__(self, *, cpus: int = 2, dashboard: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tri-"))
        self._cpus = cpus
        self._dashboard = dashboard
        self._set: dict[str, str | None] = {}
        self._children: list[psutil.Process] = []
        self._handles: dict[str, Any] = {}  # an actor lives as long as somebody holds its handle

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start Ray; `environment` is set for it as well, where the environment does not say otherwise."""
        token = self.folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        for name, value in {**ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(token), **(environment or {})}.items():
            if name not in os.environ:
                self._set[name] = None
                os.environ[name] = value
        import ray

        handlers = _signal_handlers()
        ray.init(
            address="local",
            namespace=NAMESPACE,
            num_cpus=self._cpus,
            object_store_memory=150 * 2**20,
            include_dashboard=self._dashboard,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(self.folder),
        )
        for number, handler in handlers.items():
            signal.signal(number, handler)
        self._children = psutil.Process().children(recursive=True)

    def launch(self, settings: Settings) -> None:
        """Start the actors of a run; they find each other by name."""
        import ray

        from actors.agent import Agent
        from actors.feed import FeedShard
        from actors.gateway import Gateway
        from actors.governor import Governor
        from actors.risk import RiskManager
        from actors.supervisor import Supervisor

        peers, opener = RayPeers(), SqliteOpener(settings.journal_path)
        self._start(Governor, GOVERNOR, settings, peers, opener, RayLife(f"{socket.gethostname()}:{os.getpid()}"))
        self._start(RiskManager, RISK, settings, peers, opener)
        for name in settings.gateways:
            self._start(Gateway, name, settings, peers, opener)
        for name in settings.feeds:
            self._start(FeedShard, name, settings, peers)
        for name in settings.agents:
            self._start(Agent, name, settings, peers)
        self._start(Supervisor, SUPERVISOR, settings, peers, max_concurrency=4)
        ray.get([handle.status.remote() for name, handle in self._handles.items() if name != SUPERVISOR], timeout=120)
        self._handles[SUPERVISOR].run.remote()

    def _start(self, kind: type, name: str, *arguments: object, max_concurrency: int = 1) -> None:
        import ray

        options: dict[str, Any] = {
            "name": name,
            "namespace": NAMESPACE,
            "num_cpus": 0,
            "max_restarts": -1,
            "max_task_retries": 0,
            "max_concurrency": max_concurrency,
            "enable_task_events": False,
        }
        self._handles[name] = ray.remote(crash_only(kind)).options(**options).remote(name, *arguments)

    def ask(self, name: str, method: str = "status", *arguments: object, timeout_s: float = 10.0) -> Any:
        """Ask an actor and wait: for the driver and for tests, never for actors."""
        import ray

        return ray.get(getattr(self._handles[name], method).remote(*arguments), timeout=timeout_s)

    def stop(self) -> None:
        """Stop Ray and everything it started; remove what it wrote."""
        import ray

        self._children = [*self._children, *psutil.Process().children(recursive=True)]
        ray.shutdown()
        _end(list({child.pid: child for child in self._children}.values()))
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in self._set:
            os.environ.pop(name, None)


def _signal_handlers() -> dict[signal.Signals, Any]:
    """Return who handles a wish to stop: Ray puts its own in their place, and its answer to SIGTERM is to abort."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}


def crash_only(kind: type) -> type:
    """Return the actor class with every `on_...` ending the process when it raises.

    Ray starts it again, and starting is recovering. What went wrong is told to the supervisor first; left alone, Ray
    would go on with a broken actor.
    """
    hardened: dict[str, Any] = {}
    for name in dir(kind):
        if name.startswith("on_"):
            hardened[name] = _crashing(getattr(kind, name))
    return type(kind.__name__, (kind,), hardened)


def _crashing(method: Any) -> Any:
    def call(self: Any, *arguments: object) -> None:
        try:
            method(self, *arguments)
        except Exception:  # noqa: BLE001 - whatever it was, this process ends with it
            import ray

            told = RayPeers()(SUPERVISOR).on_failure.remote(self.name, traceback.format_exc())
            ray.wait([told], timeout=2.0)
            os._exit(1)

    return call


def _end(processes: list[psutil.Process]) -> None:
    """See processes off: Ray's own end first, then ours; those that Ray only started (HAProxy) may know of no end."""
    _, left = psutil.wait_procs(processes, timeout=1.0)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(left, timeout=5.0)
