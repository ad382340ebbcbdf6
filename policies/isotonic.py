"""Isotonic regression: the rising curve that is nearest to what came of past claims, and its value at a new claim.

Pool adjacent violators: walk the claims upwards and join neighbours until hit rates rise. Claims that are equal are one
point. Between blocks the curve is a line, outside it is flat. Source: Barlow et al. (1972); the values are those of
scikit-learn's IsotonicRegression with out_of_bounds="clip".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled

Floats = NDArray[np.float64]

LEFT, RIGHT, SUM, COUNT = range(4)
ROWS: Final = 4
"""A curve is an array (4, claims at most): per block its first and last claim, its hits, its outcomes."""


@compiled
def fit_isotonic(claims: Floats, hits: Floats, count: int, curve: Floats) -> int:
    """Write the blocks of the first `count` claims, sorted, with their hits (0 to 1) to `curve`; return how many."""
    blocks, i = 0, 0
    while i < count:
        total, end = 0.0, i
        while end < count and claims[end] == claims[i]:
            total += hits[end]
            end += 1
        curve[LEFT, blocks], curve[RIGHT, blocks] = claims[i], claims[i]
        curve[SUM, blocks], curve[COUNT, blocks] = total, end - i
        blocks += 1
        while blocks > 1 and _mean(curve, blocks - 2) >= _mean(curve, blocks - 1):
            _pool(curve, blocks - 2)
            blocks -= 1
        i = end
    return blocks


@compiled
def _mean(curve: Floats, block: int) -> float:
    return float(curve[SUM, block] / curve[COUNT, block])


@compiled
def _pool(curve: Floats, block: int) -> None:
    curve[RIGHT, block] = curve[RIGHT, block + 1]
    curve[SUM, block] += curve[SUM, block + 1]
    curve[COUNT, block] += curve[COUNT, block + 1]


@compiled
def block_of(curve: Floats, blocks: int, claim: float) -> int:
    """Return the last block that begins at or below a claim; -1 for a claim below all."""
    low, high = 0, blocks
    while low < high:
        middle = (low + high) // 2
        if curve[LEFT, middle] <= claim:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled
def isotonic_value(curve: Floats, blocks: int, claim: float) -> float:
    """Return the curve's value at a claim; the curve has at least one block."""
    block = block_of(curve, blocks, claim)
    if block < 0:
        return _mean(curve, 0)
    here = _mean(curve, block)
    if claim <= curve[RIGHT, block] or block == blocks - 1:
        return here
    begin, end = curve[RIGHT, block], curve[LEFT, block + 1]
    return here + (_mean(curve, block + 1) - here) * ((claim - begin) / (end - begin))
