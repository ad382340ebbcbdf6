"""Whose risk is it? A portfolio's VaR and ES shared out over its positions, so that the shares add up to the whole.

Parametric, zero mean: VaR = z sqrt(w' C w), with w the signed notional of each position in account currency.
marginal_i = z (C w)_i / sigma, component_i = w_i marginal_i (Euler: they sum to VaR; a hedge's is negative),
incremental_i = VaR - VaR without position i. Historical ES_i = -mean(w_i r_i) over the portfolio's own tail.
"""

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.quality import DataQualityError
from policies.distributions import normal_quantile
from policies.tail_risk import alpha_of, tail_count

Floats = NDArray[np.float64]

ROUNDING: Final = 1e-12
"""A variance this far below zero, as a share of the one without any netting, is rounding; further below is no
covariance matrix."""


class ComponentVar(Struct, frozen=True, kw_only=True):
    """Shares of a parametric VaR, in the order and currency of the weights; without any risk, shares are None."""

    sigma: float
    var: float
    undiversified: float
    marginal: tuple[float, ...] | None
    component: tuple[float, ...] | None
    fraction: tuple[float, ...] | None
    incremental: tuple[float, ...] | None
    reason: str | None = None


class ComponentEs(Struct, frozen=True, kw_only=True):
    """Shares of a historical ES: the returns of the tail (rows, ascending), each position's share, and their sum."""

    rows: tuple[int, ...]
    component: tuple[float, ...]
    total: float


def component_var(weights: Floats, covariance: Floats, confidence: float) -> ComponentVar:
    """Return the shares of a VaR. Shapes (n,), (n, n).

    ValueError for shapes that do not fit or a matrix that is no covariance; DataQualityError for NaN or infinity.
    """
    _require(weights, covariance)
    z = normal_quantile(float(1 - alpha_of(confidence)))
    deviations = np.sqrt(np.diag(covariance))
    undiversified = z * float(np.abs(weights) @ deviations)
    sigma = _sigma(weights, covariance)
    if sigma == 0.0:
        return ComponentVar(
            sigma=0.0, var=0.0, undiversified=undiversified, marginal=None, component=None, fraction=None,
            incremental=None, reason="no_risk",
        )  # fmt: skip
    marginal = z * (covariance @ weights) / sigma
    component = weights * marginal
    without = [
        z * _sigma(np.where(np.arange(len(weights)) == i, 0.0, weights), covariance) for i in range(len(weights))
    ]
    return ComponentVar(
        sigma=sigma,
        var=z * sigma,
        undiversified=undiversified,
        marginal=_plain(marginal),
        component=_plain(component),
        fraction=_plain(component / (z * sigma)),
        incremental=tuple(z * sigma - other for other in without),
    )


def component_es(returns: Floats, weights: Floats, confidence: float) -> ComponentEs | None:
    """Return the shares of a historical ES; None without returns. Shapes (rows, n), (n,).

    ValueError for shapes that do not fit; DataQualityError for a value that is not finite.
    """
    alpha = alpha_of(confidence)
    if returns.ndim != 2 or weights.shape != returns.shape[1:]:
        raise ValueError(f"weights of shape {weights.shape} do not fit returns of shape {returns.shape}")
    _require_finite("returns", returns)
    _require_finite("weights", weights)
    if len(returns) == 0:
        return None
    order = np.argsort(returns @ weights, kind="stable")
    rows = np.sort(order[: tail_count(len(returns), alpha)])
    component = -(returns[rows] * weights).mean(axis=0)
    return ComponentEs(rows=tuple(map(int, rows)), component=_plain(component), total=float(component.sum()))


def _require(weights: Floats, covariance: Floats) -> None:
    if weights.ndim != 1 or covariance.shape != (len(weights), len(weights)):
        raise ValueError(f"covariance of shape {covariance.shape} does not fit {len(weights)} weights")
    _require_finite("weights", weights)
    _require_finite("covariance", covariance)
    if (np.diag(covariance) < 0.0).any():
        raise ValueError("covariance: a variance is negative; at least 0 is allowed")


def _require_finite(what: str, values: Floats) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        place = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise DataQualityError(f"{what} at {place} is {values[place]}; finite numbers are allowed")


def _sigma(weights: Floats, covariance: Floats) -> float:
    variance = float(weights @ covariance @ weights)
    gross = float(np.abs(weights) @ np.sqrt(np.diag(covariance))) ** 2
    if variance < -ROUNDING * gross:
        raise ValueError(
            "covariance: a portfolio's variance would be negative; a positive semidefinite matrix is allowed"
        )
    return float(np.sqrt(variance)) if variance > ROUNDING * gross else 0.0


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
