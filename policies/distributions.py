"""Quantiles and tails of the few distributions that risk needs at run time: normal, chi-square with one degree, Beta.

Opinions about chance are floats. What has no answer raises ValueError with one line; nothing returns NaN. The tests
hold every function to scipy.
"""

import math
from statistics import NormalDist
from typing import Final

from market.compiled import compiled

NORMAL: Final = NormalDist()

CONVERGED: Final = 1e-15
TERMS_MAX: Final = 2000
"""Terms of the continued fraction; it needs about the square root of the larger shape."""
TINY: Final = 1e-300
HALVINGS_MAX: Final = 1200
"""Steps of a bisection at most: down to the smallest float there is."""


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = probability; ValueError unless it lies strictly between 0 and 1."""
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability {probability}: more than 0 and less than 1 is allowed")
    return NORMAL.inv_cdf(probability)


def normal_density(z: float) -> float:
    """Return the density of the standard normal at z."""
    return NORMAL.pdf(z)


def chi_square_tail(statistic: float) -> float:
    """Return P(X >= statistic) for a chi-square with one degree of freedom: erfc(sqrt(x / 2))."""
    if not statistic >= 0.0:
        raise ValueError(f"chi-square statistic {statistic}: at least 0 is allowed")
    return math.erfc(math.sqrt(statistic / 2.0))


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete Beta function I_x(a, b); a, b > 0.

    Continued fraction by Lentz's method, on the side where it converges fast. Source: DLMF 8.17.22.
    """
    _require_shapes(a, b)
    if not 0.0 <= x <= 1.0:
        raise ValueError(f"x {x}: from 0 to 1 is allowed")
    return _converged(float(beta_below(float(x), float(a), float(b))), a, b)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = probability, to the last digits, by bisection; probability strictly in (0, 1)."""
    _require_shapes(a, b)
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability {probability}: more than 0 and less than 1 is allowed")
    return _converged(float(beta_point(float(probability), float(a), float(b))), a, b)


def _converged(value: float, a: float, b: float) -> float:
    if math.isnan(value):
        raise ValueError(f"Beta shapes {a}, {b}: too large for the incomplete Beta function")
    return value


def _require_shapes(a: float, b: float) -> None:
    if not (0.0 < a < math.inf and 0.0 < b < math.inf):
        raise ValueError(f"Beta shapes {a}, {b}: finite and more than 0 is allowed")


@compiled
def beta_below(x: float, a: float, b: float) -> float:
    """Return I_x(a, b) for x in [0, 1] and shapes above 0, in kernels; NaN where shapes are too large for it."""
    if x <= 0.0 or x >= 1.0:
        return x
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _lower(1.0 - x, b, a)
    return _lower(x, a, b)


@compiled
def beta_point(probability: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = probability, in kernels: to the last digits, by bisection; NaN as `beta_below`."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS_MAX):
        middle = (low + high) / 2.0
        if middle <= low or middle >= high:
            break
        below = beta_below(middle, a, b)
        if math.isnan(below):
            return math.nan
        if below < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


@compiled
def _lower(x: float, a: float, b: float) -> float:
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    return front * _fraction(x, a, b) / a


@compiled
def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of I_x(a, b); NaN where it does not converge."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, TERMS_MAX):
        term = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + term * d)
        c = _away_from_zero(1.0 + term / c)
        value *= c * d
        term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + term * d)
        c = _away_from_zero(1.0 + term / c)
        value *= c * d
        if abs(c * d - 1.0) < CONVERGED:
            return value
    return math.nan


@compiled
def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
