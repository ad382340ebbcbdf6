"""A workload: orders, changes and cancels, made durable one by one; what has been done is read off the fold."""

import random
from collections.abc import Mapping

from journal.order_records import Cancel, Order, Replace
from market.orders import TERMINAL, client_order_id
from tests.orders.keeping import JournalKeeper

VENUE, PREFIX = "sim", "tri"
INSTRUMENTS = (f"EURUSD@{VENUE}", f"GBPUSD@{VENUE}")


class Workload:
    """`orders` orders, some of them changed, all that still work in the end cancelled."""

    def __init__(self, keeper: JournalKeeper, venue: str, seed: int, orders: int) -> None:
        self._keeper, self._venue, self._seed, self._count = keeper, venue, seed, orders

    @property
    def orders(self):
        return self._keeper.folds[self._venue].orders

    @property
    def is_done(self) -> bool:
        states = [order.state.status for order in self.orders.values()]
        return len(states) == self._count and all(status in TERMINAL for status in states)

    def step(self, now_ns: int, mid: Mapping[str, int], chance: random.Random) -> None:
        """Do, now and then, the next thing."""
        if len(self.orders) < self._count and chance.random() < 0.15:
            self._order(now_ns, mid, chance)
        for number, order in list(self.orders.items()):
            if order.state.status in TERMINAL or order.cancel_wanted:
                continue
            if len(self.orders) == self._count and chance.random() < 0.05:
                epoch = self._keeper.epoch
                self._keeper.instruct([Cancel(time_ns=now_ns, epoch=epoch, number=number, reason="end")])
            elif order.replacement is None and chance.random() < 0.03:
                self._replace(number, order, now_ns, mid, chance)

    def _order(self, now_ns, mid, chance) -> None:
        number = len(self.orders) + 1
        name, side = chance.choice(INSTRUMENTS), chance.choice((1, -1))
        record = Order(
            time_ns=now_ns, epoch=self._keeper.epoch, number=number, order_id=self._id(number, 0), instrument=name,
            lots=side * chance.randint(1, 40), order_kind=chance.choice(("market", "ioc", "limit", "limit", "limit")),
            limit=mid[name] - side * chance.randint(-4, 16), stop=0, target=0, hold_ns=0, reduce=False, reason="ENTRY",
            arrive_ns=now_ns,
        )  # fmt: skip
        self._keeper.instruct([record])

    def _replace(self, number, order, now_ns, mid, chance) -> None:
        sign = 1 if order.spec.lots > 0 else -1
        record = Replace(
            time_ns=now_ns, epoch=self._keeper.epoch, number=number, order_id=self._id(number, now_ns),
            lots=sign * chance.randint(1, 40), limit=mid[order.spec.instrument] - sign * chance.randint(-4, 16),
        )  # fmt: skip
        self._keeper.instruct([record])

    def _id(self, number: int, seq: int) -> str:
        return client_order_id(PREFIX, f"intent-{self._seed}-{number}", 0, seq)
