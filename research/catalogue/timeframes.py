"""Timeframes: how people write them in file names, and what the spacing of the stamps says."""

import re
from typing import Final, NamedTuple

import numpy as np

from market.tape import Int64
from research.catalogue.entry import DAY_NS, NANOSECONDS

MONTH_NS: Final = 30 * DAY_NS
"""A nominal month: the one timeframe that is no fixed time (`1mo`); a loader counts calendar months instead."""

WORDS: Final = {
    "tick": 0, "second": NANOSECONDS, "minute": 60 * NANOSECONDS, "hour": 3600 * NANOSECONDS,
    "hourly": 3600 * NANOSECONDS, "day": DAY_NS, "daily": DAY_NS, "week": 7 * DAY_NS, "weekly": 7 * DAY_NS,
    "month": MONTH_NS, "monthly": MONTH_NS, "mn": MONTH_NS, "mn1": MONTH_NS,
}  # fmt: skip
UNITS: Final = {
    "s": NANOSECONDS, "sec": NANOSECONDS, "m": 60 * NANOSECONDS, "min": 60 * NANOSECONDS, "t": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS, "hr": 3600 * NANOSECONDS, "d": DAY_NS, "w": 7 * DAY_NS, "wk": 7 * DAY_NS,
    "mo": MONTH_NS, "mon": MONTH_NS,
}  # fmt: skip
COUNT_FIRST: Final = re.compile(r"(\d{1,3})(s|sec|m|min|t|h|hr|d|w|wk|mo|mon)s?", re.IGNORECASE)
UNIT_FIRST: Final = re.compile(r"([SMHDW])(\d{1,2})", re.IGNORECASE)
REGULAR_SHARE: Final = 0.9
"""Stamps are regular when this share of their distances are multiples of the most frequent one."""

SAMPLE: Final = 200_000
"""Distances looked at; a file does not change its timeframe half way."""


class Spacing(NamedTuple):
    """The most frequent distance between stamps, and whether the others are multiples of it; `lone`: one stamp."""

    step_ns: int
    regular: bool
    lone: bool = False


def timeframe_of(text: str) -> int | None:
    """Return what a word of a file name says (`M1`, `5m`, `4h`, `daily`) in ns; None when it is no timeframe."""
    word = text.lower()
    if word in WORDS:
        return WORDS[word] or None
    if match := COUNT_FIRST.fullmatch(text):
        return int(match[1]) * UNITS[match[2].lower()] or None
    if match := UNIT_FIRST.fullmatch(text):
        return int(match[2]) * UNITS[match[1].lower()] or None
    return None


def show_timeframe(step_ns: int) -> str | None:
    """Return `1m`, `4h`, `1d`, `1mo`; None for 0."""
    if step_ns <= 0:
        return None
    if step_ns == MONTH_NS:
        return "1mo"
    for unit, unit_ns in (("w", 7 * DAY_NS), ("d", DAY_NS), ("h", UNITS["h"]), ("m", UNITS["m"]), ("s", NANOSECONDS)):
        if step_ns % unit_ns == 0:
            return f"{step_ns // unit_ns}{unit}"
    return f"{step_ns / 10**6:g}ms"


def spacing_of(time_ns: Int64) -> Spacing:
    """Measure rising, distinct stamps.

    The most frequent distance decides, not the median: in a thin market more than half of the bars may be absent,
    which moves the median off the timeframe but not the mode.
    """
    distances = np.diff(time_ns[: SAMPLE + 1])
    if len(distances) == 0:
        return Spacing(0, regular=False, lone=True)
    if np.median(distances) > 10 * NANOSECONDS:  # stamps of 8h funding carry a few ms
        distances = (distances + NANOSECONDS // 2) // NANOSECONDS * NANOSECONDS
    values, counts = np.unique(distances, return_counts=True)
    step_ns = int(values[np.argmax(counts)])
    if 28 * DAY_NS <= step_ns <= 31 * DAY_NS and values.min() >= 28 * DAY_NS:
        return Spacing(MONTH_NS, regular=True)
    if step_ns < NANOSECONDS:
        return Spacing(0, regular=False)  # every distance is a multiple of a millisecond
    multiples = distances / step_ns
    near = np.abs(multiples - np.rint(multiples)) < 0.01
    return Spacing(step_ns, regular=bool(np.mean(near & (multiples > 0.5)) >= REGULAR_SHARE))
