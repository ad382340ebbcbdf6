"""Kelly: the stake that makes wealth grow fastest if the odds were known, and what is left of it because they are not.

All fractions are of wealth and never negative: without an edge the stake is nothing. Half or quarter Kelly, and the
lower bound of the chance to win, are what one bets in earnest. What cannot be raises ValueError.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.quality import DataQualityError
from policies.distributions import beta_quantile
from policies.tail_risk import series_of

Floats = NDArray[np.float64]

PAYOUT_MAX: Final = 1e9
ROUNDING: Final = 1e-12
"""By how much chances that add up to one may miss it."""


class Stake(Struct, frozen=True, kw_only=True):
    """A Kelly fraction of wealth and the growth (log) per bet at it; None with a reason where there is no answer."""

    fraction: float | None
    growth: float | None
    reason: str | None = None


class BoundedStake(Struct, frozen=True, kw_only=True):
    """Kelly from a record of wins and losses: at the mean of the chance to win, at its lower bound, and the stake."""

    mean: float
    lower: float
    fraction_at_mean: float
    fraction_at_lower: float
    stake: float


def discrete_kelly(p_win: float, payout: float, p_tie: float = 0.0) -> Stake:
    """Return f = (p b - q) / (b (p + q)) for a bet that wins `payout` per unit, returns it on a tie, else loses it."""
    _require("p_win", p_win, 0.0, 1.0)
    _require("p_tie", p_tie, 0.0, 1.0 - p_win + ROUNDING)
    _require("payout", payout, 0.0, PAYOUT_MAX)
    p_loss = max(1.0 - p_win - p_tie, 0.0)
    if payout == 0.0 or p_win + p_loss == 0.0:
        return Stake(fraction=0.0, growth=0.0)
    fraction = max(edge_of(p_win, payout, p_tie) / (payout * (p_win + p_loss)), 0.0)
    growth = p_win * math.log1p(fraction * payout)
    if p_loss > 0.0 and fraction > 0.0:
        growth += p_loss * math.log1p(-fraction)
    return Stake(fraction=fraction, growth=growth)


def edge_of(p_win: float, payout: float, p_tie: float = 0.0) -> float:
    """Return the expected gain per unit staked, p b - q; it may be negative."""
    return p_win * payout - max(1.0 - p_win - p_tie, 0.0)


def continuous_kelly(mean: float, deviation: float, risk_free: float = 0.0) -> float:
    """Return (mean - risk free) / variance, as notional per wealth; it may be above 1, and is 0 without an edge."""
    for name, value in (("mean", mean), ("risk_free", risk_free)):
        if not math.isfinite(value):
            raise ValueError(f"{name} {value}: a finite number is allowed")
    if not 0.0 < deviation < math.inf:
        raise ValueError(f"deviation {deviation}: finite and more than 0 is allowed")
    return max((mean - risk_free) / deviation**2, 0.0)


def growth_at(fraction: float, mean: float, deviation: float, risk_free: float = 0.0) -> float:
    """Return the growth rate of wealth with a constant fraction of it invested: r + f (mean - r) - f^2 variance / 2."""
    return risk_free + fraction * (mean - risk_free) - (fraction * deviation) ** 2 / 2.0


def fractional(fraction: float, share: float, cap: float) -> float:
    """Return a share of a Kelly fraction, then cut to the cap; ValueError for a share outside [0, 1]."""
    _require("share", share, 0.0, 1.0)
    _require("cap", cap, 0.0, math.inf)
    return min(fraction * share, cap)


def sample_kelly(r_multiples: Sequence[float]) -> Stake:
    """Return the f in [0, 1 / |worst R|) that maximises mean log(1 + f R) of past results in units of their risk.

    It is the root of mean(R / (1 + f R)), which falls in f. Undefined without results, or while none of them is a loss.
    DataQualityError for a result that is not finite.
    """
    series = series_of(r_multiples)
    if len(series) == 0:
        return Stake(fraction=None, growth=None, reason="no_results")
    if float(series.mean()) <= 0.0:
        return Stake(fraction=0.0, growth=0.0)
    worst = float(series.min())
    if worst >= 0.0:
        return Stake(fraction=None, growth=None, reason="no_losses")
    low, high = 0.0, 1.0 / -worst
    while (middle := (low + high) / 2.0) not in (low, high):
        if _slope(series, middle) > 0.0:
            low = middle
        else:
            high = middle
    return Stake(fraction=low, growth=float(np.log1p(low * series).mean()))


def bounded_kelly(
    wins: int, losses: int, payout: float, confidence: float, share: float, prior: tuple[float, float] = (1.0, 1.0)
) -> BoundedStake:
    """Return Kelly with the chance to win at the lower (1 - confidence) quantile of Beta(a0 + wins, b0 + losses)."""
    if wins < 0 or losses < 0:
        raise DataQualityError(f"wins {wins}, losses {losses}: at least 0 is allowed")
    a, b = prior[0] + wins, prior[1] + losses
    lower = beta_quantile(1.0 - confidence, a, b)
    at_mean, at_lower = (discrete_kelly(p, payout).fraction or 0.0 for p in (a / (a + b), lower))
    return BoundedStake(
        mean=a / (a + b), lower=lower, fraction_at_mean=at_mean, fraction_at_lower=at_lower,
        stake=fractional(at_lower, share, math.inf),
    )  # fmt: skip


def _slope(series: Floats, fraction: float) -> float:
    return float((series / (1.0 + fraction * series)).mean())


def _require(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} {value}: from {least:g} to {most:g} is allowed")
