"""How good claimed probabilities were: reliability by bucket, Brier score and its parts, ECE, MCE, log loss.

ECE = sum(n_b / N |hit rate - mean claim|) over buckets (i/M, (i+1)/M]; MCE is the largest such gap. Murphy's parts:
reliability (gaps squared), resolution (how far the buckets' hit rates lie from the whole's), uncertainty p (1 - p).
What is undefined is None with nothing in its place.
"""

import math
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.quality import DataQualityError
from policies.calibration import beta_mean, bucket_index
from policies.distributions import beta_quantile

Floats = NDArray[np.float64]

LOG_LOSS_CLIP: Final = 1e-15
"""How near to 0 and 1 a probability counts in the log loss."""


class Bucket(Struct, frozen=True, kw_only=True):
    """One bucket (low, high]: outcomes, wins, mean claim and hit rate, the Beta posterior's mean and 95 % interval."""

    bucket: int
    low: float
    high: float
    n: int
    wins: int
    mean_confidence: float | None
    empirical: float | None
    posterior_mean: float
    ci95_low: float
    ci95_high: float


class Reliability(Struct, frozen=True, kw_only=True):
    """Claims against outcomes, all of them; skill is against always claiming the hit rate, None where that is sure."""

    buckets: tuple[Bucket, ...]
    n: int
    hit_rate: float
    ece: float
    mce: float
    brier: float
    brier_skill_vs_base_rate: float | None
    log_loss: float
    murphy_reliability: float
    murphy_resolution: float
    murphy_uncertainty: float


def reliability_of(probability: Any, outcome: Any, buckets: int, prior_strength: float = 10.0) -> Reliability:
    """Return the report of claims (n,) in [0, 1] and their outcomes, 0 or 1.

    DataQualityError for anything else, or for no claims; ValueError for no buckets or a prior of no strength.
    """
    claims, hits = _fit(probability, outcome)
    if buckets < 1:
        raise ValueError(f"buckets {buckets}: at least 1 is allowed")
    if not 0.0 < prior_strength < math.inf:
        raise ValueError(f"prior_strength {prior_strength}: more than 0 is allowed")
    members = np.array([bucket_index(float(claim), buckets) for claim in claims])
    table = tuple(_bucket(k, buckets, claims[members == k], hits[members == k], prior_strength) for k in range(buckets))
    gaps = [
        (row.n / len(claims), row.empirical - row.mean_confidence, row.empirical)
        for row in table
        if row.empirical is not None and row.mean_confidence is not None
    ]
    rate, brier = float(hits.mean()), float(((claims - hits) ** 2).mean())
    uncertainty = rate * (1.0 - rate)
    clipped = np.clip(claims, LOG_LOSS_CLIP, 1.0 - LOG_LOSS_CLIP)
    return Reliability(
        buckets=table, n=len(claims), hit_rate=rate, brier=brier,
        ece=sum(share * abs(gap) for share, gap, _ in gaps),
        mce=max(abs(gap) for _, gap, _ in gaps),
        brier_skill_vs_base_rate=1.0 - brier / uncertainty if uncertainty > 0.0 else None,
        log_loss=float(-(hits * np.log(clipped) + (1.0 - hits) * np.log1p(-clipped)).mean()),
        murphy_reliability=sum(share * gap**2 for share, gap, _ in gaps),
        murphy_resolution=sum(share * (empirical - rate) ** 2 for share, _, empirical in gaps),
        murphy_uncertainty=uncertainty,
    )  # fmt: skip


def _fit(probability: Any, outcome: Any) -> tuple[Floats, Floats]:
    claims, hits = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    if claims.ndim != 1 or claims.shape != hits.shape or not len(claims):
        raise DataQualityError(f"{claims.shape} claims, {hits.shape} outcomes: as many of both, one at least")
    for name, values, fit in (
        ("claim", claims, (claims >= 0.0) & (claims <= 1.0)),
        ("outcome", hits, (hits == 0.0) | (hits == 1.0)),
    ):
        if not fit.all():
            bad = int(np.argmin(fit))
            allowed = "from 0 to 1" if name == "claim" else "0 or 1"
            raise DataQualityError(f"{name} {bad} is {values[bad]}: {allowed} is allowed")
    return claims, hits


def _bucket(number: int, buckets: int, claims: Floats, hits: Floats, strength: float) -> Bucket:
    middle, count, wins = (number + 0.5) / buckets, len(claims), int(hits.sum())
    a, b = strength * middle + wins, strength * (1.0 - middle) + count - wins
    return Bucket(
        bucket=number, low=number / buckets, high=(number + 1) / buckets, n=count, wins=wins,
        mean_confidence=float(claims.mean()) if count else None,
        empirical=wins / count if count else None,
        posterior_mean=float(beta_mean(wins, count, middle, strength)),
        ci95_low=beta_quantile(0.025, a, b), ci95_high=beta_quantile(0.975, a, b),
    )  # fmt: skip
