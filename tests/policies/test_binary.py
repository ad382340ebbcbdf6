"""The binary policy: a drifting walk's chance to end above, symmetric, bounded, silent while it does not know."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from market.records import Record, records
from policies import binary
from policies.catalogue import params_of, policy_named
from policies.intents import INTENT
from tests.properties import PROPERTY

CLOSE = 100_000.0


def params(**given: float) -> np.ndarray:
    return np.array([value for _, value in params_of(policy_named("drifting_digital"), given)])


def asked(fast: float, slow: float, mean: float, atr: float, **given: float) -> tuple[bool, Record]:
    out = records(1, INTENT)[0]
    features = np.array([fast, slow, mean, atr])
    return binary.drifting_digital(features, params(**given), CLOSE, out), out


@pytest.mark.parametrize("slot", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_it_says_nothing_while_a_feature_is_undefined(slot: int, value: float) -> None:
    features = [CLOSE, CLOSE, CLOSE, 10.0]
    features[slot] = value
    assert not asked(*features)[0]


@pytest.mark.parametrize("atr", [0.0, -1.0])
def test_it_says_nothing_of_a_market_that_does_not_move(atr: float) -> None:
    assert not asked(CLOSE + 5, CLOSE, CLOSE, atr)[0]


def test_without_a_drift_it_is_even() -> None:
    says, out = asked(CLOSE, CLOSE, CLOSE, 10.0)
    assert (says, out.strength, out.confidence, out.votes_count) == (True, 0.0, 0.5, 2)


FINITE = st.floats(-50.0, 50.0)


@given(FINITE, FINITE, st.floats(1.0, 100.0), st.floats(0.05, 100.0))
@PROPERTY
def test_it_is_the_normal_chance_of_trend_and_pull_over_the_walks_deviation(
    trend: float, pull: float, atr: float, life: float
) -> None:
    _, out = asked(CLOSE + trend, CLOSE, CLOSE + pull, atr, trend_weight=0.5, reversion_weight=0.25, life_bars=life)
    deviation = atr / math.sqrt(8 / math.pi) * math.sqrt(life)
    above = norm.cdf((0.5 * trend + 0.25 * pull) / deviation)
    assert out.strength == pytest.approx(2 * above - 1, abs=2e-4)
    assert out.confidence == pytest.approx(0.5 + 0.5 * abs(out.strength), abs=1e-12)
    votes = [math.tanh(weight * move / deviation) for weight, move in ((0.5, trend), (0.25, pull))]
    assert out.votes[:2].tolist() == pytest.approx(votes, abs=1e-3)


@given(FINITE, FINITE, st.floats(1.0, 100.0))
@PROPERTY
def test_a_mirrored_market_is_the_mirrored_opinion(trend: float, pull: float, atr: float) -> None:
    _, up = asked(CLOSE + trend, CLOSE, CLOSE + pull, atr)
    _, down = asked(CLOSE - trend, CLOSE, CLOSE - pull, atr)
    assert up.strength == pytest.approx(-down.strength, abs=1e-12)
    assert up.confidence == pytest.approx(down.confidence, abs=1e-12)
