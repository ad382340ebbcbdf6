"""Naming: what kind of leak it is, told from which later rows a value answers to.

A value that is known to leak is computed again on data of which only later rows are changed, fewer and fewer: how far
ahead it looks, whether that ends with a longer period, and which part of the data it looks at.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from research.lookahead.cutting import PERIODS, period_of
from research.lookahead.study import LeakKind, Study

Responds = Callable[[str, int, Any], bool]

PROBES: Final = 6
"""Rows that are asked how far they look, beside the first."""

FAR, NEAR = 0.5, 0.2
"""Shares of the rows to come, and of all rows, beyond which a look ahead is far, and up to which it is near."""

OWN, OTHERS, BAR = "bars", "others", "own bar"
"""Parts of data by name; every other part is a table."""

ENDING: Final = frozenset({"cut", "delayed"})
"""Ways of finding a leak that take nothing from the content of later bars."""

PROBING: Final = ("mirrored", "jumped", "shuffled")


class Shown(NamedTuple):
    """What the search has shown of a leak: the rows that differ, those that held nothing then, and how it was found.

    One that only cutting has found may depend on nothing but the end of the data.
    """

    mask: NDArray[np.bool_]
    gone: NDArray[np.bool_]
    ways: frozenset[str]


class _Reach(NamedTuple):
    """How far one row looks: the last row that it answers to, and the parts of the data that it answers to."""

    row: int
    last: int
    parts: frozenset[str]


def name_leak(study: Study, column: str, shown: Shown, responds: Responds) -> tuple[LeakKind | None, str]:
    """Return the kind of a leak and its description; None when the probes do not agree on one."""
    rows = np.flatnonzero(shown.mask)
    drawn = np.random.default_rng(len(rows)).choice(rows, min(PROBES, len(rows)), replace=False)
    chosen = np.union1d(drawn, rows[:1])  # drawn, not evenly spaced: that could always hit the same part of a period
    reaches = [found for row in chosen if (found := _reach(study, column, int(row), responds)) is not None]
    reaches = [reach for reach in reaches if reach.last > reach.row or reach.parts]
    if not reaches:
        if shown.ways <= ENDING:
            return LeakKind.LENGTH, "depends on where the data ends or on when its bars are, not on what comes"
        return None, "its kind cannot be told"
    parts = frozenset().union(*(reach.parts for reach in reaches))
    if BAR in parts:
        return LeakKind.OPEN, "reads its own bar, which is still open when it decides"
    tables = sorted(parts - {OWN, OTHERS})
    if tables and OWN not in parts and OTHERS not in parts:
        return LeakKind.TABLE, f"reads rows of {', '.join(tables)} that were not known yet"
    if any(reach.parts == {OTHERS} for reach in reaches):
        return LeakKind.OTHERS, "reads later rows of other symbols"
    return _by_reach(study, reaches, filled=2 * int(shown.gone.sum()) > len(rows))


def _by_reach(study: Study, reaches: list[_Reach], *, filled: bool) -> tuple[LeakKind | None, str]:
    """Tell the kind by how far rows look: a fixed distance, the end of a period, the end of everything."""
    instants = np.unique(study.times)
    places = [np.searchsorted(instants, study.times[[reach.row, reach.last]]) for reach in reaches]
    distances = sorted({int(last - first) for first, last in places})
    final = len(instants) - 1
    inside = [(first, last) for first, last in places if last < final]
    if not inside:
        return LeakKind.WHOLE, "reads everything up to the last row"
    if len(inside) > 1 or len(distances) == 1:
        fixed = {int(last - first) for first, last in inside}
        cropped = all(final - first <= max(fixed) for first, last in places if last == final)
        if len(fixed) == 1 and cropped:
            return LeakKind.AHEAD, f"reads up to {max(fixed)} bar{'s' * (max(fixed) > 1)} ahead"
    period = _period(instants, inside)
    if period is not None:
        return LeakKind.TIMEFRAME, f"reads to the end of the {period} period that its bar lies in"
    if filled and len(distances) > 1:
        return LeakKind.FILL, f"reads the next value there is, {distances[0]} to {distances[-1]} bars ahead"
    shares = [(last - first) / max(final - first, 1) for first, last in places]
    if float(np.median(shares)) > FAR:
        return LeakKind.WHOLE, "reads far ahead, up to the last rows"
    if distances[-1] <= NEAR * final:
        return LeakKind.AHEAD, f"reads up to {distances[-1]} bars ahead"
    return None, f"reads up to {distances[-1]} bars ahead"


def _period(instants: NDArray[np.int64], inside: list[tuple[Any, Any]]) -> str | None:
    """Return the shortest period at whose last row every look ahead ends, None when there is none."""
    for name in PERIODS:
        for numbers in (period_of(instants, name), period_of(instants + 1, name)):  # a border may end one or begin one
            ends = np.flatnonzero(np.append(np.diff(numbers) != 0, True))
            if all(numbers[first] == numbers[last] and last in ends for first, last in inside):
                return name
    return None


def _reach(study: Study, column: str, row: int, responds: Responds) -> _Reach | None:
    """Return how far a row looks, by halving: the fewer of the last rows are changed, the less it answers."""
    rng = np.random.default_rng(row)
    now, end = int(study.times[row]), int(study.times[-1])
    changes = [study.changes[name] for name in PROBING if name in study.changes]

    def answers(after_ns: int) -> bool:
        return any(responds(column, row, change(study.data, after_ns, end, rng)) for change in changes)

    parts = frozenset(
        name for name, change in study.parts.items() if responds(column, row, change(study.data, row, rng))
    )
    if not study.parts and not study.changes:
        return None
    if not answers(now):
        return _Reach(row, row, parts)
    instants = np.unique(study.times)
    low = int(np.searchsorted(instants, now))  # answers to changes behind this instant
    high = len(instants) - 1  # does not: nothing comes behind it
    while high - low > 1:
        middle = (low + high) // 2
        if answers(int(instants[middle])):
            low = middle
        else:
            high = middle
    return _Reach(row, int(np.searchsorted(study.times, instants[high], side="left")), parts)
