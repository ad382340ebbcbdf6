"""The scan: one new bar of a thousand instruments through the whole chain, at four timeframes, on one core."""

from collections.abc import Iterator

import numpy as np

from bench.figure import Figure, interleaved
from bench.structure import INSTRUMENTS, SCAN_S, minute_rows
from market.records import Records
from market.timeframes import MINUTE_NS, TIMEFRAMES
from policies.signals.desk import frames_of, open_chains
from policies.signals.listening import Listener, take_bars, take_one_each
from research.scan.judging import context_of, usual_rule
from research.scan.scanning import USUAL_TIMEFRAMES

RULE = usual_rule()
WARM_BARS = 200
TIMED_BARS = 40
HISTORY = 6_000


def figures() -> Iterator[Figure]:
    """Yield the figures of a scan."""
    for timeframe in USUAL_TIMEFRAMES:
        yield _one_bar_of_all(timeframe)
    yield _history()


def rows_at(timeframe: str, bars: int, instruments: int) -> Records:
    """Return closed bars [bar, instrument] of a timeframe: seeded walks."""
    rows = minute_rows(bars, instruments)
    rows.open_ns[:] = rows.open_ns // MINUTE_NS * TIMEFRAMES[timeframe]
    rows.close_ns[:] = rows.open_ns + TIMEFRAMES[timeframe]
    return rows


def _one_bar_of_all(timeframe: str) -> Figure:
    listener = _opened(timeframe, INSTRUMENTS)
    rows = rows_at(timeframe, WARM_BARS + TIMED_BARS * 3, INSTRUMENTS)
    for bar in range(WARM_BARS):
        take_one_each(listener, rows[bar])
    parts = iter(range(3))

    def part() -> None:
        begin = WARM_BARS + next(parts) * TIMED_BARS
        for bar in range(begin, begin + TIMED_BARS):
            assert take_one_each(listener, rows[bar]) == INSTRUMENTS, "every one must have an opinion"

    (best_s,) = interleaved([part], 2)
    note = f"{INSTRUMENTS:,} instruments: structure, patterns, regime, votes, calibration, with the context of "
    return Figure(f"scan, a bar of all at {timeframe}", best_s / TIMED_BARS, "s per timeframe", SCAN_S, at_most=True,
                  note=note + " and ".join(context_of(timeframe)))  # fmt: skip


def _history() -> Figure:
    """Return how long one instrument takes from its first bar of history on, with all that is learned on the way."""
    rows = np.ascontiguousarray(rows_at("1h", HISTORY, 1)[:, 0]).view(np.recarray)

    def run() -> None:
        take_bars(_opened("1h", 1), 0, rows)

    (best_s,) = interleaved([run], 3)
    return Figure("scan, one instrument from nothing", best_s / HISTORY * 1e6, "us per bar",
                  note=f"{HISTORY:,} bars of 1h, files read already")  # fmt: skip


def _opened(timeframe: str, instruments: int) -> Listener:
    return open_chains([frames_of(TIMEFRAMES[timeframe])] * instruments, RULE)
