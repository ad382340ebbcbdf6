"""The system: the only place that says ray.remote, names, options and restart rules.

A run has its own Ray (`actors.local`). Actors live as long as the driver that started them; when it goes, they go.
Order actors are never retried by the runtime: a call may have run although it raised, and exactly once lives in the
journal and in the venue's order id.
"""

import os
import socket
import time
import traceback
from pathlib import Path
from typing import Any

from actors.address import own_address, write_address
from actors.local import NAMESPACE, LocalRay
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings, SqliteOpener


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
    """A local Ray of one's own and the actors of one run in it; others find it by `address`, a file in the home."""

    def __init__(self, *, cpus: int = 2, dashboard: bool = False, address: Path | None = None) -> None:
        self._ray = LocalRay(cpus=cpus, dashboard=dashboard)
        self._address = address
        self._handles: dict[str, Any] = {}  # an actor lives as long as somebody holds its handle

    def start(self) -> None:
        """Start Ray, and say where it is."""
        self._ray.start()
        if self._address is not None:
            write_address(self._address, own_address(self._ray.gcs_address))

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
        if self._address is not None:
            self._address.unlink(missing_ok=True)
        self._ray.stop()


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
