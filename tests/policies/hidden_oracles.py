"""Slow twins of the hidden Markov model, in logarithms of sums over every path."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from policies.hidden_regime import HiddenParams


def log_normal(params: HiddenParams, state: int, change: float) -> float:
    """Return the log density of a return in a state; 0 where the return is not known: no evidence."""
    if not math.isfinite(change):
        return 0.0
    mean, deviation = float(params.mean[state]), float(params.deviation[state])
    return -((change - mean) ** 2) / (2 * deviation**2) - math.log(deviation * math.sqrt(2 * math.pi))


def log_of_path(params: HiddenParams, changes: NDArray[np.float64], path: tuple[int, ...]) -> float:
    """Return the log probability of a path of states together with the returns."""
    with np.errstate(divide="ignore"):
        total = float(np.log(params.start[path[0]]))
        total += sum(float(np.log(params.chances[one, other])) for one, other in itertools.pairwise(path))
    return total + sum(log_normal(params, state, change) for state, change in zip(path, changes, strict=True))


def enumerated(params: HiddenParams, changes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the probabilities of each state at the LAST return, and the log likelihood, by adding up all paths."""
    states = len(params.mean)
    mass = np.zeros(states)
    logs = [
        (path, log_of_path(params, changes, path)) for path in itertools.product(range(states), repeat=len(changes))
    ]
    top = max(log for _, log in logs)
    for path, log in logs:
        mass[path[-1]] += math.exp(log - top)
    return mass / mass.sum(), top + math.log(mass.sum())


def likeliest_path(params: HiddenParams, changes: NDArray[np.float64]) -> list[int]:
    """Return the most likely path (Viterbi); it reads later returns, so it lives among the tests."""
    states = range(len(params.mean))
    with np.errstate(divide="ignore"):
        start, chances = np.log(params.start), np.log(params.chances)
    best = [start[j] + log_normal(params, j, changes[0]) for j in states]
    origins = []
    for change in changes[1:]:
        ways = [[best[i] + chances[i, j] for i in states] for j in states]
        origins.append([int(np.argmax(way)) for way in ways])
        best = [max(way) + log_normal(params, j, change) for j, way in enumerate(ways)]
    path = [int(np.argmax(best))]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return path[::-1]
