"""The gateway of a venue whose time is the tape's: a live venue's order path, as fast as the market is replayed.

It goes on only as far as the governor has promised that no further order will arrive, and stops on the way wherever
something comes in or is due: a message of the venue, an order's departure, a silence that has lasted too long. So all
that a live venue does to it happens at market times, the same for the same seed. While the governor is away time stands
still at the venue; there is nothing that a dead-man switch would have to guard.

A life begins at the instant at which the venue stands, a little later: what an earlier life may have promised is over.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from numpy.typing import NDArray

from actors.budget import BudgetRules
from actors.leaving import Stops, nothing_stops
from actors.messages import END, START
from actors.order_entry import News, Stated
from actors.order_fold import record_of
from actors.order_messages import Instruction, Instructions, Told
from actors.order_rules import OrderRules
from actors.settings import GOVERNOR, SUPERVISOR, JournalOpener, Resolver, Settings
from actors.speaking import Speaker
from actors.switching import VenueHop
from actors.venue_gateway import Line, VenueGateway
from actors.writing import ORDER_PREFIX
from journal.order_records import Cancel, Report
from journal.records import AnyRecord, Session, Snapshot
from market.paper import REPORT
from market.records import joined, packed
from venues.simulated.venue import TapeSession

NEVER_NS: Final = 10**18
RULES: Final = OrderRules(
    prefix=ORDER_PREFIX, expires=True, waits=True, in_sequence=True, heartbeat_ns=NEVER_NS, dead_man_ns=NEVER_NS,
    budget=BudgetRules(per_s=1000, burst=1000, reserve=100),
)  # fmt: skip
"""Nobody has to be told that we live at a venue whose time we let pass; and paper knows no message budget."""


class TapeLine:
    """What a gateway over a tape needs of its process: how to reach the venue, and a clock that tells lives apart."""

    def __init__(
        self, connect: Callable[[str], TapeSession], wall_ns: Callable[[], int], stops: Stops = nothing_stops
    ) -> None:  # fmt: skip
        self.connect, self.wall_ns, self.stops = connect, wall_ns, stops


class TapeGateway(VenueGateway):
    """The door of one simulated venue of a plan."""

    def __init__(
        self, name: str, settings: Settings, resolve: Resolver, journal: JournalOpener, line: TapeLine
    ) -> None:  # fmt: skip
        home = settings.gateways.index(name)
        venue = settings.plan.venues[home].name
        self._clock_ns = 0
        self._spoken = 0
        self._begun = self._looked = False
        self._done_ns = self._counted_ns = START
        self._horizon_ns = START
        self._session = line.connect(venue)
        self._speaker = Speaker(settings, home)
        self._said: dict[int, NDArray[Any]] = {}
        self._held: Counter[str] = Counter()
        chance = random.Random(f"{settings.session}|{name}")  # noqa: S311 - pauses between tries, no secret
        own = Line(lambda: self._session, self._now_ns, chance, line.stops, line.wall_ns)
        super().__init__(name, venue, RULES, resolve, journal, own)

    def _now_ns(self) -> int:
        return self._clock_ns

    def _note(self, record: AnyRecord) -> None:
        """Never go back behind what the journal says is over."""
        super()._note(record)
        if isinstance(record, Session):
            self._clock_ns = max(self._session.now_ns(), 0)
        elif isinstance(record, Snapshot) or (isinstance(record, Report) and record.venue == self.venue):
            self._clock_ns = max(self._clock_ns, record.time_ns)

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_instructions(self, batch: Instructions) -> None:
        """Take durable instructions, and go on as far as is promised if none of them is missing."""
        if batch.epoch >= self._fence and batch.first <= self._has:
            self._horizon_ns = max(self._horizon_ns, batch.horizon_ns)
        super().on_instructions(batch)

    def on_tick(self, now_ns: int) -> None:
        """Say how it is; tell again what was not taken."""
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())
        super().on_tick(now_ns)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _instruct(self, record: Instruction) -> None:
        """Take an instruction; a cancel acts at the first instant that nobody counts on any more."""
        if isinstance(record, Cancel):
            assert self.working is not None
            entry = self.working.entries[record.number]
            entry.want_cancel(self._clock_ns, max(self._done_ns, self._counted_ns) + 1)
        else:
            super()._instruct(record)

    def _work(self, now_ns: int) -> None:
        """Go on up to the horizon; tell what has happened by then."""
        working = self.working
        assert working is not None
        if not self._begun:
            self._begin()
        while self._done_ns < self._horizon_ns:
            due_ns = working.next_ns(self._clock_ns, holds=self._holds and self._horizon_ns < END)
            target_ns = self._horizon_ns if due_ns is None else min(due_ns, self._horizon_ns)
            acts = due_ns is not None and due_ns <= target_ns
            came_ns = self._session.run(target_ns - 1 if acts else target_ns)  # what is sent meets the rows with it
            if acts or came_ns is not None:
                self._clock_ns = target_ns if came_ns is None else max(came_ns, self._clock_ns)
                self._meet()
            elif target_ns == END and not self._looked:
                self._look()
            else:
                self._done_ns = target_ns
                self._clock_ns = target_ns if target_ns < END else self._clock_ns
        self._tell()

    def _look(self) -> None:
        """Compare the account once more after the last row."""
        assert self.working is not None
        self._looked, self._clock_ns = True, max(self._clock_ns, self._session.now_ns())
        self.working.look_again(self._clock_ns)

    def _begin(self) -> None:
        """Take note of what is held by the venue for us; what is found from here on is told as of later instants."""
        assert self.working is not None
        self._begun, self._done_ns = True, self._clock_ns
        for entry in self.working.entries.values():
            self._held[entry.spec.instrument] += entry.side * entry.state.cum
        self._held.update(self.working.reconciler.moved)

    def _meet(self) -> None:
        """Do all there is to do at this instant."""
        assert self.working is not None
        more = True
        while more:
            self.working.hear_governor(self._clock_ns)
            self.working.work(self._clock_ns)
            self._collect()
            more = self._session.run(self._clock_ns) is not None

    def _collect(self) -> None:
        """Number what is new, and say what it means for the account."""
        assert self.working is not None
        for news in self.working.news:
            self._told += 1
            record = record_of(news, venue=self.venue, life=self.life, seq=self._told, time_ns=self._clock_ns)
            self._untaken.append(record)
            if isinstance(news, News | Stated) and news.number >= 0:
                if news.said is not None:
                    self._held[news.said.instrument] += news.said.moved
                entry = self.working.entries[news.number]
                rows = self._speaker.reports(news, entry, self._clock_ns)
                if rows is not None:
                    self._said[self._told] = rows
        self.working.news.clear()

    @property
    def _holds(self) -> bool:
        """Tell whether the venue may do something with what is held: not after its last row."""
        return any(self._held.values()) and self._session.calm_ns() < END

    @property
    def _calm_ns(self) -> int:
        """Return up to when nothing will be told unless an order arrives: for ever, where nothing works or is held."""
        assert self.working is not None
        holds = any(self._held.values())
        if self._done_ns == END or (self.working.is_settled and not holds):
            return END
        due_ns = self.working.next_ns(self._clock_ns, holds=self._holds)
        ahead_ns = self._session.calm_ns() if due_ns is None else min(self._session.calm_ns(), due_ns - 1)
        return max(self._done_ns, min(ahead_ns, END - 1))

    def _tell(self) -> None:
        self._spoken += 1
        self._counted_ns = self._calm_ns
        first = self._untaken[0].seq if self._untaken else self._told + 1
        self._said = {seq: rows for seq, rows in self._said.items() if seq >= first}
        told = Told(
            self.venue, self.life, self._has, tuple(self._untaken), self._done_ns, self._counted_ns,
            packed(joined(list(self._said.values()), REPORT)), tuple(self._said), self._spoken,
        )  # fmt: skip
        self._resolve(GOVERNOR).on_told.remote(told)

    def status(self) -> dict[str, Any]:
        """Tell how the venue's orders stand, and how far its time has come."""
        return {**super().status(), "done_ns": self._done_ns, "orders": self._has, "welcomed": self.working is not None}


def hop_of(settings: Settings) -> Stops:
    """Return what is asked right before an order leaves."""
    return VenueHop(settings.switches_path, settings.plan) if settings.switches_path else nothing_stops
