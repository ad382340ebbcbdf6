"""Grids: what `--grid` says, which sets it makes, and that a draw of them is a part of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.catalogue import policy_named
from research.grid import SETS_MAX, Axis, GridError, axis_of, check_axes, sets_of
from tests.properties import PROPERTY

SMA = policy_named("sma_cross")
BASE = (("fast", 10.0), ("slow", 30.0), ("lots", 1.0))


def test_values_are_taken_in_their_order_and_none_twice():
    assert axis_of("fast=7,3,7,5") == Axis("fast", (7.0, 3.0, 5.0))
    assert axis_of("mean_weight=-0.5,1e-1") == Axis("mean_weight", (-0.5, 0.1))


def test_a_range_has_both_ends_and_exact_steps():
    assert axis_of("edge=0.1:0.5:0.1") == Axis("edge", (0.1, 0.2, 0.3, 0.4, 0.5))
    assert axis_of("weight=-1:1:0.75") == Axis("weight", (-1.0, -0.25, 0.5))
    assert axis_of("fast=5:5:1") == Axis("fast", (5.0,))


@pytest.mark.parametrize(
    "word",
    ["fast", "fast=", "=1,2", "fast=a,b", "fast=1,,2", "fast=1:2", "fast=1:2:3:4", "fast=nan", "fast=1:inf:1",
     "fast=inf", "fast=1:2:", "fast=1;2"],
)  # fmt: skip
def test_a_word_that_is_no_grid_is_named_with_what_is_allowed(word):
    with pytest.raises(GridError) as caught:
        axis_of(word)
    assert str(caught.value) == f"--grid {word}: NAME=a,b,c or NAME=low:high:step with numbers is allowed"


@pytest.mark.parametrize("word", ["fast=1:9:0", "fast=1:9:-1", "fast=9:1:1"])
def test_a_range_that_leads_nowhere_is_refused(word):
    with pytest.raises(GridError, match="a step above 0 and a high not below the low are allowed"):
        axis_of(word)


def test_a_range_of_too_many_values_is_refused_before_they_are_made():
    with pytest.raises(GridError, match="1,000,001 values; at most 100,000 are allowed"):
        axis_of("edge=0:1:0.000001")


def test_every_value_is_held_against_the_bounds_of_the_policy():
    check_axes(SMA, [axis_of("fast=1,2000")], {"slow": 30.0})
    with pytest.raises(ValueError, match=r"fast = 2001.0; allowed is a whole number from 1 to 2000"):
        check_axes(SMA, [axis_of("fast=1,2001")], {})
    with pytest.raises(ValueError, match=r"fast = 2.5; allowed is a whole number"):
        check_axes(SMA, [axis_of("fast=2:3:0.5")], {})
    with pytest.raises(ValueError, match="parameter 'speed' is unknown; known are fast, slow, lots"):
        check_axes(SMA, [axis_of("speed=1")], {})


def test_a_parameter_has_one_place():
    with pytest.raises(GridError, match="--grid fast: it is given twice"):
        check_axes(SMA, [axis_of("fast=1"), axis_of("fast=2")], {})
    with pytest.raises(GridError, match="--grid fast: it is given twice"):
        check_axes(SMA, [axis_of("fast=1")], {"fast": 2.0})


def test_sets_are_all_combinations_over_the_base_the_last_axis_turning_fastest():
    sets = sets_of(BASE, [Axis("slow", (20.0, 40.0)), Axis("fast", (1.0, 2.0, 3.0))])
    assert sets.names == ("fast", "slow", "lots")
    assert sets.rows.tolist() == [[f, s, 1.0] for s in (20.0, 40.0) for f in (1.0, 2.0, 3.0)]
    assert sets.named(4) == {"fast": 2.0, "slow": 40.0, "lots": 1.0}


def test_a_grid_of_too_many_sets_names_the_way_out_and_can_be_drawn_from():
    axes = [Axis("fast", tuple(map(float, range(1, 2001)))), Axis("slow", tuple(map(float, range(1, 2001))))]
    with pytest.raises(GridError, match=f"4,000,000 sets; at most {SETS_MAX:,} are allowed: --random N draws some"):
        sets_of(BASE, axes)
    assert sets_of(BASE, axes, draw=50).rows.shape == (50, 3)


def test_a_draw_is_the_same_for_a_seed_and_another_for_another():
    axes = [Axis("fast", tuple(map(float, range(1, 200)))), Axis("slow", tuple(map(float, range(1, 200))))]
    first, again, other = (sets_of(BASE, axes, 40, seed).rows.tolist() for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_draw_of_more_than_there_is_takes_the_whole_grid():
    axes = [Axis("fast", (1.0, 2.0))]
    assert np.array_equal(sets_of(BASE, axes, draw=100).rows, sets_of(BASE, axes).rows)


@PROPERTY
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.integers(0, 2**32))
def test_a_draw_is_a_part_of_the_grid_in_its_order(fast, slow, draw, seed):
    axes = [Axis("fast", tuple(map(float, range(1, fast + 1)))), Axis("slow", tuple(map(float, range(1, slow + 1))))]
    whole = sets_of(BASE, axes).rows.tolist()
    drawn = sets_of(BASE, axes, draw, seed).rows.tolist()
    places = [whole.index(row) for row in drawn]
    assert places == sorted(set(places))
    assert len(drawn) == min(draw, fast * slow)
