"""The simulated venue: an exchange at the end of a line that fails as its plan says. It outlives whoever connects.

Requests and messages travel on a heap of virtual time. A request that is under way when its connection breaks may
still arrive; what was meant for a broken connection never does. The newest connection gets the news.

Over a tape the exchange has a time of its own: who trades there lets it pass (`run`), up to the next message for him.
"""

import heapq
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from market.money import INT64_MAX
from venues.messages import (
    Answer,
    AnswerKind,
    Changed,
    Executed,
    Execution,
    IdRule,
    Lost,
    Message,
    Request,
    RequestKind,
    Session,
)
from venues.simulated.exchange import Exchange
from venues.simulated.faults import Draws, Fault, FaultPlan
from venues.simulated.tape_exchange import Listing, TapeExchange

FAR_NS: Final = INT64_MAX
END_NS: Final = INT64_MAX - 1
"""The end of all time: who lets it pass up to here gets what the tape still brings, and stands where it ended."""


class _Arrival(Struct, order=True):
    """A request on its way to the exchange; `count` keeps those of one instant in order."""

    due_ns: int
    count: int
    connection: int
    befalls: str
    request: Request


class Emptied(Struct, frozen=True, kw_only=True):
    """What an emergency stop has done at a venue: orders cancelled, lots traded to close, why not more was done."""

    orders: int
    closed: dict[str, int] = {}
    problem: str = ""


class TapeSession(Session, Protocol):
    """A session at whose venue time passes as its user lets it."""

    def now_ns(self) -> int:
        """Return the instant at which the venue stands, or up to which it has once said that it would be calm."""

    def calm_ns(self) -> int:
        """Return up to when nothing will come for this session, if nothing is sent; the venue remembers that."""

    def run(self, upto_ns: int) -> int | None:
        """Let time pass up to the first message for this session, at most to an instant; return that of the message."""


class SimulatedSession:
    """One party's line to the venue; opened anew it is another connection, and the one before is dead."""

    def __init__(self, venue: "SimulatedVenue") -> None:
        self._venue = venue
        self._connection = 0

    def open(self, now_ns: int) -> bool:
        """Connect; False while the venue is out of reach."""
        self._connection = self._venue.connect(now_ns)
        return self._connection > 0

    def send(self, request: Request, now_ns: int) -> None:
        """Put a request on its way; on a dead connection it is lost."""
        self._venue.carry(self._connection, request, now_ns)

    def receive(self, now_ns: int) -> list[Message]:
        """Return what has come since the last call."""
        return self._venue.collect(self._connection, now_ns)

    def now_ns(self) -> int:
        """Return the instant at which the venue stands, or up to which it has once said that it would be calm."""
        return max(self._venue.now_ns, self._venue.calm_ns)

    def calm_ns(self) -> int:
        """Return up to when nothing will come for this session, if nothing is sent; the venue remembers that."""
        return self._venue.look_ahead(self._connection)

    def run(self, upto_ns: int) -> int | None:
        """Let time pass up to the first message for this session, at most to an instant; return that of the message."""
        return self._venue.run(self._connection, upto_ns)


class SimulatedVenue:
    """An exchange, its faults, and the messages under way. `prefix` marks the orders that its dead-man switch ends."""

    def __init__(
        self, name: str, plan: FaultPlan, seed: int = 0, *, id_rule: IdRule = IdRule.EVER, prefix: str = "",
        listing: Listing | None = None,
    ) -> None:  # fmt: skip
        """With a `listing` it fills from a tape, else from the quotes that its owner makes."""
        self.plan = plan
        self.now_ns = self.calm_ns = -1
        self._draws = Draws(plan, seed)
        self.exchange: Exchange | TapeExchange
        if listing is None:
            self.exchange = Exchange(name, id_rule=id_rule, refuses=self._refuses, pieces=self._pieces)
        else:
            self.exchange = TapeExchange(name, listing, refuses=self._refuses, pieces=self._pieces)
        self.arrived: list[Request] = []
        self._prefix = prefix
        self._requests: list[_Arrival] = []
        self._messages: list[tuple[int, int, int, Message]] = []
        self._count = 0
        self._connection = 0
        self._told_executions = 0
        self._heartbeat_ns: int | None = None
        self._broken = 0  # this connection and all before it are dead

    def _refuses(self, request: Request) -> str:
        return self._draws.refuses(request.client_id)

    def _pieces(self, client_id: str, _: int) -> int:
        return self._draws.pieces(client_id)

    def session(self) -> SimulatedSession:
        """Return a line to this venue, not yet open."""
        return SimulatedSession(self)

    # -- the line -----------------------------------------------------------------------------------------------------

    def connect(self, now_ns: int) -> int:
        """Make a connection; 0 while nothing gets through. The one before is dead from now on."""
        self.advance(now_ns)
        if self.is_out(now_ns):
            return 0
        self._connection += 1
        return self._connection

    def is_out(self, now_ns: int) -> bool:
        """Tell whether the venue is out of reach at an instant."""
        return any(begin <= now_ns < end for begin, end in self.plan.outages)

    def carry(self, connection: int, request: Request, now_ns: int) -> None:
        """Put a request on its way to the exchange, or lose it."""
        self.advance(now_ns)
        if connection != self._connection or connection <= self._broken:
            return
        if self.is_out(now_ns):
            self._break(connection, now_ns, "out of reach")
            return
        befalls = self._draws.befalls()
        if befalls is Fault.DROP_BEFORE:
            return
        if befalls is Fault.RATE_LIMIT:
            answer = Answer(
                number=request.number, kind=AnswerKind.THROTTLED, retry_after_ns=self.plan.retry_after_ns
            )  # fmt: skip
            self._tell(connection, answer, now_ns)
            return
        if befalls is Fault.DISCONNECT:
            self._break(connection, now_ns, "connection reset")
            if self._draws.happens(Fault.DISCONNECT):  # now and then nothing more than the line is lost
                return
        due = now_ns + self._draws.latency_ns()
        if self._draws.happens(Fault.DELAY):
            due += self._draws.delay_ns()
        self._count += 1
        heapq.heappush(self._requests, _Arrival(due, self._count, connection, befalls.value, request))

    def collect(self, connection: int, now_ns: int) -> list[Message]:
        """Return the messages that have come to a connection."""
        self.advance(now_ns)
        found: list[Message] = []
        while self._messages and self._messages[0][0] <= now_ns:
            _, _, receiver, message = heapq.heappop(self._messages)
            if receiver == connection and (receiver > self._broken or isinstance(message, Lost)):
                found.append(message)
        return found

    def advance(self, now_ns: int) -> None:
        """Let everything happen at the exchange that is due by now; over a tape time passes in `run` alone."""
        if isinstance(self.exchange, TapeExchange):
            return
        while self._requests and self._requests[0].due_ns <= now_ns:
            arrival = heapq.heappop(self._requests)
            self._take(arrival)
        silent_since = self._heartbeat_ns
        if self.plan.dead_man_ns and silent_since is not None and now_ns - silent_since >= self.plan.dead_man_ns:
            self.exchange.cancel_all(self._prefix)
            self._heartbeat_ns = None
            self.publish(now_ns)

    def run(self, connection: int, upto_ns: int) -> int | None:
        """Let the exchange's time pass up to the first message for a connection, at most to an instant."""
        exchange = self.exchange
        assert isinstance(exchange, TapeExchange), "only over a tape does an exchange have a time of its own"
        while True:
            message_ns, arrival_ns = self._next_message_ns(connection), self._next_arrival_ns()
            target_ns = min(upto_ns, message_ns, arrival_ns)
            if target_ns == END_NS:
                target_ns = exchange.next_stop_ns
                if target_ns == FAR_NS:
                    return None
            stop_ns = target_ns - 1 if arrival_ns == target_ns else target_ns  # what arrives meets the rows with it
            reached_ns = exchange.run(stop_ns) if stop_ns >= exchange.now_ns else stop_ns
            self.now_ns = max(self.now_ns, reached_ns)
            if self.publish(reached_ns) or reached_ns < stop_ns:
                continue
            if arrival_ns == target_ns:
                self._take(heapq.heappop(self._requests))
                continue
            if upto_ns < END_NS or message_ns <= target_ns:
                return message_ns if message_ns <= upto_ns else None

    def look_ahead(self, connection: int) -> int:
        """Return up to when nothing can happen: before the next message, arrival, row or due."""
        assert isinstance(self.exchange, TapeExchange), "only a tape can be looked ahead on"
        sources = (self._next_message_ns(connection), self._next_arrival_ns(), self.exchange.next_event_ns)
        ahead_ns = min(min(sources) - 1, END_NS)
        if ahead_ns < END_NS:
            self.calm_ns = max(self.calm_ns, ahead_ns)  # who comes anew must not break what was promised
        return ahead_ns

    def _next_message_ns(self, connection: int) -> int:
        """Return when the next message for a connection comes; what is meant for others is dropped on the way."""
        while self._messages and self._messages[0][2] != connection:
            heapq.heappop(self._messages)
        return max(self._messages[0][0], self.now_ns) if self._messages else FAR_NS

    def _next_arrival_ns(self) -> int:
        return max(self._requests[0].due_ns, self.now_ns) if self._requests else FAR_NS

    # -- the emergency stop -------------------------------------------------------------------------------------------

    def empty(self, *, flatten: bool) -> Emptied:
        """Cancel every order and, if that is wanted, close every holding, past whoever trades here.

        It happens at the next instant: at none that this venue has said would be calm.
        """
        exchange = self.exchange
        assert isinstance(exchange, TapeExchange), "only over a tape is there an emergency stop"
        working = len(exchange.holdings().orders)
        held = any(exchange.positions.values())
        if not working and not (flatten and held):
            return Emptied(orders=0)
        if exchange.next_event_ns == FAR_NS:
            return Emptied(orders=0, problem="its market has ended: nothing is traded there any more")
        now_ns = max(self.now_ns, self.calm_ns, exchange.now_ns) + 1
        exchange.cancel_all("", now_ns)
        closed = exchange.close_all(now_ns) if flatten else {}
        self.now_ns = max(self.now_ns, exchange.now_ns)
        self.publish(self.now_ns)
        return Emptied(orders=working, closed=closed)

    # -- the exchange's side ------------------------------------------------------------------------------------------

    def quote(self, instrument: str, bid: int, ask: int, now_ns: int) -> None:
        """Move the market."""
        assert isinstance(self.exchange, Exchange), "over a tape the market moves by itself"
        self.advance(now_ns)
        self.exchange.quote(instrument, bid, ask, now_ns)
        self.publish(now_ns)

    def publish(self, now_ns: int) -> bool:
        """Tell the newest connection what has changed since it was last told, or not; False when nothing has."""
        fresh = self.exchange.executions[self._told_executions :]
        for execution in fresh:
            self._news(Executed(self._skewed(execution)), now_ns)
        self._told_executions = len(self.exchange.executions)
        changed = list(self.exchange.changed)
        for order in changed:
            self._news(Changed(order), now_ns)
        self.exchange.changed.clear()
        return bool(fresh or changed)

    def _take(self, arrival: _Arrival) -> None:
        request, now_ns = arrival.request, max(arrival.due_ns, self.now_ns)
        self.arrived.append(request)
        if request.kind is RequestKind.HEARTBEAT:
            self._heartbeat_ns = now_ns
        answer = self.exchange.answer(request, now_ns)
        self._meddle(request, now_ns)
        self.publish(now_ns)
        if arrival.befalls == Fault.DROP_AFTER:
            return
        if arrival.befalls == Fault.ERROR_AFTER_ACCEPT:
            answer = Answer(number=request.number, kind=AnswerKind.FAILED, reason="502 bad gateway")
        if answer.executions:
            skewed = tuple(self._skewed(execution) for execution in answer.executions)
            answer = msgspec.structs.replace(answer, executions=skewed)
        self._tell(arrival.connection, answer, now_ns)

    def _meddle(self, request: Request, now_ns: int) -> None:
        """Trade on the account by hand, now and then, right after an order of ours."""
        exchange = self.exchange
        if request.kind is not RequestKind.SUBMIT or not isinstance(exchange, TapeExchange):
            return
        if exchange.trades(request.instrument) and self._draws.happens(Fault.MANUAL_TRADE):
            exchange.trade_by_hand(request.instrument, 3, now_ns)

    def _skewed(self, execution: Execution) -> Execution:
        skew_ns = self._draws.skew_ns()
        return msgspec.structs.replace(execution, time_ns=execution.time_ns + skew_ns) if skew_ns else execution

    def _news(self, message: Message, now_ns: int) -> None:
        if not self._draws.happens(Fault.NEWS_LOST):
            late = self._draws.happens(Fault.OUT_OF_ORDER_FILL)
            self._tell(self._connection, message, now_ns + (self._draws.delay_ns() if late else 0))

    def _tell(self, connection: int, message: Message, now_ns: int) -> None:
        due = now_ns + self._draws.latency_ns()
        if self._draws.happens(Fault.DELAY):
            due += self._draws.delay_ns()
        self._post(connection, message, due)
        if self._draws.happens(Fault.DUPLICATE_EVENT):
            self._post(connection, message, due + self._draws.delay_ns())

    def _post(self, connection: int, message: Message, due_ns: int) -> None:
        self._count += 1
        heapq.heappush(self._messages, (due_ns, self._count, connection, message))

    def _break(self, connection: int, now_ns: int, reason: str) -> None:
        self._broken = connection
        self._post(connection, Lost(reason), now_ns)
