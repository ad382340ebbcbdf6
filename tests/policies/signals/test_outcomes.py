"""Claims and outcomes: what decides a claim, when that is known, and who learns what from it."""

import math

import numpy as np
import pytest

from market.bars import BAR
from market.records import records
from policies.demotion import Standing
from policies.signals.outcomes import CLAIM, LOST, OPEN, WRITTEN, learn_side, open_learning, say, side_after
from policies.signals.rule import ChainRule

RULE = ChainRule(horizon=3, barrier_atr=2.0)


def a_bar(open_=100, high=None, low=None, close=None):
    bar = records(1, BAR)[0]
    bar.open, bar.close = open_, open_ if close is None else close
    bar.high = max(bar.open, bar.close) if high is None else high
    bar.low = min(bar.open, bar.close) if low is None else low
    return bar


def a_claim(distance=10.0):
    claim = records(1, CLAIM)[0]
    claim.on, claim.distance = 1, distance
    return claim


@pytest.mark.parametrize(
    ("bars", "side"),
    [
        ([a_bar(high=110)], 1), ([a_bar(low=90)], -1), ([a_bar(high=110, low=90)], 0),
        ([a_bar(high=109, low=91)], OPEN),
        ([a_bar(), a_bar(), a_bar(close=101)], 1), ([a_bar(), a_bar(), a_bar(close=99)], -1),
        ([a_bar(), a_bar(), a_bar()], 0), ([a_bar(100), a_bar(105, high=111)], 1),
    ],
)  # fmt: skip
def test_the_first_barrier_decides_else_the_last_close(bars, side):
    claim = a_claim()
    found = [side_after(claim, bar, RULE.horizon) for bar in bars]
    assert found == [OPEN] * (len(bars) - 1) + [side]


def test_a_claim_begins_at_the_next_open_and_not_at_the_close_it_was_made_on():
    claim = a_claim()
    side_after(claim, a_bar(open_=123), 3)
    assert claim.begin == 123.0


def test_sources_learn_whether_their_own_side_was_right_and_silent_ones_nothing():
    learning = open_learning(1, RULE)
    say(learning, 0, 0, 0.5, 0.75, RULE)
    say(learning, 0, 1, -0.2, 0.6, RULE)
    say(learning, 0, 2, math.nan, math.nan, RULE)
    learn_side(learning, 0, 1, 1000, RULE)
    sources = learning.calibration.sources
    assert sources.outcomes[:4].tolist() == [1, 1, 0, 0]
    assert learning.calibration.hits[:2, 0].tolist() == [1.0, 0.0]
    assert learning.arms[0, 3].plays.tolist() == [1, 0, 0, 0, 0]
    assert learning.claims[0].on == 0


def test_nobody_was_right_when_both_barriers_were_reached():
    learning = open_learning(1, RULE)
    say(learning, 0, 0, 0.5, 0.75, RULE)
    learn_side(learning, 0, 0, 1000, RULE)
    assert learning.calibration.hits[0, 0] == 0.0


def drifted(learning, count):
    """Let the joined claim be calibrated well, then come true never."""
    for k in range(count):
        right = k < 100 and k % 4 != 0
        say(learning, 0, 0, 0.5, 0.75, RULE)
        learn_side(learning, 0, 1 if right else -1, k, RULE)


def test_a_source_that_drifts_is_demoted_with_when_why_and_the_number():
    learning = open_learning(1, RULE)
    drifted(learning, 200)
    changes = learning.changes[: learning.control[WRITTEN]]
    assert len(changes) >= 1
    first = changes[0]
    assert (first.source, first.before, first.after) == (0, Standing.TRUSTED, Standing.DEMOTED)
    assert 100 <= first.time_ns < 200
    assert first.value > first.limit == RULE.demotion.alarm
    assert learning.control[LOST] == 0


def test_claims_that_nothing_has_calibrated_are_not_held_against_a_source():
    learning = open_learning(1, RULE)
    for k in range(RULE.outcomes_min):
        say(learning, 0, 0, 0.5, 0.95, RULE)
        learn_side(learning, 0, -1, k, RULE)
    assert learning.tracks.sources[0].outcomes == 0
    assert np.isnan(learning.worth[0, 0])
