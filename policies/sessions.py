"""Sessions: when a market is open, from a named time zone, as arrays for the kernels. Never asked in a kernel.

A session belongs to the local day on which it closes: the forex session of a Monday opens on Sunday at 17:00 in New
York. One that closes at midnight belongs to the day that ends there. In UTC a session moves with the zone's summer
time, and one that lasts around the clock has 23 or 25 hours when the clock is changed.
"""

from collections.abc import Iterator, Sequence
from datetime import date, time, timedelta
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from market.timeframes import Calendar, Sessions
from policies.calendars import clock_of, local_day, reset_ns, zone

EPOCH_DAY: Final = date(1970, 1, 1)
WORKDAYS: Final = (0, 1, 2, 3, 4)


class Hours(NamedTuple):
    """Opening hours: an IANA zone, two times of its day, the days of the week (0 is Monday), and the exceptions.

    On `holidays` there is no session; `early` gives days that close at another time.
    """

    zone: str
    opens: str = "00:00"
    closes: str = "00:00"
    weekdays: tuple[int, ...] = WORKDAYS
    holidays: frozenset[date] = frozenset()
    early: tuple[tuple[date, str], ...] = ()


FOREX: Final = Hours("America/New_York", "17:00", "17:00")
US_EQUITIES: Final = Hours("America/New_York", "09:30", "16:00")
CRYPTO: Final = Hours("UTC", weekdays=(0, 1, 2, 3, 4, 5, 6))


def calendar_of(hours: Hours, start_ns: int, end_ns: int) -> Calendar:
    """Return the sessions of all weeks that touch [start_ns, end_ns], and those weeks themselves.

    CalendarError names a zone or a time that is not known, ValueError a day of the week or a stretch without sessions.
    """
    zone(hours.zone)
    if not hours.weekdays or not set(hours.weekdays) <= set(range(7)):
        raise ValueError(f"weekdays {hours.weekdays}: numbers from 0, Monday, to 6 are allowed, at least one")
    if end_ns < start_ns:
        raise ValueError(f"sessions from {start_ns} to {end_ns} ns: the end must not be before the start")
    first, last = _monday(local_day(start_ns, hours.zone)), _monday(local_day(end_ns, hours.zone))
    # one week more on either side: an evening may belong to the session of the next day
    days = [first + timedelta(days=n) for n in range(-7, (last - first).days + 14)]
    rows = list(_sessions(hours, days))
    if not rows:
        raise ValueError(f"{hours.zone} {hours.opens} to {hours.closes}: no session between {days[0]} and {days[-1]}")
    weeks = []
    for monday, group in groupby(rows, key=lambda row: _monday(row[0])):
        of_week = list(group)
        weeks.append((monday, of_week[0][1], of_week[-1][2]))
    return Calendar(_columns(rows), _columns(weeks))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _sessions(hours: Hours, days: Sequence[date]) -> Iterator[tuple[date, int, int]]:
    """Yield (day, open, close) of the sessions of some days."""
    early = dict(hours.early)
    opens, usual = clock_of(hours.opens), clock_of(hours.closes)
    after = timedelta(days=1 if usual == time(0) else 0)
    before = timedelta(days=1 if time(0) < usual <= opens else 0)
    for day in days:
        if day.weekday() not in hours.weekdays or day in hours.holidays:
            continue
        open_ns = reset_ns(day - before, hours.zone, opens)
        if day in early:
            close_ns = reset_ns(day, hours.zone, clock_of(early[day]))
        else:
            close_ns = reset_ns(day + after, hours.zone, usual)
        yield day, open_ns, close_ns


def _columns(rows: Sequence[tuple[date, int, int]]) -> Sessions:
    numbers = [(day - EPOCH_DAY).days for day, _, _ in rows]
    opens, closes = [row[1] for row in rows], [row[2] for row in rows]
    return Sessions(*(np.array(column, np.int64) for column in (opens, closes, numbers)))
