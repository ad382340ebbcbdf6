"""The binary desk's baseline policy: the chance that a quote stands above its strike when the contract expires.

The quote is taken as a walk with a drift: over the life of the contract the log price moves by a normal step, whose
standard deviation comes from ATR and whose mean from a short trend and a pull to the mean. That gives
p = Phi(d). At the money and without drift p is a hair off 0.5, so break-even is rarely beaten: that is the finding.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.payoff import normal_cdf
from market.records import Record

FEATURES: Final = ("ema:{fast}", "ema:{slow}", "sma:{mean}", "atr:{atr}")
EMA_FAST, EMA_SLOW, MEAN, ATR = range(4)

PARAMS: Final = (
    "fast", "slow", "mean", "atr", "trend_weight", "reversion_weight", "candidate_edge", "rearm_bars",
    "kelly_fraction", "stake_fraction_max", "life_bars",
)  # fmt: skip
P_FAST, P_SLOW, P_MEAN, P_ATR, P_TREND, P_REVERSION, P_EDGE, P_REARM, P_KELLY, P_STAKE, P_LIFE = range(11)

ATR_TO_SIGMA: Final = 1.0 / 1.596
"""The mean range of a driftless walk is sqrt(8 / pi) = 1.596 of its standard deviation. Source: Parkinson 1980."""


@compiled
def drifting_digital(features: NDArray[np.float64], params: NDArray[np.float64], close: float, out: Record) -> bool:
    """Write strength and confidence (the probability of the likelier side) for a contract of `life_bars` bars."""
    for k in range(len(FEATURES)):
        if not math.isfinite(features[k]):
            return False
    sigma = features[ATR] * ATR_TO_SIGMA * math.sqrt(params[P_LIFE])
    if sigma <= 0.0:
        return False
    trend = params[P_TREND] * (features[EMA_FAST] - features[EMA_SLOW]) / sigma
    reversion = params[P_REVERSION] * (features[MEAN] - close) / sigma
    above = normal_cdf(trend + reversion)
    out.votes[0], out.votes[1] = math.tanh(trend), math.tanh(reversion)
    out.votes_count = 2
    out.strength = 2.0 * above - 1.0
    out.confidence = max(above, 1.0 - above)
    return True
