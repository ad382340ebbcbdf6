"""When to scan again: within its bounds, sooner for wild markets and opportunities, soonest if nothing is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.timeframes import MINUTE_NS
from policies.scan_pace import LONGEST_NS, SHORTEST_NS, Pace, deviation_rank, scan_heat, scan_interval, scan_pace

RANKS = st.floats(0.0, 1.0)
FOUND = st.integers(0, 10_000)


def test_calm_markets_without_opportunities_are_left_alone_for_four_hours():
    assert scan_pace(0.0, 0) == Pace(LONGEST_NS, 0.0, 0.0, 0)


def test_the_wildest_markets_are_looked_at_every_quarter_of_an_hour():
    assert scan_pace(1.0, 0).interval_ns == SHORTEST_NS


def test_half_the_heat_is_the_geometric_mean_of_the_bounds():
    assert scan_pace(0.5, 0).interval_ns == 60 * MINUTE_NS
    assert scan_pace(0.0, 1).interval_ns == 60 * MINUTE_NS


def test_each_reason_takes_its_share_of_the_calm_that_the_other_leaves():
    assert scan_heat(0.5, 1) == 0.75
    assert scan_heat(0.5, 2) == 0.875


@given(RANKS, FOUND)
def test_the_interval_is_whole_minutes_within_the_bounds(rank, found):
    interval_ns = scan_pace(rank, found).interval_ns
    assert SHORTEST_NS <= interval_ns <= LONGEST_NS
    assert interval_ns % MINUTE_NS == 0


@given(RANKS, RANKS, FOUND, FOUND)
def test_more_volatility_or_more_opportunities_never_make_it_later(one, other, few, many):
    low, high = sorted((one, other))
    less, more = sorted((few, many))
    assert scan_pace(high, more).interval_ns <= scan_pace(low, less).interval_ns


@pytest.mark.parametrize("rank", [math.nan, -0.01, 1.01, math.inf])
def test_a_volatility_that_is_not_known_is_taken_for_the_wildest(rank):
    assert scan_pace(rank, 0).interval_ns == SHORTEST_NS


@pytest.mark.parametrize("heat", [math.nan, -1.0, 2.0])
def test_a_heat_that_is_none_is_the_shortest_interval(heat):
    assert scan_interval(heat) == SHORTEST_NS


def test_fewer_than_no_opportunities_are_refused():
    with pytest.raises(ValueError, match="-1 opportunities found; 0 or more are allowed"):
        scan_pace(0.5, -1)


@pytest.mark.parametrize(
    ("deviations", "rank"),
    [
        ([1.0, 2.0, 3.0, 4.0], 1.0),
        ([2.0, 3.0, 4.0, 1.0], 0.0),
        ([1.0, 2.0, 3.0, 2.0], 0.5),
        ([math.nan, 1.0, 3.0, 2.0], 0.5),
    ],
)
def test_the_rank_is_the_share_of_earlier_ones_below_with_ties_by_half(deviations, rank):
    assert deviation_rank(np.array(deviations)) == rank


@pytest.mark.parametrize("deviations", [[], [1.0], [1.0, math.nan], [math.nan, 1.0]])
def test_without_a_newest_or_any_before_it_there_is_no_rank(deviations):
    assert math.isnan(deviation_rank(np.array(deviations, np.float64)))
