"""Breaks of a reconciliation trip the switch of their instrument, durably, whatever becomes of the board meanwhile."""

from pathlib import Path

import pytest

from actors.break_trips import BreakTrips
from actors.switching import lift
from journal.order_records import Breaks
from journal.switchboard import Switchboard
from policies.switches import Rearm, Result, Scope

BREAK = ("POSITION_BREAK", "EURUSD@x", "EURUSD@x", 5, 7)
ORPHAN = ("ORPHAN_AT_VENUE", "tri-9", "EURUSD@x", None, None)
GAP = ("FILL_GAP", "tri-3", "USDJPY@x", 1, 2)


def breaks(*found):
    return Breaks(time_ns=3, venue="x", life=1, seq=1, breaks=found)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "switches.db"


def test_every_instrument_with_a_break_is_tripped_once_with_what_it_was(path):
    board, trips = Switchboard(path), BreakTrips(str(path))
    trips.hear(breaks(BREAK, ORPHAN, GAP))
    rows = board.current()
    assert [(row.scope, row.key, row.mode, row.who, row.wall_ns) for row in rows] == [
        ("instrument", key, "BLOCK_NEW", ("reconciliation",), 3) for key in ("EURUSD@x", "USDJPY@x")
    ]
    assert [row.reason for row in rows] == ["ORPHAN_AT_VENUE, POSITION_BREAK at x", "FILL_GAP at x"]
    trips.hear(breaks(BREAK))
    assert len(board.rows()) == 2, "it is tripped already"


def test_a_break_that_is_gone_lifts_nothing_by_itself(path):
    board, trips = Switchboard(path), BreakTrips(str(path))
    trips.hear(breaks(BREAK))
    trips.hear(breaks())
    assert len(board.current()) == 1
    assert lift(board, Rearm(Scope.INSTRUMENT, "EURUSD@x", ("ann",), "explained", True), 9) is Result.REARMED


def test_a_board_that_cannot_be_written_is_tried_again(path):
    trips = BreakTrips(str(path))
    trips.hear(breaks(BREAK))
    assert not trips.settle()
    board = Switchboard(path)
    assert trips.settle()
    assert [row.key for row in board.current()] == ["EURUSD@x"]
    assert trips.settle()


def test_without_a_path_there_are_no_switches():
    trips = BreakTrips("")
    trips.hear(breaks(BREAK))
    assert trips.settle()
