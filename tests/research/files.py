"""Builders of small data files, good and bad, and a look at what the catalogue makes of them."""

import os
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from research.catalogue import Entry
from research.catalogue.inspecting import inspect

REPO = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TRIFECTA_DATA") or REPO.parent / "shared" / "data")
MINUTE = 60 * 10**9
MONDAY = int(datetime(2024, 1, 8, tzinfo=UTC).timestamp()) * 10**9

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no market data in {DATA}; set TRIFECTA_DATA")


def needs(*paths):
    absent = [path for path in paths if not (DATA / path).is_file()]
    return pytest.mark.skipif(bool(absent), reason=f"{DATA} lacks {', '.join(absent)}")


def look(root: Path, name: str) -> Entry:
    state = (root / name).stat()
    return inspect(root, PurePosixPath(name), state.st_size, state.st_mtime_ns)


def bars(rows=120, step_ns=MINUTE, first_ns=MONDAY, **columns):
    price = 1.1 + np.arange(rows) % 7 * 0.0001
    table = {
        "ts": pa.array(first_ns + np.arange(rows) * step_ns, pa.timestamp("ns", "UTC")),
        "open": price, "high": price + 0.0002, "low": price - 0.0002, "close": price, "volume": np.ones(rows),
    }  # fmt: skip
    return pa.table(table | columns)


def write(root: Path, name: str, table: pa.Table) -> Entry:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (feather.write_feather if name.endswith("feather") else pq.write_table)(table, root / name)
    return look(root, name)


def write_text(root: Path, name: str, text: str) -> Entry:
    (root / name).write_text(text, encoding="utf-8")
    return look(root, name)


def changed(column: str, row: int, value: float, table: pa.Table | None = None) -> pa.Table:
    table = table or bars()
    values = table[column].to_numpy().copy()
    values[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values))
