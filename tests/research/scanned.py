"""Files of a small market to scan, and scans of them."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from research.catalogue import build
from research.scan.scanning import Request, Scan, scan
from tests.cli.markets import walk
from tests.research.files import MINUTE, MONDAY, write

HOUR = 60 * MINUTE
ROWS = 1_500


def an_hourly_market(root: Path, symbols: tuple[str, ...] = ("EURUSD", "GBPUSD"), rows: int = ROWS) -> Path:
    """Write hourly bars of some pairs; return the root."""
    rng = np.random.default_rng(11)
    for symbol in symbols:
        write(root, f"fx/{symbol}_H1_oanda.parquet", hourly(rng, rows))
    return root


def hourly(rng: np.random.Generator, rows: int = ROWS) -> pa.Table:
    """Return hourly bars with tick volume."""
    table = walk(rng, rows, 1.2, 5, HOUR, 0.001)
    return table.append_column("volume", pa.array(rng.integers(50, 500, rows).astype(np.float64)))


def a_book(rows: int = 20, levels: int = 3, first_ns: int = MONDAY) -> pa.Table:
    """Return snapshots of a book, one a second: bids 100, 99, ..., asks 101, 102, ...; sizes 3 and 1."""
    columns = {"ts": pa.array(first_ns + np.arange(rows) * 10**9, pa.timestamp("ns", "UTC"))}
    for k in range(levels):
        columns |= {
            f"bid_px_{k}": np.full(rows, 100.0 - k), f"bid_qty_{k}": np.full(rows, 3.0),
            f"ask_px_{k}": np.full(rows, 101.0 + k), f"ask_qty_{k}": np.full(rows, 1.0),
        }  # fmt: skip
    return pa.table(columns)


def trades(rows: int = 2_000, first_ns: int = MONDAY) -> pa.Table:
    """Return trades of size 1, one a second, each above the one before: all are bought."""
    return pa.table({
        "ts": pa.array(first_ns + np.arange(rows) * 10**9, pa.timestamp("ns", "UTC")),
        "price": 100.0 + np.arange(rows), "qty": np.ones(rows),
    })  # fmt: skip


def scanned(
    root: Path, *timeframes: str, at_ns: int | None = None, now_ns: int = 0, symbols: tuple[str, ...] = ()
) -> Scan:  # fmt: skip
    """Scan a root once, without a cache."""
    return scan(root, build(root), Request(symbols, timeframes or ("1h",), at_ns, at_ns or now_ns))
