"""One order on its way: what was decided, our copy of its state, and what we do about it next."""

from typing import Final

from msgspec import Struct

from market.orders import TERMINAL, OrderEvent, OrderState, OrderStatus
from market.reconciliation import Break


class OrderSpec(Struct, frozen=True, kw_only=True):
    """An order as it was made durable. After `fresh_until_ns` it is not sent any more; lots are signed."""

    number: int
    client_id: str
    instrument: str
    lots: int
    order_kind: str = "market"
    limit: int = 0
    reduce: bool = False
    fresh_until_ns: int


class Replacement(Struct, frozen=True, kw_only=True):
    """A change that was made durable: the order's next id, its lots in all (signed) and its limit."""

    number: int
    new_id: str
    lots: int
    limit: int


class News(Struct, frozen=True, kw_only=True):
    """What happened to an order, for those who fold: the event, and the number of its execution at the venue."""

    number: int
    event: OrderEvent
    venue_number: int = 0
    reason: str = ""


class Standing(Struct, frozen=True, kw_only=True):
    """What reconciling found, whenever that changes: the breaks that stand, and so which instruments are blocked."""

    breaks: tuple[Break, ...]

    @property
    def blocked(self) -> frozenset[str]:
        """Return the instruments that take no new risk."""
        return frozenset(item.instrument for item in self.breaks)


DOUBTS: Final = 3
"""Comparisons at which an order that was taken for absent is asked for again: it may only have been late."""


class OrderEntry(Struct, kw_only=True):
    """An order in hand. `asking` is the request that waits for an answer, `next_ns` when to act again.

    `doubts` counts how often an order that was taken for absent was asked for again.
    """

    spec: OrderSpec
    state: OrderState
    client_id: str
    asking: int | None = None
    next_ns: int = 0
    tries: int = 0
    sent_ns: int = 0
    absent: int = 0
    doubts: int = 0
    resend: bool = False
    cancel_wanted: bool = False
    recheck: bool = False
    replacement: Replacement | None = None

    @property
    def side(self) -> int:
        """Return 1 for buying, -1 for selling."""
        return 1 if self.spec.lots > 0 else -1

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more is to be done about it."""
        done = self.state.status in TERMINAL and not self.recheck and self.asking is None
        return done and not self.is_doubtful

    @property
    def is_doubtful(self) -> bool:
        """Tell whether it was taken for absent and has not been asked for often enough since."""
        return self.state.inferred and self.doubts < DOUBTS

    @property
    def is_working(self) -> bool:
        """Tell whether we believe that it works at the venue."""
        return self.state.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def entry_of(spec: OrderSpec) -> OrderEntry:
    """Return the entry of a new order."""
    return OrderEntry(spec=spec, state=OrderState(lots=abs(spec.lots)), client_id=spec.client_id)
