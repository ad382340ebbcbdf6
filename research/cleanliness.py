"""Is a home clean? What stands against lifting a kill switch, read from its journal; nothing here changes anything."""

import sqlite3
from pathlib import Path

import msgspec

from actors.restoring import RestoreError, SessionLog, newest_session, restore_book
from actors.settings import decode_plan
from journal.records import Order
from journal.store import JournalError, SqliteJournal
from journal.verify import verify_file
from policies.plan import Plan

UNREADABLE = (JournalError, sqlite3.DatabaseError, msgspec.MsgspecError)
"""What reading a journal raises when it is not one, or a damaged one."""

PROTECTION = ("STOP", "TARGET", "TIME")
"""Fills of a protection carry the number of the order that opened; they are no part of what it asked for."""


def log_of(journal_path: Path) -> SessionLog | None:
    """Return the newest session of a journal; None where there is no journal, or nothing in it."""
    if not journal_path.is_file():
        return None
    journal = SqliteJournal(journal_path, read_only=True)
    try:
        log = newest_session(journal)
    finally:
        journal.close()
    return log if log.session is not None else None


def plan_of(log: SessionLog) -> Plan:
    """Return the plan of a session."""
    assert log.session is not None
    return decode_plan(log.session.plan)


def unclean(journal_path: Path, *, running: bool) -> list[str]:
    """Return what is not reconciled, in words; nothing means clean.

    A journal must follow from itself and its fold must be what its snapshots say. While an engine runs it hears what
    becomes of its orders; where none does, an order without a final report is open risk that nobody knows the end of.
    """
    try:
        found = verify_file(journal_path) if journal_path.is_file() else None
        if found is not None and not found.ok:
            return [f"{journal_path}: record {found.first_bad} is bad: {found.problem}"]
        log = log_of(journal_path)
    except UNREADABLE as error:
        return [f"{journal_path}: cannot be read ({error})"]
    if log is None:
        return []
    problems = []
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


def unsettled(log: SessionLog) -> list[Order]:
    """Return the orders that have no final report: part of what they asked for is neither filled nor refused."""
    left = {order.number: abs(order.lots) for order in log.orders}
    for report in log.reports:
        if report.number in left and report.report != "SETTLE" and report.reason not in PROTECTION:
            left[report.number] -= abs(report.lots)
    return [order for order in log.orders if left[order.number] > 0]
