"""Splits in time: walk-forward windows and combinatorial purged cross-validation, by row numbers.

The label of row i uses rows i .. i + h. So a train row is purged when its label overlaps that of a test row: the h rows
before a test block and the h after it; the embargo removes some more after it, never before. Lopez de Prado, "Advances
in financial machine learning" (2018), chapters 7 and 12; the same sets as skfolio's splitters.
"""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Window(NamedTuple):
    """One step of a walk-forward: train rows [train_begin, train_end), test rows [test_begin, test_end)."""

    train_begin: int
    train_end: int
    test_begin: int
    test_end: int


def walk_forward(n: int, train: int, test: int, purge: int = 0, anchored: bool = False) -> tuple[Window, ...]:
    """Return windows one test after the other; the train ends `purge` rows before its test begins.

    Rolling windows keep their length, anchored ones begin at row 0 and grow. A last test that is not whole is left
    out. ValueError names a size that is not allowed; no window where n is too small.
    """
    if train < 1 or test < 1 or purge < 0 or n < 0:
        raise ValueError(f"train {train}, test {test}, purge {purge}: from 1, from 1 and from 0 are allowed")
    begins = range(train + purge, n - test + 1, test)
    return tuple(
        Window(0 if anchored else begin - purge - train, begin - purge, begin, begin + test) for begin in begins
    )


class CombinatorialSplit(NamedTuple):
    """One split: which folds are tested, and the rows of test and train."""

    test_folds: tuple[int, ...]
    test: Rows
    train: Rows


def fold_bounds(n: int, folds: int) -> tuple[tuple[int, int], ...]:
    """Return [begin, end) of every fold: n // folds rows each, the last one takes the rest."""
    if not 1 < folds <= n:
        raise ValueError(f"{folds} folds of {n} rows; from 2 folds to one per row are allowed")
    size = n // folds
    return tuple((k * size, n if k == folds - 1 else (k + 1) * size) for k in range(folds))


def combinatorial_splits(
    n: int, folds: int, test_folds: int, label_horizon: int = 0, embargo: int = 0
) -> Iterator[CombinatorialSplit]:
    """Yield every choice of `test_folds` of the folds, in lexicographic order, with what may be trained on beside it.

    For a test block [a, b] the train leaves out [a - h, a - 1] and [b + 1, b + h + e]. A train can be empty.
    """
    bounds = fold_bounds(n, folds)
    if not 0 < test_folds < folds or label_horizon < 0 or embargo < 0:
        raise ValueError(
            f"test folds {test_folds}, label horizon {label_horizon}, embargo {embargo}: 1 to {folds - 1}, from 0 and "
            "from 0 are allowed"
        )
    for chosen in combinations(range(folds), test_folds):
        tested, barred = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for begin, end in (bounds[k] for k in chosen):
            tested[begin:end] = True
            barred[max(begin - label_horizon, 0) : end + label_horizon + embargo] = True
        yield CombinatorialSplit(chosen, np.flatnonzero(tested), np.flatnonzero(~barred))


def path_count(folds: int, test_folds: int) -> int:
    """Return how many whole paths the tests of all splits make: C(k, m) m / k."""
    return math.comb(folds, test_folds) * test_folds // folds
