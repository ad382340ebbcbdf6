"""The governor's part in orders: an instruction is durable before a gateway hears of it, and so is all news.

It keeps a fold of each venue's orders, so it knows what is news. Whatever one call brings is written in one transaction
and told only then; a gateway that has lost the thread says how much it has, and is told the rest again.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from actors.break_trips import BreakTrips
from actors.order_fold import OrderFold
from actors.order_messages import Hello, Instruction, Instructions, Told, Welcome
from actors.settings import Resolver
from journal.records import AnyRecord, Breaks
from journal.store import Journal

SNAPSHOT_EVERY: Final = 500
"""News of one venue after which its fold is written down."""


class OrderKeeper:
    """Orders of all live venues under one epoch; `gateways` names the actor of each venue."""

    def __init__(
        self, journal: Journal, epoch: int, gateways: Mapping[str, str], resolve: Resolver, *, fresh_ns: int,
        snapshot_every: int = SNAPSHOT_EVERY, switches_path: str = "",
    ) -> None:  # fmt: skip
        self.epoch = epoch
        self.folds = {venue: OrderFold(venue=venue, fresh_ns=fresh_ns) for venue in gateways}
        self._journal = journal
        self._gateways = gateways
        self._resolve = resolve
        self._snapshot_every = snapshot_every
        self._trips = BreakTrips(switches_path)
        self._since_snapshot = dict.fromkeys(gateways, 0)
        self._untaken: dict[str, deque[Instruction]] = {venue: deque() for venue in gateways}
        for entry in journal.entries():
            self._fold(entry.record())
        self._lives = {venue: max(fold.heard, default=0) for venue, fold in self.folds.items()}

    # -- what it is told to do ----------------------------------------------------------------------------------------

    def instruct(self, records: Sequence[Instruction], beside: Sequence[AnyRecord] = ()) -> None:
        """Make instructions durable, with what belongs beside them in the same transaction, then tell the gateways."""
        self._journal.append(self.epoch, [*beside, *records])
        for record in records:
            self._fold(record)
        for venue in self._gateways:
            self._tell(venue)

    def on_hello(self, hello: Hello) -> None:
        """Begin a gateway's new life: what an earlier one still says is not taken any more; say which life is known."""
        fold = self.folds[hello.venue]
        if hello.life > self._lives[hello.venue]:
            mark = Breaks(time_ns=0, venue=hello.venue, life=hello.life, seq=0, breaks=fold.breaks)
            self._journal.append(self.epoch, [mark])
            fold.take(mark)
            self._lives[hello.venue] = hello.life
        self._resolve(self._gateways[hello.venue]).on_welcome.remote(Welcome(self.epoch, self._lives[hello.venue]))

    def on_told(self, told: Told) -> None:
        """Take news: what is new becomes durable, then the gateway may forget it."""
        if told.life != self._lives[told.venue]:
            return
        fold = self.folds[told.venue]
        heard = fold.heard.get(told.life, 0)
        fresh = [news for k, news in enumerate(r for r in told.records if r.seq > heard) if news.seq == heard + k + 1]
        if fresh:
            self._journal.append(self.epoch, fresh)
            for news in fresh:
                fold.take(news)
                if isinstance(news, Breaks):
                    self._trips.hear(news, news.time_ns)
            self._snapshot(told.venue, len(fresh))
        self._forget(told.venue, told.has)
        if fresh or fold.instructions > told.has:
            self._tell(told.venue)

    def on_tick(self, now_ns: int) -> None:
        """Say that the governor lives, and what gateways may not have; trip what could not be tripped before."""
        self._trips.settle(now_ns)
        for venue in self._gateways:
            self._tell(venue)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _fold(self, record: AnyRecord) -> None:
        for venue, fold in self.folds.items():
            if fold.take(record):
                assert isinstance(record, Instruction)
                self._untaken[venue].append(record)

    def _forget(self, venue: str, has: int) -> None:
        untaken = self._untaken[venue]
        while untaken and self.folds[venue].instructions - len(untaken) < has:
            untaken.popleft()

    def _tell(self, venue: str) -> None:
        untaken, life, fold = self._untaken[venue], self._lives[venue], self.folds[venue]
        first, taken = fold.instructions - len(untaken), fold.heard.get(life, 0)
        message = Instructions(self.epoch, first, tuple(untaken), taken, life)
        self._resolve(self._gateways[venue]).on_instructions.remote(message)

    def _snapshot(self, venue: str, count: int) -> None:
        self._since_snapshot[venue] += count
        if self._since_snapshot[venue] >= self._snapshot_every:
            self._journal.append(self.epoch, [self.folds[venue].snapshot(0)])
            self._since_snapshot[venue] = 0
