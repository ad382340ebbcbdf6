"""Slices of real data as tapes for the tests' plan: two pairs of minute bars, and one pair at two venues."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from market.bars import derived_bars
from market.continuity import flag_rows
from market.tape import Tape, bar_tape, merge_tapes, quote_tape
from tests.builders import BARS, MINUTE, SPREAD
from tests.market.bars import DATA, ROOT

DIRECTORY = DATA if DATA.is_dir() else ROOT / "data"
"""The data root, else the packaged sample."""

PAIRS = ((("EURUSD_M1_*histdata", "GBPUSD_M1_*"), 0, 1e-5), (("USDJPY_M1_*histdata", "USDJPY_M1_*"), 2, 1e-3))
"""Files of the bars that are read, the first that is there, with feed and tick."""

VENUES = (
    ("fx_ticks_2014_05/EURUSD*oanda*", "fx_ticks_*/*venue_a*"),
    ("fx_ticks_2014_05/EURUSD*fxcm*", "fx_ticks_*/*venue_b*"),
)
"""Files of the quotes of one pair at two venues."""


def first_rows(patterns: Sequence[str], rows: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return the first rows of the first file below the data root that fits, column by column; stamps in ns."""
    files = [file for pattern in patterns for file in sorted(DIRECTORY.glob(f"{pattern}.parquet"))]
    if not files:
        pytest.skip(f"{DIRECTORY} has no {' or '.join(patterns)}; set TRIFECTA_DATA")
    with parquet.ParquetFile(files[0]) as file:
        batch = next(file.iter_batches(rows))
    columns = {
        name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names if name != "venue"
    }
    return columns | {"ts": columns["ts"].astype("datetime64[ns]").astype(np.int64)}


def ticks(prices: np.ndarray[Any, Any], tick: float) -> np.ndarray[Any, Any]:
    return np.rint(prices / tick).astype(np.int64)


@cache
def real_bars_tape(rows: int = 1_500) -> Tape:
    """Return minute bars of two pairs, the ask a fixed spread above the bid."""
    tapes = []
    for names, feed, tick in PAIRS:
        table = first_rows([f"fx/m1/{name}" for name in names], rows)
        bid = [ticks(table[name], tick) for name in ("open", "high", "low", "close")]
        tapes.append(bar_tape(feed, table["ts"] + MINUTE, bid, [column + SPREAD for column in bid]))
    return flagged(merge_tapes(tapes))


@cache
def real_quotes_tape(rows: int = 150_000) -> Tape:
    """Return the quotes of one pair at two venues over the hours that both cover, and minute bars of the first."""
    tables = [first_rows([f"multi_venue/{name}" for name in names], rows) for names in VENUES]
    begin, end = max(table["ts"][0] for table in tables), min(table["ts"][-1] for table in tables)
    tapes = []
    for feed, table in zip((4, 5), tables, strict=True):
        kept = (table["ts"] >= begin) & (table["ts"] <= end)
        tapes.append(
            quote_tape(feed, table["ts"][kept], ticks(table["bid"][kept], 1e-5), ticks(table["ask"][kept], 1e-5))
        )
    bars = derived_bars(tapes[0], MINUTE)
    return flagged(merge_tapes([*tapes, bars._replace(feed=np.full(len(bars.time_ns), 6))]))


def flagged(tape: Tape) -> Tape:
    flag_rows(tape, BARS, np.full(len(BARS), -1), tape.flaws)
    return tape
