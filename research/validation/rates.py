"""Rates of success: their intervals, paired comparisons, and p-values of many tests at once."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.distributions import normal_quantile

Floats = NDArray[np.float64]

BETTER_BY_PP: Final = 5
"""Percentage points by which the adaptive rate must be better: a wish of the house."""


def wilson_interval(wins: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return Wilson's score interval of a rate (1927); None without a trial."""
    if not 0 <= wins <= n:
        raise ValueError(f"{wins} wins of {n}; from 0 to all are allowed")
    z = normal_quantile(0.5 + confidence / 2.0)
    if n == 0:
        return None
    rate, scale = wins / n, 1.0 + z * z / n
    centre = (rate + z * z / (2.0 * n)) / scale
    half = z / scale * math.sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n))
    return max(centre - half, 0.0) if wins else 0.0, min(centre + half, 1.0) if wins < n else 1.0


class HitRates(NamedTuple):
    """Hit rates of two ways to decide the same decisions, and what tells them apart.

    `diff_pp` is adaptive less static in percentage points, `relative_pct` in percent of static (None where that is 0).
    Decisions that only one of them hit are counted; McNemar's exact p is two-sided. The interval is a normal one of the
    paired difference, two-sided 95 %.
    """

    n: int
    hit_adaptive: float
    hit_static: float
    diff_pp: float
    relative_pct: float | None
    adaptive_only: int
    static_only: int
    mcnemar_p: float
    low_pp: float | None
    high_pp: float | None
    passes_point: bool
    passes_with_interval: bool


def compare_hit_rates(
    adaptive: Sequence[int], static: Sequence[int], better_by_pp: int = BETTER_BY_PP
) -> HitRates | None:
    """Return the paired comparison of hits (1) and misses (0), in time order; None without a decision.

    It passes with `better_by_pp` points or more, and with the interval when the lower bound is above 0 as well.
    """
    if len(adaptive) != len(static) or not set(adaptive) | set(static) <= {0, 1}:
        raise ValueError(
            f"{len(adaptive)} and {len(static)} decisions; equally many hits (1) and misses (0) are allowed"
        )
    n = len(adaptive)
    if n == 0:
        return None
    differences = [int(one) - int(other) for one, other in zip(adaptive, static, strict=True)]
    only, other_only = differences.count(1), differences.count(-1)
    gain = only - other_only
    low = high = None
    if n > 1:
        variance = (only + other_only - gain * gain / n) / (n - 1)
        half = 100.0 * normal_quantile(0.975) * math.sqrt(variance / n)
        low, high = 100.0 * gain / n - half, 100.0 * gain / n + half
    hits, others = sum(map(int, adaptive)), sum(map(int, static))
    passes = 100 * gain >= better_by_pp * n
    return HitRates(
        n, hits / n, others / n, 100.0 * gain / n, 100.0 * gain / others if others else None, only, other_only,
        _mcnemar(only, other_only), low, high, passes, passes and low is not None and low > 0.0,
    )  # fmt: skip


def _mcnemar(one: int, other: int) -> float:
    """Return the exact two-sided p: twice the chance of the rarer side of a fair coin, at most 1."""
    tosses = one + other
    tail = sum(math.comb(tosses, k) for k in range(min(one, other) + 1))
    return min(1.0, 2 * tail / 2**tosses)


class MultipleTests(NamedTuple):
    """What p-values of many tests are worth: Bonferroni, Holm (1979), Benjamini and Hochberg (1995)."""

    bonferroni_reject: tuple[bool, ...]
    holm_adjusted: tuple[float, ...]
    holm_reject: tuple[bool, ...]
    bh_adjusted: tuple[float, ...]
    bh_reject: tuple[bool, ...]


def multiple_tests(p_values: Sequence[float], alpha: float = 0.05) -> MultipleTests:
    """Return adjusted p-values in the order given; a hypothesis is rejected where its own is at most alpha."""
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0.0) & (p <= 1.0)).all() or not 0.0 < alpha < 1.0:
        raise ValueError("p-values from 0 to 1 and an alpha between 0 and 1 are allowed")
    n = len(p)
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    holm, bh = np.empty(n), np.empty(n)
    holm[order] = np.minimum(np.maximum.accumulate(ranked * (n - np.arange(n))), 1.0)
    bh[order] = np.minimum(np.minimum.accumulate((ranked * n / (np.arange(n) + 1.0))[::-1])[::-1], 1.0)
    rejected = [tuple((one <= alpha).tolist()) for one in (p * n, holm, bh)]
    return MultipleTests(rejected[0], tuple(holm.tolist()), rejected[1], tuple(bh.tolist()), rejected[2])
