"""The chain: what it says at a bar follows from the bars up to it, live as in a series, and never more than that."""

import math

import numpy as np
import pytest

from market.bars import load_row
from market.structure import step_lost
from policies.calibration import interval_of
from policies.confluence import Direction
from policies.demotion import Standing
from policies.signals.chain import forget, open_chain, require_lists
from policies.signals.listening import show_interval, take_row
from policies.signals.record import Stopped
from policies.signals.rule import ChainRule, require_chain
from policies.signals.sources import FEATURES, GROUPS_COUNT, JUDGED_COUNT, SOURCES_COUNT, vote_names
from tests.market.bars import MINUTE_NS
from tests.policies.signals.chains import FRAMES, SHORT, a_market, opinions, real_minutes

ROWS = 3_000


@pytest.fixture(scope="module")
def whole():
    market = a_market()
    return market, opinions(market, real_minutes(ROWS))


def live(tape, market=None):
    """Return the opinions and votes of rows taken one by one."""
    market = market or a_market()
    row, signals, votes = market.structure.builder.row[0], [], []
    for i in range(len(tape.time_ns)):
        load_row(tape, i, MINUTE_NS, row)
        if take_row(market.listener, 0):
            signals.append(market.chain.signals[0].copy())
            votes.append(market.chain.votes[0].copy())
    return signals, np.array(votes)


def same(one, other):
    """Tell whether records are the same bit for bit, NaN and all."""
    return one.tobytes() == other.tobytes()


def test_live_is_the_same_as_a_series(whole):
    signals, votes = live(real_minutes(ROWS))
    assert len(signals) == len(whole[1].signals) == ROWS
    assert all(same(one, whole[1].signals[i]) for i, one in enumerate(signals))
    assert np.array_equal(votes, whole[1].votes, equal_nan=True)


@pytest.mark.parametrize("rows", [1, 100, 777, 2_000])
def test_what_is_said_of_a_bar_does_not_change_with_later_bars(whole, rows):
    found = opinions(a_market(), real_minutes(rows))
    assert same(np.asarray(found.signals), np.asarray(whole[1].signals[:rows]))
    assert np.array_equal(found.votes, whole[1].votes[:rows], equal_nan=True)


def test_votes_scores_and_probabilities_keep_their_bounds(whole):
    signals, votes = whole[1]
    assert np.nanmax(np.abs(votes)) <= 1.0
    assert np.nanmax(np.abs(signals.score)) <= 1.0
    for name in ("coverage", "claim", "probability", "agreement"):
        known = signals[name][np.isfinite(signals[name])]
        assert len(known)
        assert ((known >= 0.0) & (known <= 1.0)).all()


def test_weights_add_up_to_one_and_make_the_score(whole):
    chain = whole[0].chain
    votes, weights = chain.votes[0], chain.weights[0]
    assert weights.sum() == pytest.approx(1.0)
    assert float((weights * np.nan_to_num(votes)).sum()) == pytest.approx(float(chain.signals[0].score))


def test_nothing_stands_before_enough_outcomes_are_known(whole):
    signals = whole[1].signals
    standing = signals[signals.stopped == Stopped.NONE]
    assert len(standing)
    assert (standing.outcomes >= SHORT.outcomes_min).all()
    assert (standing.probability >= SHORT.probability_min).all()
    assert (np.abs(standing.direction) == 1).all()


def test_a_series_without_a_vote_is_warming_up_and_says_nothing():
    signals = opinions(a_market(), real_minutes(10)).signals
    assert (signals.stopped == Stopped.WARMING).all()
    assert (signals.direction == Direction.NO_SIGNAL).all()
    assert np.isnan(signals.score).all()


def test_the_interval_is_that_of_the_calibration_and_holds_the_probability():
    market = a_market()
    opinions(market, real_minutes(ROWS))
    signal = market.chain.signals[0]
    show_interval(market.listener, 0)
    told = interval_of(market.chain.learning.calibration, 0, float(signal.claim), SHORT.calibration)
    assert (float(signal.low), float(signal.high)) == pytest.approx((told.low, told.high))
    assert signal.low <= signal.probability <= signal.high


def test_a_demoted_group_weighs_nothing_and_lowers_the_coverage():
    one, other = a_market(ChainRule(adaptive=0)), a_market(ChainRule(adaptive=0))
    tape = real_minutes(600)
    opinions(one, tape)
    other.chain.learning.tracks.sources[1].standing = Standing.DEMOTED
    opinions(other, tape)
    trend = [k * SOURCES_COUNT + s for k in range(len(FRAMES)) for s in range(3)]
    assert one.chain.weights[0, trend].sum() > 0.0
    assert other.chain.weights[0, trend].sum() == 0.0
    assert other.chain.signals[0].coverage < one.chain.signals[0].coverage


def test_groups_that_are_all_demoted_go_on_proving_themselves():
    market = a_market()
    opinions(market, real_minutes(600))
    market.chain.learning.tracks.sources[:].standing = Standing.DEMOTED
    before = market.chain.learning.calibration.sources.outcomes.copy()
    found = opinions(market, real_minutes(400, begin=600)).signals
    market.chain.learning.tracks.sources[:].standing = Standing.DEMOTED  # none was lifted meanwhile
    assert (found.stopped[0], found.direction[0]) == (Stopped.COVERAGE, Direction.NO_SIGNAL)
    learned = market.chain.learning.calibration.sources.outcomes - before
    assert (learned[1 : 1 + GROUPS_COUNT] > 0).all()


def test_a_slot_votes_with_its_share_and_one_that_is_out_of_bounds_stops_everything():
    market = a_market(ChainRule(network=0.4, adaptive=0))
    market.chain.votes[0, -2] = 1.0
    opinions(market, real_minutes(600))
    assert market.chain.weights[0, -2] > 0.3
    market.chain.votes[0, -2] = 1.5
    found = opinions(market, real_minutes(1, begin=600)).signals
    assert found.stopped.tolist() == [Stopped.FLAWED]


def test_what_was_missed_for_good_empties_the_votes_and_the_open_claim():
    market = a_market()
    opinions(market, real_minutes(300))
    step_lost(market.structure, 0, int(real_minutes(1, begin=400).time_ns[0]))
    forget(market.chain, 0)
    assert np.isnan(market.chain.votes[0]).all()
    assert market.chain.learning.claims[0].on == 0
    assert market.chain.signals[0].stopped == Stopped.WARMING


def test_instruments_do_not_know_of_each_other():
    rule = ChainRule(horizon=8, barrier_atr=2.0, adaptive=0)  # a bandit's chance is each instrument's own
    alone, both = a_market(rule), a_market(rule, instruments=2)
    tape, row = real_minutes(500), both.structure.builder.row[0]
    opinions(alone, tape)
    for i in range(500):
        load_row(tape, i, MINUTE_NS, row)
        take_row(both.listener, 1)
    assert same(both.chain.signals[1], alone.chain.signals[0])
    assert both.chain.signals[0].bars == 0


def test_every_vote_has_a_name():
    names = vote_names(FRAMES)
    assert len(names) == len(set(names)) == a_market().chain.votes.shape[1]
    assert JUDGED_COUNT == 1 + GROUPS_COUNT + 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon": 0}, "horizon"), ({"barrier_atr": math.nan}, "barrier_atr"), ({"probability_min": 0.4}, "0.5 to 1"),
        ({"outcomes_min": 0}, "outcomes_min"), ({"adaptive": 2}, "adaptive"), ({"network": 0.9}, "network"),
        ({"low": 0.3}, "cannot add up"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused_by_name(changes, words):
    with pytest.raises(ValueError, match=words):
        require_chain(ChainRule(**changes))


@pytest.mark.parametrize("lengths", [[[]], [[0, 60]], [[60, 60]], [[60, 300], [60]]])
def test_timeframes_that_do_not_rise_are_refused(lengths):
    with pytest.raises(ValueError, match="shortest first"):
        open_chain(lengths, ChainRule())


def test_a_structure_with_other_features_is_refused():
    require_lists([FEATURES, (*FEATURES, "obv")])
    with pytest.raises(ValueError, match="timeframe 1"):
        require_lists([FEATURES, FEATURES[1:]])
