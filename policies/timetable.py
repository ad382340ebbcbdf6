"""The timetable: at which times an account may not open a position, or not hold one, per instrument.

Around the news nothing is opened, over a weekend nothing is held; what a calendar does not reach to is unknown, and
nothing is opened then. Times are computed when a run is planned and become stretches here: of each instrument, from
each instant on, the `Rule` bits that refuse what opens and those for which what is held is closed. A lookup is one
binary search. What reduces is never asked.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.money import INT64_MAX
from market.records import Record
from policies.intents import Rule

if TYPE_CHECKING:
    from policies.risk import Book

FIRST_NS: Final = -INT64_MAX
"""Before every instant."""
TIMED: Final = Rule.NEWS.value | Rule.WEEKEND.value
"""The rules for which the engine closes what is held."""


class Stretch(NamedTuple):
    """From one instant up to, not including, another: the `Rule` bits that refuse, and those that close."""

    from_ns: int
    until_ns: int
    refuses: int
    closes: int = 0


class Timetable(NamedTuple):
    """Per instrument, a row: when stretches begin, and their bits. No row: no account rule minds the time."""

    begins_ns: NDArray[np.int64]
    refuses: NDArray[np.int64]
    closes: NDArray[np.int64]


def open_timetable(rows: Sequence[Sequence[Stretch]]) -> Timetable:
    """Return the timetable of instruments with these stretches, which may overlap: their bits join."""
    edges = [_edges(row) for row in rows]
    shape = len(rows), max(map(len, edges), default=0)
    table = Timetable(np.full(shape, INT64_MAX), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for k, (row, own) in enumerate(zip(rows, edges, strict=True)):
        table.begins_ns[k, : len(own)] = own
        for stretch in row:
            begin, end = bisect_left(own, max(stretch.from_ns, FIRST_NS)), bisect_left(own, stretch.until_ns)
            table.refuses[k, begin:end] |= stretch.refuses
            table.closes[k, begin:end] |= stretch.closes
    return table


def no_timetable() -> Timetable:
    """Return what a book has where no account rule minds the time."""
    return open_timetable(())


def _edges(row: Sequence[Stretch]) -> list[int]:
    found = {FIRST_NS}
    for stretch in row:
        found |= {max(stretch.from_ns, FIRST_NS), min(stretch.until_ns, INT64_MAX)}
    return sorted(found)


@compiled
def stretch_at(table: Timetable, instrument: int, time_ns: int) -> int:
    """Return the place of the stretch of an instrument that an instant lies in."""
    return int(np.searchsorted(table.begins_ns[instrument], time_ns, side="right")) - 1


@compiled
def refuses_at(table: Timetable, instrument: int, time_ns: int) -> int:
    """Return the `Rule` bits that refuse to open a position in an instrument at an instant."""
    return int(table.refuses[instrument, stretch_at(table, instrument, time_ns)])


@compiled
def closes_at(table: Timetable, instrument: int, time_ns: int) -> int:
    """Return the `Rule` bits for which what is held of an instrument is closed at an instant; 0: it may be held."""
    if len(table.begins_ns) == 0:
        return 0
    return int(table.closes[instrument, stretch_at(table, instrument, time_ns)])


@compiled
def timetable_bits(book: "Book", intent: Record) -> int:
    """Return the `Rule` bits of what forbids to open the legs of an intent at its time; 0 for what reduces."""
    table = book.timetable
    if intent.reduce != 0 or len(table.begins_ns) == 0:
        return 0
    bits = refuses_at(table, intent.instrument0, intent.time_ns)
    if intent.legs > 1:
        bits |= refuses_at(table, intent.instrument1, intent.time_ns)
    return bits


@compiled
def called_to_close(book: "Book", time_ns: int) -> int:
    """Return the `Rule` bits for which something that is held, and can be closed, must be closed at an instant."""
    bits = 0
    if len(book.timetable.begins_ns) == 0:
        return bits
    for k in range(book.ledger.account[0].open_positions):
        instrument = book.ledger.open_list[k]
        bits |= closes_at(book.timetable, instrument, time_ns)
    return bits
