"""Working orders after a restart, with executions missing, and after an outage."""

import random

from actors.order_entry import OrderSpec, entry_of
from actors.order_rules import OrderRules
from actors.working import WorkingOrders
from tests.orders.desk import EURUSD, SECOND, A, Desk, S, executed, shown
from venues.messages import Changed, Holdings, RequestKind
from venues.simulated.faults import FaultPlan
from venues.simulated.venue import SimulatedVenue

RULES = OrderRules(prefix="tri")


# --- restarts and executions


def test_after_a_restart_an_order_that_may_have_been_sent_is_asked_for():
    spec = OrderSpec(number=1, client_id="tri-a", instrument=EURUSD, lots=10, fresh_until_ns=10**18)
    desk = Desk(ready=False, restored=[entry_of(spec)])
    desk.work(SECOND)
    assert desk.working.entries[1].state.status is S.UNKNOWN
    assert not desk.requests(RequestKind.SUBMIT)
    assert [request.client_id for request in desk.requests(RequestKind.QUERY)][:1] == ["tri-a"]
    assert not desk.working.is_ready


def test_missing_executions_are_fetched_from_the_first_gap_on():
    desk = Desk()
    entry = desk.accepted()
    desk.line.coming.append(executed(number=3, lots=2))
    desk.work()
    assert desk.requests(RequestKind.EXECUTIONS)[-1].after == 0
    fetched = tuple(executed(number=number, lots=2).execution for number in (1, 2, 3))
    desk.answer(RequestKind.EXECUTIONS, executions=fetched)
    assert (entry.state.cum, desk.working.executions.is_missing_some) == (6, False)


def test_a_final_view_is_not_believed_before_its_executions_are_here():
    desk = Desk()
    entry = desk.accepted()
    desk.line.coming.append(Changed(shown(S.CANCELED, cum=4)))
    desk.work()
    assert (entry.state.status, entry.state.reserved) == (S.ACCEPTED, 10)
    desk.answer(RequestKind.EXECUTIONS, executions=(executed(lots=4).execution,))
    desk.answer(RequestKind.QUERY, order=shown(S.CANCELED, cum=4))
    assert (entry.state.status, entry.state.cum, entry.state.reserved) == (S.CANCELED, 4, 0)


def test_recovery_from_an_outage_takes_less_than_a_minute():
    """A venue that was away for five minutes gets orders again within one."""
    begin, end = 50 * SECOND, 350 * SECOND
    venue = SimulatedVenue("sim", FaultPlan(outages=((begin, end),)))
    venue.quote(EURUSD, 99, 101, 0)
    working = WorkingOrders(RULES, venue.session(), random.Random(3), 0)
    working.restore([], [], {})
    now, number, first = 0, 0, None
    while first is None:
        now += SECOND // 4
        assert now < end + 60 * SECOND
        working.hear_governor(now)
        if now % SECOND == 0:
            number += 1
            working.submit(OrderSpec(number=number, client_id=f"tri-{number}", instrument=EURUSD, lots=1,
                                     fresh_until_ns=now + 2 * SECOND))  # fmt: skip
        working.work(now)
        done = working.entries.get(number)
        if now > end and done is not None and done.state.status is S.FILLED:
            first = now
    assert len({order.first_id for order in venue.exchange.orders}) == len(venue.exchange.orders)


def test_an_order_that_was_taken_for_absent_is_asked_for_again_and_its_late_end_is_learnt():
    desk = Desk(reconcile_ns=SECOND)
    entry = desk.submit(fresh_until_ns=desk.now + SECOND)
    desk.work(2 * SECOND)
    while entry.state.status is not S.REJECTED:
        asked = len(desk.requests(RequestKind.QUERY))
        while len(desk.requests(RequestKind.QUERY)) == asked:
            desk.work(SECOND // 10)
        desk.answer(RequestKind.QUERY, A.NOT_FOUND)
    assert (desk.working.unsettled, entry.state.inferred) == (1, True)
    desk.work(2 * SECOND)
    desk.answer(RequestKind.SNAPSHOT, holdings=Holdings(positions={}, orders=(), executions=0))
    desk.answer(RequestKind.QUERY, order=shown(S.CANCELED))
    assert (entry.state.status, desk.working.unsettled) == (S.CANCELED, 0)
