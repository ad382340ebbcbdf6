"""The textbook side: above, below, or as before; against the definition it is compared with."""

import math

import pytest
from backtesting.lib import crossover
from hypothesis import assume, given
from hypothesis import strategies as st

from market.compiled import compiled
from policies.sma_cross import side_of
from tests.properties import PROPERTY

VALUES = st.sampled_from([1.0, 2.0, 3.0, math.nan])


@compiled
def asked(before, fast, slow):  # type: ignore[no-untyped-def]
    return side_of(before, fast, slow)


@given(VALUES, VALUES, VALUES, VALUES)
@PROPERTY
def test_it_changes_sides_where_the_package_backtesting_sees_a_cross(a: float, b: float, c: float, d: float) -> None:
    assume(a != b)
    before = asked(0, a, b)
    now = asked(before, c, d)
    crosses = int(crossover([a, c], [b, d])) - int(crossover([b, d], [a, c]))
    assert crosses == (now if before != 0 and now != before else 0)


@pytest.mark.parametrize("before", [-1, 0, 1])
@pytest.mark.parametrize(("fast", "slow"), [(2.0, 2.0), (math.nan, 1.0), (1.0, math.nan)])
def test_a_tie_or_a_warm_up_leaves_the_side_as_it_was(before: int, fast: float, slow: float) -> None:
    assert asked(before, fast, slow) == before


def test_a_pair_that_passes_through_a_tie_has_crossed_once() -> None:
    sides, side = [], 0
    for fast, slow in ((3.0, 2.0), (2.0, 2.0), (1.0, 2.0), (2.0, 2.0), (3.0, 2.0)):
        side = int(asked(side, fast, slow))
        sides.append(side)
    assert sides == [1, 1, -1, -1, 1]
