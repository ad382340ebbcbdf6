"""Timeframes: where bars begin and end without a calendar and with one, what is refused, and alignment."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bars import BAR
from market.records import records
from market.timeframes import (
    DAY_NS,
    MINUTE_NS,
    NO_SESSION,
    TIMEFRAMES,
    Calendar,
    Grid,
    Sessions,
    align,
    find_bar,
    grid_of,
    plain_grid,
)
from tests.properties import PROPERTY

HOUR_NS = 60 * MINUTE_NS


def sessions(*rows: tuple[int, int, int]) -> Sessions:
    """Return sessions (open hour, close hour, number)."""
    return Sessions(
        *(np.array(column, np.int64) * unit for column, unit in zip(zip(*rows), (HOUR_NS, HOUR_NS, 1)))  # noqa: B905
    )


TWO_DAYS = Calendar(sessions((10, 16, 100), (34, 37, 101)), sessions((10, 37, 98)))
"""A session of six hours, the next day one of three: one week."""


def bar_at(grid: Grid, k: int, stamp_ns: int, calendar: int = 0) -> tuple[int, int, int] | None:
    """Return (open, close, session) of the bar around an instant."""
    spot = records(1, BAR)[0]
    if not find_bar(grid, calendar, k, stamp_ns, spot):
        return None
    return int(spot.open_ns), int(spot.close_ns), int(spot.session)


def hours(bar: tuple[int, int, int] | None) -> Any:
    return bar and (bar[0] / HOUR_NS, bar[1] / HOUR_NS, bar[2])


@given(st.integers(0, 60 * DAY_NS), st.sampled_from(list(TIMEFRAMES)))
@PROPERTY
def test_without_a_calendar_bars_lie_between_multiples_of_their_length(stamp_ns: int, timeframe: str) -> None:
    length = TIMEFRAMES[timeframe]
    found = bar_at(grid_of([timeframe]), 0, stamp_ns)
    assert found is not None
    assert found[0] <= stamp_ns < found[1]
    assert (found[1] - found[0], found[2]) == (length, NO_SESSION)
    assert (found[0] - (4 * DAY_NS if timeframe == "1w" else 0)) % length == 0


def test_a_week_without_a_calendar_begins_on_monday() -> None:
    assert bar_at(grid_of(["1w"]), 0, 5 * DAY_NS)[:2] == (4 * DAY_NS, 11 * DAY_NS)  # type: ignore[index]
    assert bar_at(grid_of(["1w"]), 0, 4 * DAY_NS - 1)[:2] == (-3 * DAY_NS, 4 * DAY_NS)  # type: ignore[index]


def test_bars_are_counted_from_the_opening_and_cut_at_the_close() -> None:
    grid = grid_of(["1h", "4h", "1d", "1w"], [TWO_DAYS])
    assert [hours(bar_at(grid, 1, hour * HOUR_NS)) for hour in (10, 13, 14, 15)] == [
        (10, 14, 100), (10, 14, 100), (14, 16, 100), (14, 16, 100),
    ]  # fmt: skip
    assert hours(bar_at(grid, 1, 36 * HOUR_NS)) == (34, 37, 101)
    assert hours(bar_at(grid, 0, 16 * HOUR_NS - 1)) == (15, 16, 100)
    assert [hours(bar_at(grid, 2, hour * HOUR_NS)) for hour in (10, 36)] == [(10, 16, 100), (34, 37, 101)]
    assert [hours(bar_at(grid, 3, hour * HOUR_NS)) for hour in (10, 20, 36)] == [(10, 37, 98)] * 3


@pytest.mark.parametrize("hour", [0, 9.999, 16, 33, 37, 1000])
def test_between_sessions_and_beyond_the_calendar_there_is_no_bar(hour: float) -> None:
    assert bar_at(grid_of(["1m", "4h", "1d"], [TWO_DAYS]), 0, int(hour * HOUR_NS)) is None
    assert bar_at(grid_of(["1m", "4h", "1d"], [TWO_DAYS]), 2, int(hour * HOUR_NS)) is None


def test_every_calendar_of_a_grid_keeps_to_its_own_sessions() -> None:
    later = Calendar(sessions((11, 17, 7)), sessions((11, 17, 5)))
    grid = grid_of(["4h", "1w"], [TWO_DAYS, None, later])
    assert [hours(bar_at(grid, 0, 16 * HOUR_NS, calendar)) for calendar in range(3)] == [
        None, (16, 20, NO_SESSION), (15, 17, 7),
    ]  # fmt: skip
    assert hours(bar_at(grid, 1, 16 * HOUR_NS, 2)) == (11, 17, 5)
    assert hours(bar_at(grid, 1, 16 * HOUR_NS, 0)) == (10, 37, 98)


REFUSED: dict[str, Any] = {
    "timeframe '2m': 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w are allowed": (["1m", "2m"], None),
    "timeframe '': ": ([], None),
    "timeframes 5m, 1m: they must be different, the shortest first": (["5m", "1m"], None),
    "timeframes 5m, 5m: they must be different": (["5m", "5m"], None),
    "sessions: 0 opens, 0 closes; as many of each": (["1m"], [(), ()]),
    "session 1 closes at 7200000000000 ns, opens at 7200000000000; it must": (["1m"], [(0, 1, 1), (2, 2, 2)]),
    "session 1 opens at 0 ns; the one before it must be over": (["1m"], [(0, 1, 1), (0, 2, 2)]),
    "session 1 opens at 3600000000000 ns; the one before it must be over": (["1m"], [(0, 1, 1), (1, 2, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_understood_is_refused_in_one_line(message: str) -> None:
    names, rows = REFUSED[message]
    days = None if rows is None else sessions(*rows) if rows[0] else Sessions(*(np.zeros(0, np.int64),) * 3)
    with pytest.raises(ValueError) as refusal:
        grid_of(names, [None if days is None else Calendar(days, days)])
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_bars_of_no_length_are_refused() -> None:
    with pytest.raises(ValueError, match="bars of 0 ns; at least 1 is allowed"):
        plain_grid(0)


@given(st.lists(st.integers(0, 50), max_size=30), st.lists(st.integers(0, 50), max_size=30))
@PROPERTY
def test_what_is_known_at_an_instant_is_the_newest_of_all_that_came_by_then(known: list[int], asked: list[int]) -> None:
    known, asked = sorted(known), sorted(asked)
    found = align(np.array(known, np.int64), np.array(asked, np.int64))
    assert found.tolist() == [sum(time <= instant for time in known) - 1 for instant in asked]


def test_stamps_that_fall_are_refused() -> None:
    rising, falling = np.array([1, 2, 3]), np.array([1, 3, 2])
    with pytest.raises(ValueError, match=r"time_ns\[2\] = 2 is before 3; stamps must rise"):
        align(rising, falling)
    with pytest.raises(ValueError, match=r"known_ns\[2\] = 2 is before 3"):
        align(falling, rising)
