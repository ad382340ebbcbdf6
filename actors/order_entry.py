"""One order on its way: what was decided, our copy of its state, and what we do about it next."""

from typing import Final

from msgspec import Struct

from market.orders import TERMINAL, OrderEvent, OrderState, OrderStatus
from market.reconciliation import Break
from venues.messages import Execution


class OrderSpec(Struct, frozen=True, kw_only=True):
    """An order as it was made durable. It is sent from `due_ns` on, not after `fresh_until_ns`; lots are signed.

    Its protection (`stop` to `trail_by`) is held by venues that can; see `market.paper.ORDER`.
    """

    number: int
    client_id: str
    instrument: str
    lots: int
    order_kind: str = "market"
    limit: int = 0
    reduce: bool = False
    fresh_until_ns: int
    due_ns: int = 0
    sent_ns: int = 0
    reason: str = ""
    stop: int = 0
    target: int = 0
    hold_ns: int = 0
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0

    def words(self) -> dict[str, object]:
        """Return what a SUBMIT says of the order: the same every time."""
        return {
            "client_id": self.client_id, "instrument": self.instrument, "lots": self.lots,
            "order_kind": self.order_kind, "limit": self.limit, "reduce": self.reduce,
            "until_ns": self.fresh_until_ns, "stop": self.stop, "target": self.target, "hold_ns": self.hold_ns,
            "breakeven_at": self.breakeven_at, "trail_at": self.trail_at, "trail_by": self.trail_by,
            "sent_ns": self.sent_ns, "reason": self.reason,
        }  # fmt: skip


class Replacement(Struct, frozen=True, kw_only=True):
    """A change that was made durable: the order's next id, its lots in all (signed) and its limit."""

    number: int
    new_id: str
    lots: int
    limit: int


class News(Struct, frozen=True, kw_only=True):
    """What happened to an order, for those who fold: the event, and the execution at the venue that it came from."""

    number: int
    event: OrderEvent
    said: Execution | None = None
    reason: str = ""


class Stated(Struct, frozen=True, kw_only=True):
    """An item of the venue's statement that is no execution of the order which it is about (-1: none of ours)."""

    number: int
    said: Execution


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
    def wants_something(self) -> bool:
        """Tell whether there is something to do about it that waits for no answer."""
        status = self.state.status
        if self.asking is not None:
            return False
        if status in (OrderStatus.CREATED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) or self.resend or self.recheck:
            return True
        changes = self.cancel_wanted or self.replacement is not None or status is OrderStatus.PENDING_CANCEL
        return status not in TERMINAL and changes

    def want_cancel(self, now_ns: int, at_ns: int) -> None:
        """Take the wish that it be gone: asked for at an instant at the latest; what has not left is dropped then."""
        self.cancel_wanted = True
        if self.state.status is not OrderStatus.CREATED:
            self.next_ns = at_ns if self.next_ns <= now_ns else min(self.next_ns, at_ns)

    @property
    def is_working(self) -> bool:
        """Tell whether we believe that it works at the venue."""
        return self.state.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def entry_of(spec: OrderSpec) -> OrderEntry:
    """Return the entry of a new order."""
    return OrderEntry(spec=spec, state=OrderState(lots=abs(spec.lots)), client_id=spec.client_id)
