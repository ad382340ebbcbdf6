"""Scaling: from confidence to risk, protective multipliers, and that nothing unknown lets a trade pass."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.scaling import (
    CRYPTO_SCALE,
    DRAWDOWN_STEPS,
    ConfidenceScale,
    composed_risk,
    confidence_risk,
    drawdown_linear,
    drawdown_step,
    grossman_zhou,
    multiplied,
    require_scale,
    steps_of,
)
from tests.properties import PROPERTY

STEPS = steps_of(DRAWDOWN_STEPS)
NAN = math.nan


def test_the_least_confidence_gives_the_least_risk_and_less_gives_none() -> None:
    assert confidence_risk(0.5, CRYPTO_SCALE) == 0.0025
    assert confidence_risk(math.nextafter(0.5, 0.0), CRYPTO_SCALE) == 0.0
    assert confidence_risk(0.9, CRYPTO_SCALE) == confidence_risk(1.0, CRYPTO_SCALE) == 0.02


@pytest.mark.parametrize("confidence", [60.0, 1.0001, -0.1, NAN, math.inf])
def test_what_is_no_confidence_is_no_trade(confidence: float) -> None:
    assert confidence_risk(confidence, CRYPTO_SCALE) == 0.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.2, 5.0))
@PROPERTY
def test_more_confidence_never_risks_less_and_never_more_than_the_most(one: float, other: float, gamma: float) -> None:
    scale = require_scale(CRYPTO_SCALE._replace(gamma=gamma))
    low, high = (confidence_risk(value, scale) for value in sorted((one, other)))
    assert 0.0 <= low <= high <= scale.risk_max + 1e-15


@pytest.mark.parametrize(
    "scale",
    [
        ConfidenceScale(confidence_min=0.9, confidence_max=0.9), ConfidenceScale(confidence_min=NAN),
        ConfidenceScale(confidence_max=1.1), ConfidenceScale(risk_min=0.03), ConfidenceScale(risk_max=1.1),
        ConfidenceScale(gamma=0.0), ConfidenceScale(gamma=NAN),
    ],
)  # fmt: skip
def test_a_scale_that_makes_no_sense_is_refused(scale: ConfidenceScale) -> None:
    with pytest.raises(ValueError, match="allowed"):
        require_scale(scale)


def test_steps_hold_from_their_drawdown_on() -> None:
    found = [drawdown_step(fall, STEPS) for fall in (-0.1, 0.0199, 0.02, 0.0399, 0.04, 0.06, 0.08, 1.0)]
    assert found == [1.0, 1.0, 0.75, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert drawdown_step(0.5, np.zeros((0, 2))) == 1.0


def test_an_unknown_drawdown_stops_everything() -> None:
    assert (drawdown_step(NAN, STEPS), drawdown_linear(NAN, 0.1)) == (0.0, 0.0)
    assert drawdown_linear(0.0, 0.0) == drawdown_linear(0.0, NAN) == drawdown_linear(-0.1, -0.2) == 0.0


def test_a_straight_line_ends_at_the_largest_drawdown_and_a_gain_gives_no_bonus() -> None:
    found = [drawdown_linear(fall, 0.1) for fall in (-0.05, 0.0, 0.05, 0.1, 0.2)]
    assert found == [1.0, 1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    "steps", [((0.04, 0.5), (0.02, 0.25)), ((0.02, 0.5), (0.04, 0.75)), ((0.02, 1.5),), ((-0.1, 0.5),),
              ((0.02, -0.5),), ((NAN, 0.5),), ((0.02, NAN),), ((0.02, 0.5), (0.02, 0.25))],
)  # fmt: skip
def test_steps_that_a_loss_could_loosen_are_refused(steps: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="drawdown steps"):
        steps_of(steps)


def test_grossman_and_zhou_stake_nothing_at_the_floor() -> None:
    assert grossman_zhou(0.5, 0.9, 1_000, 1_000) == pytest.approx(0.05)
    assert grossman_zhou(0.5, 0.9, 1_000, 900) == grossman_zhou(0.5, 0.9, 1_000, 500) == 0.0
    assert grossman_zhou(0.5, 0.0, 1_000, 10) == 0.5
    assert grossman_zhou(0.5, 0.9, 500, 1_000) == grossman_zhou(0.5, 0.9, 1_000, 1_000)
    for floor, wealth, fraction in ((1.0, 1_000, 0.5), (NAN, 1_000, 0.5), (0.9, 0, 0.5), (0.9, 1_000, NAN)):
        assert grossman_zhou(fraction, floor, 1_000, wealth) == 0.0


MULTIPLIERS = st.floats(0.0, 1.0)


@given(st.floats(0.0, 0.02), MULTIPLIERS, MULTIPLIERS, MULTIPLIERS, st.floats(-0.01, 0.05))
@PROPERTY
def test_protection_only_makes_smaller(signal: float, one: float, two: float, three: float, left: float) -> None:
    risk = composed_risk(multiplied(signal, one, two, three), left, 0.02)
    assert 0.0 <= risk <= min(signal, max(left, 0.0), 0.02)


@pytest.mark.parametrize("bad", [NAN, -0.1, math.inf])
def test_a_multiplier_that_is_none_stops_the_trade(bad: float) -> None:
    for place in range(3):
        assert multiplied(0.01, *[bad if k == place else 1.0 for k in range(3)]) == 0.0


def test_a_budget_that_is_used_up_or_unknown_stops_the_trade_and_nothing_passes_the_most() -> None:
    assert [composed_risk(0.01, left, 0.02) for left in (0.0, -0.1, NAN, 0.004)] == [0.0, 0.0, 0.0, 0.004]
    assert [composed_risk(0.03, 1.0, most) for most in (0.02, NAN, 0.0)] == [0.02, 0.0, 0.0]
    assert composed_risk(NAN, 1.0, 0.02) == 0.0
