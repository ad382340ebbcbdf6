"""Chance: the published words of Philox, and numbers with the moments and quantiles of their distributions."""

import numpy as np
import pytest
from scipy import stats

from policies.chance import WORDS, beta_number, gamma_number, philox, uniform

KNOWN = {
    (0, 0, 0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    (2**64 - 1, -1, -1, -1): (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    (0x299F31D0A4093822, 0x85A308D3243F6A88 - 2**64, 0x13198A2E, 0x03707344): (
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
    ),
}  # fmt: skip
"""Known answers of the authors' Random123: (key, counter, stream, draw) -> words."""
KEY = np.uint64(42)
COUNT = 400


@pytest.mark.parametrize("asked", KNOWN)
def test_the_words_are_the_published_ones(asked) -> None:
    words = np.zeros(WORDS, np.uint64)
    key, counter, stream, draw = asked
    philox(np.uint64(key), counter, stream, draw, words)
    assert tuple(int(word) for word in words) == KNOWN[asked]


def test_a_number_follows_from_its_place_alone() -> None:
    words = np.zeros(WORDS, np.uint64)
    forward = [float(uniform(KEY, k, 1, words)) for k in range(20)]
    backward = [float(uniform(KEY, k, 1, words)) for k in reversed(range(20))]
    assert forward == backward[::-1]
    assert len({*forward, *(float(uniform(KEY, k, 2, words)) for k in range(20))}) == 40
    assert all(0.0 < one < 1.0 for one in forward)


@pytest.mark.parametrize("shape", [0.4, 1.0, 7.5])
def test_gamma_numbers_are_distributed_as_they_should(shape: float) -> None:
    words = np.zeros(WORDS, np.uint64)
    drawn = [float(gamma_number(KEY, k, 3, shape, words)) for k in range(COUNT)]
    assert stats.kstest(drawn, stats.gamma(shape).cdf).pvalue > 0.01


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.5, 0.5), (30.0, 12.0)])
def test_beta_numbers_are_distributed_as_they_should(a: float, b: float) -> None:
    words = np.zeros(WORDS, np.uint64)
    drawn = [float(beta_number(KEY, k, 5, a, b, words)) for k in range(COUNT)]
    assert stats.kstest(drawn, stats.beta(a, b).cdf).pvalue > 0.01
