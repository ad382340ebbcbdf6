"""Orders that do not leave: a kill switch holds them back, and the venue says so when they would have arrived."""

import pytest

from market.instruments import Kind
from market.matching import adopt_report, resume_orders, submit, withhold
from market.paper import COUNT, NEXT_DUE, PENDING, WAITING, Reason, ReportKind
from tests.builders import MINUTE, SECOND, an_instrument
from tests.market.floor import Floor, Said, a_contract, a_report, an_order

CANCELLED = Said(1, ReportKind.CANCEL, Reason.WITHHELD, 5, 0)


@pytest.mark.parametrize("bar_ns", [0, MINUTE])
def test_an_order_that_is_withheld_meets_no_price_and_is_cancelled_when_it_would_have_arrived(bar_ns) -> None:
    floor = Floor(bar_ns=bar_ns)
    assert withhold(floor.venue, an_order(5, arrive_ns=3 * MINUTE))
    for minute in (1, 2):
        if bar_ns:
            floor.bar(minute * MINUTE, (100, 101, 99, 100))
        else:
            floor.quote(minute * MINUTE, 100, 101)
    assert floor.said() == []
    floor.wait(3 * MINUTE - 1)
    assert floor.said() == []
    floor.wait(3 * MINUTE)
    assert floor.said() == [CANCELLED]
    assert (floor.waiting, floor.held()) == (0, 0)


def test_a_bar_fills_what_waits_for_it_and_passes_by_what_is_withheld() -> None:
    floor = Floor(bar_ns=MINUTE)
    withhold(floor.venue, an_order(5, arrive_ns=10))
    floor.order(3, number=2, arrive_ns=10)
    floor.bar(MINUTE, (100, 101, 99, 100))
    assert floor.said() == [CANCELLED, Said(2, ReportKind.FILL, Reason.ENTRY, 3, 102)]


def test_a_withheld_close_leaves_the_position_as_it_is() -> None:
    floor = Floor()
    floor.quote(SECOND, 100, 101)
    floor.order(5, arrive_ns=SECOND)
    floor.wait(SECOND)
    floor.reports()
    withhold(floor.venue, an_order(-5, number=2, reduce=1, arrive_ns=2 * SECOND))
    floor.wait(2 * SECOND)
    assert floor.said() == [Said(2, ReportKind.CANCEL, Reason.WITHHELD, -5, 0)]
    assert floor.held() == 5


def test_a_venue_without_room_withholds_nothing_and_says_so() -> None:
    floor = Floor()
    room = len(floor.venue.orders)
    assert all(submit(floor.venue, an_order(1, number=k, arrive_ns=MINUTE)) for k in range(room))
    before = int(floor.venue.control[NEXT_DUE])
    assert not withhold(floor.venue, an_order(1, number=room, arrive_ns=SECOND))
    assert (floor.venue.control[COUNT], floor.venue.control[NEXT_DUE]) == (room, before)


# --- a venue that goes on after a restart


def test_what_had_reached_it_and_is_still_there_waits_for_a_quote() -> None:
    floor = Floor()
    floor.order(5, arrive_ns=SECOND)
    floor.order(5, number=2, arrive_ns=3 * SECOND)
    resume_orders(floor.venue, 2 * SECOND)
    assert [int(order.state) for order in floor.venue.orders[:2]] == [WAITING, PENDING]
    floor.quote(2 * SECOND, 100, 101)
    assert floor.said() == [Said(1, ReportKind.FILL, Reason.ENTRY, 5, 101)]


def test_where_bars_move_it_everything_waits_for_a_bar_anyway() -> None:
    floor = Floor(bar_ns=MINUTE)
    floor.order(5, arrive_ns=SECOND)
    resume_orders(floor.venue, 2 * SECOND)
    assert floor.venue.orders[0].state == PENDING
    floor.bar(MINUTE, (100, 101, 99, 100))
    assert floor.said() == [Said(1, ReportKind.FILL, Reason.ENTRY, 5, 102)]


def test_an_adopted_stop_stands_where_it_was_moved_to_and_a_stopped_holding_is_gone() -> None:
    floor = Floor()
    floor.quote(SECOND, 100, 101)
    floor.order(5, arrive_ns=SECOND, stop=90)
    floor.wait(SECOND)
    floor.reports()
    adopt_report(floor.venue, a_report(0, 95, kind=ReportKind.AMEND, reason=Reason.TRAIL, stop_goal=96))
    holding = floor.venue.holdings[0]
    assert (holding.stop, holding.stop_goal) == (95, 96)
    adopt_report(floor.venue, a_report(-5, 95, reason=Reason.STOP))
    assert floor.held() == 0


def test_an_adopted_contract_is_open_until_it_settles() -> None:
    euro = an_instrument("EURUSD", "x")
    floor = Floor(euro, a_contract(euro))
    contract = floor.table[1]
    assert contract.kind == Kind.BINARY
    floor.order(5, instrument=1, kind=3, number=7, arrive_ns=SECOND)
    adopt_report(floor.venue, a_report(5, 201, instrument=1, number=7, time_ns=SECOND))
    order = floor.venue.orders[0]
    assert (order.strike, order.due_ns, floor.waiting) == (201, SECOND + contract.expiry_ns, 1)
    adopt_report(floor.venue, a_report(-5, 201, instrument=1, number=7, kind=ReportKind.SETTLE, reason=Reason.EXPIRY))
    assert floor.waiting == 0
