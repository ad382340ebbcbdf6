"""The textbook crossing, against the definition it is compared with: beyond now, on the other side before."""

import math

import numpy as np
import pytest
from backtesting.lib import crossover
from hypothesis import given
from hypothesis import strategies as st

from market.compiled import compiled
from policies.sma_cross import crossing
from tests.properties import PROPERTY

VALUES = st.sampled_from([1.0, 2.0, 3.0, math.nan])


@compiled
def asked(before, now):  # type: ignore[no-untyped-def]
    return crossing(before, now)


@given(VALUES, VALUES, VALUES, VALUES)
@PROPERTY
def test_it_crosses_where_the_package_backtesting_says_so(a: float, b: float, c: float, d: float) -> None:
    fast, slow = [a, c], [b, d]
    expected = int(crossover(fast, slow)) - int(crossover(slow, fast))
    assert asked(np.array([a, b]), np.array([c, d])) == expected


@pytest.mark.parametrize(("before", "now", "said"), [((1, 2), (2, 2), 0), ((2, 2), (3, 2), 0), ((1, 2), (3, 2), 1)])
def test_touching_is_not_crossing(before: tuple[int, int], now: tuple[int, int], said: int) -> None:
    assert asked(np.array(before, np.float64), np.array(now, np.float64)) == said
    assert asked(np.array(before[::-1], np.float64), np.array(now[::-1], np.float64)) == -said
