"""World: the deterministic in-process stand-in for the cluster. A seed is one exactly repeatable run.

`ref` gives handles whose `.remote()` puts messages on a heap; `run` takes them off in virtual time and calls the real
actor classes, which do not know. Messages of one life of a sender to one receiver keep their order, as with synchronous
Ray actors; everything else may overtake. Seeded faults repeat messages, delay them, lose them, kill actors between two
messages or in the middle of one (they come back and restore), and let a killed governor linger: it lives on unseen, as
on a node that was cut off, and still gets some of what is meant for its successor.
"""

import heapq
import math
import random
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from actors.messages import Finding, Verdicts
from actors.settings import GOVERNOR
from journal.store import Fenced


class Faults(Struct, frozen=True, kw_only=True):
    """Chances per message, and of a kill per second of virtual time; all zero is a perfect network.

    `torn` is the share of kills that strike in the middle of a message: some of what it tells others is never told.
    `linger` is the share of killed governors that live on, and then the chance that a message goes to such a one.
    """

    repeat: float = 0.0
    loss: float = 0.0
    delay: float = 0.0
    delay_s_max: float = 0.5
    kills_per_s: float = 0.0
    kills_max: int = 4
    torn: float = 0.0
    linger: float = 0.0


TORN_AFTER_MAX: Final = 16
"""A kill in the middle of a message strikes when the actor is about to send one of its next so many messages."""


class Handle:
    """What an actor holds of another: `handle.method.remote(message)` tells it and waits for nothing."""

    def __init__(self, world: "World", sender: str, receiver: str) -> None:
        self._world, self._sender, self._receiver = world, sender, receiver

    def __getattr__(self, method: str) -> "_Method":
        return _Method(self._world, self._sender, self._receiver, method)


class _Method:
    __slots__ = ("_message", "_world")

    def __init__(self, world: "World", sender: str, receiver: str, method: str) -> None:
        self._world, self._message = world, (sender, receiver, method)

    def remote(self, *arguments: object) -> None:
        """Put the call on its way."""
        self._world.post(*self._message, arguments)


class Killed(BaseException):
    """Ends an actor in the middle of a message; no actor can catch it."""


class WorldStuckError(RuntimeError):
    """The world ran longer than it may without coming to an end."""


class World:
    """Actors of one run in one process, under one seed."""

    def __init__(self, seed: int = 0, faults: Faults | None = None, tick_s: float = 1.0) -> None:
        self.now_s = 0.0
        self.steps = 0
        self.kills: list[tuple[float, str]] = []
        self._random = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._faults = faults or Faults()
        self._tick_s = tick_s
        self._heap: list[tuple[float, int, str, str, str, tuple[object, ...]]] = []
        self._count = 0
        self._actors: dict[str, Any] = {}
        self._factories: dict[str, Callable[[], Any]] = {}
        self._lives: dict[str, int] = {}
        self._life = 0  # of the actor that is speaking: two lives of one name are two senders
        self._lingering: list[tuple[Any, int]] = []
        self._newest: dict[tuple[str, int, str], float] = {}
        self._doomed: dict[str, int] = {}
        self._sends_left: int | None = None  # of the message in hand, before its actor is killed

    def add(self, name: str, factory: Callable[[], Any]) -> None:
        """Start an actor; `factory` starts it again after every kill."""
        self._factories[name] = factory
        self._actors[name] = factory()
        self._push(self.now_s, "", name, "on_tick", (0,))

    def resolver(self, sender: str) -> Callable[[str], Any]:
        """Return what `sender` calls to find others by name."""
        return lambda receiver: Handle(self, sender, receiver)

    def actor(self, name: str) -> Any:
        """Return the actor itself, for those who look at the end of a run; None while it is dead."""
        return self._actors.get(name)

    def post(self, sender: str, receiver: str, method: str, arguments: tuple[object, ...]) -> None:
        """Put a message on its way, or lose it, or double it."""
        if self._sends_left is not None:
            if self._sends_left == 0:
                raise Killed
            self._sends_left -= 1
        faults, chance = self._faults, self._random.random
        if faults.loss and chance() < faults.loss:
            return
        delay = 0.0005 + 0.001 * chance()
        if faults.delay and chance() < faults.delay:
            delay += faults.delay_s_max * chance()
        way = (sender, self._life, receiver)
        due = max(self.now_s + delay, self._newest.get(way, 0.0))
        self._newest[way] = due
        self._push(due, sender, receiver, method, arguments)
        if faults.repeat and chance() < faults.repeat:
            self._push(due + faults.delay_s_max * chance(), sender, receiver, method, arguments)

    def _push(self, due: float, sender: str, receiver: str, method: str, arguments: tuple[object, ...]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, sender, receiver, method, arguments))

    def run(self, until: Callable[[], bool], steps_max: float = math.inf) -> None:
        """Deliver messages until `until` holds; WorldStuckError after `steps_max` of them."""
        next_tick, next_kill = self.now_s + self._tick_s, self._draw_kill()
        while not until():
            self.steps += 1
            if self.steps > steps_max:
                raise WorldStuckError(f"no end after {steps_max} messages, {self.now_s:.1f} s of virtual time")
            due = self._heap[0][0] if self._heap else float("inf")
            if next_kill <= min(due, next_tick):
                self.now_s = next_kill
                self._kill_one()
                next_kill = self._draw_kill()
            elif next_tick <= due:
                self.now_s = next_tick
                next_tick += self._tick_s
                for name in self._factories:
                    self._push(self.now_s, "", name, "on_tick", (0,))
                self._let_linger()
            else:
                self._deliver(*heapq.heappop(self._heap))

    def _deliver(
        self, due: float, _: int, sender: str, receiver: str, method: str, arguments: tuple[object, ...]
    ) -> None:
        self.now_s = due
        if method == "<restart>":
            self._actors[receiver] = self._factories[receiver]()
            self._push(self.now_s, "", receiver, "on_tick", (0,))
            return
        actor, self._life = self._addressed(receiver)
        if actor is None:
            return
        own = actor is self._actors[receiver]
        self._sends_left = self._doomed.get(receiver) if own else None
        try:
            getattr(actor, method)(*arguments)
        except (Fenced, Killed):
            self._end(receiver, actor)
        if self._sends_left is not None and receiver in self._doomed:
            self._doomed[receiver] = self._sends_left
        self._sends_left = None

    def _addressed(self, receiver: str) -> tuple[Any, int]:
        """Return the actor that a message reaches, and its life: now and then the old governor, not the new one."""
        if receiver == GOVERNOR and self._lingering and self._random.random() < self._faults.linger:
            return self._random.choice(self._lingering)
        return self._actors.get(receiver), self._lives.get(receiver, 0)

    def _end(self, name: str, actor: Any) -> None:
        """End an actor; only the one that has the name comes back."""
        if actor is self._actors[name]:
            self.kill(name)
        else:
            self._lingering = [pair for pair in self._lingering if pair[0] is not actor]

    def _draw_kill(self) -> float:
        if not self._faults.kills_per_s or len(self.kills) >= self._faults.kills_max:
            return float("inf")
        return self.now_s + self._random.expovariate(self._faults.kills_per_s)

    def _kill_one(self) -> None:
        alive = sorted(name for name, actor in self._actors.items() if actor is not None and name not in self._doomed)
        if not alive:
            return
        name = self._random.choice(alive)
        if self._faults.torn and self._random.random() < self._faults.torn:
            self._doomed[name] = self._random.randrange(TORN_AFTER_MAX)
            return
        if name == GOVERNOR and self._random.random() < self._faults.linger:
            self._lingering.append((self._actors[name], self._lives.get(name, 0)))
        self.kill(name)

    def kill(self, name: str, back_after_s: float | None = None) -> None:
        """Kill an actor at once; it comes back after a while, with nothing but its arguments."""
        self.kills.append((self.now_s, name))
        self._actors[name] = None
        self._lives[name] = self._lives.get(name, 0) + 1
        self._doomed.pop(name, None)
        pause = 0.05 + 0.5 * self._random.random() if back_after_s is None else back_after_s
        self._push(self.now_s + pause, "", name, "<restart>", ())

    def _let_linger(self) -> None:
        """Give replaced governors a turn: what they do must have no effect."""
        newest = self._actors.get(GOVERNOR)
        for old, life in list(self._lingering):
            self._life = life
            if newest is None or newest.epoch <= old.epoch:
                continue  # not replaced yet
            try:
                old.on_tick(0)
                if self._random.random() < STALE_NEWS:
                    old.on_verdicts(_stale_verdicts(old))
            except Fenced:
                self._end(GOVERNOR, old)


STALE_NEWS: Final = 0.3
"""How often, per tick, a replaced governor hears what makes it write to the journal; that is its end."""


def _stale_verdicts(governor: Any) -> Any:
    """Return a message that a replaced governor would still believe: news from a risk manager of its own epoch."""
    return Verdicts(governor.epoch, governor.taken + 1, (Finding(0, rules=1),), governor.horizon_ns + 1)
