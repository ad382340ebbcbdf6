"""Restoring: what the journal says of the newest session, and the state that follows from it. Starting is recovering.

The newest snapshot is a complete cut at its market time W: every report and decision up to W stands before it. State as
of W is the fold of those records; what came after W is met again when the run goes on from W, and must be the same.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from actors.learnt import adopt_learnt, learnt_of
from actors.messages import START
from actors.obeying import Flow, desks_enabled, flows_of, takeovers_of
from actors.settings import JournalOpener
from actors.writing import BY_SWITCH, Writer, rows_of
from journal.order_records import Adjustment, Order, Report
from journal.records import (
    Alert,
    AnyRecord,
    Breaker,
    Claim,
    Command,
    Decision,
    Demotion,
    Latch,
    Mandate,
    Outcome,
    Sample,
    Session,
    Snapshot,
    Stop,
    Switch,
)
from journal.store import Journal
from market.paper import REPORT
from market.records import Record
from policies.assembly import book_of
from policies.bookkeeping import book_report, place
from policies.breaking import adopt_state, kept_state
from policies.commands import Wish, enable_desk, move_money, take_over
from policies.gates import position_cap
from policies.intents import INTENT
from policies.plan import Plan
from policies.remembered import note_sent, observe
from policies.risk import Book


class SessionLog(Struct):
    """The records of one session, by kind, in journal order; `epoch` is the newest that anybody has claimed.

    `closures` are the decisions of a kill switch, which no plan and no data foretell; all others are `decisions`.
    """

    session: Session | None = None
    mandates: list[Mandate] = []
    decisions: list[Decision] = []
    closures: list[Decision] = []
    orders: list[Order] = []
    reports: list[Report] = []
    latches: list[Latch] = []
    samples: list[Sample] = []
    snapshots: list[Snapshot] = []
    stops: list[Stop] = []
    switches: list[Switch] = []
    commands: list[Command] = []
    adjustments: list[Adjustment] = []
    outcomes: list[Outcome] = []
    alerts: list[Alert] = []
    breakers: list[Breaker] = []
    demotions: list[Demotion] = []
    epoch: int = 0

    def add(self, record: AnyRecord) -> None:
        """Take the next record of the journal; a Session record begins anew."""
        match record:
            case Session():
                self.session = record
                for name in self.__struct_fields__[1:-1]:
                    getattr(self, name).clear()
            case Claim():
                self.epoch = record.epoch
            case Mandate():
                self.mandates.append(record)
            case Decision():
                (self.closures if record.policy == BY_SWITCH else self.decisions).append(record)
            case Order():
                self.orders.append(record)
            case Report():
                self.reports.append(record)
            case Latch():
                self.latches.append(record)
            case Sample():
                self.samples.append(record)
            case Snapshot():
                self.snapshots.append(record)
            case Stop():
                self.stops.append(record)
            case Switch():
                self.switches.append(record)
            case Command():
                self.commands.append(record)
            case Adjustment():
                self.adjustments.append(record)
            case Outcome():
                self.outcomes.append(record)
            case Alert():
                self.alerts.append(record)
            case Breaker():
                self.breakers.append(record)
            case Demotion():
                self.demotions.append(record)

    @property
    def findings(self) -> int:
        """Return how many of risk's findings are in it; the intents of one instant are one."""
        count = len({decision.time_ns for decision in self.decisions})
        count += len(self.mandates) + len(self.latches) + len(self.samples) + len(self.snapshots)
        return count + len(self.outcomes) + len(self.alerts) + len(self.breakers)

    @property
    def newest_ns(self) -> int:
        """Return the newest market time at which anything of it was decided, reported or found; START for none."""
        kinds = (
            self.decisions, self.closures, self.reports, self.latches, self.samples, self.snapshots, self.commands,
            self.outcomes, self.alerts, self.breakers,
        )  # fmt: skip
        return max((record.time_ns for records in kinds for record in records), default=START)

    @property
    def complete(self) -> bool:
        """Tell whether the session ran to its end."""
        return any(stop.complete for stop in self.stops)

    @property
    def cut_ns(self) -> int:
        """Return the market time of the newest snapshot, START when there is none."""
        return self.snapshots[-1].time_ns if self.snapshots else START


def newest_session(journal: Journal) -> SessionLog:
    """Read the journal; return its newest session (empty when there is none).

    What is older than both its beginning and the newest claim says nothing about it and is not read.
    """
    log = SessionLog()
    begin = min(journal.newest("session"), journal.newest("claim"))
    for entry in journal.entries(after=max(begin - 1, 0)):
        log.add(entry.record())
    return log


def read_session(opener: JournalOpener) -> SessionLog:
    """Open the journal for reading just long enough to take its newest session."""
    journal = opener(read_only=True)
    try:
        return newest_session(journal)
    finally:
        journal.close()


def sessions(journal: Journal) -> Iterator[SessionLog]:
    """Yield every session of the journal, oldest first."""
    log = SessionLog()
    for entry in journal.entries():
        record = entry.record()
        if isinstance(record, Session) and log.session is not None and record.number != log.session.number:
            yield log
            log = SessionLog()
        if not (isinstance(record, Session) and log.session is not None):
            log.add(record)
    if log.session is not None:
        yield log


def snapshot_of(book: Book, plan: Plan, findings: int) -> dict[str, Any]:
    """Return the book as plain values for a Snapshot record."""
    ledger = book.ledger
    names = [instrument.key for instrument in plan.instruments]
    return {
        "account": _fields(ledger.account[0]),
        "positions": {
            names[k]: _fields(row) for k, row in enumerate(ledger.positions) if row.lots != 0 or row.cost != 0
        },
        "groups": tuple(_fields(row) for row in ledger.groups),
        "findings": findings,
        "floors": tuple(_fields(row) for row in book.floors),
        "guard": _fields(book.guard[0]) if book.guard[0].active else {},
        "closing": {names[k]: _fields(row) for k, row in enumerate(book.closing) if row.lots != 0 or row.retry_ns != 0},
        "learnt": learnt_of(book.estimator),
        "breakers": kept_state(book.breakers),
    }


def _fields(row: Record) -> dict[str, int]:
    """Return the whole numbers of a record; the only others are settings, which the plan brings again."""
    return {name: int(row[name]) for name in row.dtype.names if row.dtype[name].kind == "i"}


class RestoreError(RuntimeError):
    """The fold of the journal is not what its snapshot says: the journal or this program is not what it was."""


def restore_book(plan: Plan, log: SessionLog, cut_ns: int) -> Book:
    """Fold a session's records up to `cut_ns` into a book; RestoreError if the ledger is not the snapshot's."""
    book = book_of(plan)
    writer = Writer(plan, log.session.number if log.session else 1)
    row = rows_of(REPORT, 1)[0]
    for record in with_flows(plan, log, cut_ns):
        if isinstance(record, Flow):
            move_money(book, record.money)
        elif isinstance(record, Wish):
            take_over(book, record.instrument, record.trades, record.time_ns)
        elif isinstance(record, Report):
            writer.report_row(record, row)
            book_report(book, row)
        elif not record.reduce:
            instrument = writer.index_of(record.instrument)
            side = book.working_long if record.lots > 0 else book.working_short
            side[instrument] += abs(record.lots)
            place(book, record.number, instrument, record.lots, record.stop)
    book.ledger.control[:] = 0
    _fold_controls(book, writer, log, cut_ns)
    snapshot = next((found for found in reversed(log.snapshots) if found.time_ns == cut_ns), None)
    if snapshot is not None:
        _adopt(book, plan, snapshot)
    return book


def _fold_controls(book: Book, writer: Writer, log: SessionLog, cut_ns: int) -> None:
    """Bring the pre-trade controls to what the decisions up to `cut_ns` have left of them."""
    row = rows_of(INTENT, 1)[0]
    enabled = deque(desks_enabled(writer.plan, log))
    for decision in log.decisions:
        if decision.time_ns > cut_ns:
            break
        _enable(book, enabled, decision.time_ns)
        writer.intent_row(decision, row)
        if decision.orders:
            note_sent(book.controls, book.ledger.instruments, row)
        observe(book.controls, row)
    _enable(book, enabled, cut_ns)


def _enable(book: Book, enabled: deque[tuple[int, int]], upto_ns: int) -> None:
    while enabled and enabled[0][0] <= upto_ns:
        enable_desk(book, enabled.popleft()[1])


def ordered(log: SessionLog, cut_ns: int) -> list[Order | Report]:
    """Return orders and reports up to `cut_ns` by market time, reports of an instant before its orders."""
    found: list[Order | Report] = [*log.reports, *log.orders]
    return sorted((record for record in found if record.time_ns <= cut_ns), key=lambda record: record.time_ns)


def with_flows(plan: Plan, log: SessionLog, cut_ns: int) -> list[Flow | Wish | Order | Report]:
    """Return them with what was deposited, withdrawn and taken over, which comes before all else of its instant."""
    flows: list[Flow | Wish] = [*flows_of(log), *takeovers_of(plan, log)]
    found = [*(flow for flow in flows if flow.time_ns <= cut_ns), *ordered(log, cut_ns)]
    return sorted(found, key=lambda record: record.time_ns)


FOLDED = ("cash", "realised", "fees", "open_positions", "open_groups", "fills")
"""Fields of the account that are a fold of reports alone; the others depend on prices and come from the snapshot."""


def _adopt(book: Book, plan: Plan, snapshot: Snapshot) -> None:
    """Hold the fold against the snapshot, then take what only prices could have told."""
    ledger = book.ledger
    account = ledger.account[0]
    wrong = [name for name in FOLDED if int(account[name]) != snapshot.account[name]]
    for k, instrument in enumerate(plan.instruments):
        kept = snapshot.positions.get(instrument.key, {})
        fields = ("lots", "cost", "fees")
        wrong += [f"{instrument.key} {name}" for name in fields if int(ledger.positions[k][name]) != kept.get(name, 0)]
        for name, value in kept.items():
            ledger.positions[k][name] = value
    if wrong:
        raise RestoreError(f"the fold up to {snapshot.time_ns} differs from its snapshot in {', '.join(wrong)}")
    for name, value in snapshot.account.items():
        account[name] = value
    for row, values in zip(book.floors, snapshot.floors, strict=True):
        for name, value in values.items():
            row[name] = value
    for name, value in snapshot.guard.items():
        book.guard[0][name] = value
    for name, values in snapshot.closing.items():
        row = book.closing[[one.key for one in plan.instruments].index(name)]
        for field, value in values.items():
            row[field] = value
    adopt_learnt(book, snapshot.learnt)
    adopt_state(book.breakers, snapshot.breakers)
    for desk in book.desks:
        desk.budget = position_cap(int(account.anchor), int(desk.budget_ppm))
