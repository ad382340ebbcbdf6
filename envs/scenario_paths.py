"""Paths of made prices: log returns, regimes, what a bar saw between its ends; every draw from the generator given.

Everything here is numpy over whole paths. Functions return arrays of one value per step.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.scenario_terms import TICKS_MAX, ScenarioError, Terms
from market.tape import Int64

Floats = NDArray[np.float64]

BP: Final = 1e-4


def shocks(rng: np.random.Generator, count: int, tail_df: float | None) -> Floats:
    """Return independent draws of mean 0 and variance 1: normal, or Student's t scaled by sqrt((df - 2) / df)."""
    if tail_df is None:
        return rng.standard_normal(count)
    scaled: Floats = rng.standard_t(tail_df, count) * math.sqrt((tail_df - 2.0) / tail_df)
    return scaled


def jump_returns(rng: np.random.Generator, counts: Int64, mean_bp: float, sd_bp: float) -> Floats:
    """Return the log return of so many jumps in each step: normal with n times the mean and n times the variance."""
    drawn = rng.standard_normal(len(counts))
    return BP * (counts * mean_bp + np.sqrt(counts) * sd_bp * drawn)


def regime_path(rng: np.random.Generator, steps: int, stay: tuple[float, ...]) -> Int64:
    """Return the regime of every step: the first by chance, sojourns geometric, then any other one."""
    path = np.empty(steps, np.int64)
    regime, step = int(rng.integers(len(stay))), 0
    while step < steps:
        length = int(rng.geometric(1.0 - stay[regime]))
        path[step : step + length] = regime
        step += length
        regime = (regime + 1 + int(rng.integers(len(stay) - 1))) % len(stay)
    return path


def spells(rng: np.random.Generator, steps: int, chance: float, mean_steps: int) -> Int64:
    """Return the number of the spell that holds a step, from 1 on; 0 where there is none.

    Outside of spells one begins with `chance` in a step; its length is geometric with the mean given.
    """
    path = np.zeros(steps, np.int64)
    step, number = 0, 0
    while chance > 0.0:
        step += int(rng.geometric(chance)) - 1
        if step >= steps:
            break
        number += 1
        length = int(rng.geometric(1.0 / mean_steps))
        path[step : step + length] = number
        step += length
    return path


def ticks_of(terms: Terms, log_price: Floats) -> Int64:
    """Return log prices (0: the first price) as whole ticks; ScenarioError where a path leaves what can be traded."""
    with np.errstate(over="ignore"):
        price = terms.first_ticks * np.exp(log_price)
    if len(price) and not (float(price.min()) >= 1.0 and float(price.max()) <= TICKS_MAX):
        raise ScenarioError(
            f"{type(terms).__name__}: the price runs from {price.min():.6g} to {price.max():.6g} ticks; with less "
            f"drift, volatility or fewer steps it stays within 1 to {TICKS_MAX:,}, which is allowed"
        )
    return np.rint(price).astype(np.int64)


def bars_of(
    rng: np.random.Generator, terms: Terms, opened: Floats, closed: Floats, volatility: Floats
) -> list[Int64]:  # fmt: skip
    """Return (open, high, low, close) in ticks of bars that begin and end at these log prices.

    High and low are drawn as those of a Brownian bridge between both ends: its maximum is
    (a + b + sqrt((a - b)^2 - 2 s^2 ln u)) / 2 for u uniform in (0, 1], and its minimum the mirror image. Each is exact,
    as if there were no other.
    """
    rows, squared = len(opened), np.square(closed - opened)
    reach = [np.sqrt(squared - 2.0 * np.square(volatility) * np.log1p(-rng.random(rows))) for _ in range(2)]
    high, low = 0.5 * (opened + closed + reach[0]), 0.5 * (opened + closed - reach[1])
    first, last, top, bottom = (ticks_of(terms, one) for one in (opened, closed, high, low))
    return [first, np.maximum(top, np.maximum(first, last)), np.minimum(bottom, np.minimum(first, last)), last]
