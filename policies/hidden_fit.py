"""Fit a hidden Markov model to returns of the past by expectation and maximisation (Baum-Welch).

A fit reads a whole stretch of returns, each in the light of all the others, so it may only serve what comes AFTER the
stretch: `beliefs_walked` fits on a window, then filters the bars behind it, and so on. No chance is in it: the same
returns give the same model.

States come out as BEAR, SIDEWAYS, BULL, whatever order the fit found them in: the one with the smallest deviation is
sideways, the others are told apart by their mean. Two states are BEAR and BULL by their mean.

Source: Rabiner, "A tutorial on hidden Markov models", 1989, section III, with the scaling of section V.A.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from policies.hidden_regime import HiddenParams, beliefs_of, hidden_params, log_density, run_beliefs
from policies.regime import Regime

Floats = NDArray[np.float64]
OBSERVATIONS_MIN: Final = 20
"""Returns per state that a fit needs at least."""
STAYS: Final = 0.95
"""The chance to stay in a state that a fit begins with."""
DEVIATION_LEAST: Final = 0.05
"""The smallest deviation of a state as a share of that of all returns: a state on one value has an infinite density."""
DENSITY_LEAST: Final = 1e-300
"""The smallest density by the best state's: so that a return which one state rules out leaves a way."""
LABELS: Final = {2: (Regime.BEAR, Regime.BULL), 3: (Regime.BEAR, Regime.SIDEWAYS, Regime.BULL)}


class HiddenFit(NamedTuple):
    """A fitted model, the log likelihood of the returns it was fitted to, and the rounds that took."""

    params: HiddenParams
    log_likelihood: float
    rounds: int


class Expected(NamedTuple):
    """What one round of expectation finds: [bars, states] but `scale` [bars] and `moves` [states, states].

    `density` is by the best state's; `forward` and `backward` are scaled; `weight` is how likely each state is given
    ALL returns, earlier and later ones; `moves` is how often each change of state is expected.
    """

    density: Floats
    forward: Floats
    backward: Floats
    weight: Floats
    scale: Floats
    moves: Floats


def expected(bars: int, states: int) -> Expected:
    """Return room for a round over `bars` returns."""
    density, forward, backward, weight = np.zeros((4, bars, states))
    return Expected(density, forward, backward, weight, np.zeros(bars), np.zeros((states, states)))


@compiled
def expect(params: HiddenParams, changes: Floats, found: Expected) -> float:
    """Fill `found` for the returns under a model; return their log likelihood. A return not known has no evidence."""
    total = _forward(params, changes, found)
    n, last = len(params.mean), len(changes) - 1
    found.moves[:] = 0.0
    found.backward[last] = 1.0
    for t in range(last - 1, -1, -1):
        for i in range(n):
            found.backward[t, i] = 0.0
            for j in range(n):
                ahead = found.density[t + 1, j] * found.backward[t + 1, j] / found.scale[t + 1]
                found.backward[t, i] += params.chances[i, j] * ahead
                found.moves[i, j] += found.forward[t, i] * params.chances[i, j] * ahead
    for t in range(last + 1):
        for j in range(n):
            found.weight[t, j] = found.forward[t, j] * found.backward[t, j]
    return total


@compiled
def _forward(params: HiddenParams, changes: Floats, found: Expected) -> float:
    n, total = len(params.mean), 0.0
    for t in range(len(changes)):
        known, top = math.isfinite(changes[t]), -math.inf
        for j in range(n):
            found.density[t, j] = log_density(params.mean[j], params.deviation[j], changes[t]) if known else 0.0
            top = max(top, found.density[t, j])
        scale = 0.0
        for j in range(n):
            found.density[t, j] = max(math.exp(found.density[t, j] - top), DENSITY_LEAST)
            before = params.start[j] if t == 0 else 0.0
            if t > 0:
                for i in range(n):
                    before += found.forward[t - 1, i] * params.chances[i, j]
            found.forward[t, j] = before * found.density[t, j]
            scale += found.forward[t, j]
        for j in range(n):
            found.forward[t, j] /= scale
        found.scale[t] = scale
        total += top + math.log(scale)
    return total


def fit_hidden(changes: NDArray[Any], states: int = 3, rounds_max: int = 200, gain_min: float = 1e-6) -> HiddenFit:
    """Return the model of 2 or 3 states that fits log returns best, of two beginnings: by size and by spread.

    A fit ends when a round gains less than `gain_min` of log likelihood per return, or after `rounds_max`. ValueError
    when there are too few returns or they do not vary. Returns that are not known count as gaps.
    """
    series = np.ascontiguousarray(changes, np.float64)
    known = series[np.isfinite(series)]
    if states not in LABELS:
        raise ValueError(f"hidden regime: states = {states}; 2 and 3 are allowed")
    if len(known) < OBSERVATIONS_MIN * states:
        raise ValueError(
            f"hidden regime: {len(known)} returns are known; {OBSERVATIONS_MIN * states} at least are needed"
        )
    spread = float(np.std(known))
    if spread <= 0.0:
        raise ValueError(f"hidden regime: all {len(known)} returns are {known[0]}; they must vary")
    room = expected(len(series), states)
    fits = [_climbed(series, _begin(known, order, states), room, rounds_max, gain_min)
            for order in (known, np.abs(known - np.median(known)))]  # fmt: skip
    best = max(fits, key=lambda fit: fit.log_likelihood)
    return best._replace(params=_ordered(best.params))


def _begin(known: Floats, order: Floats, states: int) -> HiddenParams:
    """Return a model whose states are equal shares of the returns in an order, each likely to stay."""
    shares = np.array_split(known[np.argsort(order, kind="stable")], states)
    least = DEVIATION_LEAST * float(np.std(known))
    chances = np.full((states, states), (1.0 - STAYS) / (states - 1))
    np.fill_diagonal(chances, STAYS)
    return HiddenParams(
        np.full(states, 1.0 / states),
        chances,
        np.array([share.mean() for share in shares]),
        np.array([max(float(share.std()), least) for share in shares]),
        np.array(LABELS[states], np.int64),
    )


def _climbed(series: Floats, params: HiddenParams, room: Expected, rounds_max: int, gain_min: float) -> HiddenFit:
    """Repeat expectation and maximisation from a model until it gains no more."""
    before = -math.inf
    for done in range(rounds_max):
        likelihood = expect(params, series, room)
        if likelihood - before < gain_min * len(series):
            return HiddenFit(params, likelihood, done)
        before, params = likelihood, _maximised(series, params, room)
    return HiddenFit(params, expect(params, series, room), rounds_max)


def _maximised(series: Floats, params: HiddenParams, room: Expected) -> HiddenParams:
    """Return the model that is most likely given how likely each state is at each return."""
    known = np.isfinite(series)
    values, weights = series[known, None], room.weight[known]
    mass = weights.sum(0)
    held = mass > 0.0
    share = np.where(held, mass, 1.0)
    mean = np.where(held, (weights * values).sum(0) / share, params.mean)
    variance = (weights * (values - mean) ** 2).sum(0) / share
    least = DEVIATION_LEAST * float(np.std(values))
    left = room.moves.sum(1, keepdims=True)
    chances = np.where(left > 0.0, room.moves / np.where(left > 0.0, left, 1.0), params.chances)
    return HiddenParams(
        room.weight[0] / room.weight[0].sum(),
        chances / chances.sum(1, keepdims=True),
        mean,
        np.where(held, np.maximum(np.sqrt(variance), least), params.deviation),
        params.labels,
    )


def _ordered(params: HiddenParams) -> HiddenParams:
    """Return the same model with its states in the order of their labels."""
    states = len(params.mean)
    order = list(np.argsort(params.mean, kind="stable"))
    if states == len(Regime):
        calm = int(np.argmin(params.deviation))
        order.remove(calm)
        order.insert(1, calm)
    return hidden_params(
        params.start[order], params.chances[np.ix_(order, order)], params.mean[order], params.deviation[order],
        LABELS[states],
    )  # fmt: skip


def beliefs_walked(changes: NDArray[Any], window: int, every: int, states: int = 3) -> Floats:
    """Return filtered probabilities [bars, states] by models fitted on the past alone; NaN for the first `window` bars.

    At bar `window` and every `every` bars after it a model is fitted to the `window` returns BEFORE that bar; it reads
    them once more, forward, and then each new return, until the next one replaces it.
    """
    series = np.ascontiguousarray(changes, np.float64)
    if window < 1 or every < 1:
        raise ValueError(f"hidden regime: window = {window}, every = {every}; whole numbers from 1 are allowed")
    out = np.full((len(series), states), math.nan)
    work = np.empty(2 * states)
    for begin in range(window, len(series), every):
        past = series[begin - window : begin]
        params = fit_hidden(past, states).params
        belief = np.concatenate([[float(window)], beliefs_of(past, params)[0][-1]])
        end = min(begin + every, len(series))
        run_beliefs(params, belief, series[begin:end], out[begin:end], work)
    return out
