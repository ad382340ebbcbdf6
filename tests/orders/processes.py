"""Keeper and gateway for real processes: wall clock, SQLite, a socket to the venue. What `kill -9` strikes."""

import random
import time
from collections import deque
from pathlib import Path

from actors.budget import BudgetRules
from actors.order_rules import OrderRules
from actors.venue_gateway import Line, VenueGateway
from journal.store import SqliteJournal
from tests.orders.keeping import JournalKeeper
from tests.orders.workload import PREFIX, VENUE, Workload
from venues.simulated.session import SocketSession

RULES = OrderRules(
    prefix=PREFIX, timeout_ns=500_000_000, grace_ns=500_000_000, reconcile_ns=2_000_000_000,
    budget=BudgetRules(per_s=200, burst=200, reserve=20),
)  # fmt: skip


class KeeperProcess:
    """The keeper with its workload; `resolve` finds the gateway."""

    def __init__(self, name: str, resolve, journal: str, port: int, seed: int, orders: int) -> None:
        self.name, self._resolve = name, resolve
        self._port, self._chance = port, random.Random()
        self._journal = SqliteJournal(Path(journal))
        self.epoch = self._journal.claim(name, time.time_ns())
        self.keeper = JournalKeeper(
            self._journal, self.epoch, {VENUE: "gateway"}, resolve, fresh_ns=RULES.fresh_ns, snapshot_every=200
        )  # fmt: skip
        self.workload = Workload(self.keeper, VENUE, seed, orders)

    def on_hello(self, hello) -> None:
        self.keeper.on_hello(hello)

    def on_told(self, told) -> None:
        self.keeper.on_told(told)

    def on_tick(self, _now: int) -> None:
        self.keeper.on_tick(0)
        self.workload.step(time.time_ns(), dict.fromkeys(("EURUSD@sim", "GBPUSD@sim"), 10_000), self._chance)

    def status(self) -> dict:
        return {"epoch": self.epoch, "orders": len(self.workload.orders), "done": self.workload.is_done}


class GatewayProcess(VenueGateway):
    """The gateway of the venue that is served on a port."""

    def __init__(self, name: str, resolve, journal: str, port: int) -> None:
        line = Line(lambda: SocketSession(port), time.time_ns, random.Random())
        super().__init__(name, VENUE, RULES, resolve, lambda **_: SqliteJournal(Path(journal), read_only=True), line)


class Local:
    """Both in one process: what one tells the other is taken in turn."""

    def __init__(self) -> None:
        self.actors: dict[str, object] = {}
        self._messages: deque = deque()

    def resolver(self, name: str) -> "_Teller":
        return _Teller(self._messages, name)

    def turn(self) -> None:
        for actor in list(self.actors.values()):
            actor.on_tick(0)
        while self._messages:
            name, method, arguments = self._messages.popleft()
            if name in self.actors:
                getattr(self.actors[name], method)(*arguments)


class _Teller:
    def __init__(self, messages: deque, name: str) -> None:
        self._messages, self._name = messages, name

    def __getattr__(self, method: str) -> "_Call":
        return _Call(self._messages, self._name, method)


class _Call:
    def __init__(self, messages: deque, name: str, method: str) -> None:
        self._messages, self._name, self._method = messages, name, method

    def remote(self, *arguments) -> None:
        self._messages.append((self._name, self._method, arguments))
