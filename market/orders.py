"""The life of an order: a transition table, and the few rules that a table cannot say.

THEORY OF OPERATION

We and the venue each hold a copy of every order, and what either says reaches the other late, twice, out of order or
never. `OrderState` is our copy. It is moved by events of three sorts: our commands (DENY, SUBMIT, CANCEL_REQ,
REPLACE_REQ), what the venue reports (ACK, REJECT, fills, CANCEL_ACK, ...), and what we conclude from its silence
(TIMEOUT, QUERY_NOT_FOUND, QUERY_FOUND). `TRANSITIONS` says for each status and event where the order goes.

RULE 1: a fill is never dropped. It is booked in every status, also after a cancel or a reject, also beyond the
quantity: the position at the venue has moved, whatever we think of it. What should not have happened is an ANOMALY:
booked, flagged, and a reason to reconcile. Never clamped: the excess of an overfill is hedged by a new intent.

RULE 2: a report changes an order once. Fills are known by the venue's execution id; the second copy is
DUPLICATE_IGNORED. Late confirmations of what is known already (an ACK after a fill) are IGNORED.

RULE 3: our own commands must be legal. INVALID means that the caller has a bug: nothing changes, nothing is sent.

RULE 4: silence is not an answer. After a TIMEOUT the order is UNKNOWN: it keeps its whole reservation and is never sent
again under another id. It leaves UNKNOWN when the venue reports it, or when the caller, after a grace time and two
consistent queries, says QUERY_NOT_FOUND. That rejection is INFERRED, and the one terminal status that can be left: if
the order is heard of again it is RESURRECTED, an anomaly to be cancelled. No other terminal status returns to life;
FILLED may follow CANCELED, REJECTED or EXPIRED (late fills), and CANCELED follows FILLED (a bust).

RULE 5: what we have not seen, we have not booked. When a query says that more was filled than we know, the order gets
FILL_GAP: the executions must be fetched. A final status at the venue is adopted only once its executions are here.

Two things in the table stand for more than they say. ACCEPTED means "working": with fills booked it is
PARTIALLY_FILLED, or FILLED when they complete the (replaced) quantity. REJECTED with fills booked is CANCELED, flagged
REJECT_AFTER_FILL: a rejected order has no executions.

A change that is confirmed while its order is being cancelled, or is UNKNOWN, is an anomaly; the quantity is the new one
all the same, and an order of which so much is booked already is FILLED.

A bust takes an execution back. Its lots are not worked again; that would be a new decision. A bust that overtakes its
fill is remembered, so that any order of the same reports ends in the same position.

Quantities are whole lots without sign, prices ticks. Sources: FIX 4.2 appendix D, FIX 5.0SP2 order state changes; the
one known difference is that FIX shows a filled order as pending until the cancel is answered, with equal quantities.
"""

import base64
import hashlib
import re
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

from msgspec import Struct, field


class OrderStatus(IntEnum):
    """Where an order stands."""

    CREATED = 0
    DENIED = 1
    SUBMITTED = 2
    UNKNOWN = 3
    ACCEPTED = 4
    PARTIALLY_FILLED = 5
    PENDING_CANCEL = 6
    PENDING_REPLACE = 7
    FILLED = 8
    CANCELED = 9
    REJECTED = 10
    EXPIRED = 11


class EventKind(IntEnum):
    """What happens to an order. The first fifteen are the columns of the table, in its order.

    A fill comes in as FILL; whether it completes the order, and so which column applies, follows from the quantities.
    """

    DENY = 0
    SUBMIT = 1
    ACK = 2
    REJECT = 3
    FILL_PARTIAL = 4
    FILL = 4
    FILL_COMPLETE = 5
    CANCEL_REQ = 6
    CANCEL_ACK = 7
    CANCEL_REJECT = 8
    REPLACE_REQ = 9
    REPLACE_ACK = 10
    REPLACE_REJECT = 11
    EXPIRE = 12
    TIMEOUT = 13
    QUERY_NOT_FOUND = 14
    QUERY_FOUND = 15
    BUST = 16


class Result(IntEnum):
    """What became of an event."""

    APPLIED = 1
    IGNORED = 2  # late or repeated; to be logged
    INVALID = 3  # our own command, illegal here; nothing is sent
    ANOMALY = 4  # taken, to be alerted and reconciled
    DUPLICATE_IGNORED = 5  # an execution that is booked already


class OrderFlag(IntFlag):
    """What an order has been through; flags stay for good."""

    RECONCILE = 1
    IMPOSSIBLE_FILL = 2
    LATE_FILL = 4
    OVERFILL = 8
    REJECT_AFTER_FILL = 16
    CANCEL_REQUESTED = 32
    QUERY_NEEDED = 64
    ABSENT_INFERRED = 128
    RESURRECTED = 256
    FILL_GAP = 512
    BUSTED = 1024


TERMINAL: Final = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
OPEN_RISK: Final = frozenset(OrderStatus) - TERMINAL - {OrderStatus.CREATED}
"""Statuses in which the order may be live at the venue: its open lots count as risk, in full."""
UNSETTLED: Final = frozenset({OrderStatus.PENDING_REPLACE, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN})
"""Statuses in which a replace that was asked for may still have happened."""


class Transition(NamedTuple):
    """One cell of the table."""

    status: OrderStatus
    result: Result
    flag: int


_TABLE: Final = """
     deny sub  ack  rej      part   full     creq     cack crej rreq rack rrej exp  tmo    qnf
CRE  DEN  SUB  !    !        !imp   !imp     DEN      !    !    x    !    !    !    .      .
DEN  x    x    !    !        !imp   !imp     x        !    !    x    !    !    !    .      .
SUB  x    x    ACC  REJ      PAR    FIL      PCA      CAN  .    x    !    .    EXP  UNK    .
UNK  x    x    ACC  REJ      PAR    FIL      UNK+creq CAN  .    x    !    .    EXP  .      REJ+abs
ACC  x    x    .    REJ      PAR    FIL      PCA      CAN  .    PRE  !    .    EXP  .      UNK!
PAR  x    x    .    CAN!raf  PAR    FIL      PCA      CAN  .    PRE  !    .    EXP  .      UNK!
PCA  x    x    .    REJ      PCA    FIL      .        CAN  ACC  x    !    .    EXP  PCA+qry UNK!
PRE  x    x    .    REJ      PRE    FIL      PCA      CAN  .    x    ACC  ACC  EXP  PRE+qry UNK!
FIL  x    x    .    .        !over  !over    x        .    .    x    .    .    .    .      .
CAN  x    x    .    .        !late  FIL!late x        .    .    x    .    .    .    .      .
REJ  x    x    .    .        !late  FIL!late x        .    .    x    .    .    .    .      .
EXP  x    x    .    .        !late  FIL!late x        .    .    x    .    .    .    .      .
"""
"""Rows: status, columns: event. `FIL` applied, goes there; `FIL+flag` applied with a flag; `FIL!flag` anomaly, goes
there (`!` alone stays; without a flag: RECONCILE); `.` ignored; `x` invalid."""

_STATUS: Final = dict(zip("CRE DEN SUB UNK ACC PAR PCA PRE FIL CAN REJ EXP".split(), OrderStatus, strict=True))
_FLAGS: Final = {
    "": OrderFlag.RECONCILE,
    "imp": OrderFlag.IMPOSSIBLE_FILL,
    "raf": OrderFlag.REJECT_AFTER_FILL,
    "creq": OrderFlag.CANCEL_REQUESTED,
    "abs": OrderFlag.ABSENT_INFERRED,
    "qry": OrderFlag.QUERY_NEEDED,
    "over": OrderFlag.OVERFILL,
    "late": OrderFlag.LATE_FILL,
}


def _transition(cell: str, here: OrderStatus) -> Transition:
    if cell in ".x":
        return Transition(here, Result.IGNORED if cell == "." else Result.INVALID, 0)
    mark = next((mark for mark in "!+" if mark in cell), "")
    target, _, flag = cell.partition(mark) if mark else (cell, "", "")
    result = Result.ANOMALY if mark == "!" else Result.APPLIED
    return Transition(_STATUS[target] if target else here, result, int(_FLAGS[flag]) if mark else 0)


TRANSITIONS: Final[dict[OrderStatus, tuple[Transition, ...]]] = {
    _STATUS[name]: tuple(_transition(cell, _STATUS[name]) for cell in cells)
    for name, *cells in (line.split() for line in _TABLE.strip().splitlines()[1:])
}
"""Per status, what each of the fifteen events of the table does."""


class OrderEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event. `lots`: of a fill, the quantity asked for by a replace, or the venue's cumulative one in QUERY_FOUND.

    `status` is the venue's in QUERY_FOUND; `unknown_order` the reason of a CANCEL_REJECT: it often means just filled.
    """

    kind: EventKind
    execution: str = ""
    lots: int = 0
    price: int = 0
    status: OrderStatus = OrderStatus.ACCEPTED
    unknown_order: bool = False


class Outcome(Struct, frozen=True, gc=False):
    """What an event did: result, status after it, flags it raised, and the lots it booked (negative: a bust)."""

    result: Result
    status: OrderStatus
    flags: int = 0
    lots: int = 0


class Execution(Struct, frozen=True, gc=False):
    """One execution of an order, as the venue reported it; a bust one counts no more."""

    lots: int
    price: int
    busted: bool = False


class OrderState(Struct, kw_only=True):
    """Our copy of one order; `apply` is its only writer. `cost` is the sum of ticks x lots of what is booked."""

    lots: int
    status: OrderStatus = OrderStatus.CREATED
    cum: int = 0
    cost: int = 0
    pending_lots: int = 0
    flags: int = 0
    inferred: bool = False
    executions: dict[str, Execution] = field(default_factory=dict)

    @property
    def leaves(self) -> int:
        """Lots that may still fill."""
        return 0 if self.status in TERMINAL else max(self.lots - self.cum, 0)

    @property
    def reserved(self) -> int:
        """Lots that count as open risk: all that may still fill, until the venue has confirmed otherwise."""
        return max(self.leaves, self.pending_lots - self.cum) if self.status in OPEN_RISK else 0

    def apply(self, event: OrderEvent) -> Outcome:
        """Take one event; an INVALID one changes nothing."""
        match event.kind:
            case EventKind.FILL_PARTIAL | EventKind.FILL_COMPLETE:
                return self._fill(event)
            case EventKind.BUST:
                return self._bust(event)
            case EventKind.QUERY_FOUND:
                return self._found(event)
        status, result, flag = TRANSITIONS[self.status][event.kind]
        if self.inferred and event.kind is EventKind.ACK:
            return self._resurrect()
        if result in (Result.INVALID, Result.IGNORED):
            return Outcome(result, self.status)
        if event.kind is EventKind.CANCEL_REJECT and event.unknown_order and result is Result.APPLIED:
            status = OrderStatus.UNKNOWN
        if event.kind is EventKind.REPLACE_REQ:
            self._require_lots(event)
            self.pending_lots = event.lots
        if event.kind is EventKind.REPLACE_ACK and (result is Result.APPLIED or self._was_changed(event)):
            self.lots = max(event.lots or self.pending_lots, self.cum)
            status = OrderStatus.FILLED if self.status in UNSETTLED and self.cum == self.lots else status
        if event.kind is EventKind.QUERY_NOT_FOUND:
            self.inferred = status is OrderStatus.REJECTED and self.cum == 0
        return self._enter(status, result, flag)

    def _was_changed(self, event: OrderEvent) -> bool:
        """Tell whether a change was confirmed that a cancel or a silence has overtaken: the quantity is another now."""
        return self.status in UNSETTLED and event.lots > 0

    def _enter(self, status: OrderStatus, result: Result, flags: int, lots: int = 0) -> Outcome:
        """Go to a status of the table, read as the essay says, and keep the flags."""
        if status is OrderStatus.ACCEPTED:
            status = self._working()
        elif status is OrderStatus.REJECTED and self.status is not status and self.cum > 0:
            status, result = OrderStatus.CANCELED, Result.ANOMALY
            flags |= OrderFlag.REJECT_AFTER_FILL
        if status not in UNSETTLED:
            self.pending_lots = 0
        self.status = status
        self.flags |= flags
        return Outcome(result, status, int(flags), lots)

    def _working(self) -> OrderStatus:
        if self.cum <= 0:
            return OrderStatus.ACCEPTED
        return OrderStatus.PARTIALLY_FILLED if self.cum < self.lots else OrderStatus.FILLED

    def _fill(self, event: OrderEvent) -> Outcome:
        """Book an execution; what it means for the order comes second."""
        if event.execution in self.executions:
            return Outcome(Result.DUPLICATE_IGNORED, self.status)
        self._require_lots(event)
        self.executions[event.execution] = Execution(event.lots, event.price)
        self.cum += event.lots
        self.cost += event.lots * event.price
        kind = EventKind.FILL_COMPLETE if self.cum >= self.lots else EventKind.FILL_PARTIAL
        over = OrderFlag.OVERFILL if self.cum > self.lots else 0
        if self.inferred:
            return self._resurrect(over, event.lots)
        status, result, flag = TRANSITIONS[self.status][kind]
        return self._enter(status, result, flag | over, event.lots)

    def _bust(self, event: OrderEvent) -> Outcome:
        """Take an execution back; of a filled order the balance is not worked again."""
        execution = self.executions.get(event.execution)
        if execution is not None and execution.busted:
            return Outcome(Result.DUPLICATE_IGNORED, self.status)
        if execution is None:
            self.executions[event.execution] = Execution(0, 0, busted=True)
            return self._enter(self.status, Result.ANOMALY, OrderFlag.BUSTED | OrderFlag.RECONCILE)
        self.executions[event.execution] = Execution(execution.lots, execution.price, busted=True)
        self.cum -= execution.lots
        self.cost -= execution.lots * execution.price
        status = self.status
        if status is OrderStatus.FILLED and self.cum < self.lots:
            status = OrderStatus.CANCELED
        elif status is OrderStatus.PARTIALLY_FILLED:
            status = self._working()
        return self._enter(status, Result.APPLIED, OrderFlag.BUSTED, -execution.lots)

    def _found(self, event: OrderEvent) -> Outcome:
        """Take what a query says, as far as our executions bear it out."""
        gap = OrderFlag.FILL_GAP if event.lots > self.cum else 0
        final = event.status in TERMINAL and event.status is not OrderStatus.FILLED
        if self.inferred:
            return self._resurrect(gap, status=event.status if final and not gap else OrderStatus.ACCEPTED)
        if self.status in (OrderStatus.CREATED, OrderStatus.DENIED):
            return self._enter(self.status, Result.ANOMALY, gap | OrderFlag.RECONCILE)
        if self.status in TERMINAL:
            return self._enter(self.status, Result.ANOMALY, gap) if gap else Outcome(Result.IGNORED, self.status)
        status: OrderStatus = self.status
        if final and not gap:
            status = event.status
        elif event.status not in TERMINAL and status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
            status = OrderStatus.ACCEPTED
        return self._enter(status, Result.APPLIED, gap)

    def _resurrect(self, flags: int = 0, lots: int = 0, status: OrderStatus = OrderStatus.ACCEPTED) -> Outcome:
        """Adopt an order that we had concluded was absent."""
        self.inferred = False
        return self._enter(status, Result.ANOMALY, flags | OrderFlag.RESURRECTED, lots)

    @staticmethod
    def _require_lots(event: OrderEvent) -> None:
        if event.lots <= 0:
            raise ValueError(f"{event.kind.name} of {event.lots} lots: a quantity is at least one lot")


_ID_LENGTH: Final = 22
_PREFIX: Final = re.compile(r"[a-z0-9]{1,9}")


def client_order_id(prefix: str, intent_id: str, leg: int, replace_seq: int) -> str:
    """Return prefix-base32(sha256("intent|leg|replace_seq")), lower case, 22 characters of it; at most 32 in all.

    A retry keeps every argument; only a replace moves `replace_seq`. Source: RFC 4648 base32.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise ValueError(f"prefix {prefix!r}: 1 to 9 characters of a-z and 0-9 are allowed")
    digest = hashlib.sha256(f"{intent_id}|{leg}|{replace_seq}".encode()).digest()
    return f"{prefix}-{base64.b32encode(digest).decode().lower()[:_ID_LENGTH]}"
