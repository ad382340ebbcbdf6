"""Whether the best of many sets beats a benchmark by more than luck: White's reality check and Hansen's SPA.

White, "A reality check for data snooping" (2000); Hansen, "A test for superior predictive ability" (2005); stationary
bootstrap: Politis and Romano (1994). As arch.bootstrap.SPA has them; a p-value in a report is (1 + #) / (B + 1), so
that no finite bootstrap claims certainty.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def stationary_indices(n: int, mean_block: float, count: int, generator: np.random.Generator) -> Indices:
    """Return row numbers [count, n] of a stationary bootstrap: blocks of geometric length, wrapping round the end.

    A place begins a new block at random with probability 1 / mean_block, else it follows the one before it.
    """
    if n < 1 or count < 1 or not 1.0 <= mean_block < math.inf:
        raise ValueError(f"n {n}, count {count}, mean block {mean_block}: at least 1 each is allowed")
    starts = generator.integers(0, n, (count, n))
    fresh = generator.random((count, n)) < 1.0 / mean_block
    fresh[:, 0] = True
    places = np.arange(n)
    begun = np.maximum.accumulate(np.where(fresh, places, 0), axis=1)
    return np.asarray((np.take_along_axis(starts, begun, axis=1) + places - begun) % n, np.int64)


class RealityCheck(NamedTuple):
    """The reality check: mean excess per set, max sqrt(n) mean, and the share of bootstraps that exceed it.

    `p_value_strict` is # / B, `p_value` (1 + #) / (B + 1).
    """

    mean_excess: Floats
    statistic: float
    p_value_strict: float
    p_value: float


def reality_check(excess: Floats, indices: Indices) -> RealityCheck:
    """Return White's test of returns over the benchmark [n, K]: H0, none of the sets is better than the benchmark.

    The null is recentred: the bootstrap's means less the sample's.
    """
    table, counts = _checked(excess, indices)
    n = len(table)
    means = table.mean(axis=0)
    statistic = float(math.sqrt(n) * means.max())
    tries = math.sqrt(n) * (counts @ table / n - means).max(axis=1)
    above = int((tries > statistic).sum())
    return RealityCheck(means, statistic, above / len(counts), (1 + above) / (len(counts) + 1))


def superior_ability(excess: Floats, indices: Indices) -> float | None:
    """Return the consistent p-value of Hansen's test, (1 + #) / (B + 1); None where no set ever differs.

    Studentised by the deviation of the bootstrapped means; sets too bad to matter are not recentred, so that adding
    some does not hide a good one.
    """
    table, counts = _checked(excess, indices)
    moving = table[:, table.std(axis=0) > 0.0]
    if not moving.shape[1]:
        return None
    n = len(moving)
    means = moving.mean(axis=0)
    shifts = math.sqrt(n) * (counts @ moving / n - means)
    deviation = np.sqrt((shifts**2).mean(axis=0))
    good = means * math.sqrt(n) / deviation >= -math.sqrt(2.0 * math.log(math.log(max(n, 3))))
    statistic = max(0.0, float((math.sqrt(n) * means / deviation).max()))
    tries = np.maximum(((shifts + np.where(good, 0.0, math.sqrt(n) * means)) / deviation).max(axis=1), 0.0)
    return (1 + int((tries > statistic).sum())) / (len(counts) + 1)


def mean_interval(values: Floats, indices: Indices, confidence: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of the mean of a series under a bootstrap: neighbours may depend on each other."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence}; more than 0 and less than 1 is allowed")
    table, counts = _checked(np.asarray(values, np.float64)[:, None], indices)
    means = (counts @ table)[:, 0] / len(table)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return float(low), float(high)


def _checked(excess: Floats, indices: Indices) -> tuple[Floats, Floats]:
    """Return the table, and how often each bootstrap draws each row."""
    table, rows = np.asarray(excess, np.float64), np.asarray(indices, np.int64)
    n = len(table)
    if table.ndim != 2 or n < 2 or not table.shape[1] or rows.ndim != 2 or rows.shape[1:] != (n,) or not len(rows):
        raise ValueError(f"excess {table.shape}, indices {rows.shape}: [n, K] with n >= 2 and [B, n] are allowed")
    if rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"indices from {rows.min()} to {rows.max()}; from 0 to {n - 1} are allowed")
    finite = np.isfinite(table).all(axis=0)
    if not finite.all():
        raise DataQualityError(f"returns of column {int(np.argmin(finite))} are not finite")
    flat = (rows + n * np.arange(len(rows))[:, None]).ravel()
    return table, np.bincount(flat, minlength=rows.size).reshape(rows.shape).astype(np.float64)
