"""Looking up actors: by name, in the run's namespace, asked with a time limit. Nothing here starts one."""

import asyncio
from typing import Any, Final, Protocol

from actors.local import NAMESPACE

TIMEOUT_S: Final = 2.0


class UnansweredError(Exception):
    """An actor is not there, or does not answer in time."""


class Lookup(Protocol):
    """Asks an actor and gives its answer; UnansweredError when there is none in time."""

    async def ask(self, name: str, method: str, *arguments: object) -> Any:
        """Return what the actor's method returns."""


class RayLookup:
    """Looks actors up in a Ray cluster, and remembers their handles."""

    def __init__(self, namespace: str = NAMESPACE, timeout_s: float = TIMEOUT_S) -> None:
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._handles: dict[str, Any] = {}

    async def ask(self, name: str, method: str, *arguments: object) -> Any:
        """Return what the actor's method returns."""
        from ray.exceptions import RayActorError

        handle = await self._handle(name)
        try:
            return await asyncio.wait_for(getattr(handle, method).remote(*arguments), self._timeout_s)
        except TimeoutError:
            raise UnansweredError(f"{name} does not answer within {self._timeout_s:g} s") from None
        except RayActorError as error:
            self._handles.pop(name, None)  # it may be another one by that name next time
            raise UnansweredError(f"{name} is gone or starting again ({type(error).__name__})") from None

    async def _handle(self, name: str) -> Any:
        """Return an actor's handle; the look-up waits for the cluster, so it runs in a thread."""
        import ray

        if name not in self._handles:
            try:
                self._handles[name] = await asyncio.to_thread(ray.get_actor, name, self._namespace)
            except ValueError:
                raise UnansweredError(f"{name} is not running") from None
        return self._handles[name]
