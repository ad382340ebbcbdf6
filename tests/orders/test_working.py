"""Working orders, step by step, against a venue that says what the test lets it say."""

import pytest

from actors.circuit import CircuitState
from actors.order_entry import OrderSpec, Replacement, Standing, entry_of
from actors.switching import Act, VenueHop, trip
from journal.switchboard import Switchboard
from market.orders import EventKind, OrderEvent, OrderFlag
from policies.switches import Mode, Scope, Trip
from tests.builders import a_plan
from tests.orders.desk import EURUSD, SECOND, A, Desk, S, executed, shown
from venues.messages import (
    Answer,
    Changed,
    Holdings,
    IdRule,
    Lost,
    Refusal,
    RequestKind,
    VenueOrder,
)

# --- silence


def test_a_timeout_after_send_is_unknown_and_stays_reserved():
    desk = Desk()
    entry = desk.submit()
    assert (entry.state.status, len(desk.requests(RequestKind.SUBMIT))) == (S.SUBMITTED, 1)
    desk.work(2 * SECOND)
    assert (entry.state.status, entry.state.reserved) == (S.UNKNOWN, 10)


def test_a_retry_is_a_query_first():
    desk = Desk()
    desk.submit()
    desk.work(10 * SECOND)
    assert len(desk.requests(RequestKind.SUBMIT)) == 1
    assert len(desk.requests(RequestKind.QUERY)) > 1
    assert {request.client_id for request in desk.requests(RequestKind.QUERY)} == {"tri-a"}


def absent(desk, times):
    """Say, as often as that, that there is no such order."""
    for _ in range(times):
        asked = len(desk.requests(RequestKind.QUERY))
        while len(desk.requests(RequestKind.QUERY)) == asked:
            desk.work(SECOND // 10)
        desk.answer(RequestKind.QUERY, A.NOT_FOUND)


def test_what_is_absent_and_fresh_is_sent_again_under_the_same_id():
    desk = Desk()
    entry = desk.submit(fresh_until_ns=desk.now + 60 * SECOND)
    desk.work(2 * SECOND)
    absent(desk, 2)
    desk.work(SECOND)
    assert [request.client_id for request in desk.requests(RequestKind.SUBMIT)] == ["tri-a", "tri-a"]
    assert entry.state.status is S.UNKNOWN
    desk.answer(RequestKind.SUBMIT)
    assert entry.state.status is S.ACCEPTED


@pytest.mark.parametrize("why", ["stale", "careless venue"])
def test_what_is_absent_and_may_not_be_sent_again_is_rejected_by_inference(why):
    desk = Desk(id_rule=IdRule.NEVER if why == "careless venue" else IdRule.EVER)
    entry = desk.submit(fresh_until_ns=desk.now + (SECOND if why == "stale" else 60 * SECOND))
    desk.work(2 * SECOND)
    absent(desk, 2)
    desk.work(5 * SECOND)
    assert len(desk.requests(RequestKind.SUBMIT)) == 1
    assert (entry.state.status, bool(entry.state.flags & OrderFlag.ABSENT_INFERRED)) == (S.REJECTED, True)
    assert desk.reasons() == ["absent at the venue"]


def test_one_answer_or_an_early_one_does_not_make_an_order_absent():
    desk = Desk(grace_ns=6 * SECOND, fresh_ns=SECOND)
    entry = desk.submit(fresh_until_ns=desk.now + SECOND)
    desk.work(2 * SECOND)
    absent(desk, 1)
    assert entry.state.status is S.UNKNOWN
    absent(desk, 1)
    assert entry.state.status is S.UNKNOWN


@pytest.mark.parametrize("message", [Changed(shown()), executed(lots=4)])
def test_an_order_that_was_taken_for_absent_is_adopted_and_cancelled(message):
    desk = Desk(id_rule=IdRule.NEVER)
    entry = desk.submit(fresh_until_ns=desk.now + SECOND)
    desk.work(2 * SECOND)
    absent(desk, 2)
    desk.line.coming.append(message)
    desk.work(SECOND)
    assert entry.state.flags & OrderFlag.RESURRECTED
    assert entry.state.status is S.PENDING_CANCEL
    assert [request.client_id for request in desk.requests(RequestKind.CANCEL)] == ["tri-a"]


def test_an_answer_that_comes_late_still_counts():
    desk = Desk()
    entry = desk.submit()
    number = desk.requests(RequestKind.SUBMIT)[0].number
    desk.work(3 * SECOND)
    desk.line.coming.append(Answer(number=number, kind=A.DONE))
    desk.work()
    assert entry.state.status is S.ACCEPTED


def test_an_error_after_which_nobody_knows_is_as_good_as_silence():
    desk = Desk()
    entry = desk.submit()
    desk.answer(RequestKind.SUBMIT, A.FAILED)
    assert entry.state.status is S.UNKNOWN


def test_a_duplicate_id_means_that_the_venue_has_the_order():
    desk = Desk()
    entry = desk.submit()
    desk.answer(RequestKind.SUBMIT, A.REFUSED, refusal=Refusal.DUPLICATE_ID, order=shown())
    assert entry.state.status is S.ACCEPTED


def test_what_the_venue_did_not_take_for_now_is_sent_later_under_the_same_id():
    desk = Desk()
    entry = desk.submit()
    desk.answer(RequestKind.SUBMIT, A.THROTTLED, retry_after_ns=SECOND)
    assert len(desk.requests(RequestKind.SUBMIT)) == 1
    desk.work(SECOND + SECOND // 5)
    assert [request.client_id for request in desk.requests(RequestKind.SUBMIT)] == ["tri-a", "tri-a"]
    desk.answer(RequestKind.SUBMIT, A.THROTTLED, retry_after_ns=20 * SECOND)
    desk.work(6 * SECOND)
    assert (entry.state.status, desk.reasons()) == (S.REJECTED, ["too old to be sent"])


# --- what is not sent


def test_an_order_that_is_too_old_is_denied():
    desk = Desk()
    entry = desk.submit(fresh_until_ns=desk.now)
    assert (entry.state.status, desk.reasons()) == (S.DENIED, ["too old to be sent"])
    assert not desk.requests(RequestKind.SUBMIT)


def test_nothing_new_leaves_before_the_account_was_compared():
    desk = Desk(ready=False)
    entry = desk.submit()
    assert (entry.state.status, desk.requests(RequestKind.SUBMIT)) == (S.CREATED, [])
    reducing = desk.submit(number=2, client_id="tri-b", lots=-1, reduce=True)
    assert reducing.state.status is S.SUBMITTED


def lose(desk, times=3):
    for _ in range(times):
        desk.line.coming.append(Lost())
        desk.work(SECOND // 10)


def test_while_the_venue_is_out_of_reach_what_opens_risk_is_denied_and_what_reduces_waits():
    desk = Desk()
    desk.line.reachable = False
    lose(desk, 1)
    desk.work(2 * SECOND)
    assert desk.working.circuit.state is not CircuitState.CLOSED
    opening = desk.submit()
    reducing = desk.submit(number=2, client_id="tri-b", lots=-1, reduce=True)
    assert (opening.state.status, reducing.state.status) == (S.DENIED, S.CREATED)
    assert desk.reasons() == ["the venue is out of reach"]
    desk.line.reachable = True
    while reducing.state.status is S.CREATED:
        desk.work(SECOND // 10)
    assert reducing.state.status is S.SUBMITTED


def test_a_break_blocks_its_instrument_until_it_is_gone():
    desk = Desk(reconcile_ns=SECOND)
    desk.work(SECOND)
    held = Holdings(positions={EURUSD: 3}, orders=(), executions=0)
    desk.answer(RequestKind.SNAPSHOT, holdings=held)
    assert [news for news in desk.working.news if isinstance(news, Standing)][-1].blocked == {EURUSD}
    assert desk.submit().state.status is S.DENIED
    assert desk.submit(number=2, client_id="tri-b", instrument="GBPUSD@sim").state.status is S.SUBMITTED
    assert desk.submit(number=3, client_id="tri-c", reduce=True).state.status is S.SUBMITTED
    desk.working.accept(EURUSD, 3)
    desk.work()
    desk.answer(RequestKind.SNAPSHOT, holdings=held)
    assert [news for news in desk.working.news if isinstance(news, Standing)][-1].blocked == set()


def test_an_order_that_differs_is_asked_for_before_it_is_a_break():
    desk = Desk(reconcile_ns=SECOND)
    entry = desk.accepted()
    desk.work(SECOND)
    desk.answer(RequestKind.SNAPSHOT, holdings=Holdings(positions={}, orders=(), executions=0))
    assert not desk.working.reconciler.breaks
    desk.answer(RequestKind.QUERY, order=shown(S.CANCELED))
    assert entry.state.status is S.CANCELED


def test_an_unknown_order_of_ours_and_a_stranger_are_breaks():
    desk = Desk(reconcile_ns=SECOND)
    desk.work(SECOND)
    strange = (shown(client_id="tri-zzz"), VenueOrder(client_id="web-1", instrument="GBPUSD@sim", lots=1, cum=0,
                                                      status=S.ACCEPTED))  # fmt: skip
    desk.answer(RequestKind.SNAPSHOT, holdings=Holdings(positions={}, orders=strange, executions=0))
    assert [item.kind.name for item in desk.working.reconciler.breaks] == ["ORPHAN_AT_VENUE", "FOREIGN_ORDER"]


# --- the dead-man switch, cancels and changes


def test_without_a_governor_every_working_order_is_cancelled():
    desk = Desk(dead_man_ns=10 * SECOND)
    desk.accepted()
    desk.working.hear_governor(desk.now)
    desk.work(9 * SECOND)
    assert not desk.requests(RequestKind.CANCEL)
    desk.work(2 * SECOND)
    assert [request.client_id for request in desk.requests(RequestKind.CANCEL)] == ["tri-a"]


def test_heartbeats_end_with_the_governor():
    desk = Desk(dead_man_ns=10 * SECOND, heartbeat_ns=SECOND)
    desk.work(5 * SECOND)
    beats = len(desk.requests(RequestKind.HEARTBEAT))
    assert beats >= 4
    desk.work(10 * SECOND)
    after = len(desk.requests(RequestKind.HEARTBEAT))
    desk.work(10 * SECOND)
    assert len(desk.requests(RequestKind.HEARTBEAT)) == after


def test_a_cancel_is_asked_for_until_it_is_answered():
    desk = Desk()
    entry = desk.accepted()
    desk.working.cancel(1)
    desk.work(10 * SECOND)
    assert entry.state.status is S.PENDING_CANCEL
    desk.answer(RequestKind.QUERY, order=shown())
    desk.work(SECOND)
    assert len(desk.requests(RequestKind.CANCEL)) > 1
    desk.answer(RequestKind.CANCEL, order=shown(S.CANCELED))
    assert entry.state.status is S.CANCELED


def test_a_cancel_that_comes_too_late_ends_in_the_fill():
    desk = Desk()
    entry = desk.accepted()
    desk.working.cancel(1)
    desk.work()
    desk.line.coming.append(executed())
    desk.answer(RequestKind.CANCEL, A.REFUSED, refusal=Refusal.TOO_LATE, order=shown(S.FILLED, 10))
    assert (entry.state.status, entry.state.cum) == (S.FILLED, 10)


def test_a_cancel_before_the_order_was_sent_denies_it():
    desk = Desk(ready=False)
    entry = desk.submit()
    desk.working.cancel(1)
    assert (entry.state.status, desk.reasons()) == (S.DENIED, ["cancelled before it was sent"])


def test_a_change_goes_out_when_the_order_works_and_takes_its_new_id():
    desk = Desk()
    entry = desk.submit(order_kind="limit")
    desk.working.replace(Replacement(number=1, new_id="tri-b", lots=4, limit=7))
    desk.work()
    assert not desk.requests(RequestKind.REPLACE)
    desk.answer(RequestKind.SUBMIT)
    assert entry.state.status is S.PENDING_REPLACE
    desk.answer(RequestKind.REPLACE, order=shown(client_id="tri-b", lots=4))
    assert (entry.state.status, entry.state.lots, entry.client_id) == (S.ACCEPTED, 4, "tri-b")


def test_a_change_that_was_carried_out_before_a_restart_is_recognised():
    spec = OrderSpec(number=1, client_id="tri-a", instrument=EURUSD, lots=10, fresh_until_ns=0)
    entry = entry_of(spec)
    for kind in (EventKind.SUBMIT, EventKind.ACK):
        entry.state.apply(OrderEvent(kind=kind))
    entry.replacement = Replacement(number=1, new_id="tri-b", lots=4, limit=7)
    desk = Desk(ready=False, restored=[entry])
    desk.work()
    desk.answer(RequestKind.QUERY, order=shown(client_id="tri-b", lots=4))
    assert (entry.state.status, entry.state.lots, entry.client_id) == (S.ACCEPTED, 4, "tri-b")
    assert not desk.requests(RequestKind.REPLACE)


# --- kill switches


def test_an_order_that_a_switch_stops_right_before_it_leaves_is_denied():
    desk = Desk()
    desk.working._stops = lambda spec: "" if spec.reduce else "stopped by a kill switch (global)"
    opening, reducing = desk.submit(), desk.submit(number=2, client_id="tri-b", lots=-1, reduce=True)
    assert (opening.state.status, reducing.state.status) == (S.DENIED, S.SUBMITTED)
    assert desk.reasons() == ["stopped by a kill switch (global)"]


def test_what_is_absent_is_not_sent_again_once_a_switch_stops_it():
    desk = Desk()
    entry = desk.submit(fresh_until_ns=desk.now + 60 * SECOND)
    desk.work(2 * SECOND)
    desk.working._stops = lambda _: "stopped by a kill switch (global)"
    absent(desk, 2)
    desk.work(SECOND)
    assert (entry.state.status, len(desk.requests(RequestKind.SUBMIT))) == (S.REJECTED, 1)


@pytest.mark.parametrize(
    ("scope", "key", "mode", "stopped"),
    [
        (Scope.INSTRUMENT, "EURUSD", Mode.BLOCK_NEW, {1}), (Scope.INSTRUMENT, "GBPUSD", Mode.BLOCK_NEW, set()),
        (Scope.VENUE, "sim", Mode.FLATTEN_AND_BLOCK, {1, 3}), (Scope.DESK, "forex", Mode.REDUCE_ONLY, {1}),
    ],
)  # fmt: skip
def test_switches_find_a_live_order_by_its_instrument_and_venue(tmp_path, scope, key, mode, stopped):
    board = Switchboard(tmp_path / "switches.db")
    hop = VenueHop(str(board.path))
    orders = {
        number: OrderSpec(number=number, client_id="a", instrument=EURUSD, lots=1, reduce=reduce, fresh_until_ns=0)
        for number, reduce in ((1, False), (3, True))
    }
    assert not any(hop(spec) for spec in orders.values())
    trip(board, Trip(scope, key, mode), Act(who=("ann",), reason="test", now_ns=1))
    assert {number for number, spec in orders.items() if hop(spec)} == stopped


@pytest.mark.parametrize(
    ("desk", "mode", "stopped"),
    [
        ("forex", Mode.BLOCK_NEW, {1}), ("forex", Mode.FLATTEN_AND_BLOCK, {1, 3}),
        ("arbitrage", Mode.FLATTEN_AND_BLOCK, set()),
    ],
)  # fmt: skip
def test_with_a_plan_switches_know_whose_an_order_is_and_let_the_flattener_pass(tmp_path, desk, mode, stopped):
    board = Switchboard(tmp_path / "switches.db")
    hop = VenueHop(str(board.path), a_plan())
    orders = {
        number: OrderSpec(
            number=number, client_id="a", instrument="EURUSD@fx", lots=1, reduce=reduce, reason=reason, fresh_until_ns=0
        )
        for number, reduce, reason in ((1, False, "ENTRY"), (3, True, "EXIT"), (4, True, "FLATTEN"))
    }
    trip(board, Trip(Scope.DESK, desk, mode), Act(who=("ann",), reason="test", now_ns=1))
    assert {number for number, spec in orders.items() if hop(spec)} == stopped


def test_switches_that_cannot_be_read_stop_every_order(tmp_path):
    hop = VenueHop(str(tmp_path / "nowhere.db"))
    spec = OrderSpec(number=1, client_id="a", instrument=EURUSD, lots=1, reduce=True, fresh_until_ns=0)
    assert "stopped by a kill switch" in hop(spec)
