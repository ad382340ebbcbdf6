"""What a gateway and a venue say to each other, whichever venue it is. Plain values; nothing here waits.

A session carries requests one way and messages the other. It may lose, repeat, delay and reorder both: a request that
gets no answer may have been executed, and an answer may come after its sender has given up. Quantities are signed
lots, prices ticks, times ns UTC.
"""

from enum import IntEnum
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from market.orders import OrderStatus


class RequestKind(IntEnum):
    """What a gateway asks of a venue."""

    SUBMIT = 1
    CANCEL = 2
    REPLACE = 3
    QUERY = 4  # one order, by its client id
    EXECUTIONS = 5  # all executions numbered above `after`
    SNAPSHOT = 6  # positions, working orders, how many executions there are
    HEARTBEAT = 7  # we are alive: do not cancel what is ours


class IdRule(IntEnum):
    """For how long a venue refuses a second order under one client id."""

    NEVER = 0  # it does not look: nothing is sent twice, whatever happens
    EVER = 1


class AnswerKind(IntEnum):
    """What a venue answers. FAILED leaves open whether the request was executed; THROTTLED says that it was not."""

    DONE = 1
    REFUSED = 2
    NOT_FOUND = 3
    FAILED = 4
    THROTTLED = 5


class Refusal(IntEnum):
    """Why a request was refused, as far as the answer matters to us."""

    NONE = 0
    DUPLICATE_ID = 1
    UNKNOWN_ORDER = 2
    TOO_LATE = 3  # the order is final already
    INVALID = 4  # a rule of the venue: size, price, permission, funds


class Request(Struct, frozen=True, kw_only=True):
    """One request; `number` is the session's own and is answered with.

    A REPLACE asks for `lots` in all and a `limit`; the order's id is `new_id` from then on. A SUBMIT that comes at or
    after `until_ns` (0: never) is refused. Its protection (`stop` to `trail_by`, see `market.paper.ORDER`) is held by
    the venue; `reason` is the name of why it is sent, `sent_ns` when it was decided.
    """

    number: int
    kind: RequestKind
    client_id: str = ""
    new_id: str = ""
    instrument: str = ""
    lots: int = 0
    order_kind: str = "market"
    limit: int = 0
    reduce: bool = False
    after: int = 0
    until_ns: int = 0
    stop: int = 0
    target: int = 0
    hold_ns: int = 0
    breakeven_at: int = 0
    trail_at: int = 0
    trail_by: int = 0
    sent_ns: int = 0
    reason: str = ""


class VenueOrder(Struct, frozen=True, kw_only=True):
    """An order as the venue has it; `cum` is without sign."""

    client_id: str
    instrument: str
    lots: int
    cum: int
    status: OrderStatus


PROTECTIVE: Final = frozenset({"STOP", "TARGET", "TIME", "EMERGENCY"})
"""Reasons of a fill that is not of the order that it names: the protection which came with that closed the holding, or
an emergency stop."""


class Execution(Struct, frozen=True, kw_only=True):
    """One execution, or another item of the venue's statement. `number` counts all of them from 1 without a gap.

    `execution` is its id at the venue; a bust repeats that of what it takes back, with a number of its own. `item` is
    the name of a `market.paper.ReportKind`: besides a FILL of its order a venue may state a fill of the protection
    which came with that, a SETTLE, an AMEND of a stop, or how many lots will not be filled (CANCEL, REJECT), and why.
    """

    number: int
    execution: str
    client_id: str
    instrument: str
    lots: int
    price: int
    time_ns: int
    busted: bool = False
    item: str = "FILL"
    reason: str = ""
    fee: int = 0
    amount: int = 0
    rate_num: int = 1
    rate_den: int = 1
    stop_before: int = 0
    stop_goal: int = 0

    @property
    def is_of_order(self) -> bool:
        """Tell whether the order it names has filled by it, or what was filled is taken back."""
        return self.item == "FILL" and self.reason not in PROTECTIVE

    @property
    def moved(self) -> int:
        """Return the signed lots by which it has moved the position."""
        if self.item not in ("FILL", "SETTLE"):
            return 0
        return -self.lots if self.busted else self.lots


class Holdings(Struct, frozen=True, kw_only=True):
    """A venue's account at one instant: net lots, working orders, and the number of its newest execution."""

    positions: dict[str, int]
    orders: tuple[VenueOrder, ...]
    executions: int


class Answer(Struct, frozen=True, kw_only=True, tag="answer"):
    """The answer to one request, with what was asked for."""

    number: int
    kind: AnswerKind
    refusal: Refusal = Refusal.NONE
    reason: str = ""
    order: VenueOrder | None = None
    executions: tuple[Execution, ...] = ()
    holdings: Holdings | None = None
    retry_after_ns: int = 0


class Executed(Struct, frozen=True, tag="executed"):
    """News: an execution."""

    execution: Execution


class Changed(Struct, frozen=True, tag="changed"):
    """News: an order has another status."""

    order: VenueOrder


class Lost(Struct, frozen=True, tag="lost"):
    """The connection is gone. What was sent and not answered may or may not have arrived."""

    reason: str = ""


Message: TypeAlias = Answer | Executed | Changed | Lost


class Session(Protocol):
    """One connection to one venue. No call waits."""

    def open(self, now_ns: int) -> bool:
        """Connect, again after `Lost`; tell whether that worked."""

    def send(self, request: Request, now_ns: int) -> None:
        """Put a request on its way."""

    def receive(self, now_ns: int) -> list[Message]:
        """Return what has come since the last call, in the order in which it came."""
