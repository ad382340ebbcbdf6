"""What a venue's word about one order means for our copy of it. The essay in `actors.working` gives the rules."""

from collections.abc import Callable
from typing import Final, Protocol

from actors.dialogue import Asked
from actors.order_entry import OrderEntry
from actors.order_rules import OrderRules
from market.orders import TERMINAL, EventKind, OrderEvent, OrderStatus, Result
from venues.messages import Answer, AnswerKind, IdRule, Refusal, RequestKind, VenueOrder

FINAL_EVENTS: Final = {
    OrderStatus.CANCELED: EventKind.CANCEL_ACK,
    OrderStatus.EXPIRED: EventKind.EXPIRE,
    OrderStatus.REJECTED: EventKind.REJECT,
}


class Apply(Protocol):
    """Moves an order and tells the news."""

    def __call__(self, entry: OrderEntry, event: OrderEvent, *, reason: str = "") -> Result:
        """Apply one event."""


class OrderAnswers:
    """Reads answers and views of orders. `fetch` asks for missing executions, `pause_ns` says when to ask again."""

    def __init__(
        self, rules: OrderRules, apply: Apply, fetch: Callable[[], None], pause_ns: Callable[[int], int]
    ) -> None:
        self._rules = rules
        self._apply = apply
        self._fetch = fetch
        self._pause_ns = pause_ns

    def hear(self, entry: OrderEntry, answer: Answer, asked: Asked, now_ns: int) -> None:
        """Take the answer to a request about an order, also to one that was given up."""
        if answer.kind is AnswerKind.NOT_FOUND:
            self._miss(entry, asked, now_ns)
            return
        refused = answer.kind is AnswerKind.REFUSED
        match asked.request.kind:
            case RequestKind.SUBMIT if not refused:
                self._apply(entry, OrderEvent(kind=EventKind.ACK))
            case RequestKind.SUBMIT if answer.refusal is not Refusal.DUPLICATE_ID:
                self._apply(entry, OrderEvent(kind=EventKind.REJECT), reason=answer.reason)
            case RequestKind.SUBMIT:  # it has the order already: as good as found
                entry.recheck = answer.order is None
            case RequestKind.CANCEL if refused:
                unknown = answer.refusal is Refusal.UNKNOWN_ORDER
                event = OrderEvent(kind=EventKind.CANCEL_REJECT, unknown_order=unknown)
                self._apply(entry, event, reason=answer.reason)
                entry.recheck = True
                if unknown:
                    return  # no sign of it: what counts how often it was not found goes on
            case RequestKind.REPLACE if refused:
                entry.replacement, entry.recheck = None, True
                self._apply(entry, OrderEvent(kind=EventKind.REPLACE_REJECT), reason=answer.reason)
            case RequestKind.QUERY:
                entry.recheck = False
        entry.absent, entry.resend = 0, False
        if answer.order is not None:
            self.see(entry, answer.order)

    def see(self, entry: OrderEntry, order: VenueOrder) -> None:
        """Take a view of an order at the venue, as far as the executions that are here bear it out."""
        state = entry.state
        working = order.status not in TERMINAL
        if state.inferred or (working and state.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)):
            self._find(entry, order)
        self._see_change(entry, order)
        if order.cum > state.cum:
            entry.recheck = True
            self._fetch()
            if not working:
                self._find(entry, order)
        elif order.status in FINAL_EVENTS:
            entry.recheck = False
            if state.status is not order.status:
                self._apply(entry, OrderEvent(kind=FINAL_EVENTS[order.status]))

    def _find(self, entry: OrderEntry, order: VenueOrder) -> None:
        """Adopt what a query says; with executions missing the order is taken for working."""
        status = order.status if order.cum <= entry.state.cum else OrderStatus.ACCEPTED
        self._apply(entry, OrderEvent(kind=EventKind.QUERY_FOUND, lots=order.cum, status=status))

    def _see_change(self, entry: OrderEntry, order: VenueOrder) -> None:
        """See that a change we asked for has happened."""
        change = entry.replacement
        if change is None or order.client_id != change.new_id:
            return
        if entry.is_working:
            self._apply(entry, OrderEvent(kind=EventKind.REPLACE_REQ, lots=abs(change.lots)))
        entry.client_id, entry.replacement = change.new_id, None
        self._apply(entry, OrderEvent(kind=EventKind.REPLACE_ACK, lots=abs(order.lots)))

    def _miss(self, entry: OrderEntry, asked: Asked, now_ns: int) -> None:
        """The venue has no such order: believed when it was asked late enough, often enough."""
        if entry.state.status in TERMINAL:
            entry.recheck = False
            return
        late_ns = entry.sent_ns + self._rules.grace_ns
        if asked.sent_ns < late_ns:
            entry.next_ns = max(entry.next_ns, late_ns)
            return
        entry.absent += 1
        entry.next_ns = now_ns + self._pause_ns(entry.absent)
        if entry.absent < self._rules.answers_min:
            return
        entry.absent, entry.recheck = 0, False
        fresh = now_ns < entry.spec.fresh_until_ns and self._rules.id_rule is IdRule.EVER
        untouched = entry.state.status is OrderStatus.UNKNOWN and entry.state.cum == 0 and not entry.cancel_wanted
        if fresh and untouched:
            entry.resend = True
        elif self._rules.expires and asked.sent_ns < entry.spec.fresh_until_ns:
            entry.recheck, entry.next_ns = True, entry.spec.fresh_until_ns  # until then it may only be late
        else:
            self._apply(entry, OrderEvent(kind=EventKind.QUERY_NOT_FOUND), reason="absent at the venue")
