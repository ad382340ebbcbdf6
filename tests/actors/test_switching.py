"""Switching without a run: what a gateway and a governor make of the switchboard, and what keeps a switch tripped."""

from pathlib import Path

import pytest

from actors.settings import encode_plan
from actors.switching import Act, LastHop, SwitchWatch, lift, scopes_of, trip, trips_of
from journal.order_records import Order, Report
from journal.records import Session
from journal.store import SqliteJournal
from journal.switchboard import Switchboard
from market.paper import ORDER
from market.records import records
from policies.intents import Rule
from policies.plan import plan_hash
from policies.switches import ANY, UNREADABLE, Mode, Rearm, Result, Scope, Trip
from research.cleanliness import unclean
from tests.builders import a_plan
from tests.policies.books import an_intent, group

PLAN = a_plan()
ACT = Act(who=("ann",), reason="a test", now_ns=7)
EVERYTHING = Trip(Scope.GLOBAL, ANY, Mode.BLOCK_NEW)


@pytest.fixture
def board(tmp_path: Path) -> Switchboard:
    return Switchboard(tmp_path / "switches.db")


def an_order(instrument=0, reduce=0):
    order = records(1, ORDER)[0]
    order.instrument, order.reduce, order.lots = instrument, reduce, 5
    return order


def test_orders_are_found_by_every_scope_they_belong_to():
    assert scopes_of(PLAN)[4] == {
        Scope.ACCOUNT: ("main",), Scope.VENUE: ("a",), Scope.INSTRUMENT: ("EURUSD@a", "EURUSD"),
        Scope.DESK: ("arbitrage",), Scope.STRATEGY: ("convergence",),
    }  # fmt: skip
    assert scopes_of(PLAN)[6][Scope.DESK] == ("binary",)


@pytest.mark.parametrize(
    ("scope", "key", "stopped"),
    [
        (Scope.GLOBAL, ANY, range(7)),
        (Scope.ACCOUNT, "main", range(7)),
        (Scope.DESK, "arbitrage", (4, 5)),
        (Scope.VENUE, "a", (4, 6)),
        (Scope.STRATEGY, "convergence", (4, 5)),
        (Scope.INSTRUMENT, "EURUSD", (0, 4, 5)),
        (Scope.INSTRUMENT, "EURUSD@b", (5,)),
        (Scope.DESK, "nobody", ()),
    ],
)
def test_the_last_hop_and_the_governor_stop_the_same_orders(board, scope, key, stopped):
    hop, watch = LastHop(str(board.path), PLAN), SwitchWatch(str(board.path), PLAN, ())
    assert all(hop.decide(an_order(number)).allowed for number in range(7))
    trip(board, Trip(scope, key, Mode.BLOCK_NEW), ACT)
    (made,) = watch.poll(50, 7)
    assert (made.time_ns, made.wall_ns, made.row, made.who) == (50, 7, 1, ("ann",))
    assert [n for n in range(7) if not hop.decide(an_order(n)).allowed] == list(stopped)
    assert [n for n in range(7) if watch.postures[n]] == list(stopped)
    assert all(hop.decide(an_order(n, reduce=1)).allowed for n in range(7))
    rows = group(*(an_intent(5, instrument0=n) for n in range(7)))
    watch.refuse(rows[:7])
    assert [n for n in range(7) if rows[n].rules == Rule.HALTED] == list(stopped)


def test_one_leg_that_is_stopped_stops_both(board):
    watch = SwitchWatch(str(board.path), PLAN, ())
    trip(board, Trip(Scope.VENUE, "b", Mode.BLOCK_NEW), ACT)
    watch.poll(1, 1)
    rows = group(an_intent(5, -5, instrument0=4, instrument1=5))
    watch.refuse(rows[:1])
    assert rows[0].rules == Rule.HALTED


def test_without_a_path_there_are_no_switches():
    assert LastHop("", PLAN).decide(an_order()).allowed
    assert SwitchWatch("", PLAN, ()).poll(1, 1) == []


def test_a_board_that_should_be_there_and_is_not_stops_everything(tmp_path):
    path = str(tmp_path / "gone.db")
    assert LastHop(path, PLAN).decide(an_order(reduce=1)) == UNREADABLE
    watch = SwitchWatch(path, PLAN, ())
    assert [(row.key, row.hard) for row in watch.poll(1, 1)] == [("switchboard", True)]
    assert watch.poll(2, 2) == [], "it is journaled once"
    assert all(watch.postures)
    Switchboard(tmp_path / "gone.db")
    assert [(row.key, row.mode) for row in watch.poll(3, 3)] == [("switchboard", "NONE")]
    assert not any(watch.postures)


def test_a_board_that_has_lost_rows_is_not_believed(board, tmp_path):
    trip(board, EVERYTHING, ACT)
    (journaled,) = SwitchWatch(str(board.path), PLAN, ()).poll(1, 1)
    other = Switchboard(tmp_path / "empty.db")
    watch = SwitchWatch(str(other.path), PLAN, (journaled,))
    assert [trip.name for trip in watch.trips] == ["global:*"]
    (lost,) = watch.poll(2, 2)
    assert "0 rows, and the journal knows of 1" in lost.reason


def test_a_governor_that_starts_again_goes_on_where_the_journal_ends(board):
    first = SwitchWatch(str(board.path), PLAN, ())
    trip(board, EVERYTHING, ACT)
    journaled = first.poll(1, 1)
    trip(board, Trip(Scope.DESK, "forex", Mode.REDUCE_ONLY), ACT)
    again = SwitchWatch(str(board.path), PLAN, journaled)
    assert [trip.name for trip in again.trips] == ["global:*"]
    assert [row.key for row in again.poll(2, 2)] == ["forex"]
    assert again.poll(3, 3) == []


def test_a_new_session_begins_with_what_is_tripped_and_not_with_what_was(board):
    trip(board, EVERYTHING, ACT)
    trip(board, Trip(Scope.DESK, "forex", Mode.BLOCK_NEW), ACT)
    assert lift(board, Rearm(Scope.GLOBAL, ANY, ("ann", "bob"), "fine", True), 9) is Result.REARMED
    watch = SwitchWatch(str(board.path), PLAN, ())
    assert [row.key for row in watch.poll(1, 1)] == ["forex"]
    assert watch.poll(2, 2) == []


def test_what_was_refused_or_changed_nothing_leaves_no_row(board):
    trip(board, EVERYTHING, ACT)
    assert trip(board, EVERYTHING, ACT) == (Result.ALREADY_TRIPPED, EVERYTHING)
    assert lift(board, Rearm(Scope.GLOBAL, ANY, ("ann",), "fine", True), 9) is Result.REFUSED_APPROVALS
    assert len(board.rows()) == 1
    assert trips_of(board) == (EVERYTHING,)


def an_order_record(number, lots):
    return Order(
        time_ns=5, epoch=1, number=number, order_id=f"tri-{number}", instrument="EURUSD@fx", lots=lots,
        order_kind="MARKET", limit=0, stop=0, target=0, hold_ns=0, reduce=True, reason="EXIT", arrive_ns=6,
    )  # fmt: skip


def a_report_record(number, lots, execution, report="FILL", reason="EXIT"):
    return Report(
        time_ns=6, venue="fx", execution=execution, number=number, instrument="EURUSD@fx", report=report,
        reason=reason, lots=lots, price=110_000, fee=0, amount=0, rate_num=1, rate_den=1,
    )  # fmt: skip


def test_an_order_without_a_final_report_is_not_clean_unless_somebody_still_listens(tmp_path):
    path = tmp_path / "journal.db"
    assert unclean(path, running=False) == []
    journal = SqliteJournal(path)
    epoch = journal.claim("x", 1)
    session = Session(
        time_ns=0, number=1, stage="PAPER", plan=encode_plan(PLAN), plan_hash=plan_hash(PLAN), data=(), tape_hash="",
        revision="", end_ns=0,
    )  # fmt: skip
    journal.append(epoch, [session, an_order_record(0, 5), an_order_record(1, -3), a_report_record(0, 4, 0)])
    found = unclean(path, running=False)
    assert [line.split(" (")[0] for line in found] == ["order 0", "order 1"]
    assert unclean(path, running=True) == []
    stop = a_report_record(0, 2, 3, reason="STOP")
    journal.append(epoch, [a_report_record(0, 1, 1), a_report_record(1, -3, 2, "CANCEL", "UNFILLED"), stop])
    assert unclean(path, running=False) == []
    journal.close()
