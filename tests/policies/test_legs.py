"""Following up: a pair is both legs or none, and what should close a position is asked for until a venue takes it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.instruments import INSTRUMENT
from market.paper import ORDER, OrderKind, Reason, ReportKind
from market.records import Record, Records, records
from policies.legs import RETRY_NS, Watch, follow_up, open_watch, order_of_leg, track, watch_order, watching
from tests.market.floor import a_report
from tests.policies.books import NOW, an_intent
from tests.properties import PROPERTY

FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind
LATENCIES = (50, 70)


def a_world(*latencies: int) -> Records:
    """Return instruments of venues that take so long to reach."""
    found = records(len(latencies), INSTRUMENT)
    found["latency_ns"] = latencies
    return found


def told(watch: Watch, number: int, lots: int, kind: ReportKind, **terms: int) -> dict[str, int] | None:
    """Return the order that a report calls for, None for none; a follow-up is not watched yet."""
    order = records(1, ORDER)[0]
    for name in ORDER.names:
        order[name] = 9
    report = a_report(lots, 100, number=number, kind=kind, **({"time_ns": NOW, "instrument": number % 2} | terms))
    if not follow_up(watch, report, a_world(*LATENCIES), order):
        return None
    return {name: int(order[name]) for name in ORDER.names if name != "number"}


def an_exit(instrument: int, lots: int, arrive_ns: int, reason: Reason) -> dict[str, int]:
    """Return the one kind of order that follows up: it reduces, at the market, without protection."""
    names = ("limit", "stop", "target", "hold_ns", "state", "strike", "due_ns", "breakeven_at", "trail_at", "trail_by")
    rest = dict.fromkeys(names, 0) | {"sent_ns": NOW}
    return rest | {
        "instrument": instrument, "lots": lots, "kind": OrderKind.MARKET, "arrive_ns": arrive_ns, "reduce": 1,
        "reason": reason,
    }  # fmt: skip


def a_pair(*lots: int, **terms: int) -> Watch:
    """Return a watch over a pair whose orders are 10 (instrument 0) and 11 (instrument 1)."""
    watch = open_watch(2)
    track(watch, 10, an_intent(*lots, **terms))
    return watch


def unwound(instrument: int, lots: int) -> dict[str, int]:
    return an_exit(instrument, lots, NOW + LATENCIES[instrument], Reason.UNWIND)


def test_a_pair_that_is_filled_on_both_sides_needs_nothing() -> None:
    watch = a_pair(5, -5)
    assert told(watch, 10, 5, FILL) is None
    assert watching(watch)
    assert told(watch, 11, -5, FILL) is None
    assert not watching(watch)


def test_a_naked_leg_is_unwound_once_both_legs_are_settled() -> None:
    watch = a_pair(5, -5)
    assert told(watch, 11, -5, CANCEL) is None
    assert told(watch, 10, 5, FILL) == unwound(0, -5)
    assert not watching(watch)
    watch = a_pair(5, -5)
    assert told(watch, 10, 5, REJECT, reason=Reason.STALE) is None
    assert told(watch, 11, -5, FILL) == unwound(1, 5)


def test_of_two_uneven_legs_the_larger_one_is_cut_to_the_smaller() -> None:
    watch = a_pair(9, -9)
    for number, lots, kind in ((10, 7, FILL), (10, 2, CANCEL), (11, -4, FILL)):
        assert told(watch, number, lots, kind) is None
    assert told(watch, 11, -5, CANCEL) == unwound(0, -3)


def test_a_pair_of_which_nothing_was_filled_needs_nothing() -> None:
    watch = a_pair(5, -5)
    assert told(watch, 10, 5, CANCEL) is told(watch, 11, -5, REJECT) is None
    assert not watching(watch)


PIECES = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.booleans()), max_size=8)


@given(st.integers(1, 20), st.sampled_from([1, -1]), PIECES)
@PROPERTY
def test_whatever_the_legs_got_and_in_whatever_order_nothing_stays_naked(
    size: int, sign: int, pieces: list[tuple[bool, int, bool]]
) -> None:
    watch = a_pair(sign * size, -sign * size)
    left, filled, orders = [size, size], [0, 0], []
    events = [*pieces, (False, size, False), (True, size, False)]
    for second, wanted, fills in events:
        leg = int(second)
        lots = min(wanted, left[leg])
        if lots:
            signed = lots * (sign if leg == 0 else -sign)
            left[leg] -= lots
            filled[leg] += signed if fills else 0
            orders.append(told(watch, 10 + leg, signed, FILL if fills else CANCEL))
    naked = filled[0] + filled[1]
    larger = 0 if abs(filled[0]) > abs(filled[1]) else 1
    assert orders[-1] == (unwound(larger, -naked) if naked else None)
    assert not any(orders[:-1])
    assert not watching(watch)


def test_an_unwind_takes_as_long_as_the_venue_it_goes_to_is_away() -> None:
    watch = a_pair(5, -5)
    assert told(watch, 10, 5, FILL) is None
    order = told(watch, 11, -5, CANCEL)  # the far venue reports, the near one gets the order
    assert order is not None
    assert order["arrive_ns"] == NOW + LATENCIES[0]


def test_a_single_opening_order_is_not_watched() -> None:
    watch = open_watch(2)
    track(watch, 10, an_intent(5))
    assert not watching(watch)
    assert told(watch, 10, 5, REJECT, reason=Reason.STALE) is None


def test_the_rest_of_a_reducing_order_that_found_no_depth_is_sent_again() -> None:
    watch = a_pair(-10, reduce=1)
    assert told(watch, 10, -4, FILL) is None
    assert told(watch, 10, -6, CANCEL, reason=Reason.UNFILLED) == an_exit(0, -6, NOW + RETRY_NS, Reason.EXIT)
    assert not watching(watch)


def test_what_waited_when_the_data_ended_is_not_sent_again() -> None:
    watch = a_pair(-5, reduce=1)
    assert told(watch, 10, -5, CANCEL, reason=Reason.END) is None
    assert not watching(watch)


def test_a_retry_waits_at_least_one_latency() -> None:
    watch, order = a_pair(-5, reduce=1), records(1, ORDER)[0]
    report = a_report(-5, 0, number=10, kind=CANCEL, reason=Reason.UNFILLED, time_ns=NOW)
    assert follow_up(watch, report, a_world(3 * RETRY_NS, 0), order)
    assert order.arrive_ns == NOW + 3 * RETRY_NS


def test_one_leg_of_a_closing_pair_may_be_sent_again_while_the_other_is_filled() -> None:
    for first, second in ((10, 11), (11, 10)):
        watch = a_pair(-5, 5, reduce=1)
        signed = {10: -5, 11: 5}
        again = told(watch, first, signed[first], CANCEL, reason=Reason.UNFILLED)
        assert again == an_exit(first % 2, signed[first], NOW + RETRY_NS, Reason.EXIT)
        assert watching(watch)
        assert told(watch, second, signed[second], FILL) is None
        assert not watching(watch)


def test_both_legs_of_a_closing_pair_may_be_sent_again() -> None:
    watch = a_pair(-5, 5, reduce=1)
    assert told(watch, 10, -5, CANCEL, reason=Reason.UNFILLED) is not None
    assert told(watch, 11, 5, CANCEL, reason=Reason.UNFILLED) is not None
    assert not watching(watch)


def test_a_reducing_order_without_a_position_is_not_sent_again() -> None:
    watch = a_pair(-5, reduce=1)
    assert told(watch, 10, -5, REJECT, reason=Reason.NO_POSITION) is None
    assert not watching(watch)


def test_a_follow_up_is_watched_itself_and_sent_again_for_its_rest() -> None:
    watch = open_watch(2)
    order = records(1, ORDER)[0]
    order.instrument, order.lots = 1, 5
    watch_order(watch, 20, order)
    assert told(watch, 20, 5, CANCEL, reason=Reason.UNFILLED, instrument=1) == an_exit(
        1, 5, NOW + RETRY_NS, Reason.EXIT
    )
    watch_order(watch, 21, order)
    assert told(watch, 21, 5, FILL) is None
    assert not watching(watch)


def test_a_protective_close_does_not_count_as_a_fill_of_the_order_that_opened_it() -> None:
    watch = a_pair(5, -5)
    told(watch, 10, 5, FILL)
    for reason in (Reason.STOP, Reason.TARGET, Reason.TIME):
        assert told(watch, 10, -5, FILL, reason=reason) is None
    assert watching(watch)
    assert told(watch, 11, -5, CANCEL) == unwound(0, -5)


def test_reports_of_other_orders_pass_by() -> None:
    watch = a_pair(5, -5)
    for number in (9, 12):
        assert told(watch, number, 5, CANCEL) is None
    assert watching(watch)


def test_watched_pairs_keep_their_order_as_others_are_done() -> None:
    watch = open_watch(2)
    for number in (10, 20, 30):
        track(watch, number, an_intent(5, -5))
    for number, lots in ((10, 5), (11, -5)):
        told(watch, number, lots, FILL)
    assert watch.tracks.number[: watch.counts[0]].tolist() == [20, 30]


def written(intent: Record, leg: int) -> dict[str, int]:
    order = records(1, ORDER)[0]
    order.state = order.strike = order.due_ns = 9
    order_of_leg(intent, leg, 7, LATENCIES[0], order)
    return {name: int(order[name]) for name in ORDER.names}


def test_an_order_of_a_leg_arrives_one_latency_after_the_decision_and_carries_its_terms() -> None:
    moves = {"breakeven_at": 6, "trail_at": 7, "trail_by": 8}
    terms = {"limit0": 1, "limit1": 2, "stop": 3, "target": 4, "hold_ns": 5, "order_kind": OrderKind.IOC} | moves
    intent = an_intent(6, -8, **terms)
    shared = {
        "number": 7, "kind": OrderKind.IOC, "stop": 3, "target": 4, "arrive_ns": NOW + LATENCIES[0], "hold_ns": 5,
        "reduce": 0, "state": 0, "strike": 0, "due_ns": 0, "reason": Reason.ENTRY, "sent_ns": NOW, **moves,
    }  # fmt: skip
    assert written(intent, 0) == shared | {"instrument": 0, "lots": 6, "limit": 1}
    assert written(intent, 1) == shared | {"instrument": 1, "lots": -8, "limit": 2}
    closing = written(an_intent(-6, reduce=1), 0)
    assert (closing["reduce"], closing["reason"], closing["lots"]) == (1, Reason.EXIT, -6)
    assert np.int64(closing["arrive_ns"]) == NOW + LATENCIES[0]
