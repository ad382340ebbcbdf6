"""Restoring: the fold of a journal is the state that wrote it; a journal that says otherwise is refused."""

import msgspec
import numpy as np
import pytest

from actors.messages import START
from actors.restoring import RestoreError, SessionLog, newest_session, ordered, restore_book, sessions
from actors.settings import RISK, Settings
from actors.staging import open_session, run_world
from journal.order_records import Order, Report
from journal.records import Claim, Session, Stop
from journal.store import MemoryJournal
from policies.risk import LIVE_COUNT
from tests.builders import MINUTE, START_NS, a_plan, a_tape
from tests.journal.records import some_samples
from venues.replay import save_tape


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A session that has run to its end, and the world in which it did."""
    folder = tmp_path_factory.mktemp("tapes")
    tape = save_tape(folder, a_tape(90, 600, start_ns=START_NS + 60 * MINUTE))
    settings = Settings(plan=a_plan(), tape_folder=str(folder), tape_hash=tape, batch_rows=64, snapshot_groups=6)
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    return settings.plan, journal, run_world(settings, journal)


def changed(log, **fields):
    """Return the log with its newest snapshot falsified."""
    forged = msgspec.structs.replace(log.snapshots[-1], **fields)
    return msgspec.structs.replace(log, snapshots=[*log.snapshots[:-1], forged])


def test_the_fold_up_to_every_snapshot_is_the_snapshot(ran):
    plan, journal, _ = ran
    log = newest_session(journal)
    assert len(log.snapshots) >= 5
    for snapshot in log.snapshots:
        book = restore_book(plan, log, snapshot.time_ns)  # compares what is a fold of reports, and raises
        account = book.ledger.account[0]
        assert {name: int(account[name]) for name in account.dtype.names} == snapshot.account
        assert int(book.ledger.groups.positions.sum()) == snapshot.account["open_positions"]


def test_the_fold_of_the_whole_journal_is_the_book_that_wrote_it(ran):
    plan, journal, world = ran
    log = newest_session(journal)
    folded, lived = restore_book(plan, log, log.cut_ns), world.actor(RISK)._book
    for name in ("positions", "groups"):
        assert np.array_equal(getattr(folded.ledger, name), getattr(lived.ledger, name)), name
    assert np.array_equal(folded.working_long, lived.working_long)
    assert np.array_equal(folded.working_short, lived.working_short)
    assert np.array_equal(folded.desks, lived.desks)
    assert folded.counts[LIVE_COUNT] == lived.counts[LIVE_COUNT]


def test_a_fold_to_the_middle_holds_what_works_there(ran):
    """Reserved is what was ordered up to then and not yet reported, by the sum of lots."""
    plan, journal, _ = ran
    log = newest_session(journal)
    for order in log.orders[:: max(len(log.orders) // 20, 1)]:
        book = restore_book(plan, log, order.time_ns)
        taken = [record for record in ordered(log, order.time_ns) if isinstance(record, Report)]
        open_lots = {one.number: abs(one.lots) for one in log.orders if one.time_ns <= order.time_ns and not one.reduce}
        for report in taken:
            if report.number in open_lots and report.reason in ("ENTRY", "UNFILLED", "STALE", "END"):
                open_lots[report.number] -= abs(report.lots) if report.report != "SETTLE" else 0
        assert int(book.working_long.sum() + book.working_short.sum()) == sum(open_lots.values())


@pytest.mark.parametrize("field", ["cash", "realised", "fees", "open_positions", "open_groups", "fills"])
def test_a_falsified_account_is_refused(ran, field):
    plan, journal, _ = ran
    log = newest_session(journal)
    account = log.snapshots[-1].account
    with pytest.raises(RestoreError, match=f"differs from its snapshot in {field}$"):
        restore_book(plan, changed(log, account=account | {field: account[field] + 1}), log.cut_ns)


def test_a_falsified_position_is_refused(ran):
    plan, journal, _ = ran
    log = newest_session(journal)
    key = plan.instruments[0].key
    positions = log.snapshots[-1].positions
    row = {"lots": 0, "cost": 0, "fees": 0} | positions.get(key, {})
    with pytest.raises(RestoreError, match=f"{key} lots$"):
        restore_book(plan, changed(log, positions=positions | {key: row | {"lots": row["lots"] + 1}}), log.cut_ns)


def test_a_lost_report_is_refused(ran):
    plan, journal, _ = ran
    log = newest_session(journal)
    fill = next(report for report in log.reports if report.report == "FILL")
    without = msgspec.structs.replace(log, reports=[report for report in log.reports if report is not fill])
    with pytest.raises(RestoreError, match="fills"):
        restore_book(plan, without, log.cut_ns)


def test_reports_of_an_instant_come_before_its_orders(ran):
    _, journal, _ = ran
    log = newest_session(journal)
    found = ordered(log, log.cut_ns)
    assert len(found) == len(log.orders) + len(log.reports)
    keys = [(record.time_ns, isinstance(record, Order)) for record in found]
    assert keys == sorted(keys)


# --- which session


def a_session(number):
    return Session(
        time_ns=0, number=number, stage="PAPER", plan=msgspec.Raw(b"{}"), plan_hash="", data=(), tape_hash="",
        revision="", end_ns=0,
    )  # fmt: skip


def a_stop(number, complete):
    return Stop(time_ns=9, number=number, complete=complete, reason="")


def a_journal_of(*records):
    journal = MemoryJournal()
    journal.append(journal.claim("me", 0), records)
    return journal


def test_an_empty_journal_has_no_session():
    journal = MemoryJournal()
    assert newest_session(journal) == SessionLog()
    assert (newest_session(journal).cut_ns, newest_session(journal).complete) == (START, False)
    assert list(sessions(journal)) == []


def test_the_newest_session_begins_anew_and_knows_the_newest_epoch():
    journal = a_journal_of(a_session(1), *some_samples(3), a_stop(1, complete=True), a_session(2), *some_samples(2))
    journal.claim("another", 5)
    log = newest_session(journal)
    assert (log.session, log.samples, log.stops, log.complete) == (a_session(2), some_samples(2), [], False)
    assert log.epoch == 2
    assert newest_session(a_journal_of(Claim(time_ns=0, epoch=9, owner="x"), a_session(1))).epoch == 9


def test_every_session_is_found_and_one_that_was_continued_is_one():
    stopped, ended = a_stop(1, complete=False), a_stop(1, complete=True)
    journal = a_journal_of(
        a_session(1), *some_samples(2), stopped, *some_samples(1, first=2), ended, a_session(2), *some_samples(1)
    )
    first, second = sessions(journal)
    assert (first.samples, first.stops, first.complete) == (some_samples(3), [stopped, ended], True)
    assert (second.session, second.samples, second.complete) == (a_session(2), some_samples(1), False)
