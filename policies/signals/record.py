"""What a chain says at the close of a bar, and the rule that stopped it there."""

from enum import IntEnum
from typing import Final

from market.records import record_type


class Stopped(IntEnum):
    """Why there is nothing to propose; the first that applies. NONE: the opinion stands."""

    NONE = 0
    WARMING = 1  # no vote yet, or no timeframe whose volatility is known
    FLAWED = 2  # a vote outside of [-1, 1]
    COVERAGE = 3  # too much of the evidence is missing or not trusted
    FLAT = 4  # the score is between the bounds of a direction
    UNPROVEN = 5  # too few outcomes to say what such a claim is worth
    UNLIKELY = 6  # what it is worth is below what is asked for


STOPPED_WORDS: Final = {
    Stopped.NONE: "nothing: the opinion stands",
    Stopped.WARMING: "indicators are still warming up: there is no vote yet",
    Stopped.FLAWED: "a vote is outside of -1 to 1",
    Stopped.COVERAGE: "too much of the evidence is missing or not trusted",
    Stopped.FLAT: "the score is too small for a direction",
    Stopped.UNPROVEN: "too few outcomes are known to say what such a claim is worth",
    Stopped.UNLIKELY: "the calibrated probability is below the minimum",
}

SIGNAL: Final = record_type(
    "time_ns bars direction stopped regime volatility outcomes",
    floats="score coverage agreement claim probability low high atr",
)
"""An opinion: when, the how many-th bar, its `Direction`, what stopped it, regime and `Volatility` of the first
timeframe, outcomes known of the joined claim. `claim` = 0.5 + 0.5 |score| coverage is raw, `probability` what such
claims have been worth, [low, high] its 95 % interval; `atr` of the first timeframe, in ticks. NaN where not known."""
