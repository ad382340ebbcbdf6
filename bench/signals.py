"""The chain of signals: bars of three timeframes, indicators, patterns, regime, weights, score, claim and outcomes.

Bar by bar, and from history against what TA-Lib alone takes for the same indicators over the same series.
"""

from collections.abc import Iterator

import numpy as np

from bench.figure import Figure, interleaved
from bench.structure import minute_rows
from bench.tapes import bars_tape
from market.structure import open_structure
from market.tape import Tape
from market.timeframes import MINUTE_NS, TIMEFRAMES, grid_of
from policies.signals.chain import open_chain
from policies.signals.listening import Listener, listen, opinions_of, take_one_each
from policies.signals.rule import ChainRule
from policies.signals.sources import FEATURES

FRAMES = ("1m", "5m", "15m")
ALL = (*FEATURES, "sma:20", "ema:26", "obv", "vwap_session")
"""What votes read, and the other indicators that there are."""

INSTRUMENTS = 100
HOURS = 12
HISTORY = 100_000
INCREMENTAL_US = 20.0
"""Limit per bar and instrument, everything together."""

FLOOR_SHARE = 0.25
"""Goal: how fast a whole series is, of TA-Lib alone over the same indicators."""


def figures() -> Iterator[Figure]:
    """Yield the figures of the chain."""
    yield from _bar_by_bar()
    yield from _history()


def a_listener(instruments: int) -> Listener:
    """Return the listener of a chain over three timeframes."""
    lengths = [[TIMEFRAMES[name] for name in FRAMES]] * instruments
    structure = open_structure(grid_of(FRAMES), [ALL] * len(FRAMES), [0] * instruments)
    return listen(structure, open_chain(lengths, ChainRule()), ChainRule())


def _bar_by_bar() -> Iterator[Figure]:
    listener = a_listener(INSTRUMENTS)
    rows, hours = minute_rows(HOURS * 60, INSTRUMENTS), iter(range(HOURS))

    def hour() -> None:
        begin = next(hours) * 60
        for minute in range(begin, begin + 60):
            take_one_each(listener, rows[minute])

    (best_s,) = interleaved([hour], HOURS - 1)  # the first hour warms up and is not timed
    assert (listener.signals.bars == HOURS * 60).all(), "every minute must have been taken"
    note = f"{INSTRUMENTS} instruments, {len(FRAMES)} timeframes, {len(ALL)} indicators each; best hour of {HOURS - 1}"
    yield Figure("chain, incremental", best_s / 60 / INSTRUMENTS * 1e6, "us per bar and instrument", INCREMENTAL_US,
                 at_most=True, note=f"{note}")  # fmt: skip


def _history() -> Iterator[Figure]:
    tape = bars_tape(1, HISTORY, 7, 0)

    def ours() -> None:
        opinions_of(a_listener(1), tape, MINUTE_NS)

    chain_s, floor_s = interleaved([ours, lambda: floor(tape)], 3)
    yield Figure("chain, from history", HISTORY / chain_s, "minutes/s", note="one instrument, everything at every bar")
    yield Figure("TA-Lib alone, from history", HISTORY / floor_s, "minutes/s", note="the same indicators, no chain")
    yield Figure("chain against TA-Lib alone", floor_s / chain_s, "of the floor", FLOOR_SHARE,
                 note="indicators of one timeframe there; three, patterns, regime, votes, outcomes here")  # fmt: skip


def floor(tape: Tape) -> list[object]:
    """Run the indicators of `ALL` that TA-Lib has over a whole series."""
    import talib

    open_, high, low, close = (
        np.asarray(column, np.float64) for column in (tape.open, tape.high, tape.low, tape.close)
    )
    volume = np.maximum(tape.volume, 1.0)
    return [
        talib.EMA(close, 12), talib.EMA(close, 48), talib.MACD(close, 12, 26, 9), talib.PLUS_DI(high, low, close, 14),
        talib.MINUS_DI(high, low, close, 14), talib.RSI(close, 14), talib.STOCH(high, low, close, 14, 3, 0, 3, 0),
        talib.CCI(high, low, close, 20), talib.BBANDS(close, 20), talib.STDDEV(close, 20),
        talib.ATR(high, low, close, 14), talib.MFI(high, low, close, volume, 14), talib.ADX(high, low, close, 14),
        talib.SMA(close, 20), talib.EMA(close, 26), talib.OBV(close, volume), open_,
    ]  # fmt: skip
