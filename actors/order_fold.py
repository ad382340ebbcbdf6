"""The fold of one venue's orders: what the journal says about each of them. Nothing here is known that it does not say.

The owner of the journal keeps one to see whether news is news; a gateway that starts makes one and goes on from it.
"""

import msgspec
from msgspec import Struct, field

from actors.order_entry import News, OrderEntry, OrderSpec, Replacement, Standing, Stated
from journal.order_records import Adjustment, Breaks, Cancel, Order, OrderNews, OrdersSnapshot, Replace, Trade
from journal.order_records import Stated as StatedRecord
from journal.records import AnyRecord, Session
from market.orders import TERMINAL, EventKind, OrderEvent, OrderState, OrderStatus, Result


class FoldedOrder(Struct, kw_only=True):
    """One order as the journal tells it."""

    spec: OrderSpec
    state: OrderState
    client_id: str
    cancel_wanted: bool = False
    replacement: Replacement | None = None
    reasons: list[str] = field(default_factory=list)


class OrderFold(Struct, kw_only=True):
    """All orders of one venue. `fresh_ns` is for how long after its decision an order may be sent.

    `taken` are numbers of executions, `heard` says how much of each life's news is in here. Instruments are named
    `symbol@venue`. A session begins anew: with order numbers of its own, on an account of its own. `moved` are lots per
    instrument that a venue has moved without an order of ours: by a protection, at an expiry. `foreign` are trades of
    somebody else that nobody has taken over.
    """

    venue: str
    fresh_ns: int
    orders: dict[int, FoldedOrder] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    heard: dict[int, int] = field(default_factory=dict)
    adjustments: dict[str, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, tuple[Trade, ...]] = field(default_factory=dict)
    breaks: tuple[tuple[str, str, str, int | None, int | None], ...] = ()
    instructions: int = 0

    def take(self, record: AnyRecord) -> bool:
        """Take the next record of the journal; tell whether it is an instruction to this venue's gateway."""
        match record:
            case Order():
                return self._add(record)
            case Cancel() | Replace():
                return self._instruct(record)
            case OrderNews() if record.venue == self.venue:
                self.apply(record)
            case StatedRecord() if record.venue == self.venue:
                self._state(record)
            case Session():
                self._adopt(OrderFold(venue=self.venue, fresh_ns=self.fresh_ns))
            case Breaks() if record.venue == self.venue:
                self.heard[record.life] = record.seq
                self.breaks = record.breaks
            case Adjustment() if record.venue == self.venue:
                held = self.adjustments.get(record.instrument, 0)
                self.adjustments[record.instrument] = held + record.lots
                self.foreign.pop(record.instrument, None)
                self.instructions += 1
                return True
            case OrdersSnapshot() if record.venue == self.venue:
                self._adopt(msgspec.json.decode(record.fold, type=OrderFold))
        return False

    def apply(self, news: OrderNews) -> Result:
        """Apply one event to its order; what its life has told before is ignored."""
        if news.seq <= self.heard.get(news.life, 0):
            return Result.DUPLICATE_IGNORED
        self.heard[news.life] = news.seq
        order = self.orders[news.number]
        outcome = order.state.apply(event_of(news))
        if news.venue_number:
            self.taken.add(news.venue_number)
        if news.reason:
            order.reasons.append(news.reason)
        kind, change = EventKind[news.event], order.replacement
        if kind is EventKind.REPLACE_ACK and change is not None:
            order.client_id, order.replacement = change.new_id, None
        if kind is EventKind.REPLACE_REJECT or order.state.status in TERMINAL:
            order.replacement = None
        return outcome.result

    def snapshot(self, time_ns: int) -> OrdersSnapshot:
        """Return the record from which `take` goes on as if it had taken everything before."""
        return OrdersSnapshot(time_ns=time_ns, venue=self.venue, fold=msgspec.Raw(msgspec.json.encode(self)))

    def entries(self) -> list[OrderEntry]:
        """Return the orders as a gateway takes them up: copies, its own from then on."""
        return [
            OrderEntry(
                spec=order.spec, state=_copied(order.state), client_id=order.client_id,
                cancel_wanted=order.cancel_wanted, replacement=order.replacement,
            )
            for order in self.orders.values()
        ]  # fmt: skip

    def positions(self) -> dict[str, int]:
        """Return the net lots per instrument."""
        held = dict(self.adjustments)
        for name, lots in self.moved.items():
            held[name] = held.get(name, 0) + lots
        for order in self.orders.values():
            side = 1 if order.spec.lots > 0 else -1
            held[order.spec.instrument] = held.get(order.spec.instrument, 0) + side * order.state.cum
        return {name: lots for name, lots in sorted(held.items()) if lots}

    def _state(self, record: StatedRecord) -> None:
        if record.seq <= self.heard.get(record.life, 0):
            return
        self.heard[record.life] = record.seq
        self.taken.add(record.venue_number)
        if record.item not in ("FILL", "SETTLE"):
            return
        if record.number >= 0:
            self.moved[record.instrument] = self.moved.get(record.instrument, 0) + record.lots
        else:
            trade = (record.lots, record.price, record.fee, record.rate_num, record.rate_den)
            self.foreign[record.instrument] = (*self.foreign.get(record.instrument, ()), trade)

    def _add(self, record: Order) -> bool:
        if record.instrument.rpartition("@")[2] != self.venue:
            return False
        spec = spec_of(record, self.fresh_ns)
        self.orders[record.number] = FoldedOrder(
            spec=spec, state=OrderState(lots=abs(spec.lots)), client_id=spec.client_id
        )  # fmt: skip
        self.instructions += 1
        return True

    def _instruct(self, record: Cancel | Replace) -> bool:
        order = self.orders.get(record.number)
        if order is None:
            return False
        if isinstance(record, Cancel):
            order.cancel_wanted = True
        elif order.replacement is None and order.state.status not in TERMINAL:
            order.replacement = change_of(record)
        self.instructions += 1
        return True

    def _adopt(self, other: "OrderFold") -> None:
        self.orders, self.taken, self.heard = other.orders, other.taken, other.heard
        self.adjustments, self.moved, self.foreign = other.adjustments, other.moved, other.foreign
        self.breaks, self.instructions = other.breaks, other.instructions


def _copied(state: OrderState) -> OrderState:
    return msgspec.structs.replace(state, executions=dict(state.executions))


def spec_of(record: Order, fresh_ns: int) -> OrderSpec:
    """Return what a gateway needs of an order's record."""
    return OrderSpec(
        number=record.number, client_id=record.order_id, instrument=record.instrument, lots=record.lots,
        order_kind=record.order_kind, limit=record.limit, reduce=record.reduce,
        fresh_until_ns=max(record.time_ns, record.arrive_ns) + fresh_ns, due_ns=record.arrive_ns,
        sent_ns=record.time_ns, reason=record.reason, stop=record.stop, target=record.target, hold_ns=record.hold_ns,
        breakeven_at=record.breakeven_at, trail_at=record.trail_at, trail_by=record.trail_by,
    )  # fmt: skip


def change_of(record: Replace) -> Replacement:
    """Return what a gateway needs of a change's record."""
    return Replacement(number=record.number, new_id=record.order_id, lots=record.lots, limit=record.limit)


def event_of(news: OrderNews) -> OrderEvent:
    """Return the event that a record tells of."""
    return OrderEvent(
        kind=EventKind[news.event], execution=news.execution, lots=news.lots, price=news.price,
        status=OrderStatus[news.status], unknown_order=news.unknown_order,
    )  # fmt: skip


def record_of(
    news: News | Standing | Stated, *, venue: str, life: int, seq: int, time_ns: int
) -> OrderNews | Breaks | StatedRecord:
    """Return the record of news."""
    if isinstance(news, Stated):
        said, sign = news.said, -1 if news.said.busted else 1
        return StatedRecord(
            time_ns=time_ns, venue=venue, life=life, seq=seq, number=news.number, instrument=said.instrument,
            item=said.item, reason=said.reason, execution=said.execution, lots=sign * said.lots, price=said.price,
            venue_number=said.number, fee=sign * said.fee, rate_num=said.rate_num, rate_den=said.rate_den,
        )  # fmt: skip
    if isinstance(news, Standing):
        breaks = tuple((item.kind.name, item.key, item.instrument, item.local, item.venue) for item in news.breaks)
        return Breaks(time_ns=time_ns, venue=venue, life=life, seq=seq, breaks=breaks)
    event = news.event
    return OrderNews(
        time_ns=time_ns, venue=venue, life=life, seq=seq, number=news.number, event=event.kind.name,
        execution=event.execution, lots=event.lots, price=event.price, status=event.status.name,
        unknown_order=event.unknown_order, venue_number=news.said.number if news.said is not None else 0,
        reason=news.reason,
    )  # fmt: skip
