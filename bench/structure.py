"""The structure of many markets: bars of four timeframes and their indicators, minute by minute and from history."""

from collections.abc import Iterator

import numpy as np

from bench.figure import Figure, interleaved
from bench.tapes import bars_tape
from market.bars import BAR
from market.records import Records, records
from market.structure import Structure, open_structure, run_structure, step_all
from market.timeframes import MINUTE_NS, grid_of

FRAMES = ("1m", "5m", "15m", "1h")
FEATURES = (
    "sma:20", "ema:12", "ema:26", "rsi:14", "macd_hist:12:26:9", "bollinger_upper:20:2", "bollinger_lower:20:2",
    "atr:14", "adx:14", "stoch_k:14:3:3", "cci:20", "mfi:14", "obv", "vwap:20", "vwap_session", "profile_poc:48:24",
)  # fmt: skip
INSTRUMENTS = 1_000
HOURS = 6
HISTORY = 100_000
INCREMENTAL_US = 20.0
"""Limit per bar and instrument, taken one by one."""

SCAN_S = 1.0
"""Limit per timeframe for one bar of every instrument."""


def figures() -> Iterator[Figure]:
    """Yield the figures of market structure."""
    yield from _minute_by_minute()
    yield from _history()


def a_structure(instruments: int) -> Structure:
    """Return a structure of four timeframes with all indicators, of some instruments."""
    return open_structure(grid_of(FRAMES), [FEATURES] * len(FRAMES), [0] * instruments)


def minute_rows(minutes: int, instruments: int) -> Records:
    """Return rows [minute, instrument] of seeded walks."""
    rows = records(minutes * instruments, BAR).reshape(minutes, instruments)
    steps = np.random.default_rng(5).integers(-9, 10, (minutes + 1, instruments))
    prices = 110_000 + np.cumsum(steps, axis=0)
    rows.open_ns = np.arange(minutes)[:, None] * MINUTE_NS
    rows.close_ns, rows.inputs, rows.whole = rows.open_ns + MINUTE_NS, 1, 1
    rows.open, rows.close, rows.volume = prices[:-1], prices[1:], 1.0 + steps[1:] % 7
    rows.high, rows.low = np.maximum(rows.open, rows.close) + 2, np.minimum(rows.open, rows.close) - 2
    for name in ("open", "high", "low", "close"):
        rows[f"ask_{name}"] = rows[name] + 8
    return rows


def _minute_by_minute() -> Iterator[Figure]:
    structure, news = a_structure(INSTRUMENTS), np.zeros(INSTRUMENTS, np.int64)
    rows, hours = minute_rows(HOURS * 60, INSTRUMENTS), iter(range(HOURS))

    def hour() -> None:
        begin = next(hours) * 60
        for minute in range(begin, begin + 60):
            step_all(structure, rows[minute], news)

    (best_s,) = interleaved([hour], HOURS - 1)  # the first hour, in which indicators warm up, is not timed
    assert structure.seen[:, 0].tolist() == [HOURS * 60] * INSTRUMENTS, "every minute must have been taken"
    note = f"{INSTRUMENTS:,} instruments, {len(FRAMES)} timeframes, {len(FEATURES)} indicators each; mean of an hour"
    yield Figure("structure, incremental", best_s / 60 / INSTRUMENTS * 1e6, "us per bar and instrument", INCREMENTAL_US,
                 at_most=True, note=note)  # fmt: skip
    yield Figure("structure, one bar of all instruments", best_s / 60 / len(FRAMES), "s per timeframe", SCAN_S,
                 at_most=True, note=note)  # fmt: skip


def _history() -> Iterator[Figure]:
    tape = bars_tape(1, HISTORY, 7, 0)
    (seconds,) = interleaved([lambda: run_structure(a_structure(1), tape, MINUTE_NS)], 3)
    yield Figure("structure, from history", HISTORY / seconds, "minutes/s", note="one instrument, values at every one")
