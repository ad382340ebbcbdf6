"""Covariance and correlation that can be trusted with few returns: shrunk towards a multiple of the identity.

The raw sample covariance of n instruments is noise until there are some ten returns for each. Ledoit and Wolf's
estimate is (1 - s) S + s m I, with S the biased covariance of centred returns, m its mean variance, and s the share
that minimises the expected error. Where only correlation is wanted, returns are divided by their deviations first: a
volatile instrument must not lend its variance to a quiet one.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

OBSERVATIONS_MIN: Final = 30
"""Common returns below which a correlation counts as not measured."""


class Covariance(NamedTuple):
    """A shrunk covariance with the share of the target in it, and the biased sample covariance it began with."""

    shrunk: Floats
    shrinkage: float
    sample: Floats


class Measured(NamedTuple):
    """What returns say of n instruments: deviations (n,) per period, shrunk correlation (n, n), common returns (n, n).

    Deviations and correlations that were not measured are NaN, and their number of common returns is 0.
    """

    deviation: Floats
    correlation: Floats
    observations: Counts
    shrinkage: float | None


def ledoit_wolf(returns: Floats) -> Covariance:
    """Return Ledoit and Wolf's covariance of returns (rows, n), per period squared.

    DataQualityError without at least two rows, or for a value that is not finite.
    Source: Ledoit, Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices".
    """
    centred, sample = _sample(returns)
    rows, count = centred.shape
    mean_variance = float(np.trace(sample)) / count
    squares = centred**2
    noise = (float((squares.T @ squares).sum()) / rows - float((sample**2).sum())) / rows
    distance = float((sample**2).sum()) - count * mean_variance**2
    share = min(max(noise / distance, 0.0), 1.0) if distance > 0.0 else 0.0
    return Covariance(_shrunk(sample, share, mean_variance), share, sample)


def oracle_approximating(returns: Floats) -> Covariance:
    """Return the oracle-approximating shrinkage of returns (rows, n); errors as `ledoit_wolf`.

    Source: Chen, Wiesel, Eldar, Hero (2010), "Shrinkage algorithms for MMSE covariance estimation", without the factor
    2 / n of its numerator, as scikit-learn has it.
    """
    centred, sample = _sample(returns)
    rows, count = centred.shape
    mean_variance = float(np.trace(sample)) / count
    square = float((sample**2).mean())
    denominator = (rows + 1) * (square - mean_variance**2 / count)
    share = 1.0 if denominator <= 0.0 else min((square + mean_variance**2) / denominator, 1.0)
    return Covariance(_shrunk(sample, share, mean_variance), share, sample)


def measure(returns: Floats, observations_min: int = OBSERVATIONS_MIN) -> Measured:
    """Return deviations and shrunk correlations of returns (rows, n) of one clock; NaN where a return is missing.

    Only rows that all measured instruments have are used; the instrument with fewest returns is given up first, until
    at least `observations_min` common rows are left. An instrument that does not move is not measured.
    """
    if returns.ndim != 2 or np.isinf(returns).any():
        raise DataQualityError(f"returns of shape {returns.shape}: rows of finite numbers or NaN are allowed")
    count = returns.shape[1]
    known = np.isfinite(returns)
    kept = [i for i in range(count) if known[:, i].any() and np.ptp(returns[known[:, i], i]) > 0.0]
    rows = np.zeros(0, np.int64)
    while kept:
        rows = np.flatnonzero(known[:, np.array(kept)].all(axis=1))
        flat = [i for i in kept if len(rows) >= observations_min and np.ptp(returns[rows, i]) == 0.0]
        if len(rows) >= observations_min and not flat:
            break
        kept.remove(flat[0] if flat else min(kept, key=lambda i: (int(known[:, i].sum()), i)))
    measured = Measured(
        np.full(count, math.nan), np.full((count, count), math.nan), np.zeros((count, count), np.int64), None
    )
    if not kept:
        return measured
    chosen = np.array(kept)
    series = returns[np.ix_(rows, chosen)]
    deviation = series.std(axis=0, ddof=1)
    found = ledoit_wolf((series - series.mean(axis=0)) / deviation)
    scale = np.sqrt(np.diag(found.shrunk))
    correlation = np.clip(found.shrunk / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    measured.deviation[chosen] = deviation
    measured.correlation[np.ix_(chosen, chosen)] = correlation
    measured.observations[np.ix_(chosen, chosen)] = len(rows)
    return measured._replace(shrinkage=found.shrinkage)


def _sample(returns: Floats) -> tuple[Floats, Floats]:
    if returns.ndim != 2 or len(returns) < 2 or returns.shape[1] == 0:
        raise DataQualityError(f"returns of shape {returns.shape}: at least two rows of one column are allowed")
    if not np.isfinite(returns).all():
        raise DataQualityError("returns: finite numbers are allowed")
    centred = returns - returns.mean(axis=0)
    return centred, centred.T @ centred / len(returns)


def _shrunk(sample: Floats, share: float, mean_variance: float) -> Floats:
    return (1.0 - share) * sample + share * mean_variance * np.eye(len(sample))
