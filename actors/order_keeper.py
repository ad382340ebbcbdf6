"""The governor's part in orders: an instruction is durable before a gateway hears of it, and so is all news.

It keeps a fold of each venue's orders, so it knows what is news. What is to be durable it puts in `due`, in order,
among what its owner writes in the same transaction; its owner lets it tell a gateway only once all of it is. A gateway
that has lost the thread says how much it has, and is told the rest again.
"""

from collections import deque
from collections.abc import Container, Iterable, Mapping
from typing import Final

from actors.break_trips import BreakTrips
from actors.messages import START
from actors.order_fold import OrderFold
from actors.order_messages import Hello, Instruction, Instructions, Told, Welcome, Word
from actors.settings import Resolver
from journal.order_records import Adjustment, Breaks, Cancel, Order, Replace
from journal.records import AnyRecord, Session
from market.orders import TERMINAL

SNAPSHOT_EVERY: Final = 500
"""News of one venue after which its fold is written down."""


class OrderKeeper:
    """Orders of all live venues under one epoch; `gateways` names the actor of each venue, `due` is its owner's."""

    def __init__(
        self, epoch: int, log: Iterable[AnyRecord], gateways: Mapping[str, str], resolve: Resolver,
        due: list[AnyRecord], *, fresh_ns: int, snapshot_every: int = SNAPSHOT_EVERY, switches_path: str = "",
    ) -> None:  # fmt: skip
        """Go on from `log`, the records of the journal."""
        self.epoch = epoch
        self.folds = {venue: OrderFold(venue=venue, fresh_ns=fresh_ns) for venue in gateways}
        self.due = due
        self._gateways = gateways
        self._resolve = resolve
        self._snapshot_every = snapshot_every
        self._trips = BreakTrips(switches_path)
        self._since_snapshot = dict.fromkeys(gateways, 0)
        self._untaken: dict[str, deque[Instruction]] = {venue: deque() for venue in gateways}
        for record in log:
            self._fold(record)
        self._lives = {venue: max(fold.heard, default=0) for venue, fold in self.folds.items()}
        self._welcome: set[str] = set()
        self._fresh: set[str] = set()  # venues whose gateways may not have been told the newest instruction

    # -- what it is told to do ----------------------------------------------------------------------------------------

    def add(self, record: Instruction) -> None:
        """Take an instruction."""
        self.due.append(record)
        self._fold(record)
        self._fresh |= self.folds.keys()

    def withdraw(self, instruments: Container[str], time_ns: int, reason: str) -> None:
        """Wish that every order be gone that would open risk in some instruments, and is not known to be final."""
        for fold in self.folds.values():
            for number, order in fold.orders.items():
                opens = not order.spec.reduce and order.spec.instrument in instruments
                if opens and not order.cancel_wanted and order.state.status not in TERMINAL:
                    self.add(Cancel(time_ns=time_ns, epoch=self.epoch, number=number, reason=reason))

    def know(self, record: Instruction) -> None:
        """Take an instruction that its owner makes durable himself."""
        self._fold(record)

    def hear_hello(self, hello: Hello) -> bool:
        """Begin a gateway's new life: what an earlier one still says is not taken any more. `tell` welcomes it.

        Tells whether it is new.
        """
        fold = self.folds[hello.venue]
        is_new = hello.life > self._lives[hello.venue]
        if is_new:
            mark = Breaks(time_ns=0, venue=hello.venue, life=hello.life, seq=0, breaks=fold.breaks)
            self.due.append(mark)
            fold.take(mark)
            self._lives[hello.venue] = hello.life
        self._welcome.add(hello.venue)
        return is_new

    def is_current(self, told: Told) -> bool:
        """Tell whether a gateway that speaks is in the life that counts."""
        return told.life == self._lives[told.venue]

    def hear(self, told: Told) -> tuple[Word, ...]:
        """Take news, and how many instructions a gateway has; return what is new, as it is to be durable."""
        fresh = self.fresh(told) if self.is_current(told) else ()
        for news in fresh:
            self.take(news)
        if self.is_current(told):
            self.forget(told)
        return fresh

    def forget(self, told: Told) -> None:
        """Let go of instructions that a gateway has."""
        untaken = self._untaken[told.venue]
        while untaken and self.folds[told.venue].instructions - len(untaken) < told.has:
            untaken.popleft()

    def heard(self, told: Told) -> int:
        """Return the number of the newest news of a life that was taken."""
        return self.folds[told.venue].heard.get(told.life, 0)

    def fresh(self, told: Told) -> tuple[Word, ...]:
        """Return the news in a message that has not been taken, as far as none is missing before it."""
        heard = self.heard(told)
        later = [record for record in told.records if record.seq > heard]
        return tuple(record for k, record in enumerate(later) if record.seq == heard + k + 1)

    def take(self, news: Word) -> None:
        """Take one piece of news."""
        self.due.append(news)
        fold = self.folds[news.venue]
        fold.take(news)
        if isinstance(news, Breaks):
            self._trips.hear(news)
        self._since_snapshot[news.venue] += 1
        if self._since_snapshot[news.venue] >= self._snapshot_every:
            self.due.append(fold.snapshot(0))
            self._since_snapshot[news.venue] = 0

    def is_behind(self, told: Told) -> bool:
        """Tell whether a gateway lacks instructions that are here."""
        return self.folds[told.venue].instructions > told.has

    # -- what it tells, once all is durable ---------------------------------------------------------------------------

    def tell(self, venue: str, horizon_ns: int = START) -> None:
        """Tell a gateway what it may not have, that its news was taken, and that the governor lives."""
        self._trips.settle()
        if venue in self._welcome:
            self._welcome.remove(venue)
            self._resolve(self._gateways[venue]).on_welcome.remote(Welcome(self.epoch, self._lives[venue]))
        untaken, life, fold = self._untaken[venue], self._lives[venue], self.folds[venue]
        first, taken = fold.instructions - len(untaken), fold.heard.get(life, 0)
        message = Instructions(self.epoch, first, tuple(untaken), taken, life, horizon_ns)
        self._resolve(self._gateways[venue]).on_instructions.remote(message)
        self._fresh.discard(venue)

    def is_due(self, venue: str) -> bool:
        """Tell whether there is an instruction besides orders that a gateway has not been told."""
        return venue in self._fresh

    def untaken_orders(self, venue: str) -> list[Order]:
        """Return the orders that a gateway has not said it has."""
        return [record for record in self._untaken[venue] if isinstance(record, Order)]

    # -- what it does -------------------------------------------------------------------------------------------------

    def _fold(self, record: AnyRecord) -> None:
        for venue, fold in self.folds.items():
            if isinstance(record, Session):
                self._untaken[venue].clear()
            if fold.take(record):
                assert isinstance(record, Order | Cancel | Replace | Adjustment)
                self._untaken[venue].append(record)
