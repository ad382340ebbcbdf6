"""How sure a Sharpe ratio is: probabilistic and deflated Sharpe ratio, and the record that would be long enough.

Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier" (2012) and "The deflated Sharpe ratio" (2014).
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError
from policies.distributions import NORMAL, normal_quantile
from research.performance import ZERO_VARIANCE

Floats = NDArray[np.float64]

EULER_MASCHERONI: Final = 0.5772156649015329


class Estimate(NamedTuple):
    """A number, or None with the reason why there is none."""

    value: float | None
    reason: str | None = None


class SharpeMoments(NamedTuple):
    """What the statistics need of a return series: Sharpe ratio per period, length, biased skew and raw kurtosis."""

    sharpe: float
    observations: int
    skew: float
    kurtosis: float

    @property
    def variance(self) -> float:
        """1 - g3 SR + (g4 - 1) / 4 SR^2, the variance of the estimate times its length; can fall to 0 or below."""
        return 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe


def moments_of(returns: Sequence[float] | Floats) -> SharpeMoments | None:
    """Return the moments of a series; None with fewer than two returns or without variance."""
    series = np.asarray(returns, np.float64)
    finite = np.isfinite(series)
    if not finite.all():
        place = int(np.argmin(finite))
        raise DataQualityError(f"return {place} is {series[place]}; returns must be finite")
    if len(series) < 2:
        return None
    mean, deviation = float(np.mean(series)), float(np.std(series, ddof=1))
    if deviation <= ZERO_VARIANCE * max(1.0, abs(mean)):
        return None
    centred = (series - mean) / float(np.std(series))
    return SharpeMoments(mean / deviation, len(series), float(np.mean(centred**3)), float(np.mean(centred**4)))


def probabilistic_sharpe(moments: SharpeMoments, benchmark: float = 0.0) -> Estimate:
    """Return PSR = Phi((SR - SR*) sqrt(T - 1) / sqrt(variance)): how sure it is that the true ratio exceeds SR*."""
    if moments.observations < 2:
        return Estimate(None, "insufficient_data")
    if not moments.variance > 0.0:
        return Estimate(None, "moments_out_of_range")
    root = math.sqrt((moments.observations - 1) / moments.variance)
    return Estimate(NORMAL.cdf((moments.sharpe - benchmark) * root))


def min_track_record(moments: SharpeMoments, benchmark: float = 0.0, confidence: float = 0.95) -> Estimate:
    """Return how many returns it takes to be sure at `confidence` that the true ratio exceeds the benchmark.

    MinTRL = 1 + variance (z / (SR - SR*))^2; undefined where SR <= SR*: no record of that kind is long enough.
    """
    z = normal_quantile(confidence)
    if not moments.variance > 0.0:
        return Estimate(None, "moments_out_of_range")
    if moments.sharpe <= benchmark:
        return Estimate(None, "not_above_benchmark")
    return Estimate(1.0 + moments.variance * (z / (moments.sharpe - benchmark)) ** 2)


def expected_max_z(trials: int) -> float:
    """Return (1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)): the most of N standard normals, about; 0 for one."""
    if trials < 1:
        raise ValueError(f"{trials} trials; at least 1 is allowed")
    if trials == 1:
        return 0.0
    g = EULER_MASCHERONI
    return (1.0 - g) * normal_quantile(1.0 - 1.0 / trials) + g * normal_quantile(1.0 - 1.0 / (trials * math.e))


def independent_trials(returns: Floats) -> float:
    """Return rho + (1 - rho) N, how many independent trials N alike ones of returns [T, N] amount to, about.

    rho is the mean correlation of all pairs, one below 0 counted as 0; a trial that never moves is like no other.
    """
    table = np.asarray(returns, np.float64)
    count = table.shape[1]
    if count < 2 or len(table) < 2:
        return float(count)
    centred = table - table.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0.0, length, 1.0)
    pairs = float((unit.sum(axis=1) ** 2).sum()) - int((length > 0.0).sum())
    rho = min(max(pairs / (count * (count - 1)), 0.0), 1.0)
    return rho + (1.0 - rho) * count


def luck_threshold(trials: int, variance_of_trials: float) -> float:
    """Return SR0 = sqrt(V) x `expected_max_z`: the Sharpe ratio that the best of N trials without any skill reaches.

    V is the variance (ddof 1) of the trials' Sharpe ratios per period.
    """
    if not 0.0 <= variance_of_trials < math.inf:
        raise ValueError(f"variance of trials {variance_of_trials}; a finite number from 0 is allowed")
    return math.sqrt(variance_of_trials) * expected_max_z(trials)


def deflated_sharpe(moments: SharpeMoments, trials: int, variance_of_trials: float) -> Estimate:
    """Return DSR = PSR(SR0): how sure it is that the ratio is not just the best of so many tries."""
    return probabilistic_sharpe(moments, luck_threshold(trials, variance_of_trials))


class DeflatedSharpe(NamedTuple):
    """The best of some trials, deflated by their number and spread. A trial that never moves has the ratio 0."""

    best: int
    trial_sharpes: tuple[float, ...]
    moments: SharpeMoments
    variance_of_trials: float
    threshold: float
    psr: Estimate
    dsr: Estimate


def select_and_deflate(returns: Floats) -> DeflatedSharpe | None:
    """Return the deflated Sharpe ratio of the best column of returns [T, N]; None where no column ever moves."""
    found = [moments_of(column) for column in np.asarray(returns, np.float64).T]
    ratios = tuple(0.0 if one is None else one.sharpe for one in found)
    best = max(range(len(ratios)), key=ratios.__getitem__, default=None)
    if best is None:
        return None
    moments = found[best]
    if moments is None:  # the best lay still, and all that moved lost
        return None
    spread = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    threshold = luck_threshold(len(ratios), spread)
    psr, dsr = probabilistic_sharpe(moments), probabilistic_sharpe(moments, threshold)
    return DeflatedSharpe(best, ratios, moments, spread, threshold, psr, dsr)
