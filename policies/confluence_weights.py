"""Weights of a confluence: learned step by step within bounds, by timeframe volatility, and by regime.

Weights add up to 1 and each lies within [low, high]. What comes out of a formula is brought there by the Euclidean
projection; to clip and then to divide by the sum would leave the bounds again. A kernel that is given what it cannot
compute with returns False (or 0) and leaves its output as it was: yesterday's weights are better than none.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.quality import DataQualityError

Floats = NDArray[np.float64]

SLACK: Final = 1e-12
"""By how much `count x bound` may miss 1 and still be 1."""
HALVINGS: Final = 200
"""Steps of the bisection at most; the exact step after it needs only the set of weights that are free."""


class WeightRule(NamedTuple):
    """Bounds of a weight, how fast weights learn, and how far one update moves a weight before the projection."""

    low: float = 0.05
    high: float = 0.5
    eta: float = 1.0
    step_max: float = 0.1


@compiled
def feasible(count: int, low: float, high: float) -> bool:
    """Tell whether `count` weights within [low, high] can add up to 1."""
    return 0.0 <= low <= high and count * low <= 1.0 + SLACK and count * high >= 1.0 - SLACK


def require_bounds(count: int, low: float, high: float) -> None:
    """Refuse bounds within which `count` weights cannot add up to 1: ValueError."""
    if not feasible(count, low, high):
        raise ValueError(
            f"{count} weights from {low} to {high} cannot add up to 1: "
            f"0 <= low <= {1 / max(count, 1):.6g} <= high is allowed"
        )


@compiled
def project(raw: Floats, low: float, high: float, out: Floats) -> bool:
    """Write the point of {sum = 1, low <= w <= high} that is nearest to `raw` (n,) in the Euclidean sense.

    w = clip(raw - lambda, low, high), lambda by bisection: the sum falls in lambda. False, and nothing written, for a
    number that is not finite or for bounds that cannot hold. `out` may be `raw`.
    """
    count = len(raw)
    if count == 0 or not feasible(count, low, high):
        return False
    least, most = math.inf, -math.inf
    for i in range(count):
        if not math.isfinite(raw[i]):
            return False
        least, most = min(least, raw[i]), max(most, raw[i])
    below, above = least - high, most - low
    for _ in range(HALVINGS):
        middle = (below + above) / 2.0
        if middle <= below or middle >= above:
            break
        if _clipped_sum(raw, middle, low, high) > 1.0:
            below = middle
        else:
            above = middle
    shift = _exact_shift(raw, (below + above) / 2.0, low, high)
    for i in range(count):
        out[i] = min(max(raw[i] - shift, low), high)
    return True


@compiled
def _clipped_sum(raw: Floats, shift: float, low: float, high: float) -> float:
    total = 0.0
    for i in range(len(raw)):
        total += min(max(raw[i] - shift, low), high)
    return total


@compiled
def _exact_shift(raw: Floats, shift: float, low: float, high: float) -> float:
    """Return the shift that makes the weights between the bounds take up the rest of 1 to the last digit."""
    free, total, rest = 0, 0.0, 1.0
    for i in range(len(raw)):
        weight = raw[i] - shift
        if low < weight < high:
            free += 1
            total += raw[i]
        else:
            rest -= low if weight <= low else high
    return (total - rest) / free if free > 0 else shift


@compiled
def update_weights(weights: Floats, performance: Floats, rule: WeightRule, out: Floats) -> bool:
    """Write w exp(eta performance), normalised, moved by `step_max` at most, then projected. All arrays (n,).

    NaN performance is a source without an outcome: it takes no part, and its weight changes as the others need it.
    False, and nothing written, for other numbers that are not finite, for weights that are negative or all 0.
    """
    best, total = -math.inf, 0.0
    for i in range(len(weights)):
        if math.isinf(performance[i]) or not 0.0 <= weights[i] < math.inf:
            return False
        best = max(best, 0.0 if math.isnan(performance[i]) else performance[i])
    for i in range(len(weights)):
        total += weights[i] * _growth(performance[i], best, rule.eta)
    if not total > 0.0 or not feasible(len(weights), rule.low, rule.high):
        return False
    for i in range(len(weights)):
        wished = weights[i] * _growth(performance[i], best, rule.eta) / total
        out[i] = min(max(wished, weights[i] - rule.step_max), weights[i] + rule.step_max)
    return project(out, rule.low, rule.high, out)


@compiled
def _growth(performance: float, best: float, eta: float) -> float:
    """Return exp(eta (performance - best)): the division by the sum takes the best one's factor out again."""
    return math.exp(eta * ((0.0 if math.isnan(performance) else performance) - best))


@compiled
def regime_weights(base: Floats, tilt: Floats, low: float, high: float, out: Floats) -> bool:
    """Write base x tilt (n,), normalised and projected: a regime leans on some sources more than on others.

    `tilt` is the row of the regime that is on: 1 leaves a source as it is. False as `project`, or for a negative tilt.
    """
    total = 0.0
    for i in range(len(base)):
        part = base[i] * tilt[i]
        if not 0.0 <= part < math.inf:
            return False
        total += part
    if not total > 0.0 or not feasible(len(base), low, high):
        return False
    for i in range(len(base)):
        out[i] = base[i] * tilt[i] / total
    return project(out, low, high, out)


@compiled
def timeframe_weights(base: Floats, volatility: Floats, power: float, out: Floats) -> float:
    """Write base / volatility^power (n,), normalised; return the share of base weight whose volatility is known.

    Volatility is a year's, so that timeframes compare. A timeframe without one (NaN, not positive) weighs 0 until it
    has one. 0, with nothing written, if none has.
    """
    total, known, whole = 0.0, 0.0, 0.0
    for i in range(len(base)):
        whole += base[i]
        if 0.0 < volatility[i] < math.inf:
            known += base[i]
            total += base[i] / volatility[i] ** power
    if not (0.0 < total < math.inf and known > 0.0):
        return 0.0
    for i in range(len(base)):
        out[i] = base[i] / volatility[i] ** power / total if 0.0 < volatility[i] < math.inf else 0.0
    return known / whole


@compiled
def joint_weights(timeframes: Floats, sources: Floats, out: Floats) -> None:
    """Write the weight of each source at each timeframe, `out[t x sources + s]` = timeframe's x source's."""
    for t in range(len(timeframes)):
        for s in range(len(sources)):
            out[t * len(sources) + s] = timeframes[t] * sources[s]


VOLATILITY_HEAD: Final = 3  # closes seen, slot of the ring, previous close


def volatility_size(bars: int) -> int:
    """Return the state floats of a volatility over `bars` log returns; ValueError below 2."""
    if bars < 2:
        raise ValueError(f"volatility over {bars} returns: at least 2 is allowed")
    return VOLATILITY_HEAD + bars


@compiled
def volatility_update(state: Floats, close: float, bars_per_year: float) -> float:
    """Return the deviation (ddof 1) of the newest log returns, for a year: x sqrt(bars per year); NaN while too few.

    A close that is no positive number moves nothing and has no volatility; the next return then spans the gap.
    """
    if not 0.0 < close < math.inf:
        return math.nan
    size = len(state) - VOLATILITY_HEAD
    if state[0] > 0.0:
        slot = int(state[1])
        state[VOLATILITY_HEAD + slot] = math.log(close / state[2])
        state[1] = (slot + 1) % size
    state[0] += 1.0
    state[2] = close
    if state[0] <= size:
        return math.nan
    mean, squares = 0.0, 0.0
    for k in range(VOLATILITY_HEAD, len(state)):
        mean += state[k]
    mean /= size
    for k in range(VOLATILITY_HEAD, len(state)):
        squares += (state[k] - mean) ** 2
    return math.sqrt(squares / (size - 1) * bars_per_year)


@compiled
def run_volatility(state: Floats, closes: Floats, bars_per_year: float, out: Floats) -> None:
    """Do `volatility_update` for one close after the other; `out[i]` is the i-th's."""
    for i in range(len(closes)):
        out[i] = volatility_update(state, closes[i], bars_per_year)


def projected(raw: Any, low: float, high: float) -> Floats:
    """Return `project` of raw weights; ValueError for bounds that cannot hold, DataQualityError for NaN or infinity."""
    given = np.asarray(raw, np.float64)
    require_bounds(len(given), low, high)
    out = np.empty(len(given))
    if not project(given, low, high, out):
        raise DataQualityError(f"weights {given.tolist()}: finite numbers, one at least, are allowed")
    return out
