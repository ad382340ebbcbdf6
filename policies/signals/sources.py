"""What votes on a market: per timeframe twelve plain votes in [-1, 1] from its newest closed bar, in five groups.

Sources that say the same thing (RSI, stochastics, CCI) are one group with one weight. A vote is NaN while it warms up
or where the market has nothing to say it with: a feed without volume has no money flow. +1 is up, -1 is down.

    averages     tanh((EMA12 - EMA48) / ATR)           rsi          clip((50 - RSI) / 25)
    macd         tanh(histogram / (ATR / 4))           stochastics  clip((50 - K) / 40)
    directional  (+DI - -DI) / (+DI + -DI)             cci          clip(-CCI / 150)
    vwap         tanh((close - VWAP48) / (2 ATR))      bollinger    -tanh((close - mid) / (2 deviations))
    value        tanh((close - POC48) / (2 ATR))       mfi          clip((50 - MFI) / 30)
    patterns     sum of direction x confidence, each bar's fading by FADE with every later one
    regime       tanh(z / 2) in a bull or bear regime, 0 when the market goes sideways
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN
from market.records import Record

Floats = NDArray[np.float64]

FEATURES: Final = (
    "ema:12", "ema:48", "macd_hist:12:26:9", "plus_di:14", "minus_di:14", "rsi:14", "stoch_k:14:3:3", "cci:20",
    "bollinger_mid:20:2", "stddev:20", "atr:14", "mfi:14", "vwap:48", "profile_poc:48:24", "adx:14", "close",
)  # fmt: skip
"""What votes read; a structure's list of features begins with these, and may go on."""

(
    EMA_FAST, EMA_SLOW, MACD, PLUS, MINUS, RSI, STOCH, CCI, MID, DEVIATION, ATR, MFI, VWAP, POC, ADX, CLOSE,
) = range(16)  # fmt: skip

SOURCES: Final = (
    "averages", "macd", "directional", "rsi", "stochastics", "cci", "bollinger", "mfi", "vwap", "value", "patterns",
    "regime",
)  # fmt: skip
GROUPS: Final = ("trend", "reversion", "value", "patterns", "regime")
GROUP_OF: Final = (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 4)
SLOTS: Final = ("network", "language")
"""Votes that come from outside and may be empty: a trained network, a language model."""
SOURCES_COUNT: Final = len(SOURCES)
GROUPS_COUNT: Final = len(GROUPS)
SLOTS_COUNT: Final = len(SLOTS)
JUDGED: Final = ("confluence", *GROUPS, *SLOTS)
"""Whose claims are kept, calibrated and watched: the joined score, each group over all timeframes, each slot."""
JUDGED_COUNT: Final = len(JUDGED)

_AVERAGES, _MACD, _DIRECTIONAL, _RSI, _STOCH, _CCI, _BOLLINGER, _MFI, _VWAP, _VALUE, PATTERNS, REGIME = range(12)

FADE: Final = 0.8
"""What is left of a pattern's vote one bar later."""


@compiled
def vote_features(features: Floats, volume: float, votes: Floats) -> None:
    """Write the ten votes of indicators from a timeframe's features, those of `FEATURES` first."""
    atr, close = features[ATR], features[CLOSE]
    for s in range(PATTERNS):
        votes[s] = NAN
    if not atr > 0.0:
        return
    votes[_AVERAGES] = math.tanh((features[EMA_FAST] - features[EMA_SLOW]) / atr)
    votes[_MACD] = math.tanh(4.0 * features[MACD] / atr)
    both = features[PLUS] + features[MINUS]
    if both > 0.0:
        votes[_DIRECTIONAL] = clip((features[PLUS] - features[MINUS]) / both)
    votes[_RSI] = clip((50.0 - features[RSI]) / 25.0)
    votes[_STOCH] = clip((50.0 - features[STOCH]) / 40.0)
    votes[_CCI] = clip(-features[CCI] / 150.0)
    if features[DEVIATION] > 0.0:
        votes[_BOLLINGER] = -math.tanh((close - features[MID]) / (2.0 * features[DEVIATION]))
    if volume > 0.0:
        votes[_MFI] = clip((50.0 - features[MFI]) / 30.0)
        votes[_VWAP] = math.tanh((close - features[VWAP]) / (2.0 * atr))
        votes[_VALUE] = math.tanh((close - features[POC]) / (2.0 * atr))


@compiled
def clip(value: float) -> float:
    """Return a value within [-1, 1]; NaN stays NaN."""
    if math.isnan(value):
        return NAN
    return min(max(value, -1.0), 1.0)


@compiled
def vote_regime(row: Record) -> float:
    """Return the vote of a regime; NaN while its trend is not known."""
    if math.isnan(row.z):
        return NAN
    return math.tanh(row.z / 2.0) if row.regime != 0 and row.regime * row.z > 0.0 else 0.0


def vote_names(frames: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of all votes over timeframes, in their order: `1h rsi`, ..., `network`, `language`."""
    return (*(f"{frame} {source}" for frame in frames for source in SOURCES), *SLOTS)
