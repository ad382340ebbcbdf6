"""Timeframes: where bars begin and end, in plain multiples of time or cut by the sessions of a calendar.

A bar is the stretch [open, close) and is known at its close. Without a calendar it lies between multiples of its
length since the epoch (weeks since a Monday). With one it is counted from the beginning of its session and cut at the
session's end; `1d` and `1w` are a whole session and a whole week of sessions. Between sessions there is no bar.
Calendars are arrays, computed from time zones elsewhere (`policies.sessions`).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from market.tape import Int64

MINUTE_NS: Final = 60 * 10**9
DAY_NS: Final = 1440 * MINUTE_NS
TIMEFRAMES: Final = {
    "1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "30m": 30 * MINUTE_NS, "1h": 60 * MINUTE_NS,
    "4h": 240 * MINUTE_NS, "1d": DAY_NS, "1w": 7 * DAY_NS,
}  # fmt: skip
"""Lengths in ns by name, shortest first; each is a multiple of all shorter ones."""

MONDAY_NS: Final = 4 * DAY_NS
"""The first Monday after the epoch, from which weeks are counted where no calendar is given."""

WHOLE_NS: Final = 3650 * DAY_NS
"""Longer than any session: a bar of this length is one whole session."""

NO_SESSION: Final = -(2**62)
"""The session of a bar that no calendar cuts."""

FRAME: Final = record_type("bar_ns anchor_ns first count")
"""Per calendar and timeframe: the length of its bars, an instant at which one begins, and its sessions in the grid's
arrays, [first, first + count); none where no calendar cuts it."""


class Sessions(NamedTuple):
    """Sessions [opens, closes) in UTC ns, in order and apart; `numbers` name them whatever the stretch.

    A session has the number of its local day, a week that of its Monday, in days since 1970.
    """

    opens: Int64
    closes: Int64
    numbers: Int64


class Calendar(NamedTuple):
    """The sessions of a market, and its weeks as sessions: from the first opening of a week to its last close."""

    days: Sessions
    weeks: Sessions


class Grid(NamedTuple):
    """All bars that there are: timeframes [calendar, timeframe] of type FRAME over the sessions of all calendars."""

    frames: Records
    opens: Int64
    closes: Int64
    numbers: Int64


def grid_of(timeframes: Sequence[str], calendars: Sequence[Calendar | None] = (None,)) -> Grid:
    """Return the bars of timeframes, shortest first, under each of the calendars; None is plain UTC.

    ValueError names a timeframe that is not known or out of order, or sessions that overlap.
    """
    unknown = [name for name in timeframes if name not in TIMEFRAMES]
    if unknown or not timeframes:
        raise ValueError(f"timeframe {next(iter(unknown), '')!r}: {', '.join(TIMEFRAMES)} are allowed, at least one")
    lengths = [TIMEFRAMES[name] for name in timeframes]
    if any(longer <= shorter for shorter, longer in pairwise(lengths)):
        raise ValueError(f"timeframes {', '.join(timeframes)}: they must be different, the shortest first")
    frames = np.zeros((len(calendars), len(timeframes)), FRAME).view(np.recarray)
    parts: list[Sessions] = []
    begin = 0
    for row, calendar in zip(frames, calendars, strict=True):
        first = begin
        if calendar is not None:
            parts += [_checked(part) for part in calendar]
            begin += len(calendar.days.opens) + len(calendar.weeks.opens)
        for frame, length in zip(row, lengths, strict=True):
            _lay(frame, length, calendar, first)
    columns = [np.concatenate([np.zeros(0, np.int64), *column]) for column in zip(*parts, strict=True)] if parts else []
    return Grid(frames, *columns) if columns else Grid(frames, *(np.zeros(0, np.int64) for _ in range(3)))


def plain_grid(bar_ns: int) -> Grid:
    """Return bars of any one length between its multiples since the epoch."""
    if bar_ns < 1:
        raise ValueError(f"bars of {bar_ns} ns; at least 1 is allowed")
    frames = records(1, FRAME).reshape(1, 1)
    frames[0, 0].bar_ns = bar_ns
    return Grid(frames, *(np.zeros(0, np.int64) for _ in range(3)))


def _lay(frame: Record, length: int, calendar: Calendar | None, first: int) -> None:
    frame.bar_ns = length
    if calendar is None:
        frame.anchor_ns = MONDAY_NS if length > DAY_NS else 0
        return
    days = len(calendar.days.opens)
    if length > DAY_NS:
        frame.first, frame.count = first + days, len(calendar.weeks.opens)
    else:
        frame.first, frame.count = first, days
    if length >= DAY_NS:
        frame.bar_ns = WHOLE_NS


def _checked(sessions: Sessions) -> Sessions:
    """Refuse sessions that a search could not trust."""
    columns = [np.ascontiguousarray(column, np.int64) for column in sessions]
    opens, closes, numbers = columns
    if not len(opens) == len(closes) == len(numbers) or not len(opens):
        raise ValueError(f"sessions: {len(opens)} opens, {len(closes)} closes; as many of each are allowed, at least 1")
    lengths = closes - opens
    if (lengths <= 0).any() or (lengths > WHOLE_NS).any():
        at = int(np.argmax((lengths <= 0) | (lengths > WHOLE_NS)))
        raise ValueError(f"session {at} closes at {closes[at]} ns, opens at {opens[at]}; it must close after it opens")
    if (opens[1:] < closes[:-1]).any() or (np.diff(numbers) <= 0).any():
        at = int(np.argmax((opens[1:] < closes[:-1]) | (np.diff(numbers) <= 0))) + 1
        raise ValueError(f"session {at} opens at {opens[at]} ns; the one before it must be over and of a lower number")
    return Sessions(*columns)


@compiled
def find_bar(grid: Grid, calendar: int, k: int, stamp_ns: int, spot: Record) -> bool:
    """Write open, close and session of the bar of timeframe k that holds an instant to `spot`; False: there is none."""
    frame = grid.frames[calendar, k]
    begin_ns, end_ns = frame.anchor_ns, np.int64(2**63 - 1)
    spot.session = NO_SESSION
    if frame.count > 0:
        low, high = frame.first, frame.first + frame.count
        while high - low > 1:  # the last session that opens at or before the stamp, if any does
            middle = (low + high) // 2
            if grid.opens[middle] <= stamp_ns:
                low = middle
            else:
                high = middle
        begin_ns, end_ns = grid.opens[low], grid.closes[low]
        if not begin_ns <= stamp_ns < end_ns:
            return False
        spot.session = grid.numbers[low]
    spot.open_ns = begin_ns + (stamp_ns - begin_ns) // frame.bar_ns * frame.bar_ns
    spot.close_ns = min(spot.open_ns + frame.bar_ns, end_ns)
    return True


@compiled
def newest_known(known_ns: Int64, time_ns: Int64, out: Int64) -> None:
    """Write per instant the index of the newest thing known by then, -1 for none; both columns rise.

    So a shorter timeframe reads a longer one: `known_ns` are the closes of the longer one's bars.
    """
    newest = -1
    for i in range(len(time_ns)):
        while newest + 1 < len(known_ns) and known_ns[newest + 1] <= time_ns[i]:
            newest += 1
        out[i] = newest


def align(known_ns: Int64, time_ns: Int64) -> Int64:
    """Return, for every instant, the index of the newest thing known by then, -1 for none; ValueError if one falls."""
    for name, column in (("known_ns", known_ns), ("time_ns", time_ns)):
        if (np.diff(column) < 0).any():
            at = int(np.argmax(np.diff(column) < 0)) + 1
            raise ValueError(f"{name}[{at}] = {column[at]} is before {column[at - 1]}; stamps must rise")
    out = np.empty(len(time_ns), np.int64)
    newest_known(np.ascontiguousarray(known_ns, np.int64), np.ascontiguousarray(time_ns, np.int64), out)
    return out
