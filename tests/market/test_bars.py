"""Bars made of quotes: closed by the clock, known at their close, none where nothing was quoted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.bars import bars_of_quotes
from tests.properties import PROPERTY


def bars_of(quotes: list[tuple[int, int]], bar_ns: int = 60) -> list[list[int]]:
    columns = np.array(quotes, np.int64).reshape(-1, 2).T
    time_ns, price = (np.ascontiguousarray(column) for column in columns)
    bars = bars_of_quotes(time_ns, price, bar_ns)
    return bars.tolist()


def test_a_stamp_on_the_border_opens_the_next_bar() -> None:
    assert bars_of([(0, 10), (59, 12), (60, 7)]) == [[60, 10, 12, 10, 12], [120, 7, 7, 7, 7]]


def test_a_stretch_without_quotes_has_no_bar() -> None:
    assert [bar[0] for bar in bars_of([(10, 5), (310, 6)])] == [60, 360]
    assert bars_of([]) == []


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 500)), max_size=60), st.integers(1, 200))
@PROPERTY
def test_a_bar_is_the_first_highest_lowest_and_last_of_its_quotes(quotes: list[tuple[int, int]], bar_ns: int) -> None:
    quotes.sort(key=lambda quote: quote[0])
    expected = []
    for number in sorted({time // bar_ns for time, _ in quotes}):
        prices = [price for time, price in quotes if time // bar_ns == number]
        expected.append([(number + 1) * bar_ns, prices[0], max(prices), min(prices), prices[-1]])
    assert bars_of(quotes, bar_ns) == expected
