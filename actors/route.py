"""A route to a gateway: which orders it has, how far it has reported, and what of that waits to be taken."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from actors.messages import END, START, Orders, Pull, Reports
from actors.settings import Resolver
from journal.order_records import Order
from market.paper import ORDER
from market.records import copied, joined, packed


def held_ns(routes: Sequence["Route"]) -> int:
    """Return the time of the earliest report that waits to be taken."""
    return min((int(route.waiting[0]["time_ns"]) for route in routes if route.waiting), default=END + 1)


class Route:
    """What the governor knows of one gateway: its orders, how far it has reported, and what waits to be taken.

    After `reported_ns` the gateway will report nothing up to `calm_ns` unless a further order arrives before.
    """

    def __init__(self, name: str, latency_ns: int, reported_ns: int) -> None:
        self.name = name
        self.latency_ns = latency_ns
        self.reported_ns = reported_ns
        self.calm_ns = END
        self.waiting: deque[Any] = deque()
        self.orders: list[Any] = []
        self.has = 0
        self.told = (START, 0)
        self.heard = False

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is left that the gateway could report."""
        return self.calm_ns == END

    @property
    def is_due(self) -> bool:
        """Tell whether the gateway has been told to go on and has not said yet what came of it."""
        return self.calm_ns != END and self.told[0] > self.reported_ns

    @property
    def settled_ns(self) -> int:
        """Return up to when the orders there are will bring no report that is not here."""
        return max(self.reported_ns, self.calm_ns)

    def complete_to(self, promise: int) -> int:
        """Return the time up to which all reports are here, when no further order arrives up to `promise`."""
        return max(self.reported_ns, min(self.calm_ns, promise))

    @property
    def passed_ns(self) -> int:
        """Return up to when the gateway may have gone already: before it was heard nobody knows (END)."""
        return max(self.reported_ns, self.told[0]) if self.heard else END

    def add(self, order: Any, record: Order) -> None:
        """Note an order, a row and its record; before it arrives it changes nothing."""
        self.calm_ns = min(self.calm_ns, int(order["arrive_ns"]) - 1)
        self.orders.append(copied(order))

    def hear(self, batch: Reports) -> None:
        """Take the newest word of the gateway; it cannot know of orders that it has not got."""
        self.reported_ns, self.heard = batch.upto_ns, True
        self.calm_ns = min([batch.calm_ns, *(int(order["arrive_ns"][0]) - 1 for order in self.orders[batch.orders :])])

    def take(self) -> Any:
        """Return the earliest report that waits; it is taken now."""
        return self.waiting.popleft()

    def send(self, resolve: Resolver, epoch: int, promise: int, cut_ns: int, *, again: bool = False) -> None:
        """Send the orders that the gateway has not got, and the promise that lets it go on."""
        if not again and (self.quiet or (promise, len(self.orders)) <= self.told):
            return
        rows = packed(joined(self.orders[self.has :], ORDER))
        resolve(self.name).on_orders.remote(Orders(epoch, self.has, rows, promise, cut_ns))
        self.told = (promise, len(self.orders))

    def remind(self, resolve: Resolver, receiver: str) -> None:
        """Ask for what the gateway has to report, once more."""
        resolve(self.name).on_pull.remote(Pull(receiver, self.reported_ns, again=True))
