"""Calendars: local midnights in UTC, months, and what does not exist."""

from datetime import date, time

import pytest

from policies.calendars import (
    SECOND_NS,
    CalendarError,
    clock_of,
    instant_of,
    local_day,
    moment_of,
    reset_ns,
    resets_between,
    zone,
)

HOUR_NS = 3600 * SECOND_NS


def ns(text: str) -> int:
    from datetime import datetime

    return instant_of(datetime.fromisoformat(text))


def test_a_day_has_23_or_25_hours_where_the_clock_is_changed() -> None:
    for start, hours in (("2025-03-29T12:00:00Z", 23), ("2025-10-25T12:00:00Z", 25)):
        found = resets_between(ns(start), ns(start) + 48 * HOUR_NS, "Europe/Prague", "00:00")
        assert (found[1] - found[0]) // HOUR_NS == hours


def test_resets_begin_after_the_start_and_one_lies_beyond_the_end() -> None:
    start, end = ns("2025-01-01T23:00:00Z"), ns("2025-01-03T23:00:00Z")
    found = resets_between(start, end, "Europe/Prague", "00:00")
    assert [str(moment_of(one))[:16] for one in found] == ["2025-01-02 23:00", "2025-01-03 23:00", "2025-01-04 23:00"]


def test_a_month_resets_once() -> None:
    found = resets_between(ns("2025-01-15T00:00:00Z"), ns("2025-03-02T00:00:00Z"), "UTC", "00:00", "month")
    assert [local_day(one, "UTC") for one in found] == [date(2025, 2, 1), date(2025, 3, 1), date(2025, 4, 1)]


def test_a_time_that_the_switch_leaves_out_is_the_moment_of_the_switch() -> None:
    assert reset_ns(date(2025, 3, 30), "Europe/Prague", time(2, 30)) == ns("2025-03-30T01:00:00Z")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../x", "Europe"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(CalendarError, match="a name of the IANA database is allowed"):
        zone(name)


@pytest.mark.parametrize("text", ["24:00", "0", "a:b", "1:2:3"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(CalendarError, match="a time of day as 00:00 is allowed"):
        clock_of(text)
    with pytest.raises(CalendarError, match="day or month is allowed"):
        resets_between(0, 1, "UTC", "00:00", "week")
