"""A small seeded market below a data root: minute bars of four pairs, ticks of two venues, daily bars of two shares."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.research.files import MINUTE, MONDAY, write

DAY = 1440 * MINUTE
MINUTES = 600
PAIRS = {"EURUSD": (1.1, 5), "GBPUSD": (1.3, 5), "USDJPY": (108.0, 3), "AUDUSD": (0.7, 5)}


def a_market(root: Path) -> Path:
    """Write the market; return its root."""
    rng = np.random.default_rng(7)
    for symbol, (price, digits) in PAIRS.items():
        write(root, f"fx/{symbol}_M1_histdata.parquet", walk(rng, MINUTES, price, digits))
    middle = 1.1 + np.cumsum(rng.normal(0, 0.00002, 4000))
    for venue in ("oanda", "fxcm"):
        write(root, f"ticks/EURUSD_ticks_{venue}.parquet", ticks(rng, middle))
    for symbol, price in (("AAPL", 150.0), ("MSFT", 250.0)):
        write(root, f"equities/{symbol}_daily_yahoo.parquet", walk(rng, 300, price, 2, DAY, 0.01))
    return root


def walk(
    rng: np.random.Generator, rows: int, price: float, digits: int, step_ns: int = MINUTE, volatility: float = 0.0003
) -> pa.Table:
    """Return bars of a random walk whose drift changes, so that averages cross."""
    drift = np.repeat(rng.normal(0, volatility / 3, rows // 20 + 1), 20)[:rows]
    closes = price * np.exp(np.cumsum(rng.normal(0, volatility, rows) + drift))
    opens = np.concatenate([[price], closes[:-1]])
    spread = np.abs(rng.normal(0, volatility / 2, (2, rows))) * price
    columns = {
        "open": opens, "high": np.maximum(opens, closes) + spread[0], "low": np.minimum(opens, closes) - spread[1],
        "close": closes,
    }  # fmt: skip
    stamps = pa.array(MONDAY + np.arange(rows) * step_ns, pa.timestamp("ns", "UTC"))
    return pa.table({"ts": stamps} | {name: np.round(column, digits) for name, column in columns.items()})


def ticks(rng: np.random.Generator, middle: np.ndarray, span_ns: int = MINUTES * MINUTE) -> pa.Table:
    """Return quotes around a walk at instants of their own."""
    rows = len(middle)
    time_ns = MONDAY + np.sort(rng.integers(0, span_ns // 10**6, rows)) * 10**6
    bid = np.round(np.interp(time_ns, MONDAY + np.linspace(0, span_ns, rows), middle) + rng.normal(0, 6e-5, rows), 5)
    return pa.table({
        "ts": pa.array(time_ns, pa.timestamp("ns", "UTC")), "bid": bid, "ask": np.round(bid + 0.00005, 5),
    })  # fmt: skip


def rewrite(path: Path, column: str, row: int, value: object) -> None:
    """Change one value of a Parquet file."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value
    changed = pa.array(values, table.schema.field(column).type)
    pq.write_table(table.set_column(table.column_names.index(column), column, changed), path)
