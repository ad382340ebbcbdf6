"""Bars for tests: real ones from the shared data, and made ones from a seed."""

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as parquet
import pytest
from numpy.typing import NDArray

from market.features import feature_program, run_series

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TRIFECTA_DATA") or ROOT.parent / "shared" / "data")
MINUTE_NS = 60 * 10**9


class Bars(NamedTuple):
    """Columns of equal length; `time_ns` is the close of a bar."""

    open: NDArray[Any]
    high: NDArray[Any]
    low: NDArray[Any]
    close: NDArray[Any]
    volume: NDArray[Any]
    time_ns: NDArray[Any]

    def part(self, begin: int, end: int) -> "Bars":
        """Return bars [begin, end)."""
        return Bars(*(column[begin:end] for column in self))


def features_of(bars: Bars, *features: str) -> NDArray[Any]:
    """Return the features of bars from a fresh state, one column each."""
    program, size = feature_program(features)
    return run_series(program, size, *bars)


@cache
def real_bars(name: str) -> Bars:
    """Read minute bars of the shared data, `fx/m1/EURUSD_M1_2018_2019_histdata`; volume is 1 where there is none."""
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there; set TRIFECTA_DATA")
    table = parquet.read_table(path)
    prefix = "bid_" if "bid_open" in table.column_names else ""
    prices = [table[prefix + column].to_numpy() for column in ("open", "high", "low", "close")]
    rows = len(prices[0])
    volume = table["volume"].to_numpy() if "volume" in table.column_names else made_volume(rows)
    stamps = table["ts"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    return Bars(*prices, volume, stamps + MINUTE_NS)


def made_volume(rows: int) -> NDArray[Any]:
    """Return a volume column for data without one: whole numbers, some of them zero."""
    return np.random.default_rng(11).integers(0, 50, rows).astype(np.float64)


def made_bars(rows: int, seed: int = 7, *, tick: float = 1.0) -> Bars:
    """Return a random walk in whole ticks, with flat stretches and bars without range or volume."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-6, 7, rows) * (rng.random(rows) < 0.8)
    close = 10_000 + np.cumsum(steps).astype(np.float64)
    open_ = np.concatenate([[10_000.0], close[:-1]])
    high = np.maximum(open_, close) + rng.integers(0, 4, rows)
    low = np.minimum(open_, close) - rng.integers(0, 4, rows)
    volume = (rng.integers(0, 9, rows) * (rng.random(rows) < 0.7)).astype(np.float64)
    stamps = (np.arange(rows, dtype=np.int64) + 1) * 17 * MINUTE_NS
    return Bars(open_ * tick, high * tick, low * tick, close * tick, volume, stamps)


def flat_bars(rows: int, price: float, volume: float = 1.0) -> Bars:
    """Return bars that never move."""
    column = np.full(rows, price)
    stamps = (np.arange(rows, dtype=np.int64) + 1) * MINUTE_NS
    return Bars(column, column, column, column, np.full(rows, volume), stamps)
