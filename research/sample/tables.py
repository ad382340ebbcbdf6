"""Tables: between parquet files and columns of integers, in the layout of the shared data.

Parquet with zstd, first column `ts` in UTC milliseconds, prices as floats with the digits of the source.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.tape import Int64
from research.sample.bars import MILLISECOND_NS, Bars, Quotes, ticks_per_unit

STAMP: Final = pa.timestamp("ms", "UTC")
PRICES: Final = ("open", "high", "low", "close")
ZSTD_LEVEL: Final = 19


def cut(source: Path, start_ns: int, end_ns: int) -> pa.Table:
    """Return the rows of a file stamped in [start_ns, end_ns), as they are."""
    table = pq.read_table(source)
    first, last = np.searchsorted(_stamps_ns(table), [start_ns, end_ns])
    return table.slice(first, last - first)


def bars_of(symbol: str, source: Path) -> Bars:
    """Return the bars of a file; every price must be whole ticks."""
    table = pq.read_table(source)
    open_, high, low, close = (_ticks(symbol, table, name, source) for name in PRICES)
    return Bars(_stamps_ns(table), open_, high, low, close, table["tick_volume"].to_numpy())


def quotes_of(symbol: str, source: Path) -> Quotes:
    """Return the quotes of a file; every price must be whole ticks."""
    table = pq.read_table(source)
    bid, ask = (_ticks(symbol, table, name, source) for name in ("bid", "ask"))
    return Quotes(_stamps_ns(table) // MILLISECOND_NS, bid, ask)


def table_of_bars(symbol: str, bars: Bars) -> pa.Table:
    """Return bars as a table."""
    unit = ticks_per_unit(symbol)
    columns: dict[str, Any] = {"ts": pa.array(bars.open_ns // MILLISECOND_NS, STAMP)}
    columns |= {name: getattr(bars, name) / unit for name in PRICES}
    return pa.table(columns | {"tick_volume": bars.tick_volume})


def table_of_quotes(symbol: str, quotes: Quotes, venue: str) -> pa.Table:
    """Return quotes as a table whose column `venue` says whose they are."""
    unit = ticks_per_unit(symbol)
    venues = pa.DictionaryArray.from_arrays(np.zeros(len(quotes.bid), np.int8), [venue])
    stamps = pa.array(quotes.time_ms, STAMP)
    return pa.table({"ts": stamps, "bid": quotes.bid / unit, "ask": quotes.ask / unit, "venue": venues})


def write(table: pa.Table, path: Path) -> None:
    """Write a table as parquet: the same table gives the same bytes with the same version of pyarrow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.combine_chunks(),
        path,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=[name for name in table.column_names if name != "ts"],
        column_encoding={"ts": "DELTA_BINARY_PACKED"},
    )


def _stamps_ns(table: pa.Table) -> Int64:
    return np.asarray(table["ts"].to_numpy().astype("datetime64[ns]").astype(np.int64))


def _ticks(symbol: str, table: pa.Table, name: str, source: Path) -> Int64:
    prices = table[name].to_numpy()
    ticks = np.rint(prices * ticks_per_unit(symbol)).astype(np.int64)
    assert np.array_equal(ticks / ticks_per_unit(symbol), prices), f"{source}: {name} is not whole ticks of {symbol}"
    return np.asarray(ticks)
