"""The governor's route to a gateway of a live venue: news comes as it may, and is taken in market time like all else.

What is heard waits here, in its sequence, until the governor takes the report that it comes to: then both are journaled
together, and only then does the gateway hear that they are taken. So what a gateway's earlier life had told and nobody
had taken is as if it had never been told: its next life tells it anew.
"""

from collections import deque
from typing import Any, Final

from actors.messages import END, START
from actors.order_keeper import OrderKeeper
from actors.order_messages import Hello, Told, Word
from actors.restoring import SessionLog
from actors.route import Route
from actors.settings import PAPER_VENUE, Resolver, Settings
from journal.order_records import Order
from journal.records import AnyRecord
from journal.store import Journal
from market.paper import REPORT
from market.records import copied, unpacked

FRESH_NS: Final = 5_000_000_000
"""For so long after it was to arrive an order may be sent."""


class VenueRoute(Route):
    """What the governor knows of the gateway of one live venue; `executions` is the number of its next report."""

    def __init__(
        self, name: str, latency_ns: int, reported_ns: int, venue: str, keeper: OrderKeeper, executions: int
    ) -> None:
        super().__init__(name, latency_ns, reported_ns)
        self.venue = venue
        self._keeper = keeper
        self._executions = executions
        self._words: deque[Word] = deque()
        self._seqs: deque[int] = deque()  # of the news that each waiting report comes from
        self._spoken = (0, 0)  # the life of the newest word, and its number in that
        self._due = False  # whether the gateway is to be told something whatever is promised

    def add(self, order: Any, record: Order) -> None:
        """Note an order; the keeper tells it once it is durable."""
        super().add(order, record)
        self._keeper.know(record)

    def hear_of(self, told: Hello | Told) -> None:
        """Hear what the gateway says."""
        if isinstance(told, Hello):
            self._begin(told)
        elif self._keeper.is_current(told):
            self._hear(told)

    def _begin(self, hello: Hello) -> None:
        """A gateway's life begins: what an earlier one has told and nobody has taken is told anew, as of later.

        A life that is heard of again has told what it has told, and up to when: that stands.
        """
        if self._keeper.hear_hello(hello):
            self._words.clear()
            self._seqs.clear()
            self.waiting.clear()
            self.calm_ns = START  # what the earlier life has promised beyond what it told was with what it told
        self._due = True

    def _hear(self, told: Told) -> None:
        """Take in what a gateway tells; what comes to no report is taken at once, unless something waits before it."""
        newest = self._words[-1].seq if self._words else self._keeper.heard(told)
        rows = dict(zip(told.reported, unpacked(told.reports, REPORT), strict=True)) if told.reports is not None else {}
        for record in told.records:
            if record.seq == newest + 1:
                newest = record.seq
                self._words.append(record)
                if record.seq in rows:
                    self.waiting.append(copied(rows[record.seq])[0])
                    self._seqs.append(record.seq)
                self._due = True
        self._keeper.forget(told)
        self._due |= self._keeper.is_behind(told)
        if told.upto_ns >= self.reported_ns and (told.life, told.spoken) > self._spoken:
            self._spoken = (told.life, told.spoken)
            self.reported_ns, self.heard = told.upto_ns, True
            arrivals = (order.arrive_ns - 1 for order in self._keeper.untaken_orders(self.venue))
            self.calm_ns = min([told.calm_ns, *arrivals])
        self._take_words(END if not self.waiting else START)

    def take(self) -> Any:
        """Return the report that is taken next, numbered; the news that led to it goes before it."""
        report = super().take()
        report["execution"] = self._executions
        self._executions += 1
        seq = self._seqs.popleft()
        self._take_words(seq if self.waiting else END)
        return report

    def _take_words(self, upto: int) -> None:
        while self._words and self._words[0].seq <= upto:
            self._keeper.take(self._words.popleft())

    def send(self, resolve: Resolver, epoch: int, promise: int, cut_ns: int, *, again: bool = False) -> None:
        """Send what the gateway has not got, what was taken of its news, and the promise."""
        due = again or self._due or self._keeper.is_due(self.venue)
        if not due and (self.quiet or (promise, len(self.orders)) <= self.told):
            return
        self._keeper.tell(self.venue, promise)
        self.told, self._due = (promise, len(self.orders)), False

    def remind(self, resolve: Resolver, receiver: str) -> None:
        """Nothing is asked of such a gateway: it tells all that was not taken, at every tick."""


def open_keeper(
    settings: Settings, journal: Journal, epoch: int, resolve: Resolver, due: list[AnyRecord]
) -> OrderKeeper | None:
    """Return the keeper of all orders that go to live venues; None where they all stay on paper."""
    if settings.venue == PAPER_VENUE:
        return None
    gateways = {venue.name: name for venue, name in zip(settings.plan.venues, settings.gateways, strict=True)}
    log = (entry.record() for entry in journal.entries(after=max(journal.newest("session") - 1, 0)))
    return OrderKeeper(epoch, log, gateways, resolve, due, fresh_ns=FRESH_NS, switches_path=settings.switches_path)


def open_routes(settings: Settings, log: SessionLog, keeper: OrderKeeper | None) -> list[Route]:
    """Return the routes to the gateways of a plan, as far as each had reported."""
    routes: list[Route] = []
    for venue, name in zip(settings.plan.venues, settings.gateways, strict=True):
        reports = [report for report in log.reports if report.venue == venue.name]
        last = max(log.cut_ns, max((report.time_ns for report in reports), default=START))
        if keeper is None:
            routes.append(Route(name, venue.latency_ns, last))
        else:
            routes.append(VenueRoute(name, venue.latency_ns, last, venue.name, keeper, len(reports)))
    return routes


def venue_route(routes: list[Route], venue: str) -> VenueRoute:
    """Return the route to the gateway of a live venue."""
    return next(route for route in routes if isinstance(route, VenueRoute) and route.venue == venue)
