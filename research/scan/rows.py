"""The rows of a series up to a time: a tape in ticks, as a live feed would have heard it, from the files on disk."""

from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.tape import Int64, Tape, bar_tape, merge_tapes, quote_tape
from research.catalogue import Entry, FileKind
from research.catalogue.checks import order_of
from research.catalogue.names import named
from research.catalogue.reading import read
from research.catalogue.tables import UnreadableError
from research.loader import LoadError, load_bars, load_quotes, tick_size_of
from research.scan.series import Series


class Rows(NamedTuple):
    """What was heard of a series up to `heard_ns`: rows, the length of its bars (0: quotes, trades), its tick."""

    tape: Tape
    step_ns: int
    tick_size: Decimal
    heard_ns: int


def rows_of(root: Path, series: Series, start_ns: int, at_ns: int | None) -> Rows:
    """Return the rows that begin at or after `start_ns` and are known by `at_ns` (None: all).

    LoadError when they cannot be had, or when there are none.
    """
    tick_size = min(tick_size_of(entry) for entry in series.entries)
    end_ns = None if at_ns is None else at_ns + 1 - series.step_ns
    inside = [
        entry
        for entry in series.entries
        if (entry.last_ns or 0) >= start_ns and (end_ns is None or (entry.first_ns or 0) < end_ns)
    ]
    tapes = [_tape(root, entry, tick_size, (start_ns, end_ns)) for entry in inside]
    tape = merge_tapes(tapes)
    if not len(tape.time_ns):
        raise LoadError(f"{series.entries[0].path}: no rows up to that time")
    return Rows(tape, series.step_ns, tick_size, series.last_ns if at_ns is None else min(at_ns, series.last_ns))


def _tape(root: Path, entry: Entry, tick_size: Decimal, span: tuple[int, int | None]) -> Tape:
    if entry.kind is FileKind.BARS:
        bars = load_bars(root, entry, tick_size, *span)
        tape = bar_tape(0, bars.close_ns, bars.bid, bars.ask or bars.bid, bars.volume)
        return tape._replace(flaws=bars.flaws)
    if entry.kind is FileKind.QUOTES:
        quotes = load_quotes(root, entry, tick_size, *span)
        return quote_tape(0, quotes.time_ns, quotes.bid, quotes.ask)._replace(flaws=quotes.flaws)
    trades = load_trades(root, entry, span)
    ticks = np.rint(trades.price / float(tick_size)).astype(np.int64)
    tape = quote_tape(0, trades.time_ns, ticks, ticks)
    return tape._replace(volume=trades.size)


class Trades(NamedTuple):
    """Public trades (n,): stamps in order, prices and sizes above 0 as in the source."""

    time_ns: Int64
    price: NDArray[np.float64]
    size: NDArray[np.float64]


def load_trades(root: Path, entry: Entry, span: tuple[int, int | None]) -> Trades:
    """Return the trades stamped in [start, end); those without a sound stamp, price or size are left out.

    LoadError when the file cannot be read or holds no trades.
    """
    values, time_ns = columns_of(root, entry, FileKind.TRADES)
    price = values["price"].astype(np.float64)
    size = values["qty" if "qty" in values else "volume"].astype(np.float64)
    with np.errstate(invalid="ignore"):
        sound = np.isfinite(price) & np.isfinite(size) & (price > 0.0) & (size > 0.0)
    keep = sound & inside(time_ns, span)
    return Trades(time_ns[keep], price[keep], size[keep])


def columns_of(root: Path, entry: Entry, kind: FileKind) -> tuple[dict[str, NDArray[np.float64]], Int64]:
    """Return the columns of a file and its stamps, without rows that have none or go back in time."""
    path = PurePosixPath(entry.path)
    try:
        table = read(root, path, named(path).words)
    except UnreadableError as error:
        raise LoadError(f"{entry.path}: {error}") from error
    if table.kind is not kind:
        raise LoadError(f"{entry.path}: holds {table.kind}, wanted {kind}")
    readable = np.flatnonzero(table.stamps.readable)
    ordered = readable[~order_of(table.stamps.time_ns[readable]).disorder]
    return {name: column[ordered] for name, column in table.values.items()}, table.stamps.time_ns[ordered]


def inside(time_ns: Int64, span: tuple[int | None, int | None]) -> NDArray[np.bool_]:
    """Tell which stamps lie in [start, end); None is open."""
    start_ns, end_ns = span
    after = np.ones(len(time_ns), np.bool_) if start_ns is None else time_ns >= start_ns
    return after if end_ns is None else after & (time_ns < end_ns)
