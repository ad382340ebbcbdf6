"""Is a home clean? What stands against lifting a kill switch, read from its journal; nothing here changes anything."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from actors.restoring import RestoreError, SessionLog, newest_session, restore_book
from actors.settings import decode_plan
from journal.order_records import Order
from journal.store import JournalError, JournalUnavailable, NoJournalError, Place, is_url, open_journal, shown
from journal.verify import Verification, verify_file, verify_journal
from policies.plan import Plan
from research.reconcile import standings

UNREADABLE = (JournalError, JournalUnavailable, sqlite3.DatabaseError, msgspec.MsgspecError)
"""What reading a journal raises when it is not one, or a damaged one."""

PROTECTION = ("STOP", "TARGET", "TIME", "EMERGENCY")
"""Fills of a protection carry the number of the order that opened; they are no part of what it asked for."""


def log_of(place: Place) -> SessionLog | None:
    """Return the newest session of a journal; None where there is no journal, or nothing in it."""
    try:
        journal = open_journal(place, read_only=True)
    except NoJournalError:
        return None
    with closing(journal):
        log = newest_session(journal)
    return log if log.session is not None else None


def plan_of(log: SessionLog) -> Plan:
    """Return the plan of a session."""
    assert log.session is not None
    return decode_plan(log.session.plan)


def unclean(place: Place, *, running: bool) -> list[str]:
    """Return what is not reconciled, in words; nothing means clean.

    A journal must follow from itself, its fold must be what its snapshots say, and no break with a live venue stands.
    While an engine runs it hears what becomes of its orders; where none does, an order without a final report is open
    risk that nobody knows the end of.
    """
    try:
        found = _verified(place)
        if found is not None and not found.ok:
            return [f"{shown(place)}: record {found.first_bad} is bad: {found.problem}"]
        log, problems = log_of(place), _breaks(place)
    except UNREADABLE as error:
        return [f"{shown(place)}: cannot be read ({error})"]
    if log is None:
        return problems
    try:
        restore_book(plan_of(log), log, log.cut_ns)
    except RestoreError as error:
        problems.append(str(error))
    if not running:
        problems += [
            f"order {order.number} ({order.lots:+d} {order.instrument}) has no final report; "
            "a run in this home that goes on from its journal hears it"
            for order in unsettled(log)
        ]
    return problems


def _verified(place: Place) -> Verification | None:
    """Verify a journal; None where there is none."""
    if not is_url(place):
        return verify_file(Path(place)) if Path(place).is_file() else None
    with closing(open_journal(place, read_only=True)) as journal:
        return verify_journal(journal)


def _breaks(place: Place) -> list[str]:
    """Return the breaks with live venues that stand."""
    try:
        journal = open_journal(place, read_only=True)
    except NoJournalError:
        return []
    with closing(journal):
        return [
            f"{item.kind} {item.key}: `trifecta reconcile` says how it is resolved"
            for venue in standings(journal)
            for item in venue.breaks
        ]


def unsettled(log: SessionLog) -> list[Order]:
    """Return the orders that have no final report: part of what they asked for is neither filled nor refused."""
    left = {order.number: abs(order.lots) for order in log.orders}
    for report in log.reports:
        if report.number in left and report.report != "SETTLE" and report.reason not in PROTECTION:
            left[report.number] -= abs(report.lots)
    return [order for order in log.orders if left[order.number] > 0]
