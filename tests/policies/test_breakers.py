"""Circuit breakers: each trips beyond its bound, and lets go only as it should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.reconciliation import Snapshot, WorkingOrder, reconcile
from policies.breakers import (
    ANSWERS_MAX,
    GATE,
    Answer,
    CostTerms,
    Gate,
    PriceTerms,
    VenueTerms,
    hear_answer,
    may_lift,
    note_cost,
    open_cost_breaker,
    open_price_breaker,
    open_venue_breaker,
    probe_sent,
    trips_of_breaks,
    venue_gate,
    watch_price,
)
from policies.switches import Mode, Scope, Trip

SECOND = 10**9
MINUTE = 60 * SECOND
PRICE, VENUE, COST = PriceTerms(), VenueTerms(), CostTerms()


def walked(minutes=40, seed=1):
    """Return a price breaker that has watched an ordinary price, and the time and price that it came to."""
    rng, state, price = np.random.default_rng(seed), open_price_breaker(), 100_000.0
    for second in range(60 * minutes):
        price += rng.normal(0, 1.5)
        watch_price(state, PRICE, second * SECOND, round(price), round(price) + 8)
    return state, 60 * minutes * SECOND, round(price)


@pytest.mark.parametrize("fall", [-1, 1])
def test_a_flash_crash_pauses_the_instrument_before_its_minute_is_over(fall):
    """As on 2010-05-06 and 2016-10-07: a slide of percents within a minute, then a return."""
    state, now, price = walked()
    said = [
        watch_price(state, PRICE, now + k * SECOND, price + fall * 60 * k, price + fall * 60 * k + 8) for k in range(40)
    ]
    assert not any(said[:1])
    assert all(said[3:])


def test_an_ordinary_price_is_never_paused():
    for seed in range(5):
        rng, state, price = np.random.default_rng(seed), open_price_breaker(), 100_000.0
        said = []
        for second in range(3_600):
            price += rng.normal(0, 1.5)
            said.append(watch_price(state, PRICE, second * SECOND, round(price), round(price) + 8))
        assert sum(said) == 0


def test_a_torn_spread_pauses_and_a_wide_one_does_not():
    state, now, price = walked()
    assert not watch_price(state, PRICE, now, price - 16, price + 24)
    assert watch_price(state, PRICE, now + SECOND, price - 16, price + 25)


def test_a_pause_ends_a_while_after_the_last_unusual_quote():
    state, now, price = walked()
    assert watch_price(state, PRICE, now, price - 30, price + 30)
    assert watch_price(state, PRICE, now + MINUTE - 1, price, price + 8)
    assert not watch_price(state, PRICE, now + MINUTE, price, price + 8)


@pytest.mark.parametrize(("bid", "ask"), [(0, 8), (-5, 5), (100, 99)])
def test_a_quote_that_is_none_pauses_from_the_first_on(bid, ask):
    assert watch_price(open_price_breaker(), PRICE, SECOND, bid, ask)


def test_nothing_is_unusual_before_anything_is_known():
    state = open_price_breaker()
    assert not watch_price(state, PRICE, 0, 100_000, 100_008)
    assert not watch_price(state, PRICE, SECOND, 120_000, 120_100)


def hear(state, *answers, begin=0, step=SECOND, latency=10**7):
    return [
        Gate(hear_answer(state, VENUE, begin + k * step, answer, latency)) for k, answer in enumerate(answers)
    ]  # fmt: skip


def test_more_than_a_twentieth_of_rejects_opens_the_circuit():
    good, bad = [Answer.DONE] * 19, [Answer.REJECTED]
    assert hear(open_venue_breaker(), *good, *bad)[-1] is Gate.CLOSED
    assert hear(open_venue_breaker(), *good, *bad, *bad)[-1] is Gate.OPEN
    assert hear(open_venue_breaker(), *good, Answer.FAILED, Answer.FAILED)[-1] is Gate.OPEN
    assert hear(open_venue_breaker(), *bad * 19)[-1] is Gate.CLOSED, "a few answers say nothing"


def test_answers_that_are_a_window_old_count_no_more():
    state = open_venue_breaker()
    hear(state, *[Answer.DONE] * 18, Answer.REJECTED)
    assert hear(state, *[Answer.DONE] * 19, Answer.REJECTED, begin=2 * MINUTE)[-1] is Gate.CLOSED


def test_slow_answers_open_the_circuit():
    state = open_venue_breaker()
    hear(state, *[Answer.DONE] * 50)
    assert hear_answer(state, VENUE, 50 * SECOND, Answer.DONE, VENUE.latency_ns_max) == Gate.CLOSED
    assert hear_answer(state, VENUE, 50 * SECOND, Answer.DONE, VENUE.latency_ns_max + 1) == Gate.OPEN


def opened():
    state = open_venue_breaker()
    hear(state, *[Answer.FAILED] * 20, step=0)
    assert venue_gate(state, 0) == Gate.OPEN
    return state


def test_an_open_circuit_is_probed_once_and_a_good_answer_closes_it():
    state, due = opened(), VENUE.pause_ns
    assert venue_gate(state, due - 1) == Gate.OPEN
    assert venue_gate(state, due) == Gate.HALF_OPEN
    probe_sent(state, VENUE, due)
    assert venue_gate(state, due) == Gate.OPEN, "nothing follows the probe before its answer"
    assert hear_answer(state, VENUE, due + SECOND, Answer.DONE, 10**7) == Gate.CLOSED
    assert hear(state, *[Answer.REJECTED] * 19)[-1] is Gate.CLOSED, "what was before the outage is forgotten"


def test_a_probe_that_fails_or_is_slow_waits_twice_as_long_up_to_a_minute():
    state, now, waits = opened(), VENUE.pause_ns, []
    for answer, latency in ((Answer.REJECTED, 0), (Answer.DONE, VENUE.latency_ns_max + 1), (Answer.FAILED, 0)):
        assert venue_gate(state, now) == Gate.HALF_OPEN
        probe_sent(state, VENUE, now)
        assert hear_answer(state, VENUE, now, answer, latency) == Gate.OPEN
        begin = now
        while venue_gate(state, now) != Gate.HALF_OPEN:
            now += SECOND
        waits.append((now - begin) // SECOND)
    assert waits == [30, 60, 60]


def test_a_probe_without_an_answer_is_followed_by_another():
    state, due = opened(), VENUE.pause_ns
    assert venue_gate(state, due) == Gate.HALF_OPEN
    probe_sent(state, VENUE, due)
    assert venue_gate(state, 2 * due - 1) == Gate.OPEN
    assert venue_gate(state, 2 * due) == Gate.HALF_OPEN


@given(st.lists(st.sampled_from(list(Answer)), max_size=60))
def test_the_circuit_is_open_exactly_when_a_plain_count_says_so(answers):
    state, heard = open_venue_breaker(), []
    for answer in answers:
        heard.append(answer)
        rejects, failures = heard.count(Answer.REJECTED), heard.count(Answer.FAILED)
        unwell = len(heard) >= 20 and max(rejects, failures) * 20 > len(heard)
        assert (hear_answer(state, VENUE, 1, answer, 0) == Gate.OPEN) == unwell
        if unwell:
            return


def test_memory_of_answers_is_bounded():
    state = open_venue_breaker()
    hear(state, *[Answer.DONE] * (ANSWERS_MAX + 5), step=1)
    assert (state[GATE], len(state)) == (Gate.CLOSED, len(open_venue_breaker()))


def costs(*fills):
    state = open_cost_breaker(COST)
    return [bool(note_cost(state, COST, paid, modelled)) for paid, modelled in fills]


def test_slippage_of_more_than_three_times_the_model_latches():
    assert costs(*[(30, 10)] * 20) == [False] * 20
    assert costs(*[(30, 10)] * 19, (31, 10))[-1]
    assert costs(*[(100, 10)] * 19)[-1] is False, "fewer fills say nothing"
    assert costs(*[(100, 10)] * 20, *[(0, 10)] * 40)[-1], "what is latched stays so"
    assert costs(*[(1, 0)] * 20)[-1], "a model without a cost allows none"
    assert not costs(*[(-5, 10)] * 40)[-1]


def test_every_break_of_a_reconciliation_blocks_its_instrument_until_a_clean_one():
    ours = Snapshot({"EURUSD": 5, "XAUUSD": 1}, [WorkingOrder("tri-1", "GBPUSD", 4, 0)])
    theirs = Snapshot({"EURUSD": 4, "XAUUSD": 1}, [])
    breaks = reconcile(ours, theirs, {"EURUSD": 5, "XAUUSD": 1}, "tri")
    assert trips_of_breaks(breaks) == (
        Trip(Scope.INSTRUMENT, "EURUSD", Mode.BLOCK_NEW), Trip(Scope.INSTRUMENT, "GBPUSD", Mode.BLOCK_NEW),
    )  # fmt: skip
    assert not may_lift("EURUSD", breaks)
    assert may_lift("XAUUSD", breaks)
    assert trips_of_breaks(reconcile(ours, ours, {"EURUSD": 5, "XAUUSD": 1}, "tri")) == ()
