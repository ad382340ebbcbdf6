"""Snapshots against the fold: what a snapshot says must be what the records before it come to.

Two ledgers are folded from reports alone: one from the first record of a session, one from snapshot to snapshot, begun
anew with the values of each. Both must be at every snapshot what it says, and at the end the same. What depends on
prices too (equity, the highest it was) must agree with itself and with the samples around it.
"""

from typing import Any

from msgspec import Struct

from actors.messages import END
from actors.obeying import Flow, flow_at
from actors.restoring import SessionLog, sessions, with_flows
from actors.settings import decode_plan
from actors.writing import Writer, rows_of
from journal.order_records import Order, Report
from journal.records import Snapshot
from journal.store import Journal
from market.paper import REPORT
from policies.assembly import book_of
from policies.bookkeeping import book_report
from policies.commands import Wish, move_money, take_over
from policies.plan import Plan
from policies.risk import Book

ACCOUNT = ("cash", "realised", "fees", "open_positions", "open_groups", "fills")
POSITION = ("lots", "cost", "fees", "opened_ns")
GROUP = ("positions", "pnl", "opened_ns")
"""Fields that are a fold of reports alone."""


class FoldCheck(Struct, frozen=True, kw_only=True):
    """The finding: how many snapshots were sound, and what is wrong with the first that is not."""

    snapshots: int
    problem: str | None = None


def check_snapshots(journal: Journal) -> FoldCheck:
    """Hold every snapshot of every session against the fold; stop at the first that differs."""
    count = 0
    for log in sessions(journal):
        assert log.session is not None
        found = check_session(decode_plan(log.session.plan), log)
        count += found.snapshots
        if found.problem is not None:
            return FoldCheck(snapshots=count, problem=f"session {log.session.number}: {found.problem}")
    return FoldCheck(snapshots=count)


def check_session(plan: Plan, log: SessionLog) -> FoldCheck:
    """Hold every snapshot of one session against the fold."""
    begun, resumed = book_of(plan), book_of(plan)
    writer = Writer(plan, log.session.number if log.session else 1)
    row = rows_of(REPORT, 1)[0]
    steps = [record for record in with_flows(plan, log, END) if not isinstance(record, Order)]
    done = 0
    for number, snapshot in enumerate(log.snapshots):
        while done < len(steps) and steps[done].time_ns <= snapshot.time_ns:
            _take((begun, resumed), steps[done], writer, row)
            done += 1
        stated = _stated(plan, snapshot)
        problem = (
            _difference("the fold from the start", _folded(begun, plan), stated)
            or _difference("the fold from the snapshot before", _folded(resumed, plan), stated)
            or _inconsistency(plan, log, snapshot)
        )
        if problem is not None:
            return FoldCheck(snapshots=number, problem=f"the snapshot at {snapshot.time_ns} is wrong: {problem}")
        resumed = _resumed(plan, snapshot)
    for step in steps[done:]:
        _take((begun, resumed), step, writer, row)
    problem = _difference("the fold from the start", _folded(begun, plan), _folded(resumed, plan))
    if problem is not None:
        problem = f"after the newest snapshot both folds differ: {problem}"
    return FoldCheck(snapshots=len(log.snapshots), problem=problem)


def _take(books: tuple[Book, ...], step: Report | Flow | Wish, writer: Writer, row: Any) -> None:
    """Fold a report, a flow or what was taken over into some ledgers; `row` is room for a report."""
    if isinstance(step, Report):
        writer.report_row(step, row)
    for book in books:
        if isinstance(step, Flow):
            move_money(book, step.money)
        elif isinstance(step, Wish):
            take_over(book, step.instrument, step.trades, step.time_ns)
        else:
            book_report(book, row)


def _folded(book: Book, plan: Plan) -> dict[str, int]:
    """Return what a ledger comes to, field by field, as far as reports alone decide it."""
    ledger = book.ledger
    found = {name: int(ledger.account[0][name]) for name in ACCOUNT}
    for k, instrument in enumerate(plan.instruments):
        if ledger.positions[k].lots != 0:
            found |= {f"{instrument.key} {name}": int(ledger.positions[k][name]) for name in POSITION}
    for k, group in enumerate(ledger.groups):
        if group.positions != 0:
            found |= {f"group {k} {name}": int(group[name]) for name in GROUP}
    return found


def _stated(plan: Plan, snapshot: Snapshot) -> dict[str, int]:
    """Return what a snapshot says of the same fields."""
    found = {name: snapshot.account[name] for name in ACCOUNT}
    for instrument in plan.instruments:
        position = snapshot.positions.get(instrument.key, {})
        if position.get("lots", 0) != 0:
            found |= {f"{instrument.key} {name}": position[name] for name in POSITION}
    for k, group in enumerate(snapshot.groups):
        if group["positions"] != 0:
            found |= {f"group {k} {name}": group[name] for name in GROUP}
    return found


def _difference(what: str, folded: dict[str, int], stated: dict[str, int]) -> str | None:
    for name in sorted(folded.keys() | stated.keys()):
        ours, theirs = folded.get(name), stated.get(name)
        if ours != theirs:
            return f"{name} is {_said(theirs)}, {what} gives {_said(ours)}"
    return None


def _said(value: int | None) -> str:
    return "nothing" if value is None else str(value)


def _inconsistency(plan: Plan, log: SessionLog, snapshot: Snapshot) -> str | None:
    """Return what of the price-dependent fields cannot be, None where all can."""
    account = snapshot.account
    floating = sum(position["floating"] for position in snapshot.positions.values())
    here = flow_at(log, snapshot.time_ns)
    peaks = [(sample.time_ns, sample.peak + here - flow_at(log, sample.time_ns)) for sample in log.samples]
    before = [peak for time_ns, peak in peaks if time_ns <= snapshot.time_ns]
    after = [peak for time_ns, peak in peaks if time_ns > snapshot.time_ns]
    sums = (
        ("initial", account["initial"], plan.cash + here),
        ("floating", account["floating"], floating),
        ("equity", account["equity"], account["cash"] + account["floating"]),
        ("equity_low", account["equity_low"], account["cash"] + account["floating_low"]),
    )
    for name, stated, right in sums:
        if stated != right:
            return f"{name} is {stated}, its parts give {right}"
    least = max([account["equity"], plan.cash + here, *before[-1:]])
    if account["peak"] < least or (after and account["peak"] > after[0]):
        return (
            f"peak is {account['peak']}, equity and samples around it allow {least} to {after[0] if after else 'any'}"
        )
    return None


def _resumed(plan: Plan, snapshot: Snapshot) -> Book:
    """Return a book whose ledger is what a snapshot says."""
    book = book_of(plan)
    ledger = book.ledger
    _set(ledger.account[0], snapshot.account)
    opened = 0
    for k, instrument in enumerate(plan.instruments):
        if instrument.key in snapshot.positions:
            _set(ledger.positions[k], snapshot.positions[instrument.key])
        if ledger.positions[k].lots != 0:
            ledger.open_list[opened] = k
            opened += 1
    for k, group in enumerate(snapshot.groups):
        _set(ledger.groups[k], group)
    return book


def _set(row: Any, values: dict[str, int]) -> None:
    for name, value in values.items():
        row[name] = value
