"""What the catalogue says about one file: values only, JSON in and out. Nothing here opens a file."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

NANOSECONDS: Final = 10**9
DAY_NS: Final = 86_400 * NANOSECONDS


class FileKind(StrEnum):
    """What the rows of a file are."""

    BARS = "bars"
    QUOTES = "quotes"
    TRADES = "trades"
    DEPTH = "depth"
    FUNDING = "funding"
    RATES = "rates"
    CLOSES = "closes"  # a wide table: one column of closes per instrument
    CALENDAR = "calendar"
    REFERENCE = "reference"  # split factors, ticker maps
    RAW = "raw"  # payloads as a venue sent them, for parser tests
    UNKNOWN = "unknown"


PRICED: Final = frozenset({FileKind.BARS, FileKind.QUOTES, FileKind.TRADES, FileKind.DEPTH})
"""Kinds whose rows carry prices that must be finite and positive."""


class Faults(Struct, frozen=True, kw_only=True):
    """Rows with a fault, named as in `market.tape.Flaw`; None where the columns of the file cannot show it."""

    crossed: int | None = None
    zero: int | None = None
    not_finite: int | None = None
    range: int | None = None
    duplicate: int | None = None
    disorder: int | None = None
    unreadable: int = 0
    first_row: int | None = None  # the first with a price fault, from 0 among those read


class Gaps(Struct, frozen=True, kw_only=True):
    """Holes inside sessions: absent bars, or silences of quotes longer than `threshold_ns`.

    `missing` counts absent bars (None for quotes), `holes` the places where they are absent, `longest_ns` the session
    time from the row before the widest one to the row behind it, which begins at `longest_at_ns`. `closures` are
    nights, weekends and holidays: no hole.
    """

    missing: int | None
    holes: int
    longest_ns: int
    longest_at_ns: int | None
    closures: int
    threshold_ns: int


class Entry(Struct, frozen=True, kw_only=True):
    """One file: what it is, what it covers, what is wrong with it. `problem` says why it could not be read.

    `prices` tells whose prices bars hold: bid, ask, bid+ask, trade or mark. Stamps are UTC where `is_utc`, else
    those of the clock that `time_zone` names, as written. `timeframe_ns` is 0 where rows have no regular spacing.
    """

    path: str
    size_bytes: int
    modified_ns: int
    format: str
    kind: FileKind = FileKind.UNKNOWN
    symbol: str | None = None
    venue: str | None = None
    instrument_kind: str | None = None
    prices: str | None = None
    timeframe: str | None = None
    timeframe_ns: int = 0
    columns: tuple[str, ...] = ()
    rows: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    time_zone: str | None = None
    is_utc: bool = True
    tick_size: str | None = None
    jump_fraction_max: float | None = None
    faults: Faults = Faults()
    gaps: Gaps | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None
    sha256: str | None = None
    origin: str | None = None
    licence: str | None = None
    stated_time_zone: str | None = None


class Catalogue(Struct, frozen=True, kw_only=True):
    """Every file under one directory, in the order of their paths."""

    root: str
    entries: tuple[Entry, ...] = ()


def show_time(time_ns: int | None, digits: int = 9) -> str | None:
    """Return a stamp as ISO-8601 text in UTC with as many decimals (at most `digits`) as it needs."""
    if time_ns is None:
        return None
    seconds, rest = divmod(time_ns, NANOSECONDS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09d}"[:digits].rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"
