"""Quantiles and tails of the few distributions that risk needs at run time: normal, chi-square with one degree, Beta.

Opinions about chance are floats. What has no answer raises ValueError with one line; nothing returns NaN. The tests
hold every function to scipy.
"""

import math
from statistics import NormalDist
from typing import Final

NORMAL: Final = NormalDist()

CONVERGED: Final = 1e-15
TERMS_MAX: Final = 2000
"""Terms of the continued fraction; it needs about the square root of the larger shape."""
TINY: Final = 1e-300


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
    if x in (0.0, 1.0):
        return x
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _lower(1.0 - x, b, a)
    return _lower(x, a, b)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return x with I_x(a, b) = probability, to the last digits, by bisection; probability strictly in (0, 1)."""
    _require_shapes(a, b)
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability {probability}: more than 0 and less than 1 is allowed")
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2.0
        if middle in (low, high):
            return middle
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle


def _require_shapes(a: float, b: float) -> None:
    if not (0.0 < a < math.inf and 0.0 < b < math.inf):
        raise ValueError(f"Beta shapes {a}, {b}: finite and more than 0 is allowed")


def _lower(x: float, a: float, b: float) -> float:
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of I_x(a, b)."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, TERMS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < CONVERGED:
            return value
    raise ValueError(f"Beta shapes {a}, {b}: too large for the incomplete Beta function")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
