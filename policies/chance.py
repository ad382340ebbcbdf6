"""Chance as an argument: numbers that follow from a seed and a counter, the same wherever and whenever they are drawn.

Philox 4x32-10: four 32-bit words from a 64-bit key and four counters, without a state that somebody would have to keep
and restore. Source: Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3". On it stand uniform, normal,
Gamma (Marsaglia, Tsang 2000) and Beta numbers.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled

Words = NDArray[np.uint64]

WORDS: Final = 4
MASK: Final = np.uint64(0xFFFFFFFF)
SHIFT: Final = np.uint64(32)
FACTOR_0: Final = np.uint64(0xD2511F53)
FACTOR_1: Final = np.uint64(0xCD9E8D57)
STEP_0: Final = np.uint64(0x9E3779B9)
STEP_1: Final = np.uint64(0xBB67AE85)
ROUNDS: Final = 10
TWO_32: Final = 4294967296.0
DRAWS_MAX: Final = 64
"""Tries of one Gamma number; more than 95 % of them are taken at once, so 64 misses happen once in 1e83."""


@compiled
def philox(key: np.uint64, counter: int, stream: int, draw: int, out: Words) -> None:
    """Write the four words (each below 2^32) of a key at (counter, stream, draw)."""
    k0, k1 = key & MASK, key >> SHIFT
    counted = np.uint64(np.int64(counter))
    w0, w1 = counted & MASK, counted >> SHIFT
    w2, w3 = np.uint64(np.int64(stream)) & MASK, np.uint64(np.int64(draw)) & MASK
    for _ in range(ROUNDS):
        high, low = FACTOR_0 * w0, FACTOR_1 * w2
        w0, w1, w2, w3 = (low >> SHIFT) ^ w1 ^ k0, low & MASK, (high >> SHIFT) ^ w3 ^ k1, high & MASK
        k0, k1 = (k0 + STEP_0) & MASK, (k1 + STEP_1) & MASK
    out[0], out[1], out[2], out[3] = w0, w1, w2, w3


@compiled
def fraction(word: np.uint64) -> float:
    """Return a 32-bit word as a number strictly between 0 and 1."""
    return (float(word) + 0.5) / TWO_32


@compiled
def uniform(key: np.uint64, counter: int, stream: int, words: Words) -> float:
    """Return the uniform number in (0, 1) of a key at (counter, stream); `words` is room for four words."""
    philox(key, counter, stream, 0, words)
    return fraction(words[0])


@compiled
def gamma_number(key: np.uint64, counter: int, stream: int, shape: float, words: Words) -> float:
    """Return the Gamma(shape, 1) number of a key at (counter, stream); shape > 0."""
    boost = 1.0
    if shape < 1.0:
        philox(key, counter, stream, DRAWS_MAX, words)
        boost = fraction(words[0]) ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for draw in range(DRAWS_MAX):
        philox(key, counter, stream, draw, words)
        normal = math.sqrt(-2.0 * math.log(fraction(words[0]))) * math.cos(2.0 * math.pi * fraction(words[1]))
        v = (1.0 + c * normal) ** 3
        if v > 0.0 and math.log(fraction(words[2])) < 0.5 * normal * normal + d - d * v + d * math.log(v):
            return boost * d * v
    return boost * d


@compiled
def beta_number(key: np.uint64, counter: int, stream: int, a: float, b: float, words: Words) -> float:
    """Return the Beta(a, b) number of a key at (counter, streams 2 stream and 2 stream + 1); a, b > 0."""
    one = gamma_number(key, counter, 2 * stream, a, words)
    other = gamma_number(key, counter, 2 * stream + 1, b, words)
    return one / (one + other) if one + other > 0.0 else 0.5
