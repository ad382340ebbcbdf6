"""Reservations under racing intents and slow venues: no cap is passed, nothing is freed but by a terminal state.

Two desks propose whenever they like. What is approved is reserved and becomes an order; of each order the venue speaks
in turn (as a session does), but late, again, and across orders in any sequence.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from market.orders import TERMINAL, EventKind, OrderEvent, OrderState
from market.paper import ReportKind
from policies.bookkeeping import book_report, place, reserve
from policies.intents import Rule
from policies.risk import LIVE_COUNT, judge, notional_of
from tests.market.floor import a_report
from tests.policies.books import CASH, TERMS, a_book, an_intent
from tests.properties import FEW

K = EventKind
PAIR, PRICE = 0, 100_000
CAP = CASH // 4
LOTS = st.integers(-30, 30).filter(bool)
TIGHTENED = sorted(name for name in TERMS if name != "sample_ns")


class Reservations(RuleBasedStateMachine):
    """Rules are what desks, venue and network may do next."""

    def __init__(self) -> None:
        super().__init__()
        self.book = a_book(trades_per_day_max=10**6, loss_streak_max=10**6)
        self.ours: list[OrderState] = []
        self.sides: list[int] = []
        self.left: list[int] = []
        self.said: list[list[OrderEvent]] = []
        self.heard: list[int] = []

    @rule(one=LOTS, other=LOTS)
    def propose(self, one: int, other: int) -> None:
        """Two desks want something at the same instant; each is judged against what is reserved by then."""
        for lots in (one, other):
            intent = an_intent(lots)
            before = self.reserved()
            if judge(self.book, intent) == 0:
                reserve(self.book, intent, 1)
                place(self.book, len(self.ours), PAIR, lots)
                self.open(lots)
            else:
                assert self.reserved() == before

    def open(self, lots: int) -> None:
        order = OrderState(lots=abs(lots))
        order.apply(OrderEvent(kind=K.SUBMIT))
        self.ours.append(order)
        self.sides.append(1 if lots > 0 else -1)
        self.left.append(abs(lots))
        self.said.append([])
        self.heard.append(0)

    @rule(which=st.integers(0, 50), lots=st.integers(1, 30))
    @precondition(lambda self: any(self.left))
    def fill(self, which: int, lots: int) -> None:
        """The venue executes a part of an order."""
        standing = [k for k, left in enumerate(self.left) if left]
        k = standing[which % len(standing)]
        size = min(lots, self.left[k])
        self.left[k] -= size
        execution = f"{k}.{len(self.said[k])}"
        self.said[k].append(OrderEvent(kind=K.FILL, execution=execution, lots=size, price=PRICE))

    @rule(which=st.integers(0, 50), kind=st.sampled_from([K.CANCEL_ACK, K.EXPIRE, K.REJECT]))
    @precondition(lambda self: any(self.left))
    def end(self, which: int, kind: EventKind) -> None:
        """The venue ends an order; it rejects only what it has not begun to execute."""
        standing = [k for k, left in enumerate(self.left) if left]
        k = standing[which % len(standing)]
        self.left[k] = 0
        begun = any(event.kind is K.FILL for event in self.said[k])
        self.said[k].append(OrderEvent(kind=K.CANCEL_ACK if begun and kind is K.REJECT else kind))

    @rule(which=st.integers(0, 50), command=st.sampled_from([K.TIMEOUT, K.CANCEL_REQ]))
    @precondition(lambda self: self.ours)
    def act(self, which: int, command: EventKind) -> None:
        """Silence, or a cancel that was asked for, frees nothing."""
        before = self.reserved()
        self.ours[which % len(self.ours)].apply(OrderEvent(kind=command))
        assert self.reserved() == before

    @rule(which=st.integers(0, 50))
    @precondition(lambda self: any(heard < len(said) for heard, said in zip(self.heard, self.said, strict=True)))
    def hear(self, which: int) -> None:
        """The next message of some order arrives."""
        waiting = [k for k, said in enumerate(self.said) if self.heard[k] < len(said)]
        k = waiting[which % len(waiting)]
        self.heard[k] += 1
        self.take(k, self.said[k][self.heard[k] - 1])

    @rule(which=st.integers(0, 50), message=st.integers(0, 50))
    @precondition(lambda self: any(self.heard))
    def hear_again(self, which: int, message: int) -> None:
        """A message arrives a second time: nothing moves."""
        known = [k for k, heard in enumerate(self.heard) if heard]
        k = known[which % len(known)]
        before = (self.reserved(), int(self.book.ledger.positions[PAIR].lots))
        self.take(k, self.said[k][message % self.heard[k]])
        assert (self.reserved(), int(self.book.ledger.positions[PAIR].lots)) == before

    def take(self, k: int, event: OrderEvent) -> None:
        """Apply a message to our order; the book hears of what it booked and, at its end, of what will never fill."""
        order, was = self.ours[k], self.ours[k].status
        outcome = order.apply(event)
        if outcome.lots:
            self.report(k, outcome.lots, ReportKind.FILL)
        if order.status in TERMINAL and was not in TERMINAL and order.lots > order.cum:
            self.report(k, order.lots - order.cum, ReportKind.CANCEL)

    def report(self, k: int, lots: int, kind: ReportKind) -> None:
        book_report(self.book, a_report(self.sides[k] * lots, PRICE, number=k, kind=kind))

    def reserved(self) -> tuple[int, int]:
        """Return the lots that the book has reserved, buying and selling."""
        return int(self.book.working_long[PAIR]), int(self.book.working_short[PAIR])

    @rule(lots=LOTS, name=st.sampled_from(TIGHTENED), share=st.floats(0.0, 1.0))
    def tighten(self, lots: int, name: str, share: float) -> None:
        """In any state, with one limit tighter, whatever objected still does."""
        limits: Any = self.book.limits[0]
        before = int(limits[name])
        loose = judge(self.book, an_intent(lots))
        limits[name] = int(before * share)
        tight = judge(self.book, an_intent(lots))
        limits[name] = before
        assert Rule(loose) & ~Rule(tight) == Rule(0)

    @invariant()
    def no_cap_is_passed_whatever_fills(self) -> None:
        held = int(self.book.ledger.positions[PAIR].lots)
        buys, sells = self.reserved()
        assert notional_of(self.book, PAIR, max(held, 0) + buys) <= CAP
        assert notional_of(self.book, PAIR, min(held, 0) - sells) <= CAP

    @invariant()
    def what_is_reserved_is_what_our_orders_may_still_fill(self) -> None:
        for side, found in zip((1, -1), self.reserved(), strict=True):
            mine = zip(self.ours, self.sides, strict=True)
            assert found == sum(order.reserved for order, own in mine if own == side)
        assert int(self.book.counts[LIVE_COUNT]) == sum(order.reserved > 0 for order in self.ours)

    def teardown(self) -> None:
        """Everything ends and is heard of: nothing stays reserved, and the position is what the venue executed."""
        for k, left in enumerate(self.left):
            if left:
                self.said[k].append(OrderEvent(kind=K.EXPIRE))
            for event in self.said[k][self.heard[k] :]:
                self.take(k, event)
        assert self.reserved() == (0, 0)
        executed = sum(
            self.sides[k] * event.lots for k, said in enumerate(self.said) for event in said if event.kind is K.FILL
        )
        assert self.book.ledger.positions[PAIR].lots == executed


Reservations.TestCase.settings = settings(FEW, stateful_step_count=40)
TestReservationsUnderRaces = Reservations.TestCase
