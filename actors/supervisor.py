"""The supervisor: it keeps time for everybody, and knows who has been heard of.

Actors tell, nobody waits; so somebody has to say now and then: ask again for what you miss. Each answers with a word
on itself. An actor that is silent for several ticks is reported; Ray starts it again, and its first tick sets it going.
"""

import threading
import time
import traceback
from typing import Any

from actors.settings import GOVERNOR, RISK, Resolver, Settings


class Supervisor:
    """Ticks all actors of a run and remembers when each was last heard of."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver, tick_s: float = 1.0) -> None:
        self.name = name
        self._settings = settings
        self._resolve = resolve
        self._tick_s = tick_s
        self._heard: dict[str, tuple[int, dict[str, Any]]] = {}
        self._failures: list[tuple[int, str, str]] = []
        self._stop = threading.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """All actors in its care."""
        return (GOVERNOR, RISK, *self._settings.gateways, *self._settings.feeds, *self._settings.agents)

    def run(self) -> None:
        """Tick until told to stop; runs in a thread of its own beside the other methods.

        At first everybody at once, then one after the other: ticks that come together would hold up an order.
        """
        pause_s = 0.0
        while not self._stop.is_set():
            for name in self.names:
                self._tick(name)
                self._stop.wait(pause_s)
            self._stop.wait(self._tick_s if pause_s == 0.0 else 0.0)
            pause_s = self._tick_s / len(self.names)

    def _tick(self, name: str) -> None:
        try:
            self._resolve(name).on_tick.remote(time.time_ns())
        except Exception:  # noqa: BLE001 - whatever it is, who keeps time must go on, and must not be silent about it
            self.on_failure(self.name, traceback.format_exc())

    def stop(self) -> None:
        """End the ticking."""
        self._stop.set()

    def on_alive(self, name: str, status: dict[str, Any]) -> None:
        """Hear of an actor."""
        self._heard[name] = (time.time_ns(), status)

    def on_failure(self, name: str, text: str) -> None:
        """Hear of an actor what went wrong with it."""
        self._failures.append((time.time_ns(), name, text))

    def failures(self) -> list[tuple[int, str, str]]:
        """Return (wall time, actor, traceback) of every actor that ended itself."""
        return self._failures

    def registry(self) -> list[dict[str, Any]]:
        """Return what is known of every actor: its last word and how old that is."""
        now = time.time_ns()
        found = []
        for name in self.names:
            heard_ns, status = self._heard.get(name, (0, {}))
            found.append({"name": name, "heard_s": (now - heard_ns) / 1e9 if heard_ns else None, **status})
        return found
