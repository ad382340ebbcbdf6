"""Portfolios for tests: instruments whose returns are measured, limits that let an ordinary exposure pass."""

from typing import Any

import numpy as np

from market.records import Record
from policies.clusters import labels_of
from policies.portfolio_gate import Portfolio, expose, learn, open_portfolio, portfolio_limits
from policies.shrinkage import Measured
from tests.builders import HOUR, MONEY, SECOND

NOW = 1000 * SECOND
EQUITY = 100_000 * MONEY
DEVIATION = 0.01
ROOMY = {
    "var_max": 10_000 * MONEY, "cluster_ppm_max": 1_000_000, "stale_after_ns": HOUR, "z": 2.0,
    "correlation_max": 0.7,
}  # fmt: skip


def measured(correlation: Any, observations: int = 100, deviation: float = DEVIATION) -> Measured:
    """Return an estimate with this correlation matrix."""
    matrix = np.array(correlation, np.float64)
    count = len(matrix)
    return Measured(np.full(count, deviation), matrix, np.full((count, count), observations), 0.0)


def a_portfolio(*exposures: int, correlation: Any = None, classes: Any = None, observations: int = 100) -> Portfolio:
    """Return a portfolio with these net exposures (USD), measured just now; uncorrelated unless said otherwise."""
    count = len(exposures)
    kinds = list(classes) if classes is not None else list(range(count))
    portfolio = open_portfolio(kinds)
    estimate = measured(np.eye(count) if correlation is None else correlation, observations)
    learn(portfolio, estimate, labels_of(estimate, kinds, 0.7), NOW)
    for i, exposure in enumerate(exposures):
        expose(portfolio, i, exposure * MONEY, 0, 0)
    return portfolio


def limits(**terms: float) -> Record:
    """Return roomy limits; a keyword changes one."""
    return portfolio_limits(**(ROOMY | terms))[0]
