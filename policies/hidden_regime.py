"""Regime by a hidden Markov model: how likely each state is, given returns up to this bar and none after it.

A state is a mean and a deviation of log returns; which one the market is in changes by a table of chances. The belief
is the FILTERED probability of the states: forward only. Smoothed probabilities and the most likely path read later
returns, so nothing here computes them.

A return that is not known moves the belief by the chances alone: time went by, nothing was learnt.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN
from policies.regime import Regime

Floats = NDArray[np.float64]
STATES_MAX: Final = 8
SUM_TOLERANCE: Final = 1e-9
"""How far from 1 a row of probabilities may add up, as a decimal or a product of floats does."""
LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


class HiddenParams(NamedTuple):
    """A model of n states: `start` (n,) and `chances` (n, n), from row to column, are probabilities that add up to 1.

    `mean` (n,) and `deviation` (n,) are those of a bar's log return; `labels` (n,) say which `Regime` a state is.
    """

    start: Floats
    chances: Floats
    mean: Floats
    deviation: Floats
    labels: NDArray[np.int64]


def hidden_params(start: Any, chances: Any, mean: Any, deviation: Any, labels: Any) -> HiddenParams:
    """Return a model of the given numbers; ValueError says in one line which of them cannot be."""
    params = HiddenParams(
        np.ascontiguousarray(start, np.float64),
        np.ascontiguousarray(chances, np.float64),
        np.ascontiguousarray(mean, np.float64),
        np.ascontiguousarray(deviation, np.float64),
        np.array([int(Regime(label)) for label in labels], np.int64),
    )
    n = len(params.labels)
    shapes = [column.shape for column in params]
    if not 1 <= n <= STATES_MAX or shapes != [(n,), (n, n), (n,), (n,), (n,)]:
        raise ValueError(f"hidden regime: 1 to {STATES_MAX} states with one row each are allowed; shapes are {shapes}")
    for name, rows in (("start", params.start[None]), ("chances", params.chances)):
        if not ((rows >= 0.0).all() and (np.abs(rows.sum(1) - 1.0) <= SUM_TOLERANCE).all()):
            raise ValueError(f"hidden regime: {name} = {rows.tolist()}; probabilities that add up to 1 are allowed")
    if not (np.isfinite(params.mean).all() and (params.deviation > 0.0).all() and np.isfinite(params.deviation).all()):
        raise ValueError(
            f"hidden regime: mean = {params.mean.tolist()}, deviation = {params.deviation.tolist()}; "
            "finite numbers, deviations above 0 are allowed"
        )
    return params


def open_beliefs(count: int, states: int) -> Floats:
    """Return `count` beliefs that have seen nothing: rows of (bars seen, a probability per state)."""
    return np.zeros((count, 1 + states))


@compiled
def update_belief(params: HiddenParams, belief: Floats, change: float, work: Floats) -> float:
    """Take one log return; return the log of its density given those before it, NaN where it is not known.

    `belief` is a row of `open_beliefs`, `work` room for two floats per state. A return so far out that no state gives
    it a density that a float can hold teaches nothing either; its log density is -inf.
    """
    n = len(params.mean)
    for j in range(n):
        work[j] = params.start[j] if belief[0] == 0.0 else 0.0
        if belief[0] > 0.0:
            for i in range(n):
                work[j] += belief[1 + i] * params.chances[i, j]
    belief[0] += 1.0
    top = -math.inf
    for j in range(n):
        work[n + j] = log_density(params.mean[j], params.deviation[j], change)
        if work[j] > 0.0:
            top = max(top, work[n + j])
    if not math.isfinite(change) or top == -math.inf:
        for j in range(n):
            belief[1 + j] = work[j]
        return -math.inf if math.isfinite(change) else NAN
    total = 0.0
    for j in range(n):
        belief[1 + j] = work[j] * math.exp(work[n + j] - top) if work[j] > 0.0 else 0.0
        total += belief[1 + j]
    for j in range(n):
        belief[1 + j] /= total
    return top + math.log(total)


@compiled
def log_density(mean: float, deviation: float, change: float) -> float:
    """Return the log density of a normal distribution."""
    distance = (change - mean) / deviation
    return -0.5 * distance * distance - math.log(deviation) - LOG_ROOT_TWO_PI


@compiled
def believed_regime(params: HiddenParams, belief: Floats, held: int, enter: float) -> int:
    """Return the most likely `Regime` if it is at least as likely as `enter`, else the one held.

    A regime is as likely as its states together; of equals the lower one counts, BEAR first. With `enter` 0 it is the
    most likely one, held or not.
    """
    found, most = held, 0.0
    for regime in range(Regime.BEAR.value, Regime.BULL.value + 1):
        likely = 0.0
        for j in range(len(params.labels)):
            if params.labels[j] == regime:
                likely += belief[1 + j]
        if likely > most:
            found, most = regime, likely
    return found if most >= enter else held


@compiled
def run_beliefs(params: HiddenParams, belief: Floats, changes: Floats, out: Floats, work: Floats) -> float:
    """Take returns one after the other; `out[i]` are the probabilities after the i-th. Return the log likelihood."""
    total = 0.0
    for i in range(len(changes)):
        density = update_belief(params, belief, changes[i], work)
        if not math.isnan(density):
            total += density
        for j in range(len(params.mean)):
            out[i, j] = belief[1 + j]
    return total


def beliefs_of(changes: NDArray[Any], params: HiddenParams) -> tuple[Floats, float]:
    """Return filtered probabilities after each log return of a series, [bars, states], and the log likelihood."""
    states = len(params.labels)
    out = np.empty((len(changes), states))
    belief = open_beliefs(1, states)[0]
    series = np.ascontiguousarray(changes, np.float64)
    return out, run_beliefs(params, belief, series, out, np.empty(2 * states))
