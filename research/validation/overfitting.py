"""The probability of backtest overfitting, by combinatorially symmetric cross-validation (CSCV).

Bailey, Borwein, Lopez de Prado, Zhu, "The probability of backtest overfitting" (2015): cut the returns into S blocks,
choose the best set in every half of them, and see where it ranks in the other half.
"""

import math
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.quality import DataQualityError

Floats = NDArray[np.float64]

BLOCKS_MAX: Final = 20
"""184,756 splits; the paper uses 16."""
STILL: Final = 1e-12
"""A variance below this share of the mean square is that of equal numbers."""
SPLITS_AT_ONCE: Final = 512


class Overfitting(NamedTuple):
    """What became of the best set: `pbo` is the share of splits in which it ranked in the lower half elsewhere.

    Per split: `logits` ln(w / (1 - w)) of its relative rank w = rank / (N + 1), its Sharpe ratio in the half that chose
    it (`chosen`) and in the other (`achieved`). `slope` and `intercept` are of achieved on chosen; None where all that
    were chosen are alike.
    """

    pbo: float
    loss_probability: float
    logits: Floats
    chosen: Floats
    achieved: Floats
    slope: float | None
    intercept: float | None


def overfitting(returns: Floats, blocks: int = 16) -> Overfitting:
    """Return the CSCV of returns [T, N >= 2] over an even number of blocks; of T mod S the oldest rows are dropped.

    By Sharpe ratio per period; a column that lies still in a half has 0 there, equals share their mean rank. ValueError
    when there are fewer than two rows per block or two columns; DataQualityError names a column that is not finite, or
    that grows by the same in every row.
    """
    table = _checked(np.asarray(returns, np.float64), blocks)
    rows = len(table) // blocks
    parts = table[len(table) - rows * blocks :].reshape(blocks, rows, -1)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    halves = np.zeros((math.comb(blocks, blocks // 2), blocks))
    for row, chosen in zip(halves, combinations(range(blocks), blocks // 2), strict=True):
        row[list(chosen)] = 1.0
    found = [
        _ranked(halves[k : k + SPLITS_AT_ONCE], sums, squares, rows * blocks // 2)
        for k in range(0, len(halves), SPLITS_AT_ONCE)
    ]
    share, chosen_ratio, achieved = (np.concatenate(column) for column in zip(*found, strict=True))
    logits = np.log(share / (1.0 - share))
    slope, intercept = _line(chosen_ratio, achieved)
    lower, lost = float(np.mean(logits <= 0.0)), float(np.mean(achieved < 0.0))
    return Overfitting(lower, lost, logits, chosen_ratio, achieved, slope, intercept)


def _checked(table: Floats, blocks: int) -> Floats:
    if blocks < 2 or blocks % 2 or blocks > BLOCKS_MAX:
        raise ValueError(f"{blocks} blocks; an even number from 2 to {BLOCKS_MAX} is allowed")
    if table.ndim != 2 or table.shape[1] < 2 or len(table) < 2 * blocks:
        raise ValueError(f"returns of shape {table.shape}; two columns and {2 * blocks} rows are needed")
    finite = np.isfinite(table).all(axis=0)
    if not finite.all():
        raise DataQualityError(f"returns of column {int(np.argmin(finite))} are not finite")
    return table


def _ranked(halves: Floats, sums: Floats, squares: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Return per split the best set's relative rank in the other half, and its ratios in both."""
    inside = _ratios(halves @ sums, halves @ squares, n)
    outside = _ratios((1.0 - halves) @ sums, (1.0 - halves) @ squares, n)
    best = np.argmax(inside, axis=1)
    places = np.arange(len(best))
    achieved = outside[places, best]
    below = (outside < achieved[:, None]).sum(axis=1)
    equal = (outside == achieved[:, None]).sum(axis=1)
    rank = below + (equal + 1.0) / 2.0
    return rank / (sums.shape[1] + 1.0), inside[places, best], achieved


def _ratios(sums: Floats, squares: Floats, n: int) -> Floats:
    mean = sums / n
    variance = (squares - n * mean**2) / (n - 1)
    still = variance <= STILL * squares / n
    odd = (still & (mean != 0.0)).any(axis=0)
    if odd.any():
        raise DataQualityError(f"column {int(np.argmax(odd))} grows by the same in every row of a half")
    return np.where(still, 0.0, mean / np.sqrt(np.where(still, 1.0, variance)))


def _line(x: Floats, y: Floats) -> tuple[float | None, float | None]:
    """Return slope and intercept of y on x."""
    away = x - x.mean()
    spread = float(away @ away)
    if spread <= STILL * float(x @ x):
        return None, None
    slope = float(away @ (y - y.mean())) / spread
    return slope, float(y.mean()) - slope * float(x.mean())
