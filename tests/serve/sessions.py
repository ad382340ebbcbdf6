"""Sessions to look at: the real actors in a World, a look-up that finds them, and their journal as a file."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from actors.messages import END
from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings
from actors.staging import open_session, stage_world
from actors.world import World
from journal.store import MemoryJournal, SqliteJournal
from serve.lookup import UnansweredError
from tests.builders import a_plan, a_tape
from tests.policies.books import parts_of
from venues.replay import save_tape


class FoundActors:
    """Asks actors of this process; those of `silent` do not answer."""

    def __init__(self, actors, silent=()):
        self.actors, self.silent = actors, set(silent)

    async def ask(self, name, method, *arguments):
        if name in self.silent or name not in self.actors:
            raise UnansweredError(f"{name} is not running")
        return getattr(self.actors[name], method)(*arguments)


class Client:
    """Talks HTTP to an application in this process."""

    def __init__(self, api: FastAPI):
        self._api = api

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, content))

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://counter") as client:
            return await client.request(method, path, **content)

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)

    def delete(self, path: str) -> httpx.Response:
        return self.request("DELETE", path)


class Registry:
    """Stands for the supervisor: what it would say of the actors of a world."""

    def __init__(self, world: World, settings: Settings, heard_s: dict[str, float | None] | None = None):
        self._world, self._settings, self._heard_s = world, settings, heard_s or {}

    def registry(self):
        names = (GOVERNOR, RISK, *self._settings.gateways, *self._settings.feeds, *self._settings.agents)
        return [{**self._world.actor(name).status(), "heard_s": self._heard_s.get(name, 0.5)} for name in names]


class Staged:
    """A session in a world: `until` runs it on, `lookup` finds its actors, `seal` writes its journal to a file."""

    def __init__(self, folder: Path, seed: int = 0, minutes: int = 120, ticks: int = 2500, **changes):
        tape = save_tape(folder / "tapes", a_tape(minutes=minutes, ticks=ticks))
        self.plan = a_plan(**changes)
        self.path = folder / f"journal-{time.monotonic_ns()}.db"
        self.settings = Settings(
            plan=self.plan, journal_path=str(self.path), tape_folder=str(folder / "tapes"), tape_hash=tape,
            snapshot_groups=16,
        )  # fmt: skip
        self.journal = MemoryJournal()
        open_session(self.journal, self.settings, (), "")
        self.world = World(seed)
        stage_world(self.world, self.settings, self.journal)

    @property
    def risk(self):
        return self.world.actor(RISK)

    @property
    def governor(self):
        return self.world.actor(GOVERNOR)

    def until(self, reached: Callable[[], bool]) -> "Staged":
        self.world.run(reached)
        return self

    def to_decisions(self, count: int) -> "Staged":
        return self.until(lambda: self.governor.counts["decisions"] >= count)

    def to_end(self) -> "Staged":
        return self.until(lambda: self.governor.stopped and self.risk.status()["done_ns"] == END)

    def lookup(self, silent=(), heard_s=None) -> FoundActors:
        supervisor = Registry(self.world, self.settings, heard_s)
        return FoundActors({GOVERNOR: self.governor, RISK: self.risk, SUPERVISOR: supervisor}, silent)

    def seal(self) -> "Staged":
        """Write what has been journaled to the file that the settings name, with the same chain."""
        file = SqliteJournal(self.path)
        epoch = 0
        for entry in self.journal.entries():
            if entry.kind == "claim":
                epoch = file.claim(entry.record().owner, entry.time_ns)
            else:
                file.append(epoch, [entry.record()])
        assert file.head == self.journal.head
        file.close()
        return self

    def journaled(self) -> list[tuple[int, bytes, str]]:
        return [(entry.seq, entry.body, entry.hash) for entry in self.journal.entries()]


def content(book) -> tuple[bytes, ...]:
    """Everything a book holds, to be compared."""
    return tuple(part.tobytes() for part in parts_of(book))
