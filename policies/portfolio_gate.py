"""The portfolio gate: which limits of the whole portfolio a new exposure would break. Compiled, allocates nothing.

Three limits: value at risk of everything together, gross notional of the new exposure's cluster, and no other position
that would be the same bet. It fails closed: an exposure that nobody could value, a deviation or correlation that is
NaN, an estimate that is missing, too old or from the future, an equity of nothing: each of them objects. A limit of 0
is a limit of zero, never "no limit".

What was not measured from enough common returns never helps: such a pair gives no diversification (its results are
added as if they were one), and within one asset class it counts as the same bet, whatever the sides.

The owner of the book writes exposures (`expose`) as positions and working orders move, and hands over an estimate
(`learn`) when there is a new one. `objections` is asked about OPENING legs only: what reduces always passes elsewhere.
"""

import math
from collections.abc import Sequence
from enum import IntFlag
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded
from market.records import Record, Records, record_type, records
from policies.correlation_gate import conflicts, effective_correlation
from policies.gates import position_cap
from policies.shrinkage import OBSERVATIONS_MIN, Measured

EXPOSURE_MAX: Final = 2**53
"""Money beyond which an exposure is impossible (nine thousand million of a currency); sums of it fit 63 bits."""
SWING, PULL, FEAR = 0, 1, 2
"""Rows of `work`: what an exposure moves by, what those before it move with it, what those not measured may."""
UNKNOWN: Final = -(2**63)
"""An exposure that could not be valued: no price or no rate."""


ROUNDING: Final = 1e-9
"""A variance this far below zero, as a share of that of the positions apart, is rounding; below is no correlation."""


class PortfolioRule(IntFlag):
    """Why the gate objects, a bit each."""

    VAR_LIMIT = 1
    CLUSTER_CAP = 2
    SAME_BET = 4
    NOT_MEASURED = 8


PORTFOLIO_LIMITS: Final = record_type("var_max cluster_ppm_max stale_after_ns", floats="z correlation_max")
"""`var_max` account money at `z` deviations of one period; `cluster_ppm_max` of equity, gross; `stale_after_ns` the age
of an estimate; `correlation_max` the effective correlation from which on two positions are the same bet."""


class Portfolio(NamedTuple):
    """Per instrument: exposures in account money, what was estimated of it, and a row to compute in.

    `net` (n,) is signed, `gross` (n,) at least |net|: see `expose`. `deviation` (n,) per period. Of a pair that was not
    measured `correlation` (n, n) is 0 and `blind` (n, n) 1. `classes` (n,) are asset classes; `clusters` (n,) is -1 and
    `estimated_ns` (1,) is 0 before the first estimate. `work` (3, n) is room to compute in.
    """

    net: NDArray[np.int64]
    gross: NDArray[np.int64]
    deviation: NDArray[np.float64]
    correlation: NDArray[np.float64]
    blind: NDArray[np.float64]
    classes: NDArray[np.int64]
    clusters: NDArray[np.int64]
    estimated_ns: NDArray[np.int64]
    work: NDArray[np.float64]


def open_portfolio(classes: Sequence[int]) -> Portfolio:
    """Return a portfolio of n instruments with nothing in it, of which nothing was measured."""
    count = len(classes)
    return Portfolio(
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.full(count, math.nan),
        np.zeros((count, count)),
        np.ones((count, count)),
        np.array(classes, np.int64),
        np.full(count, -1, np.int64),
        np.zeros(1, np.int64),
        np.zeros((3, count)),
    )


def portfolio_limits(**terms: float) -> Records:
    """Return a record of limits; a limit that is not named stays 0: nothing passes."""
    limits = records(1, PORTFOLIO_LIMITS)
    for name, value in terms.items():
        limits[0][name] = value
    return limits


def learn(
    portfolio: Portfolio, measured: Measured, clusters: Sequence[int], time_ns: int, least: int = OBSERVATIONS_MIN
) -> None:
    """Take an estimate; a pair with fewer than `least` common returns counts as not measured.

    ValueError when it is of another number of instruments. A measured correlation that is none becomes NaN.
    """
    if measured.correlation.shape != portfolio.correlation.shape or len(clusters) != len(portfolio.clusters):
        raise ValueError(f"an estimate of {measured.correlation.shape} does not fit {len(portfolio.net)} instruments")
    portfolio.deviation[:] = measured.deviation
    known = measured.observations >= least
    sound = np.where(np.abs(measured.correlation) <= 1.0, measured.correlation, math.nan)
    portfolio.correlation[:] = np.where(known, sound, 0.0)
    portfolio.blind[:] = ~known
    portfolio.clusters[:] = clusters
    portfolio.estimated_ns[0] = time_ns


@compiled
def expose(portfolio: Portfolio, instrument: int, held: int, buying: int, selling: int) -> None:
    """Write what an instrument may come to, in account money: held signed, working orders by side, both at least 0.

    `net` is the extreme that is further from nothing, whichever orders fill; `gross` counts every order in full.
    """
    most, least = held + buying, held - selling
    portfolio.net[instrument] = most if abs(most) >= abs(least) else least
    portfolio.gross[instrument] = abs(held) + buying + selling


@compiled
def is_valued(net: int, gross: int) -> bool:
    """Tell whether an exposure is one that can be."""
    return bool(-EXPOSURE_MAX <= net <= EXPOSURE_MAX and abs(net) <= gross <= EXPOSURE_MAX)


@compiled
def is_known(portfolio: Portfolio, limits: Record, now_ns: int) -> bool:
    """Tell whether all exposures are valued, the estimate is fresh, and the limits are numbers."""
    age_ns = now_ns - portfolio.estimated_ns[0]
    if portfolio.estimated_ns[0] <= 0 or age_ns < 0 or age_ns > limits.stale_after_ns:
        return False
    if not 0.0 < limits.z < math.inf or math.isnan(limits.correlation_max):
        return False
    unvalued = 0
    for i in range(len(portfolio.net)):
        unvalued += not is_valued(portfolio.net[i], portfolio.gross[i])
    return unvalued == 0


@compiled
def added(instrument: int, instrument0: int, notional0: int, instrument1: int, notional1: int) -> int:
    """Return what the legs add to an instrument."""
    return (notional0 if instrument == instrument0 else 0) + (notional1 if instrument == instrument1 else 0)


@folded
def value_at_risk(portfolio: Portfolio, limits: Record, legs: tuple[int, int, int, int]) -> float:
    """Return z sqrt(sum of x_i x_j rho_ij) with x the exposures times their deviations; NaN where one cannot be.

    A pair that was not measured adds |x_i x_j|: nothing is believed to hedge it.
    """
    count, work, correlation, blind = len(portfolio.net), portfolio.work, portfolio.correlation, portfolio.blind
    for i in range(count):
        exposure = portfolio.net[i] + added(i, legs[0], legs[1], legs[2], legs[3])
        if exposure != 0 and not portfolio.deviation[i] >= 0.0:
            return math.nan
        work[SWING, i] = exposure * portfolio.deviation[i] if exposure != 0 else 0.0
        work[PULL, i] = work[FEAR, i] = 0.0
    variance = apart = 0.0
    for i in range(count):
        swing = work[SWING, i]
        if swing == 0.0:
            continue
        size = abs(swing)
        variance += swing * (swing + 2.0 * work[PULL, i]) + 2.0 * size * work[FEAR, i]
        apart += swing * swing
        for j in range(i + 1, count):  # each place by itself, no sum: the compiler takes several at a time
            work[PULL, j] += correlation[i, j] * swing
            work[FEAR, j] += blind[i, j] * size
    if not variance >= -ROUNDING * apart:
        return math.nan
    return limits.z * math.sqrt(max(variance, 0.0))


@compiled
def cluster_gross(portfolio: Portfolio, instrument: int, legs: tuple[int, int, int, int]) -> int:
    """Return the gross notional of an instrument's cluster with the legs in it."""
    total = 0
    for j in range(len(portfolio.gross)):
        if portfolio.clusters[j] == portfolio.clusters[instrument]:
            total += portfolio.gross[j]
            for leg in range(2):
                if legs[2 * leg] == j:
                    total += abs(legs[2 * leg + 1])
    return total


@compiled
def same_bet(portfolio: Portfolio, limits: Record, leg: int, legs: tuple[int, int, int, int]) -> bool:
    """Tell whether another position, or the other leg, would be the same bet as this leg."""
    i, side = legs[2 * leg], 1 if legs[2 * leg + 1] > 0 else -1
    for j in range(len(portfolio.net)):
        other = portfolio.net[j] + (legs[3 - 2 * leg] if legs[2 - 2 * leg] == j else 0)
        if j == i or other == 0:
            continue
        if portfolio.blind[i, j] != 0.0:
            effective = 1.0 if portfolio.classes[i] == portfolio.classes[j] else 0.0
        else:
            effective = effective_correlation(portfolio.correlation[i, j], side, 1 if other > 0 else -1)
        if conflicts(effective, limits.correlation_max):
            return True
    return False


@folded
def objections(
    portfolio: Portfolio, limits: Record, equity: int, now_ns: int, legs: tuple[int, int, int, int]
) -> int:  # fmt: skip
    """Return the `PortfolioRule` bits that opening legs would break; 0 when they break none.

    `legs` = (instrument, signed notional in account money) twice; the second instrument is -1 where there is one leg.
    """
    count = len(portfolio.net)
    if not is_known(portfolio, limits, now_ns) or equity <= 0 or not 0 <= legs[0] < count or not -1 <= legs[2] < count:
        return PortfolioRule.NOT_MEASURED.value
    bits = 0
    for leg in range(2):
        i, notional = legs[2 * leg], legs[2 * leg + 1]
        if i < 0:
            continue
        if not -EXPOSURE_MAX <= notional <= EXPOSURE_MAX or portfolio.clusters[i] < 0:
            return PortfolioRule.NOT_MEASURED.value
        if cluster_gross(portfolio, i, legs) > position_cap(equity, limits.cluster_ppm_max):
            bits |= PortfolioRule.CLUSTER_CAP.value
        if notional != 0 and same_bet(portfolio, limits, leg, legs):
            bits |= PortfolioRule.SAME_BET.value
    risk = value_at_risk(portfolio, limits, legs)
    if math.isnan(risk):
        bits |= PortfolioRule.NOT_MEASURED.value
    if not risk <= limits.var_max:
        bits |= PortfolioRule.VAR_LIMIT.value
    return bits
