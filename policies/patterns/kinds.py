"""What patterns there are, what a detection says, and the numbers that define them."""

from enum import IntEnum
from typing import Final, NamedTuple

from market.records import record_type


class Pattern(IntEnum):
    """A pattern by name; `DIRECTION` says which way each one points."""

    DOJI = 1
    PIN_BULL = 2
    PIN_BEAR = 3
    ENGULF_BULL = 4
    ENGULF_BEAR = 5
    RANGE_UP = 6
    RANGE_DOWN = 7
    TREND_UP = 8
    TREND_DOWN = 9
    TURNED_SUPPORT = 10  # a resistance that was closed above
    TURNED_RESISTANCE = 11  # a support that was closed below
    PIVOT_HIGH = 12
    PIVOT_LOW = 13
    SUPPORT_HELD = 14  # a pivot low at a level
    RESISTANCE_HELD = 15  # a pivot high at a level
    REGULAR_BULL = 16
    REGULAR_BEAR = 17
    HIDDEN_BULL = 18
    HIDDEN_BEAR = 19


UP, DOWN, NEITHER = 1, -1, 0
DIRECTION: Final = {
    Pattern.DOJI: NEITHER, Pattern.PIVOT_HIGH: NEITHER, Pattern.PIVOT_LOW: NEITHER,
    Pattern.PIN_BULL: UP, Pattern.ENGULF_BULL: UP, Pattern.RANGE_UP: UP, Pattern.TREND_UP: UP,
    Pattern.TURNED_SUPPORT: UP, Pattern.SUPPORT_HELD: UP, Pattern.REGULAR_BULL: UP, Pattern.HIDDEN_BULL: UP,
    Pattern.PIN_BEAR: DOWN, Pattern.ENGULF_BEAR: DOWN, Pattern.RANGE_DOWN: DOWN, Pattern.TREND_DOWN: DOWN,
    Pattern.TURNED_RESISTANCE: DOWN, Pattern.RESISTANCE_HELD: DOWN, Pattern.REGULAR_BEAR: DOWN,
    Pattern.HIDDEN_BEAR: DOWN,
}  # fmt: skip


class Role(IntEnum):
    """What a level is to the price: below it, or above it."""

    RESISTANCE = -1
    SUPPORT = 1


DETECTION: Final = record_type(
    "pattern bar known_at direction first_bar touches",
    floats="price first_price rsi first_rsi size_atr confidence",
)
"""One pattern found. `bar` is where it is, `known_at` the first bar at whose close it is known: act from the next open.

`price` is the extreme of a pin bar or engulfing, the close of a doji, the edge, line or level of a breakout or level,
the price of a pivot. `first_bar`, `first_price` are the earlier pivot of a divergence or a trend line, `rsi` and
`first_rsi` those of a divergence, `touches` those of a level; else 0. `size_atr` is how large it is, in ATRs of the bar
before (NaN while there is none); `confidence` in [0, 1] is a claim to calibrate.
"""


class PatternParams(NamedTuple):
    """The numbers that define patterns: periods and distances in bars, the rest in ATRs.

    `wings` are the bars on each side that a pivot must stand out from; the newest `pivots_max` pivots make levels, of
    at least `touches_min` within `tolerance_atr`; `flip_atr` is how far a close goes beyond a level to turn its role.
    `separation_*` bound the distance of two pivots that make a divergence or a trend line, and the age of such a line.
    """

    wings: int = 3
    atr: int = 14
    rsi: int = 14
    lookback: int = 20
    trend: int = 20
    volume: int = 20
    separation_min: int = 5
    separation_max: int = 60
    pivots_max: int = 32
    touches_min: int = 2
    buffer_atr: float = 0.1
    tolerance_atr: float = 0.5
    flip_atr: float = 0.25


LEAST: Final = {"trend": 2, "touches_min": 2, "buffer_atr": 0.0, "tolerance_atr": 0.0, "flip_atr": 0.0}
MOST: Final = {"wings": 100, "pivots_max": 1_000, "buffer_atr": 100.0, "tolerance_atr": 100.0, "flip_atr": 100.0}
PERIOD_MAX: Final = 10_000


def checked(params: PatternParams) -> PatternParams:
    """Return the parameters; ValueError names the first one that is out of its bounds and says what is allowed."""
    for name, value in params._asdict().items():
        least, most = LEAST.get(name, 1), MOST.get(name, PERIOD_MAX)
        if not least <= value <= most or type(value) is not type(getattr(PatternParams(), name)):
            raise ValueError(f"patterns: {name} = {value!r}; {_kind(name)} from {least:g} to {most:g} are allowed")
    if params.separation_min > params.separation_max:
        raise ValueError(
            f"patterns: separation_min = {params.separation_min} is above separation_max = {params.separation_max}"
        )
    return params


def _kind(name: str) -> str:
    return "floats" if name.endswith("_atr") else "whole numbers"
