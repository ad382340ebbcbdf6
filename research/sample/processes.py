"""Processes in steps: what decays and what wanders around zero. Chance comes in as a generator."""

import numpy as np
from numpy.random import Generator

from research.sample.bars import Floats


def decayed(shocks: Floats, persistence: float) -> Floats:
    """Return x with x[i] = persistence * x[i - 1] + shocks[i], from zero."""
    out = np.empty(len(shocks))
    value = 0.0
    for i, shock in enumerate(shocks.tolist()):
        value = persistence * value + shock
        out[i] = value
    return out


def wandering(steps: int, persistence: float, rng: Generator) -> Floats:
    """Draw a stationary AR(1) of unit variance."""
    shocks = np.sqrt(1 - persistence**2) * rng.standard_normal(steps)
    shocks[0] /= np.sqrt(1 - persistence**2)
    return decayed(shocks, persistence)


def half_life(steps: float) -> float:
    """Return the persistence per step of what halves in so many steps."""
    return float(0.5 ** (1 / steps))
