"""Clocks: New York time of UTC stamps, and where the trading week begins, which betrays stamps that are not UTC.

Currencies, metals, indices and US equities all keep New York hours, so a session that moves by an hour twice a year
in UTC stands still there.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from market.tape import Int64
from research.catalogue.entry import DAY_NS, NANOSECONDS

NEW_YORK: Final = ZoneInfo("America/New_York")
HOUR_NS: Final = 3600 * NANOSECONDS
WEEK_NS: Final = 7 * DAY_NS
WEEK_OPEN_NS: Final = 3 * DAY_NS + 17 * HOUR_NS
"""Sunday 17:00 in weeks that begin on Thursday, as the epoch does: when the currency week opens in New York."""

WEEKENDS_MIN: Final = 4
WEEKEND_NS: Final = (36 * HOUR_NS, 80 * HOUR_NS)


def to_new_york(time_ns: Int64) -> Int64:
    """Return UTC stamps as New York wall time, in ns as if that were UTC."""
    if len(time_ns) == 0:
        return time_ns
    first, last = (
        np.array([time_ns.min(), time_ns.max()], "datetime64[ns]").astype("datetime64[Y]").astype(int)
    ) + 1970
    changes = [change for year in range(int(first) - 1, int(last) + 1) for change in _changes(year)]
    instants = np.array([instant for instant, _ in changes], np.int64)
    offsets = np.array([offset for _, offset in changes], np.int64)
    where = np.searchsorted(instants, time_ns, side="right") - 1
    return np.asarray(time_ns + offsets[np.maximum(where, 0)], np.int64)


def week_shift_hours(time_ns: Int64, step_ns: int) -> float | None:
    """Return by how many hours the trading week lies behind Sunday 17:00 to Friday 17:00 New York, were stamps UTC.

    About 0 when they are; 2 or 3 on a European broker's clock, -4 or -5 in New York time. The opening and the close
    must agree: gold opens an hour late, some venues quote hours early, and neither is a shift of the clock. Stamps
    rise; `step_ns` is the length of a bar, 0 for quotes. None when there are too few weekends to tell.
    """
    distances = np.diff(time_ns)
    ends = np.flatnonzero((distances >= WEEKEND_NS[0]) & (distances <= WEEKEND_NS[1]))
    if len(ends) < WEEKENDS_MIN:
        return None
    opening = _late(time_ns[ends + 1], WEEK_OPEN_NS)
    close = _late(time_ns[ends] + step_ns, WEEK_OPEN_NS + 5 * DAY_NS)
    if opening * close <= 0:
        return 0.0
    return round(min(opening, close, key=abs) / HOUR_NS, 1)


def _late(time_ns: Int64, due_ns: int) -> float:
    """Return the median distance from a time of the New York week, in ns."""
    return float(np.median((to_new_york(time_ns) - due_ns + WEEK_NS // 2) % WEEK_NS - WEEK_NS // 2))


@cache
def _changes(year: int) -> tuple[tuple[int, int], ...]:
    """Return (instant, offset from then on), in ns, at the start of a year and at each change of its clock."""
    found = []
    at = datetime(year, 1, 1, tzinfo=UTC)
    offset = None
    while at.year == year:
        now = at.astimezone(NEW_YORK).utcoffset() or timedelta(0)
        if now != offset:
            if offset is not None:
                while (at - timedelta(hours=1)).astimezone(NEW_YORK).utcoffset() == now:
                    at -= timedelta(hours=1)
            found.append((int(at.timestamp()) * NANOSECONDS, int(now.total_seconds()) * NANOSECONDS))
            offset = now
            at = at.replace(hour=0)
        at += timedelta(days=1)
    return tuple(found)
