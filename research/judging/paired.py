"""Whether one series of returns beats another by more than luck: a paired block bootstrap, and Holm over several.

The differences of two series are drawn in blocks, so that neighbours may depend on each other; the null is recentred:
a bootstrapped mean less the sample's. One-sided p = (1 + #{mean* - mean >= mean}) / (B + 1): no finite bootstrap
claims certainty. Politis and Romano (1994); Holm (1979) is `research.validation.multiple_tests`.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError
from research.validation.bootstrap import Floats, Indices, stationary_indices

BOOTSTRAPS: Final = 1999
BATCH: Final = 250
"""Bootstraps drawn at a time, so that many periods fit in memory."""
TAIL: Final = 2.5
"""Percent of the bootstraps on either side of the interval."""


class Comparison(NamedTuple):
    """Mean difference per period, the one-sided p-value of it being above 0, and its 95 % percentile interval."""

    mean_difference: float
    p_value: float
    low: float
    high: float


def block_length(periods: int) -> int:
    """Return the mean block of a stationary bootstrap of so many periods: the rule n^(1/3), rounded, at least 1."""
    return max(1, round(periods ** (1.0 / 3.0)))


def paired_bootstrap(policy: Floats, baseline: Floats, indices: Indices) -> Comparison:
    """Compare two series [n] of returns of the same periods under drawn rows [B, n]."""
    rows, difference = np.asarray(indices, np.int64), _difference(policy, baseline)
    if rows.ndim != 2 or rows.shape[1:] != difference.shape or not rows.size:
        raise ValueError(f"indices {rows.shape}: [B, {len(difference)}] is allowed")
    if rows.min() < 0 or rows.max() >= len(difference):
        raise ValueError(f"indices from {rows.min()} to {rows.max()}; from 0 to {len(difference) - 1} are allowed")
    return _comparison(difference, difference[rows].mean(axis=1))


def compare(policy: Floats, baseline: Floats, block: float, count: int, seed: int) -> Comparison:
    """Compare two series [n] by `count` stationary bootstraps with blocks of `block` periods on average."""
    difference, generator = _difference(policy, baseline), np.random.default_rng(seed)
    batches = [min(BATCH, count - begin) for begin in range(0, count, BATCH)]
    means = [difference[stationary_indices(len(difference), block, size, generator)].mean(axis=1) for size in batches]
    return _comparison(difference, np.concatenate(means))


def _difference(policy: Floats, baseline: Floats) -> Floats:
    ours, theirs = np.asarray(policy, np.float64), np.asarray(baseline, np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape or not len(ours):
        raise ValueError(f"policy {ours.shape}, baseline {theirs.shape}: the same [n] with n >= 1 is allowed")
    found: NDArray[np.float64] = ours - theirs
    if not np.isfinite(found).all():
        raise DataQualityError(f"period {int(np.argmin(np.isfinite(found)))}: a return is not finite")
    return found


def _comparison(difference: Floats, means: Floats) -> Comparison:
    mean = float(difference.mean())
    above = int((means - mean >= mean).sum())
    low, high = np.percentile(means, (TAIL, 100.0 - TAIL))
    return Comparison(mean, (1 + above) / (len(means) + 1), float(low), float(high))
