"""Rewards: what one step of learning is paid. Each is one step over scalars and a small memory, and nothing else.

Log return: r = ln(1 + held x return - cost x |chosen - held|). The position that a bar pays was chosen before it.
Differential Sharpe: Moody and Saffell, "Learning to trade via direct reinforcement" (2001). Drawdown-penalised: the
simple return of the equity less kappa times what the drawdown has grown. An account that is gone has no return: its
reward is -inf where the step itself lost everything, NaN after it. NaN goes in and comes out, and is not remembered.
"""

import math
from typing import Final

from market.compiled import compiled
from market.records import Record, Records, record_type, records

VARIANCE_MIN: Final = 1e-12
"""A variance up to here is none: the differential Sharpe is 0 until there is more (warm-up)."""

SHARPE_MEMORY: Final = record_type("", floats="first second")
"""Running estimates of the first and second moment, A = E[R] and B = E[R^2], both 0 at the start."""

DRAWDOWN_MEMORY: Final = record_type("", floats="equity peak")
"""The equity after the last step, and its highest so far."""


def sharpe_memory() -> Records:
    """Return the memory of a differential Sharpe ratio before its first return: one record."""
    return records(1, SHARPE_MEMORY)


def drawdown_memory(equity: float) -> Records:
    """Return the memory of a drawdown penalty for an account that begins with `equity`: one record."""
    if not 0.0 < equity < math.inf:
        raise ValueError(f"equity {equity}: a finite number above 0 is allowed")
    memory = records(1, DRAWDOWN_MEMORY)
    memory[0].equity = memory[0].peak = equity
    return memory


@compiled
def log_return(held: float, chosen: float, bar_return: float, cost_per_unit: float) -> float:
    """Return ln(1 + held x bar_return - cost_per_unit x |chosen - held|); -inf where nothing is left.

    `held` was chosen before the bar, `chosen` at its close, both in units of the equity (-1: all of it short).
    """
    growth = 1.0 + held * bar_return - cost_per_unit * abs(chosen - held)
    if growth <= 0.0:
        return -math.inf
    return math.log(growth)


@compiled
def differential_sharpe(memory: Record, period_return: float, eta: float) -> float:
    """Return D = (B dA - A dB / 2) / (B - A^2)^1.5 with the A and B before the return, and move both by `eta`.

    dA = R - A, dB = R^2 - B: the derivative by `eta` of the Sharpe ratio that is weighted exponentially. 0 while the
    variance B - A^2 is at most `VARIANCE_MIN`.
    """
    if not math.isfinite(period_return):
        return math.nan
    mean, square = memory.first, memory.second
    to_mean, to_square = period_return - mean, period_return * period_return - square
    memory.first, memory.second = mean + eta * to_mean, square + eta * to_square
    variance = square - mean * mean
    if variance <= VARIANCE_MIN:
        return 0.0
    return float((square * to_mean - 0.5 * mean * to_square) / variance**1.5)


@compiled
def drawdown_penalised(memory: Record, equity: float, kappa: float) -> float:
    """Return equity / before - 1 - kappa x max(0, growth of the drawdown), the drawdown a fraction of the peak.

    Equity at or below 0 loses everything that there was; after it there is no return (NaN).
    """
    before, peak = memory.equity, memory.peak
    if not math.isfinite(equity) or before <= 0.0:
        return math.nan
    left = max(equity, 0.0)
    memory.equity, memory.peak = left, max(peak, left)
    deeper = (memory.peak - left) / memory.peak - (peak - before) / peak
    return float(left / before - 1.0 - kappa * max(0.0, deeper))
