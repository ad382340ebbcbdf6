"""The track record: tallies that no order changes, and a claim that is worth what came of claims like it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.track_record import (
    ADD,
    BUCKETS,
    FILL,
    HEALTH,
    HOUR_NS,
    KEEP,
    KEPT,
    POOLED,
    PRIOR,
    accuracy,
    count_answer,
    count_entry,
    count_outcome,
    count_profit,
    evaluated,
    hit_rate,
    open_tallies,
    profit_share,
    route_row,
    setup_row,
    side_row,
    write_route,
    write_setup,
    write_side,
)

MONEY = st.integers(-(10**12), 10**12)
CLAIMS = st.floats(0.0, 1.0)


def a_tally(nets=(), claim=0.7):
    tally = open_tallies(1)[0]
    for net in nets:
        assert count_outcome(tally, net, claim)
    return tally


def a_side(own, other=(), claim=0.7):
    row = np.array([1.0, 0.0])
    write_side(row, a_tally(own, claim), a_tally([*own, *other], claim))
    return row


@given(claim=CLAIMS)
@settings(deadline=None)  # the first call compiles
def test_without_a_trade_a_claim_stays_what_it_was_to_the_bit(claim):
    for row in (np.array([1.0, 0.0]), a_side([])):
        assert evaluated(claim, row) == claim
    setup, route = np.zeros(2), np.zeros((3, 2))
    write_setup(setup, a_tally(), a_tally())
    write_route(route, a_tally(), a_tally(), a_tally())
    assert all(evaluated(claim, row) == claim for row in (setup, *route))


@given(own=st.lists(MONEY, max_size=40), other=st.lists(MONEY, max_size=40), low=CLAIMS, high=CLAIMS)
@settings(deadline=None)  # the first call compiles
def test_a_worth_is_a_probability_and_rises_with_the_claim(own, other, low, high):
    row = a_side(own, other)
    low, high = min(low, high), max(low, high)
    assert 0.0 <= evaluated(low, row) <= evaluated(high, row) <= 1.0
    assert 0.0 <= row[KEEP] <= 1.0
    assert row[KEEP] + row[ADD] <= 1.0 + 1e-12


@given(nets=st.lists(MONEY, max_size=30), seed=st.integers(0, 99))
@settings(deadline=None)  # the first call compiles
def test_the_order_of_trades_changes_nothing(nets, seed):
    other = np.random.default_rng(seed).permutation(np.array(nets, np.int64)).tolist()
    one, two = a_tally(nets), a_tally(other)
    assert one.tolist()[:-1] == two.tolist()[:-1]
    assert one["claimed"] == two["claimed"]  # equal claims: their sum too


def test_accuracy_and_profit_are_blended_with_the_claim_by_their_trades():
    row = a_side([30, -10, 20, 0], other=[-40])
    whole = PRIOR + 4 + POOLED * 5
    expected = (PRIOR * 0.7 + 4 * (2 / 4) + POOLED * 5 * (50 / 100)) / whole
    assert evaluated(0.7, row) == pytest.approx(expected, rel=1e-15)


def test_a_result_of_exactly_zero_counts_and_is_neither_a_win_nor_a_loss():
    tally = a_tally([5, 0, -5])
    assert (tally.outcomes, tally.wins, tally.losses) == (3, 1, 1)
    assert accuracy(tally) == 1 / 3
    assert hit_rate(tally) == 0.5  # a contract that ties gives its stake back


@pytest.mark.parametrize("claim", [math.nan, -0.1, 1.1, 72.0, math.inf])
def test_a_trade_whose_claim_is_no_probability_is_not_taken(claim):
    tally = a_tally([5])
    before = tally.tolist()
    assert not count_outcome(tally, 5, claim)
    assert tally.tolist() == before


def test_what_is_not_a_number_stays_none_and_passes_no_gate():
    worth = evaluated(math.nan, a_side([5, -5]))
    assert math.isnan(worth)
    assert not worth >= 0.6


def test_a_side_that_loses_is_believed_less_and_one_that_wins_more():
    assert evaluated(0.7, a_side([-10] * 30)) < 0.4
    assert evaluated(0.7, a_side([10] * 30)) > 0.8
    # a pair that loses money on its other side costs belief too, but less
    assert evaluated(0.7, a_side([], [-10] * 30)) > evaluated(0.7, a_side([-10] * 30))


def test_a_setup_leans_on_its_own_hours_first_and_on_the_rest_of_its_day():
    row = np.zeros(2)
    own, day = a_tally([80, -100]), a_tally([80, -100, 80, 80, 0])
    write_setup(row, own, day)
    whole = PRIOR + 2 + POOLED * 2  # of the other three one has tied
    assert evaluated(0.6, row) == pytest.approx((PRIOR * 0.6 + 2 * 0.5 + POOLED * 2 * 1.0) / whole, rel=1e-15)


def test_a_route_learns_how_its_legs_fill_what_it_keeps_and_its_worse_venue():
    route, good, bad = open_tallies(3)
    for in_full, at_all in ((2, 2), (2, 2), (1, 2), (1, 1), (0, 0)):
        count_entry(route, in_full, at_all)
    assert (route.entries, route.complete, route.legged, route.missed) == (5, 2, 2, 1)
    assert count_profit(route, 100, 80)
    assert count_profit(route, 100, -20)
    assert not count_profit(route, 0, 50)
    for k in range(10):
        count_answer(good, False)
        count_answer(bad, k < 4)
    rows = np.zeros((3, 2))
    write_route(rows, route, good, bad)
    assert evaluated(0.9, rows[FILL]) == pytest.approx((PRIOR * 0.9 + 2) / (PRIOR + 5), rel=1e-15)
    assert evaluated(1.0, rows[HEALTH]) == pytest.approx((PRIOR + 6) / (PRIOR + 10), rel=1e-15)
    assert evaluated(1.0, rows[KEPT]) == pytest.approx((PRIOR + 2 * 0.3) / (PRIOR + 2), rel=1e-15)
    swapped = np.zeros((3, 2))
    write_route(swapped, route, bad, good)
    assert np.array_equal(rows, swapped)


def test_more_than_was_expected_raises_nothing_above_it():
    route = open_tallies(1)[0]
    count_profit(route, 100, 500)
    rows = np.zeros((3, 2))
    write_route(rows, route, *open_tallies(2))
    assert evaluated(1.0, rows[KEPT]) == 1.0


def test_money_is_counted_exactly():
    tally = a_tally([10**15 + 1, -(10**15) - 2, 1])
    assert (tally.gained, tally.lost) == (10**15 + 2, 10**15 + 2)
    assert profit_share(tally) == 0.5
    assert profit_share(open_tallies(1)[0]) == 0.0


def test_every_setup_has_a_row_of_its_own():
    day = 1_704_672_000 * 10**9
    rows = [
        setup_row(instrument, lots, day + hour * HOUR_NS)
        for instrument in range(3) for lots in (5, -5) for hour in range(0, 24, 4)
    ]  # fmt: skip
    assert rows == list(range(3 * 2 * BUCKETS))
    assert setup_row(0, 0.3, day + 4 * HOUR_NS - 1) == 0
    assert [side_row(2, 0.4), side_row(2, -0.4), side_row(2, 0.0)] == [4, 5, 4]
    assert [route_row(route, what) for route in range(2) for what in (FILL, HEALTH, KEPT)] == list(range(6))
