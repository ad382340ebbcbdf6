"""Sessions and the holes in them, learned from the data itself: no calendar of any venue is needed.

A market that trades on Saturdays never closes: every absent bar is missing. Any other market closes for nights,
weekends and holidays: distances of 20 hours to 5 days are closures. Of shorter ones, the part counts as missing that
falls into hours of the New York day in which this file has rows on other days (gold pauses from 17 to 18, equities
sleep from 20 to 4). Of longer ones, the share that falls on weekdays, about.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.tape import Int64
from research.catalogue.clocks import HOUR_NS, to_new_york
from research.catalogue.entry import DAY_NS, Gaps

SILENCE_NS: Final = 5 * 60 * 10**9
"""Quotes, trades and depth that stay away longer than this inside a session are a hole."""

CLOSURE_NS: Final = (20 * HOUR_NS, 5 * DAY_NS)
OPEN_SHARE: Final = 0.1
"""An hour of the day is in session when rows are there on this share of the days of the busiest hours."""

SATURDAY_SHARE: Final = 0.02


class Session(NamedTuple):
    """Which slots of `step_ns` of a New York day are open; `opened[k]` counts the open ones before slot k."""

    step_ns: int
    opened: Int64

    def open_slots(self, begin: Int64, end: Int64) -> Int64:
        """Count the open slots in [begin, end), numbers of slots since the epoch."""
        return self._before(end) - self._before(begin)

    def _before(self, slot: Int64) -> Int64:
        per_day = len(self.opened) - 1
        return slot // per_day * self.opened[-1] + self.opened[slot % per_day]


def never_closes(time_ns: Int64, instrument_kind: str | None) -> bool:
    """Tell a market without sessions: a coin, or anything that trades on Saturdays."""
    if instrument_kind == "crypto":
        return True
    saturday = (time_ns // DAY_NS) % 7 == 2
    return bool(len(time_ns) > 0 and np.mean(saturday) > SATURDAY_SHARE)


def bar_gaps(time_ns: Int64, step_ns: int, *, always_open: bool) -> Gaps:
    """Count bars that are absent inside sessions; stamps rising and distinct."""
    distances = np.diff(time_ns)
    wide = np.flatnonzero(distances > step_ns * 3 // 2)
    absent = np.rint(distances[wide] / step_ns).astype(np.int64) - 1
    if not always_open:
        absent = _inside(time_ns, wide, min(step_ns, DAY_NS), absent)
    return _gaps(time_ns, wide, absent, step_ns, always_open=always_open, bars=True)


def silences(time_ns: Int64, *, always_open: bool, threshold_ns: int = SILENCE_NS) -> Gaps:
    """Find stretches inside sessions without a row for longer than `threshold_ns`; stamps rising."""
    wide = np.flatnonzero(np.diff(time_ns) > threshold_ns)
    absent = np.ones(len(wide), np.int64)
    if not always_open:
        absent = _inside(time_ns, wide, threshold_ns, absent)
    return _gaps(time_ns, wide, absent, threshold_ns, always_open=always_open, bars=False)


def _gaps(
    time_ns: Int64, wide: NDArray[np.intp], absent: Int64, threshold_ns: int, *, always_open: bool, bars: bool
) -> Gaps:
    holes = wide[absent > 0]
    lengths = (absent[absent > 0] + 1) * threshold_ns if bars else time_ns[holes + 1] - time_ns[holes]
    longest = int(np.argmax(lengths)) if len(holes) else -1
    return Gaps(
        missing=int(absent.sum()) if bars else None,
        holes=len(holes),
        longest_ns=int(lengths[longest]) if len(holes) else 0,
        longest_at_ns=int(time_ns[holes[longest]]) if len(holes) else None,
        closures=0 if always_open else int(np.count_nonzero(absent == 0)),
        threshold_ns=threshold_ns,
    )


def _inside(time_ns: Int64, wide: NDArray[np.intp], step_ns: int, absent: Int64) -> Int64:
    """Return how much of each wide distance is inside a session."""
    if len(wide) == 0:
        return absent
    local = to_new_york(time_ns)
    lengths = time_ns[wide + 1] - time_ns[wide]
    out = absent.copy()
    if step_ns < CLOSURE_NS[0]:
        session = learn_session(local, step_ns)
        begin, end = local[wide] // step_ns + 1, local[wide + 1] // step_ns
        short = session.open_slots(begin, end)
        out = np.where(end > begin, np.minimum(short, absent), absent)
    out[(lengths >= CLOSURE_NS[0]) & (lengths <= CLOSURE_NS[1])] = 0
    for i in np.flatnonzero(lengths > CLOSURE_NS[1]):
        days = np.arange(local[wide[i]] // DAY_NS + 1, local[wide[i] + 1] // DAY_NS)
        weekdays = np.count_nonzero((days + 3) % 7 < 5)
        out[i] = out[i] * weekdays // max(len(days), 1)
    return out


def learn_session(local: Int64, step_ns: int) -> Session:
    """Learn from New York times which slots of the day are in session."""
    per_day = max(DAY_NS // step_ns, 1)
    slots = np.unique(local // step_ns)
    days_seen = np.bincount(slots % per_day, minlength=per_day)
    busiest = np.quantile(days_seen[days_seen > 0], 0.9)
    is_open = days_seen > busiest * OPEN_SHARE
    if len(np.unique(slots // per_day)) < 2:
        is_open[:] = True  # one day teaches nothing
    return Session(step_ns, np.concatenate(([0], np.cumsum(is_open))).astype(np.int64))
