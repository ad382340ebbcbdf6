"""The simulated exchange itself: orders, executions, positions. It is never wrong; what goes wrong is on the way to it.

An order is known by its client id, and by the id of each replacement after that. Market orders trade at once at the
other side of the quote, limit orders when the quote reaches them, what is immediate or cancel (`ioc`) now or not at
all. How many pieces a fill comes in, and which orders the exchange will not have, is for its owner to say.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from market.orders import OrderStatus
from venues.messages import (
    Answer,
    AnswerKind,
    Execution,
    Holdings,
    IdRule,
    Refusal,
    Request,
    RequestKind,
    VenueOrder,
)

WORKING: Final = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED})
ORDER_KINDS: Final = ("market", "limit", "ioc")


class RestingOrder(Struct):
    """The exchange's own copy of one order; lots are signed, `cum` is not; `first_id` came with the order itself."""

    first_id: str
    client_id: str
    instrument: str
    lots: int
    order_kind: str
    limit: int
    reduce: bool
    status: OrderStatus = OrderStatus.ACCEPTED
    cum: int = 0

    @property
    def left(self) -> int:
        """Lots still to fill, without sign."""
        return abs(self.lots) - self.cum if self.status in WORKING else 0

    def shown(self) -> VenueOrder:
        """Return what others get to see."""
        return VenueOrder(
            client_id=self.client_id, instrument=self.instrument, lots=self.lots, cum=self.cum, status=self.status
        )


class Exchange:
    """Takes requests one by one; every one is answered, and what it changes can be read off afterwards."""

    def __init__(
        self,
        name: str,
        *,
        id_rule: IdRule = IdRule.EVER,
        refuses: Callable[[Request], str] = lambda _: "",
        pieces: Callable[[str, int], int] = lambda _client_id, _lots: 1,
    ) -> None:
        """`refuses` returns why an order will not be had ("": it will); `pieces` in how many parts lots are filled."""
        self.name = name
        self.id_rule = id_rule
        self.orders: list[RestingOrder] = []
        self.executions: list[Execution] = []
        self.positions: dict[str, int] = {}
        self.changed: list[VenueOrder] = []
        self._known: dict[str, RestingOrder] = {}
        self._quotes: dict[str, tuple[int, int]] = {}
        self._refuses = refuses
        self._pieces = pieces

    # -- what it is asked ---------------------------------------------------------------------------------------------

    def answer(self, request: Request, now_ns: int) -> Answer:
        """Carry out one request and answer it."""
        match request.kind:
            case RequestKind.SUBMIT:
                return self._submit(request, now_ns)
            case RequestKind.CANCEL:
                return self._cancel(request)
            case RequestKind.REPLACE:
                return self._replace(request, now_ns)
            case RequestKind.QUERY:
                order = self._known.get(request.client_id)
                if order is None:
                    return Answer(number=request.number, kind=AnswerKind.NOT_FOUND)
                return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())
            case RequestKind.EXECUTIONS:
                fresh = tuple(self.executions[max(request.after, 0) :])
                return Answer(number=request.number, kind=AnswerKind.DONE, executions=fresh)
            case RequestKind.SNAPSHOT:
                return Answer(number=request.number, kind=AnswerKind.DONE, holdings=self.holdings())
            case RequestKind.HEARTBEAT:
                return Answer(number=request.number, kind=AnswerKind.DONE)

    def _submit(self, request: Request, now_ns: int) -> Answer:
        known = self._known.get(request.client_id)
        if known is not None and self.id_rule is IdRule.EVER:
            return _refused(request, Refusal.DUPLICATE_ID, "this client id has been used", known)
        reason = self._objection(request)
        if reason:
            return _refused(request, Refusal.INVALID, reason)
        order = RestingOrder(
            request.client_id,
            request.client_id,
            request.instrument,
            request.lots,
            request.order_kind,
            request.limit,
            request.reduce,
        )
        self.orders.append(order)
        self._known[request.client_id] = order
        self._match(order, now_ns)
        if order.order_kind != "limit" and order.status in WORKING:
            self._end(order, OrderStatus.CANCELED)
        return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())

    def _objection(self, request: Request) -> str:
        if request.lots == 0:
            return "an order is for at least one lot"
        if request.order_kind not in ORDER_KINDS:
            return f"order kind {request.order_kind!r}: {', '.join(ORDER_KINDS)} are allowed"
        if request.instrument not in self._quotes:
            return f"{request.instrument} is not quoted here"
        return self._refuses(request)

    def _cancel(self, request: Request) -> Answer:
        order = self._known.get(request.client_id)
        if order is None:
            return _refused(request, Refusal.UNKNOWN_ORDER, "no such order")
        if order.status not in WORKING:
            return _refused(request, Refusal.TOO_LATE, f"the order is {order.status.name}", order)
        self._end(order, OrderStatus.CANCELED)
        return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())

    def _replace(self, request: Request, now_ns: int) -> Answer:
        """Change quantity and limit; asked for a second time under the same new id, it changes nothing more."""
        order = self._known.get(request.client_id)
        if order is None:
            return _refused(request, Refusal.UNKNOWN_ORDER, "no such order")
        if self._known.get(request.new_id) is order:
            return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())
        if order.status not in WORKING:
            return _refused(request, Refusal.TOO_LATE, f"the order is {order.status.name}", order)
        if request.new_id in self._known:
            return _refused(request, Refusal.DUPLICATE_ID, "this client id has been used")
        if request.lots * order.lots <= 0:
            return _refused(request, Refusal.INVALID, "a replacement keeps its side", order)
        sign = 1 if order.lots > 0 else -1
        order.lots = sign * max(abs(request.lots), order.cum)
        order.limit = request.limit
        order.client_id = request.new_id
        self._known[request.new_id] = order
        if order.cum == abs(order.lots):
            self._end(order, OrderStatus.FILLED)
        else:
            self._match(order, now_ns)
        return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())

    # -- what happens by itself ---------------------------------------------------------------------------------------

    def quote(self, instrument: str, bid: int, ask: int, now_ns: int) -> None:
        """Move the market of an instrument; what rests there may trade."""
        self._quotes[instrument] = (bid, ask)
        for order in self.orders:
            if order.instrument == instrument and order.status in WORKING:
                self._match(order, now_ns)

    def cancel_all(self, prefix: str) -> None:
        """Cancel what is working under a prefix of client ids: the venue's own dead-man switch."""
        for order in self.orders:
            if order.status in WORKING and order.client_id.startswith(prefix):
                self._end(order, OrderStatus.CANCELED)

    def expire(self, client_id: str) -> None:
        """End an order at the venue's own wish."""
        order = self._known[client_id]
        if order.status in WORKING:
            self._end(order, OrderStatus.EXPIRED)

    def bust(self, execution: str, now_ns: int) -> None:
        """Take an execution back."""
        old = next(item for item in self.executions if item.execution == execution and not item.busted)
        order = self._known[old.client_id]
        order.cum -= abs(old.lots)
        if order.status is OrderStatus.FILLED:
            order.status = OrderStatus.CANCELED
        elif order.status is OrderStatus.PARTIALLY_FILLED and order.cum == 0:
            order.status = OrderStatus.ACCEPTED
        self._record(order, old.execution, old.lots, old.price, now_ns, busted=True)

    def trade_by_hand(self, instrument: str, lots: int, price: int, now_ns: int) -> None:
        """Trade on the account past us, as a person with the venue's own terminal would."""
        name = f"manual-{len(self.orders)}"
        order = RestingOrder(name, name, instrument, lots, "market", price, reduce=False)
        self.orders.append(order)
        self._known[order.client_id] = order
        self._fill(order, abs(lots), price, now_ns)

    # -- what it has --------------------------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """Return positions, working orders, and how many executions there are."""
        return Holdings(
            positions={name: lots for name, lots in sorted(self.positions.items()) if lots},
            orders=tuple(order.shown() for order in self.orders if order.status in WORKING),
            executions=len(self.executions),
        )

    def _match(self, order: RestingOrder, now_ns: int) -> None:
        bid, ask = self._quotes[order.instrument]
        price = ask if order.lots > 0 else bid
        reaches = order.order_kind == "market" or (price <= order.limit if order.lots > 0 else price >= order.limit)
        lots = order.left
        if order.reduce:
            held = self.positions.get(order.instrument, 0)
            lots = min(lots, max(-held if order.lots > 0 else held, 0))
        if reaches and lots:
            self._fill(order, lots, price, now_ns)

    def _fill(self, order: RestingOrder, lots: int, price: int, now_ns: int) -> None:
        pieces = max(1, min(self._pieces(order.client_id, lots), lots))
        sign = 1 if order.lots > 0 else -1
        for k in range(pieces):
            part = lots // pieces + (k < lots % pieces)
            order.cum += part
            order.status = OrderStatus.PARTIALLY_FILLED if order.left else OrderStatus.FILLED
            name = f"{self.name}-{len(self.executions) + 1}"
            self._record(order, name, sign * part, price, now_ns)

    def _record(
        self, order: RestingOrder, execution: str, lots: int, price: int, now_ns: int, *, busted: bool = False
    ) -> None:
        self.positions[order.instrument] = self.positions.get(order.instrument, 0) + (-lots if busted else lots)
        self.executions.append(
            Execution(
                number=len(self.executions) + 1, execution=execution, client_id=order.client_id,
                instrument=order.instrument, lots=lots, price=price, time_ns=now_ns, busted=busted,
            )
        )  # fmt: skip

    def _end(self, order: RestingOrder, status: OrderStatus) -> None:
        order.status = status
        self.changed.append(order.shown())


def _refused(request: Request, refusal: Refusal, reason: str, order: RestingOrder | None = None) -> Answer:
    shown = order.shown() if order is not None else None
    return Answer(number=request.number, kind=AnswerKind.REFUSED, refusal=refusal, reason=reason, order=shown)
