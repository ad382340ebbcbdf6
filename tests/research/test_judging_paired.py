"""The paired bootstrap: a difference has to be more than luck, and neighbours may depend on each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quality import DataQualityError
from research.judging.paired import BATCH, block_length, compare, paired_bootstrap
from research.validation import stationary_indices
from tests.properties import PROPERTY


def noise(n: int = 200, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, n)


def test_nobody_beats_himself() -> None:
    found = compare(noise(), noise(), 5, 199, 0)
    assert (found.mean_difference, found.p_value, found.low, found.high) == (0.0, 1.0, 0.0, 0.0)


def test_a_sure_difference_has_the_least_p_value_that_so_many_draws_allow() -> None:
    assert compare(noise() + 0.001, noise(), 5, 199, 0).p_value == 1 / 200
    assert compare(noise() - 0.001, noise(), 5, 199, 0).p_value == 1.0


@given(st.integers(0, 10_000))
@PROPERTY
def test_what_loses_on_average_is_never_significant(seed: int) -> None:
    ours, theirs = noise(60, seed), noise(60, seed + 1)
    first, second = compare(ours, theirs, 3, 99, seed), compare(theirs, ours, 3, 99, seed)
    assert first.mean_difference == pytest.approx(-second.mean_difference)
    assert max(first.p_value, second.p_value) > 0.4


def test_drawing_in_batches_is_a_bootstrap_over_the_same_rows() -> None:
    count, generator = BATCH + 7, np.random.default_rng(4)
    rows = np.concatenate([stationary_indices(50, 4.0, size, generator) for size in (BATCH, 7)])
    assert compare(noise(50), noise(50, 5), 4.0, count, 4) == paired_bootstrap(noise(50), noise(50, 5), rows)


def test_the_block_grows_with_the_cube_root() -> None:
    assert [block_length(n) for n in (1, 2, 27, 1000, 5000)] == [1, 1, 3, 10, 17]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.zeros((0, 3), np.int64), r"indices \(0, 3\)"),
        (np.zeros((2, 4), np.int64), r"indices \(2, 4\)"),
        (np.full((2, 3), 3), "indices from 3 to 3; from 0 to 2 are allowed"),
    ],
)
def test_rows_that_are_not_of_the_series_are_refused(rows: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        paired_bootstrap(np.zeros(3), np.ones(3), rows)


def test_series_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="the same"):
        compare(np.zeros(3), np.zeros(4), 1, 99, 0)
    with pytest.raises(DataQualityError, match="period 1"):
        compare(np.array([0.0, np.nan]), np.zeros(2), 1, 99, 0)
