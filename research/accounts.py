"""The account at a venue against the journal, to the last lot: the oracle of a run on venues that show their books.

Every order of the journal is there once and has the same end, every item of the venue's statement was taken, and the
positions are the same three times: at the venue, in the fold of what was said about orders, in the reports that risk
has booked. What somebody else has traded on the account differs until a person takes it over.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from actors.order_fold import FoldedOrder, OrderFold
from journal.order_records import Report
from journal.records import AnyRecord
from market.orders import TERMINAL, OrderStatus
from market.paper import Reason
from venues.messages import Execution
from venues.simulated.exchange import RestingOrder


class Books(Protocol):
    """What a venue shows of an account: all orders, its whole statement, the positions."""

    @property
    def orders(self) -> Iterable[RestingOrder]:
        """All orders, in the order of their coming."""

    @property
    def executions(self) -> Iterable[Execution]:
        """The statement."""

    @property
    def positions(self) -> dict[str, int]:
        """Net lots per instrument."""


class Difference(Struct, frozen=True, kw_only=True):
    """One difference: of an order (`duplicated`, `lost`, `orphaned`) or of what is held and booked (`ledger`)."""

    venue: str
    kind: str
    words: str


class Audit(Struct, frozen=True, kw_only=True):
    """How one venue stands: orders and items of its statement that were compared, positions there, differences.

    `closed_past` are the lots by which an emergency stop closed holdings, past whoever traded there.
    """

    venue: str
    orders: int
    statement: int
    positions: dict[str, int]
    breaks: tuple[tuple[str, str, str, int | None, int | None], ...]
    differences: tuple[Difference, ...]
    closed_past: dict[str, int] = {}

    @property
    def is_reconciled(self) -> bool:
        """Tell whether nothing differs and no break stands."""
        return not self.breaks and not self.differences


def audit(records: Iterable[AnyRecord], venue: str, books: Books) -> Audit:
    """Hold a session's records against the books of the venue of that name, once everything has come to rest."""
    fold, booked = OrderFold(venue=venue, fresh_ns=0), Counter[str]()
    for record in records:
        fold.take(record)
        if isinstance(record, Report) and record.venue == venue and record.report in ("FILL", "SETTLE"):
            booked[record.instrument] += record.lots
    there = {name: lots for name, lots in sorted(books.positions.items()) if lots}
    found = [
        Difference(venue=venue, kind=kind, words=words)
        for kind, words in [*_orders(fold, books), *_statement(fold, books), *_positions(fold, booked, there)]
    ]
    statement, closed = list(books.executions), Counter[str]()
    for item in statement:
        if item.reason == Reason.EMERGENCY.name:
            closed[item.instrument] += item.moved
    return Audit(
        venue=venue, orders=len(fold.orders), statement=len(statement), positions=there, breaks=fold.breaks,
        differences=tuple(found), closed_past=dict(sorted(closed.items())),
    )  # fmt: skip


def _orders(fold: OrderFold, books: Books) -> Iterator[tuple[str, str]]:
    durable = {order.spec.client_id: order for order in fold.orders.values()}
    there: dict[str, RestingOrder] = {}
    for listed in books.orders:
        if listed.first_id in there:
            yield "duplicated", f"{listed.first_id} is twice at the venue"
        if listed.first_id not in durable:
            yield "orphaned", f"{listed.first_id} is at the venue and not in the journal"
        there[listed.first_id] = listed
    for client_id, order in durable.items():
        theirs = there.get(client_id)
        problem = _absent(order) if theirs is None else _unlike(order, theirs)
        if order.state.status not in TERMINAL:
            problem = f"is {order.state.status.name} for ever"
        if problem:
            yield "lost", f"{client_id} {problem}"


def _absent(order: FoldedOrder) -> str:
    status = order.state.status
    if status not in (OrderStatus.DENIED, OrderStatus.REJECTED):
        return f"is {status.name} and not at the venue"
    return "" if order.reasons else f"is {status.name} and nobody says why"


def _unlike(order: FoldedOrder, theirs: RestingOrder) -> str:
    ours = order.state
    if (theirs.status, theirs.cum) == (ours.status, ours.cum):
        return ""
    return f"is {ours.status.name} with {ours.cum} lots, at the venue {theirs.status.name} with {theirs.cum}"


def _statement(fold: OrderFold, books: Books) -> Iterator[tuple[str, str]]:
    known = {order.spec.client_id for order in fold.orders.values()}
    for number in sorted({item.number for item in books.executions} ^ fold.taken):
        yield "ledger", f"item {number} of the statement is on one side only"
    prices = {
        (name, execution.lots, execution.price)
        for order in fold.orders.values() for name, execution in order.state.executions.items()
    }  # fmt: skip
    for item in books.executions:
        if item.is_of_order and item.client_id in known and (item.execution, abs(item.lots), item.price) not in prices:
            yield "ledger", f"execution {item.execution} is booked otherwise than it was stated"


def _positions(fold: OrderFold, booked: Counter[str], there: dict[str, int]) -> Iterator[tuple[str, str]]:
    folded = fold.positions()
    if folded != there:
        yield "ledger", f"positions are {folded} by our orders, {there} at the venue"
    for name, lots in fold.adjustments.items():
        booked[name] += lots
    held = {name: lots for name, lots in sorted(booked.items()) if lots}
    if held != there:
        yield "ledger", f"positions are {held} in the ledger, {there} at the venue"
