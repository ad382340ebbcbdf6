"""The state of simulated venues: orders under way, holdings, reports; what `market.matching` moves."""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.money import INT64_MAX
from market.quotes import QUOTE
from market.records import Records, record_type, records


class OrderKind(IntEnum):
    """How an order wants to be matched."""

    MARKET = 1
    IOC = 2  # at its limit or better, now or never
    BINARY = 3  # buys a contract that settles at its expiry; the sign of lots is the direction


class ReportKind(IntEnum):
    """What a venue reports about an order."""

    FILL = 1
    SETTLE = 2
    CANCEL = 3
    REJECT = 4
    AMEND = 5  # the protective stop of a holding has moved; trades nothing


class Reason(IntEnum):
    """Why a report happened."""

    ENTRY = 1
    EXIT = 2
    STOP = 3
    TARGET = 4
    TIME = 5
    EXPIRY = 6
    UNWIND = 7
    UNFILLED = 8
    STALE = 9
    NO_POSITION = 10
    END = 11
    BREAK_EVEN = 12
    TRAIL = 13
    WITHHELD = 14
    FLATTEN = 15  # closed by the engine itself, not by a policy
    STOP_REFUSED = 16  # a stop was not moved: it would not have been a sound one there
    EMERGENCY = 17  # closed at the venue past the engine, by an emergency stop
    MANUAL = 18  # traded at the venue past the engine, and taken over by a person


PENDING, OPEN, WAITING, WITHHELD = 1, 2, 3, 4

ORDER: Final = record_type(
    "number instrument lots kind limit stop target arrive_ns hold_ns reduce state strike due_ns reason sent_ns "
    "breakeven_at trail_at trail_by"
)
"""An order the venue still has to do something about: PENDING until matched; a contract is OPEN until it settles; what
only reduces and met a stale quote is WAITING for the next sound one; what its gateway has kept back is WITHHELD: at the
instant of its arrival it is reported as cancelled.
`lots` is signed; `hold_ns` is the time stop after the fill (0: none); `reduce` never opens or flips a position, nor
closes one that was opened after `sent_ns`. What moves the stop, in ticks, 0 for never: at a best gain of `breakeven_at`
it goes to break-even, from `trail_at` on it follows the best price at a distance of `trail_by`."""

HOLDING: Final = record_type(
    "lots cost opened_ns stop stop_goal breakeven_at trail_at trail_by target until_ns number"
)  # fmt: skip
"""Per instrument: the venue's net position, its cost in ticks x lots, since when, and its protection; 0 = none.

`stop` is where the stop stands, `stop_goal` where it belongs once the mark leaves room for it (`market.stops`),
`number` the order that opened or last added to it."""

REPORT: Final = record_type(
    "time_ns venue execution number instrument kind reason lots price fee amount rate_num rate_den stop_before "
    "stop_goal"
)
"""What the venue says: signed lots at a price in ticks, fee and cash `amount` in quote money (contracts only), and the
rate by which quote money is account money at that instant. An AMEND moves no lots: its price is where the stop of the
holding stands now, `stop_before` where it stood, `stop_goal` where it belongs."""


class PaperVenue(NamedTuple):
    """State of the simulated venues of one process; `busy[i]` counts what waits on instrument i."""

    instruments: Records
    quotes: Records
    holdings: Records
    orders: Records
    busy: NDArray[np.int64]
    executions: NDArray[np.int64]
    control: NDArray[np.int64]
    reports: Records


COUNT, NEXT_DUE, REPORTS, GUARDED, END_NS, STOP_RULES = 0, 1, 2, 3, 4, 5
"""Slots of `control`: live orders, the earliest due, reports waiting in `reports`, holdings with protection, the
time of the last row there will be (what still waits for a bar then is cancelled), and whether a stop is moved only to
where `market.stop_invariants` has nothing against it."""


def paper_venue(instruments: Records, venues: int, end_ns: int = INT64_MAX) -> PaperVenue:
    """Return the state of empty simulated venues for a table of instruments; `end_ns` is that of the last row."""
    count = len(instruments)
    venue = PaperVenue(
        instruments, records(count, QUOTE), records(count, HOLDING), records(256 + 8 * count, ORDER),
        np.zeros(count, np.int64), np.zeros(venues, np.int64), np.zeros(6, np.int64),
        records(1024 + 16 * count, REPORT),
    )  # fmt: skip
    venue.control[NEXT_DUE], venue.control[END_NS] = INT64_MAX, end_ns
    return venue
