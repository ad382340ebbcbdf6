"""Scaling: how much of equity a trade may risk, from its confidence, the drawdown, the regime, the phase, what is left.

The order is fixed: confidence gives a risk fraction, protective multipliers make it smaller (also below the least that
confidence gives: that is their purpose), then it is cut to the budgets that are left. Everything here decides, so it is
compiled; a confidence, drawdown or multiplier that is not a number of its range gives 0: no trade.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from policies.gates import is_probability

Steps = NDArray[np.float64]


class ConfidenceScale(NamedTuple):
    """Risk as a fraction of equity by confidence: none below `confidence_min`, `risk_max` from `confidence_max` on."""

    confidence_min: float = 0.5
    confidence_max: float = 0.9
    risk_min: float = 0.0025
    risk_max: float = 0.02
    gamma: float = 1.0


CRYPTO_SCALE: Final = ConfidenceScale()
"""The crypto profile's; its confidences are chosen here, its risks are in the source."""

DRAWDOWN_STEPS: Final = ((0.02, 0.75), (0.04, 0.5), (0.06, 0.25), (0.08, 0.0))
"""Drawdown from which a multiplier holds, inclusive; chosen here."""


def require_scale(scale: ConfidenceScale) -> ConfidenceScale:
    """Return a scale that makes sense; ValueError names what does not."""
    if not 0.0 <= scale.confidence_min < scale.confidence_max <= 1.0:
        raise ValueError(f"confidence {scale.confidence_min} .. {scale.confidence_max}: 0 <= min < max <= 1 is allowed")
    if not 0.0 <= scale.risk_min <= scale.risk_max <= 1.0:
        raise ValueError(f"risk {scale.risk_min} .. {scale.risk_max}: 0 <= min <= max <= 1 is allowed")
    if not 0.0 < scale.gamma < math.inf:
        raise ValueError(f"gamma {scale.gamma}: more than 0 is allowed")
    return scale


def steps_of(pairs: Sequence[Sequence[float]]) -> Steps:
    """Return (drawdown, multiplier) pairs as a table (n, 2); ValueError unless a larger loss never allows more."""
    table = np.array([tuple(pair) for pair in pairs], np.float64).reshape(-1, 2)
    places, multipliers = table[:, 0], table[:, 1]
    sound = bool((places >= 0.0).all() and (multipliers >= 0.0).all() and (multipliers <= 1.0).all())
    if not sound or (np.diff(places) <= 0.0).any() or (np.diff(multipliers) > 0.0).any():
        raise ValueError(
            f"drawdown steps {[list(map(float, pair)) for pair in table]}: rising drawdowns from 0 up with multipliers "
            "from 1 down to 0 are allowed"
        )
    return table


@compiled
def confidence_risk(confidence: float, scale: ConfidenceScale) -> float:
    """Return r_min + (r_max - r_min) min((c - c_min) / (c_max - c_min), 1)^gamma; 0 below c_min or out of [0, 1]."""
    if not is_probability(confidence) or confidence < scale.confidence_min:
        return 0.0
    place = min((confidence - scale.confidence_min) / (scale.confidence_max - scale.confidence_min), 1.0)
    return float(scale.risk_min + (scale.risk_max - scale.risk_min) * place**scale.gamma)


@compiled
def drawdown_linear(drawdown: float, drawdown_max: float) -> float:
    """Return 1 - drawdown / drawdown_max within [0, 1]; a gain gives no bonus, NaN or no maximum gives 0."""
    if not (drawdown_max > 0.0 and drawdown < drawdown_max):
        return 0.0
    return min(1.0 - drawdown / drawdown_max, 1.0)


@compiled
def drawdown_step(drawdown: float, steps: Steps) -> float:
    """Return the multiplier of the last step that the drawdown has reached; 1 before the first, 0 for NaN."""
    if math.isnan(drawdown):
        return 0.0
    multiplier = 1.0
    for k in range(len(steps)):
        if drawdown >= steps[k, 0]:
            multiplier = steps[k, 1]
    return multiplier


@compiled
def grossman_zhou(fraction: float, floor: float, peak: int, wealth: int) -> float:
    """Return fraction x (1 - floor x peak / wealth): what a stake must be so that wealth never falls to floor x peak.

    `floor` is a fraction of the peak in [0, 1). 0 at or below the floor, without wealth, or for numbers out of range.
    Source: Grossman, Zhou (1993), "Optimal investment strategies for controlling drawdowns".
    """
    if not (wealth > 0 and 0.0 <= floor < 1.0 and fraction > 0.0):
        return 0.0
    return fraction * max(1.0 - floor * (max(peak, wealth) / wealth), 0.0)


@compiled
def multiplied(risk: float, first: float, second: float, third: float) -> float:
    """Return a risk fraction under three multipliers; 0 when one of them is negative, infinite or NaN."""
    for multiplier in (first, second, third):
        if not 0.0 <= multiplier < math.inf:
            return 0.0
    return risk * first * second * third


@compiled
def composed_risk(signal: float, budget_left: float, risk_max: float) -> float:
    """Return a risk fraction cut to what is left of the day's and to the most there is; 0 for NaN or nothing left."""
    if not (signal > 0.0 and budget_left > 0.0 and risk_max > 0.0):
        return 0.0
    return min(signal, budget_left, risk_max)
