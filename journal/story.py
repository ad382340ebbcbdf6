"""The story of one order: which records tell it, from the mandate that was in force to its last report.

An order is asked for by its client order id or its number; an intent, also one that became no order, by its id. Here is
only what the journal holds; `research.explaining` puts it into words.
"""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from msgspec import Struct

from journal.order_records import Cancel, Order, OrderNews, Replace, Report
from journal.record import Record
from journal.records import Decision, Demotion, Mandate, Session
from journal.store import Journal

TOLD: Final = frozenset(
    {"session", "mandate", "decision", "demotion", "order", "report", "cancel", "replace", "order_news"}
)
"""Kinds that stories are made of; the others are not even decoded."""

R = TypeVar("R", bound=Record)


class UnknownOrderError(ValueError):
    """No session has an order or an intent of that name."""


class Noted(Struct, Generic[R], frozen=True):
    """A record and its place in the journal."""

    seq: int
    record: R


class Story(Struct, frozen=True, kw_only=True):
    """Everything that the journal knows of one order, or of one intent.

    `orders` are those asked about (both legs of an intent; none where it was withheld), `reports` theirs. `decision` is
    missing where no intent asked for the order: then `cause` is the report that called for it. `follow_ups` are orders
    that these reports called for. `history` are all reports of the session up to the last of these, for the fold.
    `demotions` are all changes of a source's standing that were known when the decision was made.
    `news` is what a live venue and the way to it made of the orders: cancels, replaces, acknowledgements, executions.
    """

    session: Session
    mandate: Noted[Mandate] | None
    decision: Noted[Decision] | None
    cause: Noted[Report] | None
    orders: tuple[Noted[Order], ...]
    reports: tuple[Noted[Report], ...]
    news: tuple[Noted[Cancel | Replace | OrderNews], ...]
    follow_ups: tuple[Noted[Order], ...]
    history: tuple[Noted[Report], ...]
    demotions: tuple[Noted[Demotion], ...]


class _Chapter:
    """The records of one session that stories are made of."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.mandates: list[Noted[Mandate]] = []
        self.decisions: list[Noted[Decision]] = []
        self.demotions: list[Noted[Demotion]] = []
        self.orders: list[Noted[Order]] = []
        self.reports: list[Noted[Report]] = []
        self.news: list[Noted[Cancel | Replace | OrderNews]] = []

    def add(self, seq: int, record: Record) -> None:
        match record:
            case Mandate():
                self.mandates.append(Noted(seq, record))
            case Decision():
                self.decisions.append(Noted(seq, record))
            case Demotion():
                self.demotions.append(Noted(seq, record))
            case Order():
                self.orders.append(Noted(seq, record))
            case Report():
                self.reports.append(Noted(seq, record))
            case Cancel() | Replace() | OrderNews():
                self.news.append(Noted(seq, record))

    def order(self, name: str) -> Noted[Order] | None:
        number = int(name) if name.isascii() and name.isdigit() else -1
        return next((o for o in self.orders if o.record.order_id == name or o.record.number == number), None)

    def intent(self, name: str) -> Noted[Decision] | None:
        return next((d for d in self.decisions if d.record.intent_id == name), None)

    def knows(self, name: str) -> bool:
        return self.order(name) is not None or self.intent(name) is not None


def story_of(journal: Journal, name: str, session: int | None = None) -> Story:
    """Return the story of an order or intent: of the newest session that has one of that name, or of the one given.

    UnknownOrderError says in one line what is not there.
    """
    found: _Chapter | None = None
    for chapter in _chapters(journal):
        if session in (None, chapter.session.number) and chapter.knows(name):
            found = chapter
    if found is None:
        where = "" if session is None else f" in session {session}"
        raise UnknownOrderError(
            f"there is no order {name!r}{where}; a client order id, an order's number or an intent's id is allowed"
        )
    return _story(found, name)


def _chapters(journal: Journal) -> Iterator[_Chapter]:
    """Yield sessions, oldest first; one that was continued is one."""
    chapter: _Chapter | None = None
    for entry in journal.entries():
        if entry.kind not in TOLD:
            continue
        record = entry.record()
        if isinstance(record, Session):
            if chapter is not None and record.number == chapter.session.number:
                continue
            if chapter is not None:
                yield chapter
            chapter = _Chapter(record)
        elif chapter is not None:
            chapter.add(entry.seq, record)
    if chapter is not None:
        yield chapter


def _story(chapter: _Chapter, name: str) -> Story:
    asked = chapter.order(name)
    if asked is not None:
        decision = next((d for d in chapter.decisions if asked.record.number in d.record.orders), None)
        orders = [asked]
    else:
        decision = chapter.intent(name)
        assert decision is not None
        orders = [order for order in chapter.orders if order.record.number in decision.record.orders]
    numbers = {order.record.number for order in orders}
    reports = [report for report in chapter.reports if report.record.number in numbers]
    desired = {number for one in chapter.decisions for number in one.record.orders}
    causes = {order.seq: _cause(chapter, order) for order in chapter.orders if order.record.number not in desired}
    cause = causes.get(orders[0].seq) if orders else None
    begin = decision or cause or orders[0]
    return Story(
        session=chapter.session,
        mandate=next((m for m in reversed(chapter.mandates) if m.seq < begin.seq), None),
        decision=decision,
        cause=cause,
        orders=tuple(orders),
        reports=tuple(reports),
        news=tuple(news for news in chapter.news if news.record.number in numbers),
        follow_ups=tuple(
            order for order in chapter.orders
            if (report := causes.get(order.seq)) is not None and report.record.number in numbers
        ),
        history=tuple(report for report in chapter.reports if reports and report.seq <= reports[-1].seq),
        demotions=tuple(one for one in chapter.demotions if one.record.time_ns <= begin.record.time_ns),
    )  # fmt: skip


def _cause(chapter: _Chapter, order: Noted[Order]) -> Noted[Report] | None:
    """Return the report that called for an order: what is journaled with it, before it, at the same instant."""
    return next(
        (r for r in reversed(chapter.reports) if r.seq < order.seq and r.record.time_ns == order.record.time_ns), None
    )
