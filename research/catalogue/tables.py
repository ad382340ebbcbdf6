"""A file's rows as numbers: the one shape that every reader of tables returns and every check and loader takes."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from research.catalogue.columns import ASK, BID, LEVELS, PRICES, WANTED, Layout, layout_of
from research.catalogue.entry import FileKind
from research.catalogue.names import pair_of
from research.catalogue.stamps import Stamps, stamps_of

Floats = NDArray[Any]
"""float64, or float32 where the file holds no more: a loader must know how far a price can be trusted."""

NUMBERS: Final = frozenset(
    (*PRICES, *BID, *ASK, "bid", "ask", "bid_size", "ask_size", "price", "qty", "funding_rate", "rate")
) | {"volume", "tick_volume", "real_volume", "spread", *LEVELS.values()}


class UnreadableError(ValueError):
    """A file that cannot be read as what it seems to be; the text says why in one line."""


class About(NamedTuple):
    """What the content says of itself, where it does."""

    symbol: str | None = None
    venue: str | None = None
    timeframe_ns: int | None = None
    notes: tuple[str, ...] = ()


class Table(NamedTuple):
    """Columns of equal length: stamps and, under our names, numbers. `rows` counts also those no reader understood.

    Raw payloads have the stamps of their first and last row only.
    """

    format: str
    kind: FileKind
    columns: tuple[str, ...]
    rows: int
    stamps: Stamps
    values: Mapping[str, Floats]
    about: About = About()


def table_of(arrow: pa.Table, format_: str, words: frozenset[str], malformed: int = 0) -> Table:
    """Arrange an Arrow table; UnreadableError names the columns when they are none that we know."""
    names = tuple(arrow.column_names)
    layout = complete(layout_of(names, words), arrow.schema)
    stamps = _stamps(arrow, layout)
    if layout.kind is FileKind.CLOSES:
        values = {name: floats_of(arrow[name]) for name in names if name not in layout.time}
    else:
        values = {role: floats_of(arrow[name]) for role, name in layout.roles.items() if role in NUMBERS}
    symbol = _constant(arrow, layout, "symbol")
    pair = pair_of(re.sub(r"[-_/]", "", symbol)) if symbol else None
    about = About(pair or symbol, _constant(arrow, layout, "venue"))
    return Table(format_, layout.kind, names, arrow.num_rows + malformed, stamps, values, about)


def complete(layout: Layout, schema: pa.Schema) -> Layout:
    """Return a layout that can be read: a time column by type, a wide table of closes; else UnreadableError."""
    names = list(schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableError(f"more than one column named {_some(twice)}")
    if not layout.time:
        typed = [name for name in names if pa.types.is_temporal(schema.field(name).type)]
        if not typed:
            raise UnreadableError(f"no time column among {_some(names)}; wanted ts, time, timestamp, date or datetime")
        layout = layout._replace(time=(typed[0],))
    if layout.kind is FileKind.UNKNOWN:
        rest = [name for name in names if name not in layout.time]
        if not rest or not all(pa.types.is_floating(schema.field(name).type) for name in rest):
            raise UnreadableError(f"columns not known: {_some(names)}; {WANTED}")
        layout = layout._replace(kind=FileKind.CLOSES)
    return layout


def floats_of(column: pa.ChunkedArray) -> Floats:
    """Return an Arrow column as floats, nulls and text that is no number as NaN."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return floats_of(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        number = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(text, number), text, None)
    if not pa.types.is_float32(kind):
        column = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(column.to_numpy())


def _stamps(arrow: pa.Table, layout: Layout) -> Stamps:
    try:
        if len(layout.time) == 1:
            return stamps_of(arrow[layout.time[0]])
        parts = [pc.cast(arrow[name], pa.string()) for name in layout.time]
        if _has_date(parts[1]):  # a column `time` that is a whole stamp beside a `date`
            return stamps_of(arrow[layout.time[1]])
        return stamps_of(pc.binary_join_element_wise(*parts, " "))
    except ValueError as error:
        raise UnreadableError(str(error).splitlines()[0]) from error


def _has_date(column: pa.ChunkedArray) -> bool:
    first = next((text for text in column[:100].to_pylist() if text), "")
    return len(first) > len("00:00:00.000000000") or first.count("-") == 2 or (first.isdigit() and len(first) > 9)


def _constant(arrow: pa.Table, layout: Layout, role: str) -> str | None:
    """Return the one text of a column of names (`symbol`, `exchange`), None without one; several are an error."""
    name = layout.roles.get(role)
    if name is None:
        return None
    texts = [str(text) for text in arrow[name].unique().to_pylist() if text is not None]
    if len(texts) > 1 and role == "symbol":
        raise UnreadableError(f"rows of {len(texts)} instruments in one file ({_some(sorted(texts))}); split it")
    return texts[0] if len(texts) == 1 else None


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
