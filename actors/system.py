"""The system: the only place that says ray.remote, names, options and restart rules.

A run has its own Ray (`actors.local`). Actors live as long as the driver that started them; when it goes, they go.
Order actors are never retried by the runtime: a call may have run although it raised, and exactly once lives in the
journal and in the venue's order id.
"""

import os
import socket
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actors.address import own_address, write_address
from actors.local import NAMESPACE, LocalRay
from actors.settings import GOVERNOR, RISK, SUPERVISOR, PlaceOpener, Settings

if TYPE_CHECKING:
    from actors.staging import Cast

LOOKUP_S: Final = 2.0
"""How long a name is believed to belong to the same actor: a handle of one that is gone for good says nothing."""


class RayPeers:
    """Finds actors by name, and remembers them for a while: the resolver of the cluster."""

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace
        self._handles: dict[str, tuple[Any, float]] = {}

    def __call__(self, name: str, /) -> Any:
        """Return the handle of an actor; a stand-in that drops messages while there is none of that name."""
        handle, until_s = self._handles.get(name, (None, 0.0))
        return handle if time.monotonic() < until_s else self._look_up(name)

    def renew(self) -> None:
        """Look up again who was looked up a while ago: at a tick, so that no order waits for it."""
        soon_s = time.monotonic() + LOOKUP_S / 2
        for name in [name for name, (_, until_s) in self._handles.items() if until_s < soon_s]:
            self._look_up(name)

    def _look_up(self, name: str) -> Any:
        import ray

        try:
            handle = ray.get_actor(name, namespace=self._namespace)
        except ValueError:
            self._handles.pop(name, None)
            return _Nobody()
        self._handles[name] = (handle, time.monotonic() + LOOKUP_S)
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
    """A governor's life in a Ray worker: wall clock, and an end of the process.

    Whoever has the name is started again by Ray, and claims the next epoch; who was replaced while he was cut off has
    it no longer, and stays away. An exit that Ray takes for intended would give up the name and the run with it.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner

    @staticmethod
    def now_ns() -> int:
        """Return wall time."""
        return time.time_ns()

    @staticmethod
    def end() -> None:
        """End this process at once: another governor has taken over."""
        os._exit(1)


class Cluster:
    """A local Ray of one's own and the actors of one run in it; others find it by `address`, a file in the home."""

    def __init__(self, *, cpus: int = 2, dashboard: bool = False, address: Path | None = None) -> None:
        self._ray = LocalRay(cpus=cpus, dashboard=dashboard)
        self._address = address
        self._handles: dict[str, Any] = {}  # an actor lives as long as somebody holds its handle

    @property
    def folder(self) -> Path:
        """The folder of everything that Ray writes; it goes with the cluster."""
        return self._ray.folder

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start Ray, and say where it is; `environment` is set for it as well."""
        self._ray.start(environment)
        if self._address is not None:
            write_address(self._address, own_address(self._ray.gcs_address))

    def launch(self, settings: Settings, cast: "Cast | None" = None) -> None:
        """Start the actors of a run; they find each other by name."""
        import ray

        from actors.staging import Cast
        from actors.supervisor import Supervisor

        cast = cast or Cast()
        peers, opener = RayPeers(), PlaceOpener(settings.journal_path)
        self._start(cast.governor, GOVERNOR, settings, peers, opener, RayLife(f"{socket.gethostname()}:{os.getpid()}"))
        self._start(cast.risk, RISK, settings, peers, opener)
        for name in settings.gateways:
            self._start(cast.gateway, name, settings, peers, opener)
        for name in settings.feeds:
            self._start(cast.feed, name, settings, peers)
        for name in settings.agents:
            self._start(cast.agent, name, settings, peers)
        self._start(Supervisor, SUPERVISOR, settings, peers, max_concurrency=4)
        ray.get([handle.status.remote() for name, handle in self._handles.items() if name != SUPERVISOR], timeout=120)
        self._handles[SUPERVISOR].run.remote()

    def host(self, kind: Any, name: str, *arguments: object) -> None:
        """Start one actor beside, or instead of, those of a run, under the same rules."""
        self._start(kind, name, *arguments)

    def _start(self, kind: Any, name: str, *arguments: object, max_concurrency: int = 1) -> None:
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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the actors that were launched."""
        return tuple(self._handles)

    def handle(self, name: str) -> Any:
        """Return an actor's handle: for benchmarks and tests, which tell it things without waiting."""
        return self._handles[name]

    def ask(self, name: str, method: str = "status", *arguments: object, timeout_s: float = 30.0) -> Any:
        """Ask an actor and wait, also while it is being started again: for the driver and tests, never for actors.

        What is asked may have been done although no answer came: ask only for what can be done twice.
        """
        import ray
        from ray.exceptions import ActorUnavailableError

        end = time.monotonic() + timeout_s
        while True:
            try:
                left = max(end - time.monotonic(), 0.0)
                return ray.get(getattr(self._handles[name], method).remote(*arguments), timeout=left)
            except ActorUnavailableError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.1)

    def dismiss(self) -> None:
        """End all actors of a run; Ray itself goes on."""
        import ray

        for handle in self._handles.values():
            ray.kill(handle)
        self._handles.clear()

    def stop(self) -> None:
        """Stop Ray and everything it started; remove what it wrote."""
        if self._address is not None:
            self._address.unlink(missing_ok=True)
        self._ray.stop()


def crash_only(kind: type) -> type:
    """Return the actor class with every `on_...` ending the process when it raises.

    Ray starts it again, and starting is recovering. What went wrong is told to the supervisor first; left alone, Ray
    would go on with a broken actor. The same holds for an actor that cannot restore when it is started again (a locked
    journal, say): Ray would give it up for ever. What cannot even start the first time is told to who launches it.
    """
    hardened: dict[str, Any] = {"process": _process, "__init__": _restoring(kind)}
    for name in dir(kind):
        if name.startswith("on_"):
            hardened[name] = _crashing(getattr(kind, name))
    if "on_tick" in hardened:
        hardened["on_tick"] = _crashing(_renewing(kind.on_tick))  # type: ignore[attr-defined]
    return type(kind.__name__, (kind,), hardened)


def _process(_: Any) -> dict[str, int]:
    """Tell which process an actor is, and the memory (bytes) that is its alone."""
    import psutil

    return {"pid": os.getpid(), "memory": int(psutil.Process().memory_full_info().uss)}


def _restoring(kind: type) -> Any:
    def start(self: Any, name: str, *arguments: object) -> None:
        try:
            kind.__init__(self, name, *arguments)  # type: ignore[misc]
        except Exception:
            import ray

            if not ray.get_runtime_context().was_current_actor_reconstructed:
                raise
            _give_up(name)

    return start


def _crashing(method: Any) -> Any:
    def call(self: Any, *arguments: object) -> None:
        try:
            method(self, *arguments)
        except Exception:  # noqa: BLE001 - whatever it was, this process ends with it
            _give_up(self.name)

    return call


def _renewing(method: Any) -> Any:
    def on_tick(self: Any, now_ns: int) -> None:
        method(self, now_ns)
        self._resolve.renew()

    return on_tick


def _give_up(name: str) -> None:
    """Tell the supervisor what has just been raised, and end this process."""
    import ray

    told = RayPeers()(SUPERVISOR).on_failure.remote(name, traceback.format_exc())
    if told is not None:
        ray.wait([told], timeout=2.0)
    os._exit(1)
