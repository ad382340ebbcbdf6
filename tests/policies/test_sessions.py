"""Sessions of markets by IANA zone: where they open and close in UTC, what exceptions do, and what is refused."""

from datetime import UTC, date, datetime

import pytest

from market.timeframes import Sessions
from policies.calendars import CalendarError
from policies.sessions import CRYPTO, FOREX, US_EQUITIES, Hours, calendar_of

HOUR_NS = 3600 * 10**9


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def shown(sessions: Sessions, first: str, last: str) -> list[tuple[str, str]]:
    """Return (open, close) in UTC of the sessions that open within days [first, last]."""
    spelled = [
        [datetime.fromtimestamp(int(time) / 1e9, UTC).strftime("%m-%d %H:%M") for time in times]
        for times in zip(sessions.opens, sessions.closes, strict=True)
        if ns(first) <= times[0] < ns(last)
    ]
    return [(opens, closes) for opens, closes in spelled]


def test_forex_opens_on_sunday_evening_and_rests_from_friday_evening_on() -> None:
    days = calendar_of(FOREX, ns("2020-01-06"), ns("2020-01-10")).days
    assert shown(days, "2020-01-05", "2020-01-12") == [
        ("01-05 22:00", "01-06 22:00"), ("01-06 22:00", "01-07 22:00"), ("01-07 22:00", "01-08 22:00"),
        ("01-08 22:00", "01-09 22:00"), ("01-09 22:00", "01-10 22:00"),
    ]  # fmt: skip


def test_a_session_moves_with_the_summer_time_of_its_zone() -> None:
    days = calendar_of(US_EQUITIES, ns("2020-03-06"), ns("2020-03-09")).days
    assert shown(days, "2020-03-06", "2020-03-10") == [("03-06 14:30", "03-06 21:00"), ("03-09 13:30", "03-09 20:00")]


@pytest.mark.parametrize(("day", "length"), [("2020-03-29", 23), ("2020-10-25", 25), ("2020-06-01", 24)])
def test_a_day_on_which_the_clock_is_changed_is_shorter_or_longer(day: str, length: int) -> None:
    around = Hours("Europe/Prague", weekdays=(0, 1, 2, 3, 4, 5, 6))
    days = calendar_of(around, ns(day), ns(day)).days
    at = (date.fromisoformat(day) - date(1970, 1, 1)).days
    place = days.numbers.tolist().index(at)
    assert days.closes[place] - days.opens[place] == length * HOUR_NS
    assert days.opens[place + 1] == days.closes[place]


def test_a_week_runs_from_its_first_opening_to_its_last_close() -> None:
    weeks = calendar_of(FOREX, ns("2020-01-08"), ns("2020-01-08")).weeks
    assert shown(weeks, "2020-01-01", "2020-01-12") == [("01-05 22:00", "01-10 22:00")]
    assert date(1970, 1, 1).toordinal() + weeks.numbers[1] == date(2020, 1, 6).toordinal()


def test_a_market_that_never_closes_has_a_session_a_day_without_a_hole() -> None:
    days = calendar_of(CRYPTO, ns("2020-01-08"), ns("2020-02-08")).days
    assert (days.opens[1:] == days.closes[:-1]).all()
    assert (days.opens == days.numbers * 24 * HOUR_NS).all()


def test_holidays_have_no_session_and_short_days_end_early() -> None:
    hours = US_EQUITIES._replace(holidays=frozenset({date(2020, 11, 26)}), early=((date(2020, 11, 27), "13:00"),))
    days = calendar_of(hours, ns("2020-11-25"), ns("2020-11-27")).days
    assert shown(days, "2020-11-25", "2020-11-28") == [("11-25 14:30", "11-25 21:00"), ("11-27 14:30", "11-27 18:00")]


def test_a_session_that_ends_at_midnight_belongs_to_the_day_that_ends_there() -> None:
    days = calendar_of(Hours("UTC", "08:00", "00:00"), ns("2020-01-06"), ns("2020-01-06")).days
    assert shown(days, "2020-01-06", "2020-01-07") == [("01-06 08:00", "01-07 00:00")]


def test_sessions_do_not_depend_on_the_stretch_that_was_asked_for() -> None:
    long = calendar_of(FOREX, ns("2020-01-01"), ns("2020-12-31")).days
    rows = set(zip(*(column.tolist() for column in long), strict=True))
    for stretch in (("2020-03-04", "2020-03-11"), ("2020-06-07", "2020-06-07")):
        short = calendar_of(FOREX, ns(stretch[0]), ns(stretch[1])).days
        assert set(zip(*(column.tolist() for column in short), strict=True)) <= rows
        assert short.opens[0] <= ns(stretch[0]) < ns(stretch[1]) + 1 <= short.closes[-1]


def test_what_is_not_understood_is_refused() -> None:
    with pytest.raises(CalendarError, match="time zone 'Mars/Base'"):
        calendar_of(Hours("Mars/Base"), 0, 0)
    with pytest.raises(CalendarError, match="reset '25:00': a time of day"):
        calendar_of(Hours("UTC", "25:00"), 0, 0)
    for weekdays in ((), (7,)):
        with pytest.raises(ValueError, match="numbers from 0, Monday, to 6 are allowed"):
            calendar_of(Hours("UTC", weekdays=weekdays), 0, 0)
    with pytest.raises(ValueError, match="the end must not be before the start"):
        calendar_of(CRYPTO, 5, 4)
    shut = frozenset(date.fromordinal(date(1969, 12, 1).toordinal() + n) for n in range(90))
    with pytest.raises(ValueError, match="UTC 00:00 to 00:00: no session between 1969-12-22 and 1970-01-11"):
        calendar_of(CRYPTO._replace(holidays=shut), 0, 0)
