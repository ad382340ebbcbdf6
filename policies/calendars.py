"""Calendars: the instants at which account rules begin a new period, from named time zones. Never asked in a kernel.

Zones come from the `tzdata` package, not from the machine, so that two machines agree. A local day may have 23 or 25
hours: an instant is the first moment whose local wall clock shows the reset time.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

SECOND_NS: Final = 10**9
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PERIODS: Final = ("day", "month")


class CalendarError(ValueError):
    """A calendar cannot be made; the message names the value and what is allowed."""


@cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database; CalendarError when it has none of that name."""
    try:
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
            return ZoneInfo.from_file(stream, name)
    except (OSError, ValueError) as error:
        raise CalendarError(f"time zone {name!r}: a name of the IANA database is allowed, as Europe/Prague") from error


def clock_of(text: str) -> time:
    """Return a time of day from `HH:MM`; CalendarError otherwise."""
    try:
        hours, minutes = text.split(":")
        return time(int(hours), int(minutes))
    except ValueError as error:
        raise CalendarError(f"reset {text!r}: a time of day as 00:00 is allowed") from error


def instant_of(moment: datetime) -> int:
    """Return a moment that knows its zone as ns of UTC."""
    return round((moment - EPOCH) / timedelta(seconds=1)) * SECOND_NS


def moment_of(time_ns: int) -> datetime:
    """Return ns of UTC as a moment, whole seconds of it."""
    return EPOCH + timedelta(seconds=time_ns // SECOND_NS)


def reset_ns(day: date, zone_name: str, clock: time = time(0)) -> int:
    """Return when the wall clock of a zone first shows `clock` on a local day.

    Where the clock is set forward over that time, it is the moment of the switch.
    """
    local = datetime.combine(day, clock, zone(zone_name))
    exists = local.astimezone(UTC).astimezone(zone(zone_name)).replace(tzinfo=None) == local.replace(tzinfo=None)
    if exists:
        return instant_of(local)
    low, high = (instant_of(local) - 4 * 3600 * SECOND_NS) // SECOND_NS, (instant_of(local)) // SECOND_NS + 4 * 3600
    while low < high:  # the first second whose wall clock is not before the time that does not exist
        middle = (low + high) // 2
        seen = moment_of(middle * SECOND_NS).astimezone(zone(zone_name)).replace(tzinfo=None)
        low, high = (low, middle) if seen >= local.replace(tzinfo=None) else (middle + 1, high)
    return low * SECOND_NS


def local_day(time_ns: int, zone_name: str) -> date:
    """Return the local calendar day of an instant."""
    return moment_of(time_ns).astimezone(zone(zone_name)).date()


def utc_offset_ns(time_ns: int, zone_name: str) -> int:
    """Return how far a zone's wall clock is ahead of UTC at an instant."""
    offset = moment_of(time_ns).astimezone(zone(zone_name)).utcoffset()
    assert offset is not None
    return round(offset / timedelta(seconds=1)) * SECOND_NS


def resets_between(start_ns: int, end_ns: int, zone_name: str, reset: str, period: str = "day") -> tuple[int, ...]:
    """Return the resets after `start_ns` up to `end_ns`, and the first one beyond: what follows it is not known.

    `period` is `day` or `month`.
    """
    if period not in PERIODS:
        raise CalendarError(f"period {period!r}: {' or '.join(PERIODS)} is allowed")
    clock, day = clock_of(reset), local_day(start_ns, zone_name) - timedelta(days=1)
    found: list[int] = []
    while not found or found[-1] <= end_ns:
        if period == "day" or day.day == 1:
            instant = reset_ns(day, zone_name, clock)
            if instant > start_ns:
                found.append(instant)
        day += timedelta(days=1)
    return tuple(found)


def trading_days(opened_ns: Iterable[int], zone_name: str) -> tuple[date, ...]:
    """Return the local days on which a position was opened, in order; holding one overnight adds none."""
    return tuple(sorted({local_day(time_ns, zone_name) for time_ns in opened_ns}))
