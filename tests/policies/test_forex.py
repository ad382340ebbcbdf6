"""The forex policy: votes in bounds, trend and reversion shared by ADX, and a reward that is known beforehand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import Record, records
from policies import forex
from policies.catalogue import params_of, policy_named
from policies.intents import INTENT
from tests.properties import PROPERTY

CLOSE = 100_000.0
PARAMS = np.array([value for _, value in params_of(policy_named("trend_reversion"), {})])
CALM = {"fast": 0.0, "slow": 0.0, "rsi": 50.0, "mean": 0.0, "stddev": 10.0, "atr": 10.0, "adx": 25.0}
"""Features as distances from the close, where they are prices."""


def asked(**changes: float) -> tuple[bool, Record]:
    values = CALM | changes
    out = records(1, INTENT)[0]
    prices = {name: CLOSE + values[name] for name in ("fast", "slow", "mean")}
    features = np.array(list((values | prices).values()))
    return forex.trend_reversion(features, PARAMS, CLOSE, out), out


@pytest.mark.parametrize("name", list(CALM))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_it_says_nothing_while_a_feature_is_undefined(name: str, value: float) -> None:
    assert not asked(**{name: value})[0]


@pytest.mark.parametrize("name", ["atr", "stddev"])
def test_it_says_nothing_of_a_market_that_does_not_move(name: str) -> None:
    assert not asked(**{name: 0.0})[0]
    assert asked()[0]


def test_a_trend_is_followed_when_there_is_one_and_an_excursion_faded_when_there_is_none() -> None:
    rising = {"fast": 20.0, "slow": 0.0, "rsi": 75.0, "mean": -20.0}
    trend, fade = math.tanh(1.0), -math.tanh(1.0)
    assert asked(**rising, adx=35.0)[1].strength == pytest.approx(0.6 * trend + 0.4)
    assert asked(**rising, adx=90.0)[1].strength == pytest.approx(0.6 * trend + 0.4)
    assert asked(**rising, adx=15.0)[1].strength == pytest.approx(fade)
    assert asked(**rising, adx=0.0)[1].strength == pytest.approx(fade)
    assert asked(**rising)[1].strength == pytest.approx(0.5 * (0.6 * trend + 0.4) + 0.5 * fade)
    assert asked(**rising)[1].votes.tolist() == pytest.approx([trend, 1.0, fade, 0.0])


MOVES = st.floats(-100.0, 100.0)


@given(MOVES, MOVES, st.floats(0.0, 100.0), st.floats(0.1, 50.0), st.floats(0.1, 50.0), st.floats(0.0, 100.0))
@PROPERTY
def test_opinions_are_in_bounds_and_those_of_a_mirrored_market_mirrored(
    trend: float, pull: float, rsi: float, deviation: float, atr: float, adx: float
) -> None:
    shared = {"stddev": deviation, "atr": atr, "adx": adx}
    _, up = asked(fast=trend, mean=pull, rsi=rsi, **shared)
    _, down = asked(fast=-trend, mean=-pull, rsi=100.0 - rsi, **shared)
    assert -1.0 <= up.strength <= 1.0
    assert up.confidence == 0.5 + 0.5 * abs(up.strength)
    assert all(abs(vote) <= 1.0 for vote in up.votes)
    assert up.strength == pytest.approx(-down.strength, abs=1e-9)


def test_a_reward_is_to_its_risk_after_the_cost_of_the_round_trip() -> None:
    assert forex.reward_to_risk(1000.0, 990.0, 1030.0, 0.0) == 3.0
    assert forex.reward_to_risk(1000.0, 1010.0, 970.0, 2.0) == 28.0 / 12.0
    assert forex.reward_to_risk(1000.0, 990.0, 1001.0, 2.0) < 0.0


def test_a_value_is_kept_within_its_bounds() -> None:
    assert [forex.clamp(value, -1.0, 2.0) for value in (-3.0, -1.0, 0.5, 2.0, 7.0)] == [-1.0, -1.0, 0.5, 2.0, 2.0]
