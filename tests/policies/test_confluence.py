"""Confluence: one weight per group, absent votes, coverage, bounds, and rows that give what votes one by one give."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from market.records import records
from policies.confluence import (
    CONFLUENCE,
    ConfluenceRule,
    Direction,
    VoteFlaw,
    join_rows,
    join_votes,
    join_weighted,
    joined_votes,
    panel_of,
    require_rule,
    vote_groups,
)
from tests.properties import PROPERTY

NAN = math.nan
RULE = ConfluenceRule()
GROUPS = [0, 0, 0, 1, 2]
WEIGHTS = [0.5, 0.3, 0.2]
VOTE = st.one_of(st.just(NAN), st.floats(-1.0, 1.0))


def test_three_names_for_one_observation_weigh_what_one_of_them_weighs() -> None:
    alone, _ = joined_votes([0.6, -0.2, 0.1], panel_of([0, 1, 2], WEIGHTS))
    thrice, effective = joined_votes([0.6, 0.6, 0.6, -0.2, 0.1], panel_of(GROUPS, WEIGHTS))
    assert thrice.score == pytest.approx(alone.score, abs=1e-15)
    assert effective[:3].sum() == pytest.approx(0.5, abs=1e-15)


def test_a_group_is_there_as_soon_as_one_of_its_members_votes() -> None:
    out, effective = joined_votes([NAN, 0.8, NAN, 0.0, NAN], panel_of(GROUPS, WEIGHTS))
    assert (out.coverage, effective.tolist()) == (0.8, [0.0, 0.5 / 0.8, 0.0, 0.3 / 0.8, 0.0])
    assert out.score == pytest.approx(0.5, abs=1e-15)
    assert out.confidence == pytest.approx(0.4, abs=1e-15)


def test_shares_divide_a_group_among_those_that_vote() -> None:
    panel = panel_of([0, 0, 1], [0.5, 0.5], [3.0, 1.0, 1.0])
    _, both = joined_votes([1.0, -1.0, 0.0], panel)
    _, one = joined_votes([NAN, -1.0, 0.0], panel)
    assert (both.tolist(), one.tolist()) == ([0.375, 0.125, 0.5], [0.0, 0.5, 0.5])


def test_agreement_is_the_weight_that_says_what_the_score_says() -> None:
    out, _ = joined_votes([0.9, -0.4, 0.0], panel_of([0, 1, 2], WEIGHTS))
    assert (out.direction, out.agreement) == (Direction.LONG, 0.5)


@pytest.mark.parametrize(
    ("votes", "direction"),
    [
        ([0.25, 0.25], Direction.LONG),
        ([-0.25, -0.25], Direction.SHORT),
        ([0.2499, 0.25], Direction.FLAT),
        ([0.5, -0.5], Direction.FLAT),
        ([NAN, 1.0], Direction.NO_SIGNAL),
        ([NAN, NAN], Direction.NO_SIGNAL),
    ],
)
def test_ties_and_absent_votes_never_make_a_trade(votes: list[float], direction: Direction) -> None:
    out, _ = joined_votes(votes, panel_of([0, 1], [0.5, 0.5]))
    assert out.direction == direction
    if direction == Direction.NO_SIGNAL:
        assert math.isnan(out.score)
        assert math.isnan(out.agreement)
        assert out.confidence == 0.0


def test_bounds_that_are_reached_on_paper_are_reached() -> None:
    covered, _ = joined_votes([1.0, 1.0, 1.0, NAN], panel_of(range(4), [0.3, 0.15, 0.15, 0.4]))
    entered, _ = joined_votes([0.1, 0.7, -0.2], panel_of(range(3), [0.1, 0.4, 0.15]), ConfluenceRule(0.26 / 0.65, 0.6))
    assert covered.direction == Direction.LONG
    assert entered.direction == Direction.LONG


def test_weights_of_nothing_give_no_signal() -> None:
    out, effective = joined_votes([1.0, 1.0], panel_of([0, 1], [0.0, 0.0]))
    assert (out.direction, out.coverage, effective.tolist()) == (Direction.NO_SIGNAL, 0.0, [0.0, 0.0])


@pytest.mark.parametrize("bad", [1.0000001, -2.0, 60.0, math.inf, -math.inf])
def test_a_vote_out_of_range_is_refused_and_never_clipped(bad: float) -> None:
    panel = panel_of([0, 1], [0.5, 0.5])
    with pytest.raises(DataQualityError, match=r"^vote 1 is .*from -1 to 1, or NaN for no opinion, is allowed$"):
        joined_votes([0.5, bad], panel)
    out, effective = records(1, CONFLUENCE)[0], np.ones(2)
    join_votes(np.array([0.5, bad]), panel, RULE, effective, out)
    assert (out.flaw, out.direction, out.confidence) == (VoteFlaw.VOTE_OUT_OF_RANGE, Direction.NO_SIGNAL, 0.0)
    assert effective.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [NAN, -0.1, math.inf])
def test_a_weight_that_is_none_gives_no_signal(bad: float) -> None:
    panel = panel_of([0, 1], [0.5, 0.5])
    panel.weights[1] = bad
    with pytest.raises(DataQualityError, match="weights"):
        joined_votes([0.5, 0.5], panel)


@pytest.mark.parametrize(
    ("groups", "weights", "shares", "message"),
    [
        ([0, 2], [0.5, 0.5], None, "groups"),
        ([0], [0.5, 0.5], None, "groups"),
        ([0, 1], [0.5, -0.5], None, "weight 1 is -0.5"),
        ([0, 1], [NAN, 0.5], None, "weight 0 is nan"),
        ([0, 1], [0.5, 0.5], [1.0, 0.0], "share 1 is 0.0"),
        ([0, 1], [0.5, 0.5], [1.0], "shares"),
    ],
)
def test_a_panel_that_makes_no_sense_is_refused(groups, weights, shares, message) -> None:
    with pytest.raises(ValueError, match=message):
        panel_of(groups, weights, shares)


@pytest.mark.parametrize("rule", [ConfluenceRule(enter=0.0), ConfluenceRule(enter=NAN), ConfluenceRule(0.2, 60.0)])
def test_a_rule_that_makes_no_sense_is_refused(rule: ConfluenceRule) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        require_rule(rule)


def test_votes_must_be_as_many_as_the_panel_has() -> None:
    with pytest.raises(ValueError, match="votes"):
        joined_votes([0.5], panel_of([0, 1], [0.5, 0.5]))


@PROPERTY
@given(st.lists(VOTE, min_size=5, max_size=5))
def test_a_score_is_the_sum_of_what_its_votes_weigh_and_mirrored_votes_mirror_it(votes: list[float]) -> None:
    panel = panel_of(GROUPS, WEIGHTS)
    out, effective = joined_votes(votes, panel)
    mirrored, _ = joined_votes([-vote for vote in votes], panel)
    if out.direction == Direction.NO_SIGNAL:
        assert mirrored.direction == Direction.NO_SIGNAL
        return
    assert -1.0 <= out.score <= 1.0
    assert 0.0 <= out.confidence <= out.coverage <= 1.0
    assert effective.sum() == pytest.approx(1.0, abs=1e-12)
    assert float(np.nansum(effective * np.array(votes))) == pytest.approx(out.score, abs=1e-12)
    assert (mirrored.score, mirrored.direction) == (-out.score, -out.direction)
    assert (mirrored.agreement, mirrored.coverage) == (out.agreement, out.coverage)


def test_rows_give_what_votes_one_by_one_give() -> None:
    rng = np.random.default_rng(3)
    votes = rng.uniform(-1.0, 1.0, (50, 5))
    votes[rng.random(votes.shape) < 0.3] = NAN
    panel, weights = panel_of(GROUPS, WEIGHTS), rng.dirichlet(np.ones(3), 50)
    out, effective = records(50, CONFLUENCE), np.zeros(votes.shape)
    join_rows(votes, panel, RULE, effective, out)
    under, own = records(50, CONFLUENCE), np.zeros(votes.shape)
    join_weighted(votes, weights, panel_of(GROUPS, WEIGHTS), RULE, own, under)
    for t in range(50):
        one, weighed = joined_votes(votes[t], panel)
        assert one.tobytes() == out[t].tobytes()
        assert weighed.tobytes() == effective[t].tobytes()
        other, heavy = joined_votes(votes[t], panel_of(GROUPS, weights[t]))
        assert other.tobytes() == under[t].tobytes()
        assert heavy.tobytes() == own[t].tobytes()


def test_sources_that_say_the_same_are_one_group_and_opposites_are_not() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.uniform(-1.0, 1.0, 200), rng.uniform(-1.0, 1.0, 200)
    same, opposite = one + rng.normal(0.0, 0.1, 200), -one
    assert vote_groups(np.column_stack([one, other, same, opposite])) == (0, 1, 0, 2)


def test_sources_of_which_too_little_is_known_count_as_different() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(-1.0, 1.0, 60)
    late = np.where(np.arange(60) < 40, NAN, one)
    assert vote_groups(np.column_stack([one, late, np.full(60, 0.3)])) == (0, 1, 2)
