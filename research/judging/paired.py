"""Whether one series of returns beats another by more than luck: a paired block bootstrap, and Holm over several.

The differences of two series are drawn in blocks, so that neighbours may depend on each other; the null is recentred:
a bootstrapped mean less the sample's. One-sided p = (1 + #{mean* - mean >= mean}) / (B + 1): no finite bootstrap
claims certainty. Politis and Romano (1994); Holm (1979) is `research.validation.multiple_tests`.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError
from research.validation.bootstrap import Floats, Indices

BOOTSTRAPS: Final = 4999
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
    ours, theirs = np.asarray(policy, np.float64), np.asarray(baseline, np.float64)
    rows = np.asarray(indices, np.int64)
    if ours.ndim != 1 or ours.shape != theirs.shape or rows.ndim != 2 or rows.shape[1:] != ours.shape or not rows.size:
        raise ValueError(f"policy {ours.shape}, baseline {theirs.shape}, indices {rows.shape}: [n], [n], [B, n] needed")
    if rows.min() < 0 or rows.max() >= len(ours):
        raise ValueError(f"indices from {rows.min()} to {rows.max()}; from 0 to {len(ours) - 1} are allowed")
    difference: NDArray[np.float64] = ours - theirs
    if not np.isfinite(difference).all():
        raise DataQualityError(f"period {int(np.argmin(np.isfinite(difference)))}: a return is not finite")
    mean = float(difference.mean())
    means = difference[rows].mean(axis=1)
    above = int((means - mean >= mean).sum())
    low, high = np.percentile(means, (TAIL, 100.0 - TAIL))
    return Comparison(mean, (1 + above) / (len(rows) + 1), float(low), float(high))
