"""Inspecting: one file -> its catalogue entry. The only module of the catalogue that knows all the others."""

from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from msgspec import structs

from market.tape import Int64
from research.catalogue.checks import faults_of, jump_of, order_of, sides_of, steps_of
from research.catalogue.clocks import HOUR_NS, week_shift_hours
from research.catalogue.entry import PRICED, Entry, Faults, FileKind, Gaps
from research.catalogue.names import Named, instrument_kind_of, named
from research.catalogue.reading import read
from research.catalogue.sessions import bar_gaps, never_closes, silences
from research.catalogue.stamps import NAIVE_TEXT
from research.catalogue.tables import Table, UnreadableError
from research.catalogue.timeframes import Spacing, show_timeframe, spacing_of

SPACED: Final = frozenset({FileKind.BARS, FileKind.FUNDING, FileKind.RATES, FileKind.CLOSES})
TIMED: Final = SPACED | PRICED
WITHOUT_SYMBOL: Final = frozenset({FileKind.CALENDAR, FileKind.RATES, FileKind.CLOSES})
SHIFT_MAX_HOURS: Final = 0.75
"""A trading week this far from where UTC would put it is on another clock."""


def inspect(root: Path, path: PurePosixPath, size_bytes: int, modified_ns: int) -> Entry:
    """Read and check one file; a file that cannot be read gets an entry with its `problem`, never an exception."""
    name = named(path)
    blank = Entry(
        path=str(path), size_bytes=size_bytes, modified_ns=modified_ns, format=path.suffix[1:].lower() or "none",
        symbol=name.symbol, venue=name.venue, instrument_kind=name.instrument_kind,
    )  # fmt: skip
    try:
        table = read(root, path, name.words)
    except UnreadableError as error:
        problem = "".join(letter if letter.isprintable() else "?" for letter in str(error))
        symbol = named(path, ticker=not path.stem.islower()).symbol  # notes.txt is no instrument
        return structs.replace(blank, problem=problem, symbol=symbol, instrument_kind=instrument_kind_of(symbol))
    return _described(blank, name, table)


def _described(blank: Entry, name: Named, table: Table) -> Entry:
    """Fill in what the table says; content overrules the name."""
    symbol = table.about.symbol or name.symbol
    if table.kind is FileKind.RAW:
        symbol = named(PurePosixPath(blank.path), ticker=False).symbol
    if table.kind in WITHOUT_SYMBOL:
        symbol = None
    readable = table.stamps.readable
    time_ns = table.stamps.time_ns if readable.all() else table.stamps.time_ns[readable]
    entry = structs.replace(
        blank, format=table.format, kind=table.kind, symbol=symbol, instrument_kind=instrument_kind_of(symbol),
        venue=_venue(name, table), prices=_prices(symbol, name, table), columns=table.columns, rows=table.rows,
        first_ns=int(time_ns.min()) if len(time_ns) else None, last_ns=int(time_ns.max()) if len(time_ns) else None,
        time_zone=table.stamps.zone, is_utc=table.stamps.is_utc, notes=table.about.notes,
    )  # fmt: skip
    if table.kind is FileKind.RAW:
        return structs.replace(entry, faults=Faults())
    if len(time_ns) == 0:
        return structs.replace(entry, problem="no row has a stamp that can be read" if table.rows else "no rows")
    entry = structs.replace(entry, faults=faults_of(table, order_of(table.stamps.time_ns[readable])))
    if table.kind in PRICED:
        entry = _priced(entry, table)
    return _timed(entry, name, table, time_ns) if table.kind in TIMED else entry


def _priced(entry: Entry, table: Table) -> Entry:
    """Add the price step and the widest jump."""
    bid, ask = sides_of(table)
    step, usual = steps_of(bid if bid[0] is ask[0] else [*bid, *ask])
    notes = entry.notes
    if usual is not None and usual != step:
        rest = f"the others only of {step:f}" if step else "the others of no step of at most 10 digits"
        notes = (*notes, f"nearly all prices are multiples of {usual:f}, {rest}")
    return structs.replace(
        entry,
        tick_size=f"{step:f}" if step is not None else None,
        jump_fraction_max=jump_of(bid[3]) if table.kind is FileKind.BARS else None,
        notes=notes,
    )


def _timed(entry: Entry, name: Named, table: Table, time_ns: Int64) -> Entry:
    """Add timeframe, gaps, and what the trading week says about the clock."""
    rising = time_ns if np.all(time_ns[1:] > time_ns[:-1]) else np.unique(time_ns)
    spacing = spacing_of(rising) if entry.kind in SPACED else Spacing(0, regular=False)
    entry = _clocked(entry, week_shift_hours(rising, spacing.step_ns) if spacing.step_ns <= HOUR_NS else None)
    always_open = never_closes(rising, entry.instrument_kind)
    if entry.kind not in SPACED:
        return structs.replace(entry, gaps=silences(rising, always_open=always_open))
    step_ns, notes = _timeframe(spacing, table.about.timeframe_ns or name.timeframe_ns)
    gaps: Gaps | None = bar_gaps(rising, step_ns, always_open=always_open) if step_ns else None
    return structs.replace(
        entry, timeframe=show_timeframe(step_ns), timeframe_ns=step_ns, gaps=gaps, notes=(*entry.notes, *notes)
    )


def _timeframe(spacing: Spacing, said_ns: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the timeframe and notes on it: the spacing of the stamps wins over the name, where there is one."""
    said = show_timeframe(said_ns or 0)
    if spacing.regular:
        if said_ns in {None, spacing.step_ns}:
            return spacing.step_ns, ()
        return spacing.step_ns, (f"the name says {said}, the stamps are {show_timeframe(spacing.step_ns)} apart",)
    if spacing.lone and said_ns:
        return said_ns, ()  # nothing contradicts the name
    if spacing.lone:
        return 0, ("a single stamp tells no timeframe",)
    return 0, ("its stamps have no regular spacing" + (f", though the name says {said}" if said else ""),)


def _clocked(entry: Entry, shift_hours: float | None) -> Entry:
    """Let the trading week confirm or contradict what is said of the clock."""
    if shift_hours is None or entry.instrument_kind not in {"fx", "metal", "index"}:
        return entry
    if abs(shift_hours) >= SHIFT_MAX_HOURS:
        side = "ahead of" if shift_hours > 0 else "behind"
        note = f"by the trading week its clock runs about {abs(shift_hours):g} h {side} UTC"
        naive = entry.time_zone == NAIVE_TEXT
        zone = "a clock that the file does not name" if naive else entry.time_zone
        return structs.replace(entry, notes=(*entry.notes, note), time_zone=zone, is_utc=entry.is_utc and not naive)
    if not entry.is_utc or entry.time_zone == NAIVE_TEXT:
        return structs.replace(entry, time_zone="UTC by the trading week; no zone in the file", is_utc=True)
    return entry


def _venue(name: Named, table: Table) -> str | None:
    said = table.about.venue.lower().replace("-", "_") if table.about.venue else None
    return name.venue or said


def _prices(symbol: str | None, name: Named, table: Table) -> str | None:
    """Tell whose prices bars are: one-sided currencies and metals are bids by convention, the rest trades."""
    if table.kind is not FileKind.BARS:
        return None
    if "bid_open" in table.values:
        return "bid+ask" if "ask_open" in table.values else "bid"
    if "ask_open" in table.values or ("ask" in name.words and "bid" not in name.words):
        return "ask"
    if "mark" in name.words:
        return "mark"
    return "bid" if "bid" in name.words or instrument_kind_of(symbol) in {"fx", "metal", "binary"} else "trade"
