"""The loader: from a catalogue entry to the arrays that kernels want; prices in integer ticks, stamps in UTC ns.

Nothing is repaired and nothing is dropped in silence. Rows whose stamp goes back, and bars whose stamp was there
already, are left out and reported. Rows with a bad price stay, with their `Flaw` bits, so that a kernel sees what a
live feed would have seen. A price that is no multiple of the tick is an error: rounding it would move the market.

A bar's stamp in the data is its opening; it is known at its close, one timeframe later. Daily bars are stamped with
their date (midnight UTC) and count as known one day later, so a US session that closes at 20:00 or 21:00 UTC becomes
known at the following midnight: late by hours, never early. Bars of a month close with the calendar month.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.continuity import flag_rows
from market.tape import Flaw, Int64, Tape, bar_tape, quote_tape
from research.catalogue.cache import file_hash
from research.catalogue.checks import order_of, sides_of, steps_of
from research.catalogue.entry import Entry, FileKind
from research.catalogue.finding import NotInCatalogueError, find, no_rows
from research.catalogue.names import named
from research.catalogue.reading import read
from research.catalogue.tables import Floats, Table, UnreadableError
from research.catalogue.timeframes import MONTH_NS

__all__ = [
    "Bars", "LoadError", "NotInCatalogueError", "Quotes", "Report", "file_hash", "find", "load_bars", "load_quotes",
    "tick_size_of",
]  # fmt: skip

OFF_TICK_MAX: Final = 1e-3
"""A price may lie this far from a multiple of the tick, in ticks, beyond the rounding of its own float type."""

TICKS_MAX: Final = 2**53
"""Beyond this a float64 no longer tells one tick from the next."""

VOLUMES: Final = ("volume", "tick_volume", "real_volume")
"""Which column is the volume of a bar, best first."""

Sides = tuple[Int64, Int64, Int64, Int64]


class LoadError(ValueError):
    """A file cannot serve as asked; one line: file, what, and what is allowed."""


class Report(NamedTuple):
    """What was left out on the way; `warnings` says it in words, empty when there is nothing to say.

    Rows are counted from 0 in the file, the first ones are -1 when there are none.
    """

    path: str
    rows_read: int
    rows_used: int
    disorder: int
    first_disorder_row: int
    duplicate: int
    first_duplicate_row: int
    warnings: tuple[str, ...]


class Bars(NamedTuple):
    """Bars of one instrument, columns of equal length; bid and ask are (open, high, low, close) in ticks.

    `ask` is None where the source has one side only. `close_ns` is when a bar is known. Volume is 0 where there is
    none. `report` is no array: leave it behind at the door of a kernel.
    """

    open_ns: Int64
    close_ns: Int64
    bid: Sides
    ask: Sides | None
    volume: NDArray[np.float64]
    flaws: NDArray[np.uint8]
    report: Report


class Quotes(NamedTuple):
    """Quotes of one instrument, columns of equal length; prices in ticks, sizes as in the source or None."""

    time_ns: Int64
    bid: Int64
    ask: Int64
    bid_size: NDArray[np.float64] | None
    ask_size: NDArray[np.float64] | None
    flaws: NDArray[np.uint8]
    report: Report


class Slice(NamedTuple):
    """Rows of a table that are kept: their numbers in the file and their stamps, plus what was left out."""

    rows: NDArray[np.intp]
    time_ns: Int64
    report: Report


def load_bars(root: Path, entry: Entry, tick_size: Decimal, start_ns: int | None, end_ns: int | None) -> Bars:
    """Return the bars that open in [start_ns, end_ns); LoadError when they cannot be had."""
    table = _read(root, entry, FileKind.BARS)
    if entry.timeframe_ns <= 0:
        raise LoadError(f"{entry.path}: its stamps have no regular spacing, so the close of a bar is not known")
    kept = _slice(entry, table, (start_ns, end_ns))
    bid_prices, ask_prices = sides_of(table)
    two_sided = bid_prices[0] is not ask_prices[0]
    bid, bad = _ticks4(entry, bid_prices, kept.rows, tick_size)
    ask, bad_ask = _ticks4(entry, ask_prices, kept.rows, tick_size) if two_sided else (bid, bad)
    close_ns = _close_ns(kept.time_ns, entry.timeframe_ns)
    volume = next((table.values[name] for name in VOLUMES if name in table.values), None)
    lots = np.zeros(len(close_ns)) if volume is None else volume[kept.rows].astype(np.float64)
    flaws = _flaws(bar_tape(0, close_ns, bid, ask, lots), bad | bad_ask, is_bar=True)
    return Bars(kept.time_ns, close_ns, bid, ask if two_sided else None, lots, flaws, kept.report)


def load_quotes(root: Path, entry: Entry, tick_size: Decimal, start_ns: int | None, end_ns: int | None) -> Quotes:
    """Return the quotes stamped in [start_ns, end_ns); of depth, the best level. LoadError when they cannot be had."""
    table = _read(root, entry, FileKind.QUOTES, FileKind.DEPTH)
    if "bid" not in table.values:
        raise LoadError(f"{entry.path}: holds changes of depth, not quotes; wanted columns bid and ask")
    kept = _slice(entry, table, (start_ns, end_ns))
    bid, bad_bid = _ticks(entry, table.values["bid"], kept.rows, tick_size)
    ask, bad_ask = _ticks(entry, table.values["ask"], kept.rows, tick_size)
    sizes = [table.values.get(name) for name in ("bid_size", "ask_size")]
    bid_size, ask_size = (None if size is None else size[kept.rows].astype(np.float64) for size in sizes)
    flaws = _flaws(quote_tape(0, kept.time_ns, bid, ask), bad_bid | bad_ask, is_bar=False)
    return Quotes(kept.time_ns, bid, ask, bid_size, ask_size, flaws, kept.report)


def tick_size_of(source: Entry | Sequence[Floats]) -> Decimal:
    """Return the decimal step that all prices of an entry, or of a sample of prices, are multiples of.

    It is measured (0.00001 for EURUSD, 0.001 for USDJPY, 0.01 for shares), hence never finer than needed and perhaps
    coarser than the venue's. LoadError when there is none of at most 10 digits.
    """
    if isinstance(source, Entry):
        if source.tick_size is None:
            raise LoadError(f"{source.path}: no decimal step fits its prices; state tick_size")
        return Decimal(source.tick_size)
    step = steps_of(source).exact
    if step is None:
        raise LoadError("no decimal step of at most 10 digits fits these prices; state tick_size")
    return step


def _read(root: Path, entry: Entry, *kinds: FileKind) -> Table:
    """Read the file of an entry; LoadError when it is another kind, or no longer readable."""
    path = PurePosixPath(entry.path)
    try:
        table = read(root, path, named(path).words)
    except UnreadableError as error:
        raise LoadError(f"{root / path}: {error}") from error
    if table.kind not in kinds:
        raise LoadError(f"{root / path}: holds {table.kind}, wanted {' or '.join(kinds)}")
    if entry.problem is not None:
        raise LoadError(f"{root / path}: {entry.problem}")
    return table


def _slice(entry: Entry, table: Table, span: tuple[int | None, int | None]) -> Slice:
    """Choose the rows of a span; leave out what has no stamp, goes back in time, or repeats the stamp of a bar."""
    readable = np.flatnonzero(table.stamps.readable)
    time_ns = table.stamps.time_ns[readable]
    order = order_of(time_ns)
    repeated = order.duplicate & (table.kind is FileKind.BARS)
    start_ns, end_ns = span
    inside = np.ones(len(time_ns), np.bool_)
    if start_ns is not None:
        inside &= time_ns >= start_ns
    if end_ns is not None:
        inside &= time_ns < end_ns
    keep = inside & ~order.disorder & ~repeated
    if not keep.any():
        raise LoadError(no_rows(entry.symbol or entry.path, span, [entry]))
    report = _report(entry, table, readable, (inside & order.disorder, inside & repeated, keep))
    return Slice(readable[keep], np.ascontiguousarray(time_ns[keep]), report)


def _report(entry: Entry, table: Table, readable: NDArray[np.intp], masks: tuple[NDArray[np.bool_], ...]) -> Report:
    """Say what was left out of a span."""
    disorder, repeated, keep = masks
    firsts = [int(readable[np.argmax(mask)]) if mask.any() else -1 for mask in (disorder, repeated)]
    counts = [int(np.count_nonzero(mask)) for mask in (disorder, repeated)]
    unreadable = table.rows - len(readable)
    warnings = [
        f"{entry.path}: {count:,} {what}; left out, the first is row {first}"
        for count, what, first in zip(
            counts,
            ("rows with a stamp before one in front of them", "bars with the stamp of another"),
            firsts,
            strict=True,
        )
        if count
    ]
    if unreadable:
        warnings.append(f"{entry.path}: {unreadable:,} rows that could not be read; left out")
    if entry.prices in {"ask", "mark"}:
        warnings.append(f"{entry.path}: holds {entry.prices} prices; taken for bids")
    if not entry.is_utc:
        clock = entry.stated_time_zone or entry.time_zone
        warnings.append(f"{entry.path}: stamps are not UTC but {clock}; taken as they stand")
    return Report(
        entry.path, table.rows, int(np.count_nonzero(keep)), counts[0], firsts[0], counts[1], firsts[1], tuple(warnings)
    )


def _ticks4(
    entry: Entry, prices: Sequence[Floats], rows: NDArray[np.intp], tick_size: Decimal
) -> tuple[Sides, NDArray[np.bool_]]:
    """Return four columns in ticks, and which rows have a price that is not finite."""
    parts = [_ticks(entry, column, rows, tick_size) for column in prices]
    bad = parts[0][1] | parts[1][1] | parts[2][1] | parts[3][1]
    return (parts[0][0], parts[1][0], parts[2][0], parts[3][0]), bad


def _ticks(entry: Entry, prices: Floats, rows: NDArray[np.intp], tick_size: Decimal) -> tuple[Int64, NDArray[np.bool_]]:
    """Return prices as multiples of the tick, 0 where they are not finite, and where that is."""
    if not tick_size.is_finite() or tick_size <= 0:
        raise LoadError(f"tick_size {tick_size}: must be a positive number")
    chosen = prices[rows]
    bad = ~np.isfinite(chosen)
    quotient = np.where(bad, 0.0, chosen.astype(np.float64)) / float(tick_size)
    whole = np.rint(quotient)
    slack = OFF_TICK_MAX + 4 * float(np.finfo(prices.dtype).eps) * np.abs(quotient)
    off = np.flatnonzero((np.abs(quotient - whole) > slack) | (slack > 0.5) | (np.abs(quotient) > TICKS_MAX))
    if len(off):
        first = int(off[0])
        known = entry.tick_size if entry.tick_size is not None and Decimal(entry.tick_size) < tick_size else None
        others = f", nor are {len(off) - 1:,} more" if len(off) > 1 else ""
        raise LoadError(
            f"{entry.path}: price {float(chosen[first])!r} at row {int(rows[first])} is not a multiple of tick "
            f"{tick_size:f}{others}; state a finer tick_size" + (f", at most {known}" if known else "")
        )
    return whole.astype(np.int64), np.asarray(bad)


def _close_ns(open_ns: Int64, timeframe_ns: int) -> Int64:
    """Return when bars are known: one timeframe after they open, the next month's first for bars of a month."""
    if timeframe_ns != MONTH_NS:
        return open_ns + timeframe_ns
    months = open_ns.astype("datetime64[ns]").astype("datetime64[M]")
    into = open_ns - months.astype("datetime64[ns]").astype(np.int64)
    return np.asarray((months + 1).astype("datetime64[ns]").astype(np.int64) + into, np.int64)


def _flaws(tape: Tape, not_finite: NDArray[np.bool_], *, is_bar: bool) -> NDArray[np.uint8]:
    """Return the flaw bits of rows, by the code that flags a live feed; a row that is not finite has that bit alone."""
    flaws = np.zeros(len(tape.time_ns), np.uint8)
    flag_rows(tape, np.array([is_bar]), np.array([np.iinfo(np.int64).min]), flaws)
    flaws[not_finite] = Flaw.NOT_FINITE
    return flaws
