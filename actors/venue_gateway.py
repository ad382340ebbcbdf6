"""The gateway of a live venue: where orders leave, and where what the venue says comes in.

A life begins with Hello. Once it is welcomed it folds the journal, and `WorkingOrders` goes on from there. Instructions
of a lower epoch than the highest it has seen are refused: that is the fence. News is kept until it is durable.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from actors.leaving import Stops, nothing_stops
from actors.order_fold import OrderFold, change_of, record_of, spec_of
from actors.order_messages import Hello, Instruction, Instructions, Told, Welcome, Word
from actors.order_rules import OrderRules
from actors.settings import GOVERNOR, JournalOpener, Resolver
from actors.working import WorkingOrders
from journal.order_records import Adjustment, Cancel, Order
from journal.records import AnyRecord, Claim
from venues.messages import Session


class Line:
    """What a gateway needs of its process: how to reach the venue, the time, its dice for pauses, the kill switches."""

    def __init__(
        self, session: Callable[[], Session], now_ns: Callable[[], int], chance: random.Random,
        stops: Stops = nothing_stops, wall_ns: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        """`wall_ns` never stands still from one life to the next; it is another clock where `now_ns` is a tape's."""
        self.session, self.now_ns, self.chance, self.stops = session, now_ns, chance, stops
        self.wall_ns = wall_ns or now_ns


class VenueGateway:
    """One live venue's door. `life` tells its lives apart: the later one has the greater number."""

    def __init__(
        self, name: str, venue: str, rules: OrderRules, resolve: Resolver, journal: JournalOpener, line: Line
    ) -> None:
        self.name = name
        self.venue = venue
        self.life = line.wall_ns()
        self.working: WorkingOrders | None = None
        self._rules = rules
        self._resolve = resolve
        self._open_journal = journal
        self._line = line
        self._fence = 0
        self._has = 0
        self._untaken: deque[Word] = deque()
        self._told = 0
        self._resolve(GOVERNOR).on_hello.remote(Hello(venue, self.life))

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_welcome(self, welcome: Welcome) -> None:
        """Fold the journal and go on from there; where a later life is known (a clock was set back), be later still."""
        if welcome.epoch < self._fence or self.working is not None:
            return
        if welcome.life != self.life:
            self.life = max(self.life, welcome.life + 1)
            self._resolve(GOVERNOR).on_hello.remote(Hello(self.venue, self.life))
            return
        fold = OrderFold(venue=self.venue, fresh_ns=self._rules.fresh_ns)
        journal = self._open_journal(read_only=True)
        for entry in journal.entries(after=max(journal.newest("session") - 1, 0)):
            record = entry.record()
            fold.take(record)
            self._note(record)
        journal.close()
        now_ns = self._line.now_ns()
        self.working = WorkingOrders(
            self._rules, self._line.session(), self._line.chance, now_ns, self._line.stops
        )  # fmt: skip
        self.working.restore(fold.entries(), fold.taken, fold.adjustments, fold.moved, now_ns)
        self._has = fold.instructions
        self._work(now_ns)

    def _note(self, record: AnyRecord) -> None:
        """Learn the fence from the journal."""
        if isinstance(record, Claim):
            self._fence = max(self._fence, record.epoch)

    def on_instructions(self, batch: Instructions) -> None:
        """Take durable instructions in their sequence; refuse those of a fenced epoch."""
        if batch.epoch < self._fence or self.working is None:
            return
        self._fence = batch.epoch
        now_ns = self._line.now_ns()
        self.working.hear_governor(now_ns)
        if batch.life == self.life:
            while self._untaken and self._untaken[0].seq <= batch.news_taken:
                self._untaken.popleft()
        for record in batch.records[max(self._has - batch.first, 0) :] if batch.first <= self._has else ():
            self._instruct(record)
            self._has += 1
        self._work(now_ns)

    def on_tick(self, _now: int) -> None:
        """Go on: what has come in, what is due, what was not taken."""
        if self.working is None:
            self._resolve(GOVERNOR).on_hello.remote(Hello(self.venue, self.life))
            return
        self._work(self._line.now_ns())

    # -- what it does -------------------------------------------------------------------------------------------------

    def _instruct(self, record: Instruction) -> None:
        assert self.working is not None
        if isinstance(record, Order):
            self.working.submit(spec_of(record, self._rules.fresh_ns))
        elif isinstance(record, Cancel):
            self.working.cancel(record.number)
        elif isinstance(record, Adjustment):
            self.working.accept(record.instrument, record.lots)
        else:
            self.working.replace(change_of(record))

    def _work(self, now_ns: int) -> None:
        """Let the orders go on, and tell what is new; what was told and not taken is told again."""
        assert self.working is not None
        self.working.work(now_ns)
        for news in self.working.news:
            self._told += 1
            self._untaken.append(record_of(news, venue=self.venue, life=self.life, seq=self._told, time_ns=now_ns))
        self.working.news.clear()
        self._resolve(GOVERNOR).on_told.remote(Told(self.venue, self.life, self._has, tuple(self._untaken)))

    def status(self) -> dict[str, Any]:
        """Tell how the venue's orders stand."""
        working = self.working
        return {
            "name": self.name,
            "epoch": self._fence,
            "ready": working is not None and working.is_ready,
            "circuit": working.circuit.state.name if working is not None else "OPEN",
            "unsettled": working.unsettled if working is not None else 0,
            "blocked": sorted(working.reconciler.blocked) if working is not None else [],
            "routes_in": [GOVERNOR],
            "routes_out": [GOVERNOR],
        }
