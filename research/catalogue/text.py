"""Delimited text: CSV of any separator, with or without a header, plain or from a zip or gzip."""

import re
from typing import Final, NamedTuple

import pyarrow as pa
from pyarrow import csv

from research.catalogue.columns import layout_of
from research.catalogue.entry import FileKind
from research.catalogue.stamps import DATE_TEXT, NAIVE_TEXT, Stamps, stamps_of
from research.catalogue.tables import About, Table, UnreadableError, table_of

HISTDATA_ZONE: Final = "New York (source clock of HistData)"
BROKER_ZONE: Final = "broker clock (MetaTrader)"
LOCAL_ZONE: Final = "local clock of the exporter"
OHLCV: Final = ("open", "high", "low", "close", "volume")
STAMP: Final = r"\d{8}[ ;]\d{6}"
NUMBER: Final = r"-?\d+([.,]\d+)?([eE][+-]?\d+)?"


class Dialect(NamedTuple):
    """How a text is laid out: separator, column names, lines before the rows, and the clock that the form betrays."""

    separator: str
    names: tuple[str, ...]
    skip: int
    zone: str | None = None
    venue: str | None = None
    decimal: str = "."


HEADERLESS: Final = (
    (rf"{STAMP};N;N;N;N(;N)?", ("ts", *OHLCV), HISTDATA_ZONE, "histdata"),
    (rf"{STAMP}\d{{3}},N,N(,N)?", ("ts", "bid", "ask", "volume"), HISTDATA_ZONE, "histdata"),
    (r"\d{4}\.\d\d\.\d\d,\d\d:\d\d(:\d\d)?,N,N,N,N(,N)*", ("date", "time", *OHLCV), BROKER_ZONE, None),
    (r"[A-Z]{3}/?[A-Z]{3},[^,]+,N,N", ("symbol", "ts", "bid", "ask"), "UTC", "truefx"),
    (r"\d{8},N,N,N", ("date", "price_factor", "split_factor", "reference_price"), DATE_TEXT, None),
    (r"\d{8},\w+,\w+", ("date", "ticker", "market"), DATE_TEXT, None),
    (r"[^,;\t]*\d{2,}[^,;\t]*([,;\t])N\1N\1N\1N\1N(\1.*)?", ("ts", *OHLCV), None, None),
    (r"[^,;\t]*\d{2,}[^,;\t]*([,;\t])N\1N\1N\1N", ("ts", *OHLCV[:4]), None, None),
    (r"[^,;\t]*\d{2,}[^,;\t]*([,;\t])N\1N", ("ts", "bid", "ask"), None, None),
)
"""Layouts without a header line, first match wins; N is a number. HistData, MetaTrader, TrueFX, Lean, klines."""

REFERENCE: Final = frozenset({"price_factor", "market"})


def read_text(data: bytes, words: frozenset[str]) -> Table:
    """Read delimited text; malformed lines are counted but skipped, a text that is no table is an UnreadableError."""
    data = utf8_of(data)
    dialect = dialect_of(data)
    layout = layout_of(dialect.names, words)
    malformed = 0

    def skip_row(_: csv.InvalidRow) -> str:
        nonlocal malformed
        malformed += 1
        return "skip"

    try:
        arrow = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=dialect.names, skip_rows=dialect.skip, use_threads=False),
            csv.ParseOptions(delimiter=dialect.separator, invalid_row_handler=skip_row),
            csv.ConvertOptions(
                column_types={name: pa.string() for name in layout.time},
                decimal_point=dialect.decimal,
            ),
        )
    except pa.ArrowException as error:
        raise UnreadableError(f"not readable as text columns: {str(error).splitlines()[0][:160]}") from error
    if REFERENCE & set(dialect.names):
        return _reference(arrow, dialect, malformed)
    return _clocked(table_of(arrow, "csv", words, malformed), dialect)


def utf8_of(data: bytes) -> bytes:
    """Return text as UTF-8; what is neither UTF-8 nor UTF-16 is taken for a Western code page."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").encode()
    return data


def dialect_of(data: bytes) -> Dialect:
    """Look at the first lines: comments, separator, header."""
    head = data[:65536].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = head.splitlines()
    skip = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if skip is None or "\0" in head:
        raise UnreadableError("no text rows" if skip is None else "binary, not a known format")
    line = lines[skip]
    following = lines[skip + 1] if skip + 1 < len(lines) else ""
    for pattern, layout, zone, venue in HEADERLESS:
        if re.fullmatch(pattern.replace("N", NUMBER), line):
            separator = max(",;\t", key=line.count)
            cells = line.count(separator) + 1
            extra = tuple(f"column_{i}" for i in range(len(layout), cells))
            return Dialect(separator, (*layout[:cells], *extra), skip, zone, venue)
    separator = max(",;\t|", key=line.count)
    if separator not in line:
        raise UnreadableError(f"no table: the first line is {line[:60]!r}")
    names = _distinct([cell.strip().strip('"') for cell in line.split(separator)])
    if sum(bool(re.fullmatch(NUMBER, name)) for name in names) > 1:
        raise UnreadableError(f"no header line and not a layout we know: {line[:80]!r}")
    decimal = "," if separator == ";" and re.search(r"(^|;)\d+,\d+(;|$)", following) else "."
    return Dialect(separator, names, skip + 1, *_exporter(names, following), decimal=decimal)


def _exporter(names: tuple[str, ...], first_row: str) -> tuple[str | None, str | None]:
    """Return the clock and venue that a header gives away."""
    lower = [name.lower().strip("<>") for name in names]
    if lower[0] in {"gmt time", "local time"}:
        zoned = "GMT" in first_row or lower[0] == "gmt time"
        return ("UTC" if zoned else LOCAL_ZONE), "dukascopy"
    if ("tickvol" in lower and "time" in lower) or {"tick_volume", "real_volume"} <= set(lower):
        return BROKER_ZONE, None
    return None, None


def _distinct(names: list[str]) -> tuple[str, ...]:
    out: list[str] = []
    for i, name in enumerate(names):
        out.append(f"column_{i}" if not name or name in out else name)
    return tuple(out)


def _clocked(table: Table, dialect: Dialect) -> Table:
    """Set what the dialect knows of clock and venue."""
    stamps = table.stamps
    if dialect.zone and stamps.zone == NAIVE_TEXT:
        stamps = Stamps(stamps.time_ns, dialect.zone, is_utc=dialect.zone == "UTC")
    about = table.about._replace(venue=table.about.venue or dialect.venue)
    return table._replace(stamps=stamps, about=about)


def _reference(arrow: pa.Table, dialect: Dialect, malformed: int) -> Table:
    """Return split factors or a ticker map: dates only, to be shown and not computed with."""
    about = About(notes=("split factors" if "price_factor" in dialect.names else "ticker map",))
    stamps = stamps_of(arrow["date"])
    return Table("csv", FileKind.REFERENCE, dialect.names, arrow.num_rows + malformed, stamps, {}, about)
