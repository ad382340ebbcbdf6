"""An exchange that fills from a tape: the same kernel as on paper, behind the face of `Exchange`.

Its time is the tape's: it goes on when it is told how far, and stands still in between. What its kernel reports is its
statement: numbered without a gap, and with it the state of every order. It holds the protection of what it has filled.
What arrives at an instant is matched after the rows of that instant, as on paper.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from market.holdings import close_holding, hold_past
from market.matching import run_venue, submit
from market.money import INT64_MAX
from market.orders import OrderStatus
from market.paper import (
    COUNT,
    NEXT_DUE,
    OPEN,
    ORDER,
    REPORTS,
    WITHHELD,
    OrderKind,
    Reason,
    ReportKind,
    paper_venue,
)
from market.records import Record, Records, records
from market.reporting import report_fill
from market.tape import Tape
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
from venues.simulated.exchange import WORKING, RestingOrder

MANUAL: Final = "manual"
"""How ids of orders begin that somebody else has traded on the account."""


class Listing(NamedTuple):
    """What is traded here: all instruments with their names, the feeds that move the venue's, their rows, the end."""

    instruments: Records
    keys: tuple[str, ...]
    feeds: Records
    tape: Tape
    end_ns: int
    home: int


class TapeExchange:
    """The venue `listing.home` of a plan. `refuses` and `pieces` are its owner's, as with `Exchange`."""

    def __init__(
        self,
        name: str,
        listing: Listing,
        *,
        refuses: Callable[[Request], str] = lambda _: "",
        pieces: Callable[[str, int], int] = lambda _client_id, _lots: 1,
    ) -> None:
        self.name = name
        self.id_rule = IdRule.EVER
        self.now_ns = -1
        self.orders: list[RestingOrder] = []
        self.executions: list[Execution] = []
        self.positions: dict[str, int] = {}
        self.changed: list[VenueOrder] = []
        self._listing = listing
        self._index = {key: k for k, key in enumerate(listing.keys) if listing.instruments[k].venue == listing.home}
        self._venue = paper_venue(listing.instruments, int(listing.instruments.venue.max()) + 1, listing.end_ns)
        self._row = 0
        self._order = records(1, ORDER)[0]
        self._known: dict[str, RestingOrder] = {}
        self._ended: dict[int, int] = {}
        self._refuses = refuses
        self._pieces = pieces

    # -- what it is asked ---------------------------------------------------------------------------------------------

    def answer(self, request: Request, now_ns: int) -> Answer:
        """Carry out one request and answer it; the rows of `now_ns` itself are not met before it has been."""
        self._reach(now_ns - 1)
        done, number = AnswerKind.DONE, request.number
        match request.kind:
            case RequestKind.SUBMIT:
                return self._submit(request, max(now_ns, self.now_ns))
            case RequestKind.CANCEL:
                return self._cancel(request, max(now_ns, self.now_ns))
            case RequestKind.REPLACE:
                return _refused(request, Refusal.INVALID, "orders are not changed here", self._of(request))
            case RequestKind.QUERY:
                order = self._of(request)
                if order is None:
                    return Answer(number=number, kind=AnswerKind.NOT_FOUND)
                return Answer(number=number, kind=done, order=order.shown())
            case RequestKind.EXECUTIONS:
                return Answer(number=number, kind=done, executions=tuple(self.executions[max(request.after, 0) :]))
            case RequestKind.SNAPSHOT:
                return Answer(number=number, kind=done, holdings=self.holdings())
            case RequestKind.HEARTBEAT:
                return Answer(number=number, kind=done)

    def _of(self, request: Request) -> RestingOrder | None:
        return self._known.get(request.client_id)

    def _submit(self, request: Request, now_ns: int) -> Answer:
        """List an order; it is matched when time goes on."""
        known = self._of(request)
        if known is not None:
            return _refused(request, Refusal.DUPLICATE_ID, "this client id has been used", known)
        reason = self._objection(request, now_ns)
        if reason:
            return _refused(request, Refusal.INVALID, reason)
        order = RestingOrder(
            request.client_id, request.client_id, request.instrument, request.lots, request.order_kind, request.limit,
            request.reduce,
        )  # fmt: skip
        row = self._order
        row.number, row.instrument, row.lots = len(self.orders), self._index[request.instrument], request.lots
        row.kind, row.limit, row.reduce = OrderKind[request.order_kind], request.limit, int(request.reduce)
        row.stop, row.target, row.hold_ns = request.stop, request.target, request.hold_ns
        row.breakeven_at, row.trail_at, row.trail_by = request.breakeven_at, request.trail_at, request.trail_by
        row.reason, row.sent_ns, row.arrive_ns = Reason[request.reason], request.sent_ns, now_ns
        if not submit(self._venue, row):
            return _refused(request, Refusal.INVALID, "too many orders are under way here")
        self.orders.append(order)
        self._known[request.client_id] = order
        return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())

    def _objection(self, request: Request, now_ns: int) -> str:
        if request.until_ns and now_ns >= request.until_ns:
            return "it came too late"
        if request.lots == 0:
            return "an order is for at least one lot"
        if request.order_kind not in OrderKind.__members__:
            return f"order kind {request.order_kind!r}: {', '.join(OrderKind.__members__)} are allowed"
        if request.reason not in Reason.__members__:
            return f"reason {request.reason!r}: {', '.join(Reason.__members__)} are allowed"
        if request.instrument not in self._index:
            return f"{request.instrument} is not traded here"
        return self._refuses(request)

    def _cancel(self, request: Request, now_ns: int) -> Answer:
        order = self._of(request)
        if order is None:
            return _refused(request, Refusal.UNKNOWN_ORDER, "no such order")
        if order.status not in WORKING:
            return _refused(request, Refusal.TOO_LATE, f"the order is {order.status.name}", order)
        self._withdraw(order, now_ns)
        return Answer(number=request.number, kind=AnswerKind.DONE, order=order.shown())

    def cancel_all(self, prefix: str, now_ns: int = 0) -> None:
        """Cancel what is working under a prefix of client ids."""
        for order in self.orders:
            if order.status in WORKING and order.client_id.startswith(prefix):
                self._withdraw(order, max(self.now_ns, now_ns))

    def close_all(self, now_ns: int) -> dict[str, int]:
        """Close every holding at the market, past whoever trades here; return the lots that were traded for it."""
        self._reach(now_ns)
        before = dict(self.positions)
        for number in self._index.values():
            if self._venue.holdings[number].lots != 0:
                quote = self._venue.quotes[number]
                close_holding(self._venue, number, now_ns, int(quote.bid), int(quote.ask), Reason.EMERGENCY)
        self._state_all()
        moved = {name: lots - before.get(name, 0) for name, lots in self.positions.items()}
        return {name: lots for name, lots in sorted(moved.items()) if lots}

    def _withdraw(self, order: RestingOrder, now_ns: int) -> None:
        """Let an order that waits fall due as one that is kept back; an open contract stays until it settles."""
        number, control = self.orders.index(order), self._venue.control
        for slot in range(int(control[COUNT])):
            row = self._venue.orders[slot]
            if row.number == number and row.state != OPEN:
                row.state, row.arrive_ns = WITHHELD, now_ns
                control[NEXT_DUE] = min(int(control[NEXT_DUE]), now_ns)
        self._reach(max(now_ns, self.now_ns))

    # -- what happens by itself ---------------------------------------------------------------------------------------

    def run(self, upto_ns: int) -> int:
        """Let time pass up to an instant, or to the first at which something is stated; return where it stands."""
        if upto_ns >= self.now_ns:
            self._step(upto_ns)
        return self.now_ns

    def _reach(self, upto_ns: int) -> None:
        """Let time pass up to an instant, whatever is stated on the way."""
        while self.run(upto_ns) < upto_ns:
            pass

    def _step(self, upto_ns: int) -> None:
        listing, control = self._listing, self._venue.control
        room = len(self._venue.reports)  # so it stops after the first instant that has anything to say
        self._row = run_venue(self._venue, listing.feeds, listing.tape, self._row, upto_ns, room)
        count = int(control[REPORTS])
        self.now_ns = max(self.now_ns, int(self._venue.reports[count - 1].time_ns) if count else upto_ns)
        self._state_all()

    def _state_all(self) -> None:
        """Write all that the kernel has reported into the statement."""
        control = self._venue.control
        for said in self._venue.reports[: int(control[REPORTS])]:
            if said.number >= 0:
                self._state(said)
            else:  # what was held had never been ours
                self._write_foreign(said)
        control[REPORTS] = 0

    @property
    def next_event_ns(self) -> int:
        """Return the time of the next row or due; INT64_MAX when there will be none."""
        times = self._listing.tape.time_ns
        row_ns = int(times[self._row]) if self._row < len(times) else INT64_MAX
        return min(row_ns, int(self._venue.control[NEXT_DUE]))

    @property
    def next_stop_ns(self) -> int:
        """Return how far to go next when all that the tape will bring is wanted; INT64_MAX when that was all."""
        times = self._listing.tape.time_ns
        if self._row < len(times):
            return max(int(times[-1]), self.now_ns)
        return int(self._venue.control[NEXT_DUE])

    def _state(self, said: Record) -> None:
        """Write what the kernel reports into the statement, and bring its order to where that leaves it."""
        order = self.orders[int(said.number)]
        kind, reason = ReportKind(int(said.kind)), Reason(int(said.reason))
        pieces = 1
        if kind is ReportKind.FILL and order.order_kind != OrderKind.BINARY.name:  # a contract is bought whole
            pieces = max(1, min(self._pieces(order.client_id, abs(int(said.lots))), abs(int(said.lots))))
        for k in range(pieces):
            self._write(order, said, kind, reason, k, pieces)
        if kind is ReportKind.FILL and self.executions[-1].is_of_order:
            order.cum += abs(int(said.lots))
        elif kind in (ReportKind.CANCEL, ReportKind.REJECT):
            self._ended[int(said.number)] = self._ended.get(int(said.number), 0) + abs(int(said.lots))
        else:
            return
        left = abs(order.lots) - order.cum - self._ended.get(int(said.number), 0)
        if left > 0:
            order.status = OrderStatus.PARTIALLY_FILLED if order.cum else OrderStatus.ACCEPTED
            return
        ended = OrderStatus.CANCELED if order.cum or kind is ReportKind.CANCEL else OrderStatus.REJECTED
        order.status = OrderStatus.FILLED if order.cum == abs(order.lots) else ended
        self.changed.append(order.shown())

    def _write(
        self, order: RestingOrder, said: Record, kind: ReportKind, reason: Reason, part: int, parts: int
    ) -> None:
        """Write one of `parts` parts of a report, which add up to it."""
        lots, fee = _part(int(said.lots), part, parts), _part(int(said.fee), part, parts)
        number = len(self.executions) + 1
        self.executions.append(
            Execution(
                number=number, execution=f"{self.name}-{number}", client_id=order.first_id,
                instrument=order.instrument, lots=lots, price=int(said.price), time_ns=int(said.time_ns),
                item=kind.name, reason=reason.name, fee=fee, amount=_part(int(said.amount), part, parts),
                rate_num=int(said.rate_num), rate_den=int(said.rate_den), stop_before=int(said.stop_before),
                stop_goal=int(said.stop_goal),
            )
        )  # fmt: skip
        self._move(self.executions[-1])

    def trades(self, instrument: str) -> bool:
        """Tell whether an instrument is traded here, at a price that is known."""
        number = self._index.get(instrument)
        return number is not None and bool(self._venue.quotes[number].time_ns > 0)

    def trade_by_hand(self, instrument: str, lots: int, now_ns: int) -> None:
        """Trade on the account past us: the holding moves, its protection covers what is left of it."""
        number = self._index[instrument]
        quote = self._venue.quotes[number]
        price = int(quote.ask if lots > 0 else quote.bid)
        hold_past(self._venue, number, lots, price, now_ns)
        report_fill(self._venue, number, now_ns, -1, lots, price, Reason.MANUAL)
        self._state_all()

    def _write_foreign(self, said: Record) -> None:
        """Write a trade of somebody else into the statement, under an id of theirs."""
        number = len(self.executions) + 1
        name = f"{MANUAL}-{number - 1}"
        self.executions.append(
            Execution(
                number=number, execution=f"{self.name}-{number}", client_id=name,
                instrument=self._listing.keys[int(said.instrument)], lots=int(said.lots), price=int(said.price),
                time_ns=int(said.time_ns), reason=Reason(int(said.reason)).name, fee=int(said.fee),
                rate_num=int(said.rate_num), rate_den=int(said.rate_den),
            )
        )  # fmt: skip
        self._move(self.executions[-1])

    def _move(self, execution: Execution) -> None:
        name = execution.instrument
        self.positions[name] = self.positions.get(name, 0) + execution.moved

    # -- what it has --------------------------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """Return positions, working orders, and how long the statement is."""
        return Holdings(
            positions={name: lots for name, lots in sorted(self.positions.items()) if lots},
            orders=tuple(order.shown() for order in self.orders if order.status in WORKING),
            executions=len(self.executions),
        )


def _part(whole: int, part: int, parts: int) -> int:
    """Return one of `parts` parts that add up to a whole, as equal as they can be."""
    sign, size = (1 if whole > 0 else -1), abs(whole)
    return sign * (size // parts + (part < size % parts))


def _refused(request: Request, refusal: Refusal, reason: str, order: RestingOrder | None = None) -> Answer:
    shown = order.shown() if order is not None else None
    return Answer(number=request.number, kind=AnswerKind.REFUSED, refusal=refusal, reason=reason, order=shown)
