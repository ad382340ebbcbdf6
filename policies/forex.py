"""The forex desk's baseline policy: follow a trend when there is one, fade an excursion when there is none.

Three votes in [-1, 1]: trend (distance of two EMAs in ATRs), momentum (RSI), reversion (distance from the mean in
standard deviations). ADX decides how much the first two and how much the last counts. The stop and the target are
multiples of ATR, so reward to risk is known before the order exists.

What moves the stop later is known then as well. R is the distance from entry to stop: after a best gain of
`breakeven_r` R it goes to break-even, from `trail_r` R on it follows the best price at `trail_atr` times the ATR of the
decision; 0 for never. The ATR of the decision, not of later bars: the order says all, and a stop is a fold of what was
reported.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record

FEATURES: Final = ("ema:{fast}", "ema:{slow}", "rsi:{rsi}", "sma:{mean}", "stddev:{mean}", "atr:{atr}", "adx:{adx}")
EMA_FAST, EMA_SLOW, RSI, MEAN, STDDEV, ATR, ADX = range(7)

PARAMS: Final = (
    "fast", "slow", "rsi", "mean", "atr", "adx", "trend_atr", "adx_low", "adx_high", "candidate_min", "rearm_bars",
    "stop_atr", "target_atr", "hold_bars", "risk_fraction", "notional_fraction", "breakeven_r", "trail_r", "trail_atr",
)  # fmt: skip
(
    P_FAST, P_SLOW, P_RSI, P_MEAN, P_ATR, P_ADX, P_TREND_ATR, P_ADX_LOW, P_ADX_HIGH, P_CANDIDATE, P_REARM,
    P_STOP, P_TARGET, P_HOLD, P_RISK, P_NOTIONAL, P_BREAKEVEN, P_TRAIL, P_TRAIL_ATR,
) = range(19)  # fmt: skip
P_ADDS: Final = P_ADX_HIGH
"""Of a learnt model, in the place of what only `trend_reversion` reads: how often it may add to a side."""


@compiled
def clamp(value: float, low: float, high: float) -> float:
    """Return value within [low, high]."""
    return min(max(value, low), high)


TREND_WEIGHT: Final = 0.6
MOMENTUM_WEIGHT: Final = 0.4


@compiled
def trending_share(adx: float, low: float, high: float) -> float:
    """Return how much of a market is trend, 0 to 1, by its ADX: what trend and momentum weigh."""
    return clamp((adx - low) / (high - low), 0.0, 1.0)


@compiled
def trend_reversion(features: NDArray[np.float64], params: NDArray[np.float64], close: float, out: Record) -> bool:
    """Write votes, strength in [-1, 1] and confidence in [0.5, 1] to `out`; False while a feature is undefined.

    confidence = 0.5 + 0.5 |strength|: an uncalibrated claim, marked as such in the decision's votes.
    """
    for k in range(len(FEATURES)):
        if not math.isfinite(features[k]):
            return False
    atr = features[ATR]
    if atr <= 0.0 or features[STDDEV] <= 0.0:
        return False
    trending = trending_share(features[ADX], params[P_ADX_LOW], params[P_ADX_HIGH])
    trend = math.tanh((features[EMA_FAST] - features[EMA_SLOW]) / (atr * params[P_TREND_ATR]))
    momentum = clamp((features[RSI] - 50.0) / 25.0, -1.0, 1.0)
    reversion = -math.tanh((close - features[MEAN]) / (2.0 * features[STDDEV]))
    out.votes[0], out.votes[1], out.votes[2] = trend, momentum, reversion
    out.votes_count = 3
    out.strength = trending * (TREND_WEIGHT * trend + MOMENTUM_WEIGHT * momentum) + (1.0 - trending) * reversion
    out.confidence = 0.5 + 0.5 * abs(out.strength)
    return True


@compiled
def gain_ticks(risk_ticks: int, multiple: float) -> int:
    """Return a multiple of R in whole ticks, rounded up: it is reached, not nearly reached; 0 for never."""
    return math.ceil(risk_ticks * multiple)


@compiled
def distance_ticks(atr: float, multiple: float) -> int:
    """Return how far a stop trails in whole ticks, rounded toward the market, at least one."""
    return max(math.floor(atr * multiple), 1)


@compiled
def reward_to_risk(entry: float, stop: float, target: float, cost: float) -> float:
    """Return (|target - entry| - cost) / (|entry - stop| + cost), all in ticks; cost is that of the round trip."""
    return (abs(target - entry) - cost) / (abs(entry - stop) + cost)
