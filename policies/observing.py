"""Observations: what a learnt model sees of a market at one instant, in units that hold for any instrument.

Raw features are in ticks, so they are measured against the average range (the first feature, `atr:n`) or on their own
scale; behind them come the side the agent stands on, how much of its time has passed, and the time of day. Then all is
standardised by what the training part of the data has shown, and clipped. One code for environments, backtest, live.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.feature_specs import Op, parse_feature
from market.records import Record

Floats = NDArray[np.float64]


class Unit(IntEnum):
    """How a feature is measured; s is the average range, c the close."""

    RANGE = 0  # log(1e4 s / c): the range itself, in basis points
    LEVEL = 1  # (c - v) / s
    SPREAD = 2  # v / s
    PERCENT = 3  # (v - 50) / 50
    WILLIAMS = 4  # (v + 50) / 50
    CHANNEL = 5  # v / 100
    RETURN = 6  # v c / s
    COUNT = 7  # log(1 + v)


UNITS: Final = {
    Op.CLOSE: Unit.LEVEL, Op.OPEN: Unit.LEVEL, Op.HIGH: Unit.LEVEL, Op.LOW: Unit.LEVEL, Op.SMA: Unit.LEVEL,
    Op.EMA: Unit.LEVEL, Op.VWAP: Unit.LEVEL, Op.VWAP_SESSION: Unit.LEVEL, Op.PROFILE: Unit.LEVEL,
    Op.MACD: Unit.SPREAD, Op.TRANGE: Unit.SPREAD, Op.ATR: Unit.SPREAD, Op.RSI: Unit.PERCENT,
    Op.STOCH: Unit.PERCENT, Op.STOCHF: Unit.PERCENT, Op.MFI: Unit.PERCENT, Op.DIRECTION: Unit.PERCENT,
    Op.WILLR: Unit.WILLIAMS, Op.CCI: Unit.CHANNEL, Op.RETURN: Unit.RETURN, Op.VOLUME: Unit.COUNT,
}  # fmt: skip
"""Per indicator its unit; what is missing grows without bound and cannot be observed."""

COUNT, CLIP, KINDS = 0, 1, 2
"""Places of a coded observer: how many features, the clip, then per feature its unit, per input mean and 1 / scale."""
OWN: Final = 4
"""Inputs behind the features: side, share of the holding time passed, sine and cosine of the time of day."""
PAIR: Final = 10
"""Inputs of a route's candidate: see `observe_pair`."""
DAY_NS: Final = 86_400 * 10**9
TWO_PI: Final = 2.0 * math.pi
CLIP_DEFAULT: Final = 5.0


def units_of(features: Sequence[str]) -> tuple[int, ...]:
    """Return the unit of every feature; ValueError names one that cannot be observed, or a first that is no range."""
    if not features or parse_feature(features[0]).spec.op is not Op.ATR:
        raise ValueError(f"features {', '.join(features) or '(none)'}: the first one must be an atr:n")
    units: list[int] = [int(Unit.RANGE)]
    for text in features[1:]:
        op, name = parse_feature(text).spec.op, text.split(":", maxsplit=1)[0]
        unit = Unit.SPREAD if name == "stddev" else Unit.LEVEL if op is Op.MOMENTS else UNITS.get(op)
        if unit is None:
            raise ValueError(f"feature {text!r}: it has no bounded unit, so no model can observe it")
        units.append(int(unit))
    return tuple(units)


def observer_of(
    features: Sequence[str], mean: Sequence[float] = (), scale: Sequence[float] = (), clip: float = CLIP_DEFAULT
) -> tuple[float, ...]:
    """Return an observer's numbers for the kernel; without `mean` and `scale` nothing is standardised.

    No features: the observer of a route's candidates. ValueError where lengths differ or a scale is not above 0.
    """
    units = units_of(features) if features else ()
    width = len(units) + OWN if features else PAIR
    mean, scale = tuple(mean) or (0.0,) * width, tuple(scale) or (1.0,) * width
    if len(mean) != width or len(scale) != width:
        raise ValueError(f"an observer of {width} inputs has {len(mean)} means and {len(scale)} scales")
    if not all(math.isfinite(one) for one in (*mean, *scale)) or min(scale) <= 0.0 or not clip > 0.0:
        raise ValueError("means and scales of an observer must be finite, scales and clip above 0")
    return (float(len(units)), clip, *map(float, units), *mean, *(1.0 / one for one in scale))


@compiled
def width_of(observer: Floats) -> int:
    """Return how many inputs an observer has."""
    return int(observer[COUNT]) + OWN if observer[COUNT] > 0.0 else PAIR


@compiled
def observe(
    observer: Floats, features: Floats, close: float, side: int, age: float, time_ns: int, out: Floats
) -> bool:  # fmt: skip
    """Write the inputs at a closed bar to `out`; False while a feature is undefined or the market does not move."""
    count = int(observer[COUNT])
    scale = features[0]
    if not (scale > 0.0 and math.isfinite(scale) and close > 0.0):
        return False
    for k in range(count):
        if not math.isfinite(features[k]):
            return False
        out[k] = _measured(int(observer[KINDS + k]), features[k], close, scale)
    phase = TWO_PI * float(time_ns % DAY_NS) / float(DAY_NS)
    out[count], out[count + 1] = float(side), age
    out[count + 2], out[count + 3] = math.sin(phase), math.cos(phase)
    _standardise(observer, count, count + OWN, out)
    return True


@compiled
def _measured(unit: int, value: float, close: float, scale: float) -> float:
    """Return a feature in its unit."""
    if unit == Unit.LEVEL:
        return (close - value) / scale
    if unit == Unit.SPREAD:
        return value / scale
    if unit == Unit.PERCENT:
        return (value - 50.0) / 50.0
    if unit == Unit.WILLIAMS:
        return (value + 50.0) / 50.0
    if unit == Unit.CHANNEL:
        return value / 100.0
    if unit == Unit.RETURN:
        return value * close / scale
    if unit == Unit.COUNT:
        return math.log(1.0 + max(value, 0.0))
    return math.log(1e4 * scale / close)


@compiled
def observe_pair(observer: Floats, candidate: Record, assessed: Record, out: Floats) -> None:
    """Write the inputs of a route's candidate to `out`.

    Gross and net basis points, risk score (of 1), sigma over a second, ages of both quotes (of a second), both spreads,
    usual difference (these four in basis points of the price paid), and the direction.
    """
    paid = float(candidate.ask_a if candidate.direction == 1 else candidate.ask_b)
    point = 1e4 / paid if paid > 0.0 else 0.0
    out[0], out[1], out[2] = assessed.gross, assessed.reward, 0.01 * assessed.risk_score
    out[3] = candidate.sigma_1s * point
    out[4] = 1e-9 * float(candidate.time_ns - candidate.time_a_ns)
    out[5] = 1e-9 * float(candidate.time_ns - candidate.time_b_ns)
    out[6] = float(candidate.ask_a - candidate.bid_a) * point
    out[7] = float(candidate.ask_b - candidate.bid_b) * point
    out[8] = candidate.basis * point
    out[9] = 1.0 if candidate.direction == 1 else -1.0
    _standardise(observer, 0, PAIR, out)


@compiled
def _standardise(observer: Floats, count: int, width: int, out: Floats) -> None:
    """Take off the mean, divide by the scale, clip."""
    first, clip = KINDS + count, observer[CLIP]
    for k in range(width):
        out[k] = min(max((out[k] - observer[first + k]) * observer[first + width + k], -clip), clip)
