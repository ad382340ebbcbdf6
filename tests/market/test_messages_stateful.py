"""A venue, our copy of its orders, and between them a network that delays, repeats and reorders what the venue says.

The venue's own list is the oracle. Whatever the network does, once every message has arrived our orders, our position
and what the account is worth are those of the venue; and before that, what may still fill is always reserved.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from market.ledger import Ledger, apply_report, open_ledger
from market.orders import OPEN_RISK, TERMINAL, EventKind, OrderEvent, OrderState, OrderStatus, Result
from tests.builders import MONEY, an_instrument
from tests.market.floor import a_report, a_table
from tests.properties import PROPERTY

K = EventKind
CASH = 100_000 * MONEY
TABLE = a_table(an_instrument("EURUSD", "x"))
MARK = 100_000
"""The price at which both sides are valued in the end."""


class VenueOrder:
    """An order as the venue has it: what is left to work, its executions, and whether it still stands."""

    def __init__(self, side: int, lots: int) -> None:
        self.side, self.left, self.standing = side, lots, True
        self.fills: dict[str, tuple[int, int]] = {}
        self.busted: set[str] = set()

    @property
    def counted(self) -> list[tuple[int, int]]:
        """Lots and price of every execution that counts."""
        return [fill for name, fill in self.fills.items() if name not in self.busted]


class Messages(RuleBasedStateMachine):
    """Rules are what venue, account and network may do next."""

    def __init__(self) -> None:
        super().__init__()
        self.venue: list[VenueOrder] = []
        self.ours: list[OrderState] = []
        self.sent: list[tuple[int, OrderEvent]] = []
        self.undelivered: list[int] = []
        self.ledger: Ledger = open_ledger(TABLE, 1, CASH)
        self.executions = 0

    @initialize(side=st.sampled_from([1, -1]), lots=st.integers(1, 12))
    def begin(self, side: int, lots: int) -> None:
        self.submit(side, lots)

    @rule(side=st.sampled_from([1, -1]), lots=st.integers(1, 12))
    @precondition(lambda self: len(self.venue) < 4)
    def submit(self, side: int, lots: int) -> None:
        """Send an order; the venue takes it."""
        self.venue.append(VenueOrder(side, lots))
        order = OrderState(lots=lots)
        order.apply(OrderEvent(kind=K.SUBMIT))
        self.ours.append(order)
        self.say(len(self.venue) - 1, kind=K.ACK)

    def say(self, number: int, **terms: Any) -> None:
        self.undelivered.append(len(self.sent))
        self.sent.append((number, OrderEvent(**terms)))

    @rule(which=st.integers(0, 3), lots=st.integers(1, 12), price=st.integers(99_000, 101_000))
    def fill(self, which: int, lots: int, price: int) -> None:
        """Execute a part of what an order has left."""
        number = which % len(self.venue)
        order = self.venue[number]
        size = min(lots, order.left) if order.standing else 0
        if size:
            name = f"e{self.executions}"
            self.executions += 1
            order.fills[name] = (size, price)
            order.left -= size
            order.standing = order.left > 0
            self.say(number, kind=K.FILL, execution=name, lots=size, price=price)

    @rule(which=st.integers(0, 3), execution=st.integers(0, 30))
    def bust(self, which: int, execution: int) -> None:
        """Take an execution back; its lots are not worked again."""
        number = which % len(self.venue)
        order = self.venue[number]
        names = sorted(set(order.fills) - order.busted)
        if names:
            name = names[execution % len(names)]
            order.busted.add(name)
            self.say(number, kind=K.BUST, execution=name)

    @rule(which=st.integers(0, 3), expires=st.booleans())
    def end(self, which: int, expires: bool) -> None:
        """End an order at the venue: cancelled, or expired."""
        number = which % len(self.venue)
        if self.venue[number].standing:
            self.venue[number].standing = False
            self.say(number, kind=K.EXPIRE if expires else K.CANCEL_ACK)

    @rule(which=st.integers(0, 3), command=st.sampled_from([K.CANCEL_REQ, K.TIMEOUT]))
    def act(self, which: int, command: EventKind) -> None:
        """Ask for a cancel, or hear nothing for too long."""
        self.ours[which % len(self.ours)].apply(OrderEvent(kind=command))

    @rule(which=st.integers(0, 3), too_late=st.booleans())
    def refuse_cancel(self, which: int, too_late: bool) -> None:
        """The venue answers a cancel with no: it filled first, or it never got the order's number."""
        self.say(which % len(self.venue), kind=K.CANCEL_REJECT, unknown_order=too_late)

    @rule(which=st.integers(0, 3))
    def answer_query(self, which: int) -> None:
        """The venue says what it has: status and lots, which may arrive before or after what it is made of."""
        number = which % len(self.venue)
        order = self.venue[number]
        filled = sum(lots for lots, _ in order.fills.values())
        status = OrderStatus.ACCEPTED if order.standing else OrderStatus.CANCELED
        self.say(number, kind=K.QUERY_FOUND, status=OrderStatus.FILLED if order.left == 0 else status, lots=filled)

    @rule(which=st.integers(0, 60))
    @precondition(lambda self: self.undelivered)
    def deliver(self, which: int) -> None:
        """Deliver any message that has not arrived."""
        self.take(self.undelivered.pop(which % len(self.undelivered)))

    @rule(which=st.integers(0, 60))
    @precondition(lambda self: len(self.undelivered) < len(self.sent))
    def repeat(self, which: int) -> None:
        """Deliver a message again."""
        arrived = sorted(set(range(len(self.sent))) - set(self.undelivered))
        self.take(arrived[which % len(arrived)])

    def take(self, message: int) -> None:
        """Apply a message to our copy; what it books moves the ledger, and nothing else does."""
        number, event = self.sent[message]
        outcome = self.ours[number].apply(event)
        assert outcome.result is not Result.INVALID
        if outcome.lots:
            price = self.ours[number].executions[event.execution].price
            apply_report(self.ledger, a_report(self.venue[number].side * outcome.lots, price))

    @invariant()
    def what_may_still_fill_is_reserved(self) -> None:
        for order, ours in zip(self.venue, self.ours, strict=True):
            if order.standing:
                assert ours.status in OPEN_RISK
                assert ours.reserved >= order.left

    @invariant()
    def the_position_is_what_was_booked(self) -> None:
        booked = sum(order.side * ours.cum for order, ours in zip(self.venue, self.ours, strict=True))
        assert self.ledger.positions[0].lots == booked
        assert all(ours.reserved == 0 for ours in self.ours if ours.status in TERMINAL)

    def teardown(self) -> None:
        """Let the rest arrive, newest first: the worst order."""
        while self.undelivered:
            self.take(self.undelivered.pop())
        worth = lots_held = 0
        for order, ours in zip(self.venue, self.ours, strict=True):
            assert ours.cum == sum(lots for lots, _ in order.counted)
            assert ours.cost == sum(lots * price for lots, price in order.counted)
            lots_held += order.side * ours.cum
            worth += order.side * sum(lots * (MARK - price) for lots, price in order.counted)
        position, tick_value = self.ledger.positions[0], int(TABLE[0].tick_value)
        assert position.lots == lots_held
        floating = (int(position.lots) * MARK - int(position.cost)) * tick_value
        assert int(self.ledger.account[0].cash) + floating == CASH + worth * tick_value


Messages.TestCase.settings = settings(PROPERTY, stateful_step_count=40)
TestMessagesInAnyOrder = Messages.TestCase
