"""Tails of a return series: value at risk and expected shortfall by five methods that differ, each under its name.

VaR and ES are POSITIVE fractions of a loss; a negative one says that even the tail gains, and stays as it is (a limit
compares `max(VaR, 0)`). alpha = 1 - confidence, taken exactly as it is written, so that 5 of 100 returns are 5. What is
undefined is None with a reason, never 0 or NaN; what is defined but stands on too few returns carries a caution.

HISTORICAL_LINEAR  VaR = -quantile(r, alpha), linear between order statistics (type 7); ES = -mean(r <= quantile).
HISTORICAL  k = ceil(alpha n) - 1 of the sorted returns: VaR = -r[k], ES = -r[k] - sum_{i<=k}(r[i] - r[k]) / (alpha n):
            Rockafellar and Uryasev, coherent; the default for ES.
NORMAL      VaR = -(mean + z sd), ES = -(mean - sd phi(z) / alpha), sd with n - 1.
CORNISH_FISHER  as normal, with z moved by skew and excess kurtosis (both biased); not used where that is not monotone.
EWMA        zero mean, s2 <- decay s2 + (1 - decay) r^2 from r[0]^2 on, through the newest return.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.quality import DataQualityError
from policies.distributions import normal_density, normal_quantile

Floats = NDArray[np.float64]

ENOUGH_TAIL: Final = 10
"""Returns that a tail should hold: fewer than ceil(10 / alpha) returns are too few to trust."""
MONOTONE_UP_TO: Final = 1e-4
"""Cornish-Fisher must rise on the quantiles from this probability to one minus it."""
EWMA_DECAY: Final = 0.94
"""Of daily returns. Source: RiskMetrics technical document, 1996."""
NO_VARIANCE: Final = 1e-12
"""A deviation below this share of max(1, |mean|) is none; see `research.performance`."""


class Method(StrEnum):
    """How a tail was measured."""

    HISTORICAL_LINEAR = "historical_linear"
    HISTORICAL = "historical"
    NORMAL = "normal"
    CORNISH_FISHER = "cornish_fisher"
    EWMA = "ewma"


class Tail(Struct, frozen=True, kw_only=True):
    """One measurement: `reason` says why `var` and `es` are None, `caution` why they should be read with care.

    `method` is how it was measured, which differs from what was asked for where Cornish-Fisher was not monotone.
    """

    method: Method
    var: float | None = None
    es: float | None = None
    reason: str | None = None
    caution: str | None = None


class Expansion(Struct, frozen=True, kw_only=True):
    """Cornish-Fisher in full: the moved quantile, the moments that moved it, and whether it may be used."""

    z: float
    var: float
    es: float
    skew: float
    excess_kurtosis: float
    monotone: bool


def tail(returns: Sequence[float], confidence: float, method: Method, decay: float = EWMA_DECAY) -> Tail:
    """Return VaR and ES of a series by one method.

    ValueError for a confidence outside (0, 1); DataQualityError for a return that is missing or not finite.
    """
    alpha = alpha_of(confidence)
    series = series_of(returns)
    needed = 1 if method in (Method.HISTORICAL, Method.HISTORICAL_LINEAR, Method.EWMA) else 2
    if len(series) < needed:
        return Tail(method=method, reason="no_returns" if len(series) == 0 else "insufficient_data")
    caution = caution_of(len(series), alpha)
    match method:
        case Method.HISTORICAL_LINEAR:
            var, es = historical_linear(series, alpha)
        case Method.HISTORICAL:
            var, es = historical(series, alpha)
        case Method.NORMAL:
            var, es = normal(float(series.mean()), float(series.std(ddof=1)), alpha)
        case Method.EWMA:
            var, es = normal(0.0, ewma_sigma(series, decay), alpha)
        case Method.CORNISH_FISHER:
            return _guarded(series, alpha, caution)
    return Tail(method=method, var=var, es=es, caution=caution)


def tails(returns: Sequence[float], confidence: float, decay: float = EWMA_DECAY) -> dict[Method, Tail]:
    """Return VaR and ES by every method, each under the name that was asked for."""
    return {method: tail(returns, confidence, method, decay) for method in Method}


def _guarded(series: Floats, alpha: Fraction, caution: str | None) -> Tail:
    """Return Cornish-Fisher where it is defined and monotone, else what is to be used in its place."""
    found = cornish_fisher(series, alpha)
    if found is None:
        return Tail(method=Method.CORNISH_FISHER, reason="zero_variance")
    if found.monotone:
        return Tail(method=Method.CORNISH_FISHER, var=found.var, es=found.es, caution=caution)
    var, es = historical(series, alpha)
    return Tail(method=Method.HISTORICAL, var=var, es=es, caution="cornish_fisher_not_monotone")


def alpha_of(confidence: float) -> Fraction:
    """Return 1 - confidence exactly, of the confidence as it is written; ValueError outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence}: more than 0 and less than 1 is allowed, as 0.95")
    return 1 - Fraction(repr(float(confidence)))


def series_of(returns: Sequence[float]) -> Floats:
    """Return a series as an array; DataQualityError names the first return that is not finite."""
    series = np.array([math.nan if value is None else value for value in returns], np.float64)
    finite = np.isfinite(series)
    if not finite.all():
        place = int(np.argmin(finite))
        raise DataQualityError(f"return {place} is {returns[place]}; returns must be finite")
    return series


def caution_of(count: int, alpha: Fraction) -> str | None:
    """Return why a tail of so many returns is to be read with care; None where it need not be."""
    if count < 1 / alpha:
        return "extrapolated"
    return "insufficient_data" if count < math.ceil(ENOUGH_TAIL / alpha) else None


def historical_linear(series: Floats, alpha: Fraction) -> tuple[float, float]:
    """Return (VaR, ES) at the interpolated quantile of at least one return."""
    ordered = np.sort(series)
    place = alpha * (len(ordered) - 1)
    low = math.floor(place)
    share = float(place - low)
    quantile = float(ordered[low])
    if share > 0.0:
        quantile += (float(ordered[low + 1]) - quantile) * share
    return -quantile, -float(ordered[ordered <= quantile].mean())


def historical(series: Floats, alpha: Fraction) -> tuple[float, float]:
    """Return (VaR, ES) of Rockafellar and Uryasev of at least one return."""
    ordered = np.sort(series)
    k = tail_count(len(ordered), alpha) - 1
    worst = float(ordered[k])
    beyond = float((ordered[: k + 1] - worst).sum())
    return -worst, -worst - beyond / float(alpha * len(ordered))


def tail_count(count: int, alpha: Fraction) -> int:
    """Return how many of `count` returns the tail takes in: ceil(alpha count)."""
    return math.ceil(alpha * count)


def normal(mean: float, deviation: float, alpha: Fraction) -> tuple[float, float]:
    """Return (VaR, ES) of a normal distribution."""
    z, share = normal_quantile(float(alpha)), float(alpha)
    return -(mean + z * deviation), -(mean - deviation * normal_density(z) / share)


def ewma_sigma(series: Floats, decay: float) -> float:
    """Return the exponentially weighted deviation forecast by at least one return; zero mean, newest included."""
    if not 0.0 < decay < 1.0:
        raise ValueError(f"EWMA decay {decay}: more than 0 and less than 1 is allowed, as 0.94")
    variance = float(series[0]) ** 2
    for value in series[1:]:
        variance = decay * variance + (1.0 - decay) * float(value) ** 2
    return math.sqrt(variance)


def cornish_fisher(series: Floats, alpha: Fraction) -> Expansion | None:
    """Return the expansion, of at least two returns; None where they do not vary, so that skew is undefined.

    z_cf = z + (z^2 - 1) S/6 + (z^3 - 3z) K/24 - (2z^3 - 5z) S^2/36. The mean of it below z follows from the means of z,
    z^2 and z^3 below the normal quantile.
    """
    mean, deviation = float(series.mean()), float(series.std(ddof=1))
    if deviation <= NO_VARIANCE * max(1.0, abs(mean)):
        return None
    centred = series - mean
    second = float((centred**2).mean())
    skew = float((centred**3).mean()) / second**1.5
    kurtosis = float((centred**4).mean()) / second**2 - 3.0
    z, share = normal_quantile(float(alpha)), float(alpha)
    ratio = normal_density(z) / share
    moved = _moved(z, z * z, z**3, skew, kurtosis)
    below = _moved(-ratio, 1.0 - z * ratio, -(z * z + 2.0) * ratio, skew, kurtosis)
    return Expansion(
        z=moved, var=-(mean + moved * deviation), es=-(mean + below * deviation), skew=skew, excess_kurtosis=kurtosis,
        monotone=is_monotone(skew, kurtosis),
    )  # fmt: skip


def _moved(z: float, z2: float, z3: float, skew: float, kurtosis: float) -> float:
    return z + (z2 - 1.0) * skew / 6.0 + (z3 - 3.0 * z) * kurtosis / 24.0 - (2.0 * z3 - 5.0 * z) * skew**2 / 36.0


def is_monotone(skew: float, excess_kurtosis: float) -> bool:
    """Tell whether z_cf rises over the probabilities 1e-4 .. 1 - 1e-4: else a worse quantile could be a smaller loss.

    Its slope is a parabola in z, so its least value lies at an end or at the vertex.
    """
    end = -normal_quantile(MONOTONE_UP_TO)
    bend = excess_kurtosis / 8.0 - skew**2 / 6.0
    tilt = skew / 3.0
    level = 1.0 - excess_kurtosis / 8.0 + 5.0 * skew**2 / 36.0
    places = [-end, end]
    if bend != 0.0 and abs(tilt / (2.0 * bend)) < end:
        places.append(-tilt / (2.0 * bend))
    return min(level + (tilt + bend * z) * z for z in places) > 0.0
