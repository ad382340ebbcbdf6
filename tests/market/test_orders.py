"""The life of an order: the rules of the essay one by one, and what no sequence of events can break."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.orders import (
    OPEN_RISK,
    TERMINAL,
    EventKind,
    OrderEvent,
    OrderFlag,
    OrderState,
    OrderStatus,
    Outcome,
    Result,
    client_order_id,
)
from tests.properties import PROPERTY

K, S, F = EventKind, OrderStatus, OrderFlag


def said(kind: EventKind, lots: int = 0, execution: str = "", **rest: object) -> OrderEvent:
    return OrderEvent(kind=kind, lots=lots, execution=execution, **rest)  # type: ignore[arg-type]


def fill(execution: str, lots: int, price: int = 0) -> OrderEvent:
    return OrderEvent(kind=K.FILL, execution=execution, lots=lots, price=price)


def an_order(*events: OrderEvent | EventKind, lots: int = 10) -> OrderState:
    order = OrderState(lots=lots)
    for event in events:
        order.apply(event if isinstance(event, OrderEvent) else said(event))
    return order


def test_a_fill_adds_its_cost_and_a_bust_takes_it_back() -> None:
    order = an_order(K.SUBMIT, K.ACK, fill("a", 4, 100), fill("b", 2, 103))
    assert (order.cum, order.cost, order.leaves) == (6, 606, 4)
    assert order.apply(said(K.BUST, execution="a")) == Outcome(Result.APPLIED, S.PARTIALLY_FILLED, F.BUSTED, -4)
    assert (order.cum, order.cost, order.leaves) == (2, 206, 8)


def test_a_bust_that_comes_twice_or_before_its_fill_ends_in_the_same_quantity() -> None:
    order = an_order(K.SUBMIT, K.ACK)
    assert order.apply(said(K.BUST, execution="a")).result is Result.ANOMALY
    assert order.apply(said(K.BUST, execution="a")).result is Result.DUPLICATE_IGNORED
    assert order.apply(fill("a", 4)).result is Result.DUPLICATE_IGNORED
    assert (order.status, order.cum) == (S.ACCEPTED, 0)


def test_a_bust_of_an_overfilled_order_that_stays_complete_changes_no_status() -> None:
    order = an_order(K.SUBMIT, fill("a", 10), fill("b", 3), said(K.BUST, execution="b"))
    assert (order.status, order.cum, order.flags) == (S.FILLED, 10, F.OVERFILL | F.BUSTED)


def test_an_order_that_is_cancelled_for_good_ignores_its_bust_for_the_status() -> None:
    order = an_order(K.SUBMIT, fill("a", 4), K.CANCEL_REQ, K.CANCEL_ACK, said(K.BUST, execution="a"))
    assert (order.status, order.cum, order.leaves) == (S.CANCELED, 0, 0)


@pytest.mark.parametrize("kind", [K.FILL, K.REPLACE_REQ])
@pytest.mark.parametrize("lots", [0, -1])
def test_a_quantity_is_at_least_one_lot(kind: EventKind, lots: int) -> None:
    order = an_order(K.SUBMIT, K.ACK)
    with pytest.raises(ValueError, match="at least one lot"):
        order.apply(said(kind, lots, "a"))
    assert order == an_order(K.SUBMIT, K.ACK)


@pytest.mark.parametrize("kind", [K.DENY, K.SUBMIT, K.CANCEL_REQ, K.REPLACE_REQ])
def test_an_illegal_command_changes_nothing(kind: EventKind) -> None:
    order = an_order(K.SUBMIT, fill("a", 10))
    assert order.apply(said(kind, 3)) == Outcome(Result.INVALID, S.FILLED)
    assert order == an_order(K.SUBMIT, fill("a", 10))


def test_a_rejected_cancel_of_a_partly_filled_order_leaves_it_partly_filled() -> None:
    order = an_order(K.SUBMIT, K.ACK, fill("a", 4), K.CANCEL_REQ, K.CANCEL_REJECT)
    assert order.status is S.PARTIALLY_FILLED


def test_a_cancel_of_an_order_the_venue_does_not_know_makes_it_unknown() -> None:
    order = an_order(K.SUBMIT, K.ACK, K.CANCEL_REQ, said(K.CANCEL_REJECT, unknown_order=True))
    assert (order.status, order.reserved) == (S.UNKNOWN, 10)


def test_an_acknowledged_order_that_was_unknown_and_has_fills_is_partly_filled() -> None:
    order = an_order(K.SUBMIT, K.ACK, fill("a", 4), K.QUERY_NOT_FOUND, K.ACK)
    assert order.status is S.PARTIALLY_FILLED


@pytest.mark.parametrize("before", [K.CANCEL_REQ, K.QUERY_NOT_FOUND])
def test_a_rejected_order_with_fills_is_cancelled_and_flagged(before: EventKind) -> None:
    order = an_order(K.SUBMIT, K.ACK, fill("a", 4), before)
    outcome = order.apply(said(K.REJECT))
    assert (outcome.status, outcome.result) == (S.CANCELED, Result.ANOMALY)
    assert outcome.flags & F.REJECT_AFTER_FILL


def test_an_order_with_fills_is_never_concluded_to_be_absent() -> None:
    order = an_order(K.SUBMIT, fill("a", 4), K.QUERY_NOT_FOUND, K.QUERY_NOT_FOUND, K.ACK)
    assert (order.status, order.inferred) == (S.CANCELED, False)


def test_a_replace_reserves_the_larger_quantity_until_it_is_answered() -> None:
    order = an_order(K.SUBMIT, K.ACK, said(K.REPLACE_REQ, 25))
    assert (order.leaves, order.reserved) == (10, 25)
    order.apply(fill("a", 4))
    assert (order.leaves, order.reserved) == (6, 21)
    order.apply(said(K.REPLACE_REJECT))
    assert (order.status, order.leaves, order.reserved) == (S.PARTIALLY_FILLED, 6, 6)


def test_a_replace_that_the_venue_confirms_without_a_quantity_means_the_one_asked_for() -> None:
    order = an_order(K.SUBMIT, K.ACK, said(K.REPLACE_REQ, 25), K.REPLACE_ACK)
    assert (order.status, order.lots, order.pending_lots) == (S.ACCEPTED, 25, 0)


def test_a_replace_under_cancellation_still_counts_as_risk() -> None:
    order = an_order(K.SUBMIT, K.ACK, said(K.REPLACE_REQ, 25), K.CANCEL_REQ)
    assert order.reserved == 25
    order.apply(said(K.CANCEL_ACK))
    assert order.reserved == 0


@pytest.mark.parametrize(
    ("status", "cum", "after"),
    [
        (S.ACCEPTED, 0, S.ACCEPTED),
        (S.PARTIALLY_FILLED, 4, S.ACCEPTED),
        (S.CANCELED, 0, S.CANCELED),
        (S.EXPIRED, 0, S.EXPIRED),
        (S.REJECTED, 0, S.REJECTED),
        (S.CANCELED, 4, S.UNKNOWN),
        (S.FILLED, 10, S.UNKNOWN),
    ],
)
def test_what_a_query_finds_is_adopted_as_far_as_its_executions_are_here(
    status: OrderStatus, cum: int, after: OrderStatus
) -> None:
    order = an_order(K.SUBMIT, K.TIMEOUT)
    outcome = order.apply(said(K.QUERY_FOUND, cum, status=status))
    assert outcome == Outcome(Result.APPLIED, after, F.FILL_GAP if cum else 0)
    assert order.cum == 0


def test_a_query_does_not_take_back_a_pending_cancel() -> None:
    order = an_order(K.SUBMIT, K.ACK, K.CANCEL_REQ)
    assert order.apply(said(K.QUERY_FOUND, status=S.ACCEPTED)).status is S.PENDING_CANCEL
    assert order.apply(said(K.QUERY_FOUND, status=S.CANCELED)).status is S.CANCELED


def test_a_query_that_knows_more_fills_of_a_finished_order_is_an_anomaly() -> None:
    order = an_order(K.SUBMIT, K.ACK, K.CANCEL_REQ, K.CANCEL_ACK)
    assert order.apply(said(K.QUERY_FOUND, status=S.CANCELED)) == Outcome(Result.IGNORED, S.CANCELED)
    assert order.apply(said(K.QUERY_FOUND, 3, status=S.CANCELED)) == Outcome(Result.ANOMALY, S.CANCELED, F.FILL_GAP)


@pytest.mark.parametrize("first", [(), (K.DENY,)])
def test_a_query_that_finds_an_order_that_was_never_sent_is_an_anomaly(first: tuple[EventKind, ...]) -> None:
    outcome = an_order(*first).apply(said(K.QUERY_FOUND))
    assert (outcome.result, outcome.flags) == (Result.ANOMALY, F.RECONCILE)


ABSENT = (K.SUBMIT, K.TIMEOUT, K.QUERY_NOT_FOUND)


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (said(K.ACK), S.ACCEPTED),
        (fill("a", 4), S.PARTIALLY_FILLED),
        (fill("a", 10), S.FILLED),
        (said(K.QUERY_FOUND, status=S.ACCEPTED), S.ACCEPTED),
        (said(K.QUERY_FOUND, status=S.CANCELED), S.CANCELED),
        (said(K.QUERY_FOUND, 4, status=S.CANCELED), S.ACCEPTED),
    ],
)
def test_an_order_that_was_concluded_to_be_absent_is_resurrected_by_any_word_of_it(
    event: OrderEvent, after: OrderStatus
) -> None:
    order = an_order(*ABSENT)
    assert (order.status, order.reserved) == (S.REJECTED, 0)
    outcome = order.apply(event)
    assert (outcome.status, outcome.result) == (after, Result.ANOMALY)
    assert order.flags & F.ABSENT_INFERRED
    assert order.flags & F.RESURRECTED


def test_a_rejection_by_the_venue_is_final_also_after_a_resurrection() -> None:
    order = an_order(*ABSENT, K.ACK, K.REJECT)
    assert order.apply(said(K.ACK)) == Outcome(Result.IGNORED, S.REJECTED)
    assert order.apply(fill("a", 2)) == Outcome(Result.ANOMALY, S.REJECTED, F.LATE_FILL, 2)


COMMANDS = (K.DENY, K.SUBMIT, K.CANCEL_REQ, K.REPLACE_REQ)
EVENTS = st.builds(
    OrderEvent,
    kind=st.sampled_from(EventKind),
    execution=st.sampled_from("abcdef"),
    lots=st.integers(1, 15),
    price=st.integers(1, 200),
    status=st.sampled_from(OrderStatus),
    unknown_order=st.booleans(),
)


@given(st.lists(EVENTS, max_size=30), st.booleans())
@PROPERTY
def test_no_sequence_of_events_breaks_the_invariants(events: list[OrderEvent], inferred: bool) -> None:
    order = an_order(*(ABSENT if inferred else ()))
    position = 0
    for event in events:
        was, may_return = order.status, order.inferred
        outcome = order.apply(event)
        position += outcome.lots
        counted = [execution for execution in order.executions.values() if not execution.busted]
        assert order.cum == position == sum(execution.lots for execution in counted)
        assert order.cost == sum(execution.lots * execution.price for execution in counted)
        assert order.leaves == (0 if order.status in TERMINAL else max(order.lots - order.cum, 0))
        assert outcome.status is order.status
        assert outcome.flags | order.flags == order.flags
        assert order.reserved == 0 or order.status in OPEN_RISK
        assert order.reserved >= order.leaves or order.status not in OPEN_RISK
        if was in TERMINAL and not may_return:
            assert order.status is was or order.status in (S.FILLED, S.CANCELED)
        if outcome.result is Result.INVALID:
            assert event.kind in COMMANDS


@given(st.data())
@PROPERTY
def test_reports_in_any_order_and_number_end_in_the_same_quantity(data: st.DataObject) -> None:
    fills = [fill(str(k), lots, k + 1) for k, lots in enumerate(data.draw(st.lists(st.integers(1, 5), max_size=6)))]
    busts = [said(K.BUST, execution=str(k)) for k in data.draw(st.sets(st.integers(0, 5)), "busted")]
    other = [said(kind) for kind in (K.ACK, K.CANCEL_REJECT, K.CANCEL_ACK, K.EXPIRE)]
    reports = [*fills, *busts, *other]
    shuffled = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=6))))
    straight, raced = an_order(K.SUBMIT, *reports), an_order(K.SUBMIT, *shuffled)
    assert (raced.cum, raced.cost) == (straight.cum, straight.cost)


def test_an_order_id_depends_on_every_argument_but_never_on_the_attempt() -> None:
    ids = {client_order_id("tri", intent, leg, seq) for intent in "ab" for leg in (0, 1) for seq in (0, 1)}
    assert len(ids) == 8
    assert client_order_id("tri", "a", 0, 0) in ids
    assert max(map(len, ids)) <= 32


@pytest.mark.parametrize("prefix", ["", "TRI", "tri-", "ten4567890"])
def test_a_prefix_that_venues_would_not_take_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="1 to 9 characters"):
        client_order_id(prefix, "a", 0, 0)
