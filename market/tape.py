"""The tape: market events of many feeds as columns, in the one order in which everything takes them.

A row is a quote or a closed bar. Its time is when it is known: the stamp of a quote, the close of a bar. Rows are
sorted by (time, feed); rows of one time are one instant. The kernels loop over these columns and nothing else.
"""

import hashlib
from collections.abc import Sequence
from enum import IntFlag
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import inlined
from market.records import record_type

Int64 = NDArray[np.int64]

PRICE_COLUMNS: Final = (
    "open", "high", "low", "close", "ask_open", "ask_high", "ask_low", "ask_close",
)  # fmt: skip


class Role(IntFlag):
    """What a feed's rows do."""

    MATCH = 1  # move the venue and the mark of the feed's instrument
    VIEW = 2  # update a view and ask the desk's policy
    SCAN = 4  # are watched for a dislocation between two venues


class Flaw(IntFlag):
    """What is wrong with a row; a row with a flaw moves nothing and makes its instrument untradable."""

    CROSSED = 1  # bid above ask
    ZERO = 2  # a price that is zero or negative
    NOT_FINITE = 4  # a price that was NaN or infinite in the source
    RANGE = 8  # high below low, or open or close outside of them
    DUPLICATE = 16  # the stamp of a row that was there already (bars only)
    DISORDER = 32  # a stamp before that of the row in front of it


FEED: Final = record_type("instrument roles desk view_number trades bar_ns route")
"""Per feed: the instrument it quotes, its `Role`s, the desk and view it serves, the instrument that this view trades,
the length of its bars (0 for quotes), and its arbitrage route (-1 for none)."""


class Tape(NamedTuple):
    """Columns of equal length; bid prices carry no prefix. Quotes repeat their price in all four places."""

    time_ns: Int64
    feed: Int64
    open: Int64
    high: Int64
    low: Int64
    close: Int64
    ask_open: Int64
    ask_high: Int64
    ask_low: Int64
    ask_close: Int64
    bid_lots: Int64
    ask_lots: Int64
    volume: NDArray[np.float64]
    flaws: NDArray[np.uint8]


@inlined
def any_flaw(flaws: NDArray[np.uint8]) -> bool:
    """Tell whether a row is flawed, many rows at a time: without a branch per row."""
    flawed = np.uint8(0)
    for i in range(len(flaws)):
        flawed |= flaws[i]
    return bool(flawed != 0)


def empty_tape() -> Tape:
    """Return a tape without rows."""
    rest: list[NDArray[Any]] = [np.zeros(0, np.float64), np.zeros(0, np.uint8)]
    return _tape([np.zeros(0, np.int64)] * 12 + rest)


def quote_tape(
    feed: int,
    time_ns: Int64,
    bid: Int64,
    ask: Int64,
    bid_lots: Int64 | None = None,
    ask_lots: Int64 | None = None,
) -> Tape:
    """Return the tape of one feed of quotes, arrays of equal length."""
    rows = len(time_ns)
    unknown = np.zeros(rows, np.int64)
    sizes = [unknown if bid_lots is None else bid_lots, unknown if ask_lots is None else ask_lots]
    rest: list[NDArray[Any]] = [np.zeros(rows, np.float64), np.zeros(rows, np.uint8)]
    return _tape([time_ns, np.full(rows, feed, np.int64), *[bid] * 4, *[ask] * 4, *sizes, *rest])


def bar_tape(
    feed: int,
    close_ns: Int64,
    bid: Sequence[Int64],
    ask: Sequence[Int64],
    volume: NDArray[np.float64] | None = None,
) -> Tape:
    """Return the tape of one feed of bars: `bid` and `ask` are (open, high, low, close), `close_ns` when known."""
    rows = len(close_ns)
    sizes = [np.zeros(rows, np.int64)] * 2
    traded = np.zeros(rows, np.float64) if volume is None else volume
    return _tape([close_ns, np.full(rows, feed, np.int64), *bid, *ask, *sizes, traded, np.zeros(rows, np.uint8)])


def _tape(columns: Sequence[NDArray[Any]]) -> Tape:
    return Tape(*columns)


def merge_tapes(tapes: Sequence[Tape]) -> Tape:
    """Join tapes into one in (time, feed) order; rows of one feed keep their order."""
    if not tapes:
        return empty_tape()
    if len(tapes) == 1 and bool(np.all(np.diff(tapes[0].time_ns) >= 0)):
        return tapes[0]  # columns that are one array stay one: less to read where bid is ask
    joined = [np.concatenate(columns) for columns in zip(*tapes, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    if np.array_equal(order, np.arange(len(order))):
        return _tape(joined)
    return _tape([np.ascontiguousarray(column[order]) for column in joined])


def slice_tape(tape: Tape, begin: int, end: int) -> Tape:
    """Return rows [begin, end) as views of the same memory."""
    return _tape([column[begin:end] for column in tape])


def select_feeds(tape: Tape, feeds: NDArray[np.bool_]) -> Tape:
    """Return the rows of those feeds for which `feeds[feed]` is true, in their order."""
    return select_rows(tape, feeds[tape.feed])


def select_rows(tape: Tape, keep: NDArray[Any]) -> Tape:
    """Return the rows that a mask or an index array names."""
    return _tape([column[keep] for column in tape])


def newest_rows(tape: Tape, end: int, feeds: int) -> Int64:
    """Return, in order, for every feed the rows of its newest sound instant before `end`, and any flawed ones after."""
    keep: list[int] = []
    for feed in range(feeds):
        rows = np.flatnonzero(tape.feed[:end] == feed)
        sound = rows[tape.flaws[rows] == 0]
        if len(sound):
            instant = tape.time_ns[sound[-1]]
            keep += [int(row) for row in rows[tape.time_ns[rows] >= instant]]
        else:
            keep += [int(row) for row in rows[-1:]]
    return np.array(sorted(keep), np.int64)


def owned(tape: Tape) -> Tape:
    """Return the tape in writable arrays of its own where it is not: kernels are compiled for one kind only."""
    plain = [column if column.flags.writeable and column.flags.c_contiguous else column.copy() for column in tape]
    return _tape(plain)


def tape_hash(tape: Tape) -> str:
    """Return the SHA-256 of all columns: the name under which a journal remembers its input."""
    digest = hashlib.sha256()
    for name, column in zip(Tape._fields, tape, strict=True):
        data: NDArray[Any] = np.ascontiguousarray(column)
        digest.update(f"{name}:{data.dtype.str}:{len(data)};".encode())
        digest.update(data.tobytes())
    return digest.hexdigest()
