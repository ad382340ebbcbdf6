"""The portfolio gate at 50 instruments, all of them held: per call from Python, and within a compiled loop."""

import time
from collections.abc import Iterator
from typing import Final

import numba
import numpy as np

from bench.figure import Figure, percentile
from market.records import Record
from policies.clusters import labels_of
from policies.portfolio_gate import Portfolio, expose, learn, objections, open_portfolio, portfolio_limits
from policies.shrinkage import measure

INSTRUMENTS: Final = 50
FACTORS: Final = 5
RETURNS: Final = 500
CALLS: Final = 20_000
LOOPED: Final = 100_000
ROUNDS: Final = 5
LIMIT_US: Final = 10.0
MONEY: Final = 10**6
NOW: Final = 10**18
EQUITY: Final = 1_000_000 * MONEY
THRESHOLD: Final = 0.4


def figures() -> Iterator[Figure]:
    """Yield the gate's cost: the rule is asked once per opening intent, within the verdict."""
    portfolio, limits = a_portfolio()
    assert objections(portfolio, limits, EQUITY, NOW, (3, MONEY, -1, 0)) == 0, "every limit must be compared"
    times = sorted(timed(portfolio, limits, k) for k in range(CALLS))
    note = f"{INSTRUMENTS} held instruments, the call from Python included"
    yield Figure("portfolio gate, median", percentile(times, 0.5) / 1e3, "us", note=note)
    yield Figure("portfolio gate, p99", percentile(times, 0.99) / 1e3, "us", LIMIT_US, at_most=True, note=note)
    looped(portfolio, limits, 1)
    seconds = min(cpu_seconds(portfolio, limits) for _ in range(ROUNDS))
    yield Figure("portfolio gate, compiled", seconds / LOOPED * 1e6, "us", LIMIT_US, at_most=True, note="mean CPU time")


def timed(portfolio: Portfolio, limits: Record, k: int) -> int:
    """Return the ns that one question takes."""
    legs = (k % INSTRUMENTS, (k % 7 - 3) * MONEY, -1, 0)
    begin = time.perf_counter_ns()
    objections(portfolio, limits, EQUITY, NOW, legs)
    return time.perf_counter_ns() - begin


def cpu_seconds(portfolio: Portfolio, limits: Record) -> float:
    """Return the processor time of many questions in a compiled loop: what the gate adds to a verdict."""
    begin = time.process_time()
    looped(portfolio, limits, LOOPED)
    return time.process_time() - begin


@numba.njit(error_model="numpy")
def looped(portfolio: Portfolio, limits: Record, times: int) -> int:
    """Ask many times; the sum keeps the compiler from leaving it out."""
    bits = 0
    for k in range(times):
        bits += objections(portfolio, limits, EQUITY, NOW, (k % INSTRUMENTS, (k % 7 - 3) * MONEY, -1, 0))
    return bits


def a_portfolio() -> tuple[Portfolio, Record]:
    """Return a portfolio that was measured and holds something of everything, and limits that all are far away."""
    rng = np.random.default_rng(1)
    shared = np.repeat(rng.normal(0, 0.01, (RETURNS, FACTORS)), INSTRUMENTS // FACTORS, axis=1)
    measured = measure(shared + rng.normal(0, 0.01, (RETURNS, INSTRUMENTS)))
    portfolio = open_portfolio([k % FACTORS for k in range(INSTRUMENTS)])
    learn(portfolio, measured, labels_of(measured, portfolio.classes.tolist(), THRESHOLD), NOW)
    for k in range(INSTRUMENTS):
        expose(portfolio, k, int(rng.integers(-1000, 1000)) * MONEY, 10 * MONEY, 5 * MONEY)
    limits = portfolio_limits(
        var_max=EQUITY, cluster_ppm_max=10**6, stale_after_ns=NOW, z=1.645,
        correlation_max=2.0,
    )  # fmt: skip
    return portfolio, limits[0]
