"""What depth and trades of an instrument say at a time: spread, imbalance, microprice, VPIN; what is absent, and why.

The newest book by then is measured (`market.microstructure`): that of a file of depth with all its levels, else the
best quotes where they have sizes. VPIN is over the trades of the day before: of buckets that hold a hundredth of that
day's volume each, the last 50 full ones. Nothing is filled in for what a feed does not give.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.microstructure import BookMeasures, book_measures, book_of, vpin
from market.timeframes import DAY_NS
from research.catalogue import Entry, FileKind
from research.catalogue.columns import LEVELS_MAX
from research.loader import LoadError
from research.scan.rows import columns_of, load_trades
from research.scan.series import Scanned

LEVELS: Final = 10
"""Levels of each side whose sizes make the imbalance."""

DEPTH_BPS: Final = 10.0
BUCKETS: Final = 50
BUCKETS_A_DAY: Final = 100
TRADES_MIN: Final = 1_000
"""With fewer trades a bucket holds one or two of them, and is one-sided by that alone."""

BP: Final = 1e4

Columns = dict[str, NDArray[np.float64]]


class Liquidity(NamedTuple):
    """What is known of an instrument's liquidity; None where it is not, with the reason in `absent`.

    `book_ns`, `trades_ns` are the stamps of the book and of the newest trade; `levels` of the thinner side. Spread and
    the microprice's distance from the mid are in basis points of the mid, imbalances in [-1, 1], VPIN in [0, 1].
    """

    symbol: str
    venue: str | None
    book: str | None = None
    book_ns: int | None = None
    levels: int | None = None
    spread_bps: float | None = None
    microprice_bps: float | None = None
    imbalance_top: float | None = None
    imbalance: float | None = None
    trades: str | None = None
    trades_ns: int | None = None
    vpin: float | None = None
    absent: tuple[str, ...] = ()


def liquidity_of(root: Path, instrument: Scanned, at_ns: int | None) -> Liquidity:
    """Return what is known of an instrument's liquidity at a time (None: at the end of its data)."""
    absent: list[str] = []
    found = Liquidity(instrument.symbol, instrument.venue)
    for entry in _newest_first(instrument.liquid, (FileKind.DEPTH, FileKind.QUOTES), at_ns):
        try:
            found = _with_book(found, root, entry, at_ns)
            break
        except LoadError as error:
            absent.append(str(error))
    else:
        absent = absent or ["no depth, and no quotes with sizes"]
    if found.book is not None:
        absent = []
    reasons: list[str] = []
    for entry in _newest_first(instrument.liquid, (FileKind.TRADES,), at_ns):
        try:
            found = _with_trades(found, root, entry, at_ns)
            break
        except LoadError as error:
            reasons.append(str(error))
    if found.vpin is None:
        absent += reasons or ["no trades"]
    return found._replace(absent=tuple(absent))


def _newest_first(entries: Sequence[Entry], kinds: Sequence[FileKind], at_ns: int | None) -> Iterator[Entry]:
    """Yield the files of some kinds that have rows by then, depth before quotes, the newest first."""

    def rank(entry: Entry) -> tuple[int, int, str]:
        last_ns = entry.last_ns or 0
        return kinds.index(entry.kind), -(last_ns if at_ns is None else min(last_ns, at_ns)), entry.path

    begun = [one for one in entries if one.kind in kinds and (at_ns is None or (one.first_ns or 0) <= at_ns)]
    yield from sorted(begun, key=rank)


def _with_book(found: Liquidity, root: Path, entry: Entry, at_ns: int | None) -> Liquidity:
    """Add the measures of the newest book of a file; LoadError when it has none."""
    values, time_ns = columns_of(root, entry, entry.kind)
    if "bid" not in values:
        raise LoadError(f"{entry.path}: changes of depth, no whole books")
    if "bid_size" not in values or "ask_size" not in values:
        raise LoadError(f"{entry.path}: quotes without sizes")
    row = len(time_ns) - 1 if at_ns is None else int(np.searchsorted(time_ns, at_ns, side="right")) - 1
    if row < 0:
        raise LoadError(f"{entry.path}: no book up to that time")
    sides = [_levels(values, side, row) for side in ("bid", "ask")]
    measures = book_measures(book_of(*sides), LEVELS, DEPTH_BPS)
    if not measures.valid:
        raise LoadError(f"{entry.path}: the newest book is {(measures.reason or '').lower().replace('_', ' ')}")
    return _measured(found, measures)._replace(
        book=entry.path, book_ns=int(time_ns[row]), levels=min(len(side) for side in sides)
    )


def _levels(values: Columns, side: str, row: int) -> list[tuple[float, float]]:
    """Return (price, size) of one side, best first, up to the first level that is not there."""
    levels = []
    for k in range(LEVELS_MAX):
        price, size = ("", "_size") if k == 0 else (f"_{k}", f"_size_{k}")
        names = f"{side}{price}", f"{side}{size}"
        if any(name not in values for name in names):
            break
        level = (float(values[names[0]][row]), float(values[names[1]][row]))
        if not all(math.isfinite(number) for number in level):
            break
        levels.append(level)
    return levels


def _measured(found: Liquidity, measures: BookMeasures) -> Liquidity:
    mid, microprice = measures.mid or math.nan, measures.microprice or math.nan
    return found._replace(
        spread_bps=measures.rel_spread_bps, microprice_bps=BP * (microprice - mid) / mid,
        imbalance_top=measures.imbalance_top, imbalance=measures.imbalance,
    )  # fmt: skip


def _with_trades(found: Liquidity, root: Path, entry: Entry, at_ns: int | None) -> Liquidity:
    """Add the VPIN of the newest day of a file of trades; LoadError when it has too few."""
    end_ns = (entry.last_ns or 0) if at_ns is None else min(at_ns, entry.last_ns or 0)
    trades = load_trades(root, entry, (end_ns - DAY_NS, end_ns + 1))
    if len(trades.price) < TRADES_MIN:
        raise LoadError(f"{entry.path}: {len(trades.price):,} trades in the day before; VPIN needs {TRADES_MIN:,}")
    volume = float(trades.size.sum()) / BUCKETS_A_DAY
    _, values = vpin(np.column_stack([trades.price, trades.size]), volume, BUCKETS)
    return found._replace(trades=entry.path, trades_ns=int(trades.time_ns[-1]), vpin=float(values[-1]))
