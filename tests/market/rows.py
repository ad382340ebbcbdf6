"""Input rows for bar builders: quotes, trades and smaller bars, and slow twins of the bars they make."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import BAR, CLOSINGS, Builder, Heard, advance, hear
from market.records import Record, Records, joined, records
from market.tape import Tape, bar_tape
from market.timeframes import MINUTE_NS, TIMEFRAMES
from tests.market.bars import Bars

SPREAD = 2
PRICES = ("open", "high", "low", "close")
FIELDS = ("open_ns", "close_ns", *PRICES, "volume", "inputs")


def a_row(open_ns: int, close_ns: int, prices: Sequence[int], volume: float = 0.0, spread: int = SPREAD) -> Record:
    """Return a smaller bar, (open, high, low, close) of the bid."""
    row = records(1, BAR)[0]
    row.open_ns, row.close_ns, row.inputs, row.whole, row.volume = open_ns, close_ns, 1, 1, volume
    for name, price in zip(PRICES, prices, strict=True):
        row[name], row[f"ask_{name}"] = price, price + spread
    return row


def a_minute(number: int, *prices: int, volume: float = 0.0) -> Record:
    """Return the bar [number, number + 1) in minutes since the epoch; one price stands for all four."""
    four = prices if len(prices) == 4 else (prices[0],) * 4
    return a_row(number * MINUTE_NS, (number + 1) * MINUTE_NS, four, volume)


def a_quote_row(time_ns: int, bid: int, spread: int = SPREAD) -> Record:
    return a_row(time_ns, time_ns, (bid,) * 4, spread=spread)


def a_trade_row(time_ns: int, price: int, volume: float) -> Record:
    return a_row(time_ns, time_ns, (price,) * 4, volume, spread=0)


def heard_of(builder: Builder, rows: Iterable[Record], instrument: int = 0) -> tuple[list[Heard], Records]:
    """Hear rows one by one; return what became of each, and the bars that closed, in the order of their closing."""
    said, found = [], [records(0, BAR)]
    for row in rows:
        said.append(Heard(hear(builder, instrument, row)))
        found.append(builder.closed[: builder.control[CLOSINGS]].copy())
    return said, joined(found, BAR)


def closed_by(builder: Builder, heard_ns: int, instrument: int = 0) -> Records:
    """Return the bars that a watermark closes."""
    count = advance(builder, instrument, heard_ns)
    return builder.closed[:count].copy()


def shown(bars: Records, timeframe: int = 0) -> list[tuple[Any, ...]]:
    """Return (open, close, open, high, low, close, volume, inputs) of the bars of one timeframe."""
    return [tuple(bar[name].item() for name in FIELDS) for bar in bars if bar.timeframe == timeframe]


class Stretch(NamedTuple):
    """A bar's border and what is in it, for slow twins."""

    open_ns: int
    close_ns: int


def twin_bars(rows: Sequence[Record], borders: Sequence[Stretch]) -> list[tuple[Any, ...]]:
    """Return the bars of rows by looking every row up among the borders, written from the definition."""
    opens = [border.open_ns for border in borders]

    def place(row: Record) -> int:
        last, at = max(int(row.open_ns), int(row.close_ns) - 1), bisect_right(opens, row.open_ns) - 1
        return at if at >= 0 and last < borders[at].close_ns else -1

    bars = []
    for i, group in groupby(rows, key=place):
        if i < 0:
            continue
        inside = list(group)
        bars.append((
            borders[i].open_ns, borders[i].close_ns, inside[0].open.item(), max(row.high.item() for row in inside),
            min(row.low.item() for row in inside), inside[-1].close.item(), sum(row.volume.item() for row in inside),
            len(inside),
        ))  # fmt: skip
    return bars


def plain_borders(timeframe: str, until_ns: int) -> list[Stretch]:
    """Return the multiples of a length from the epoch on."""
    length = TIMEFRAMES[timeframe]
    return [Stretch(n * length, (n + 1) * length) for n in range(until_ns // length + 1)]


def tick_tape(bars: Bars, tick: float) -> Tape:
    """Return float bars as a tape of feed 0 in whole ticks."""
    columns = [np.rint(column / tick).astype(np.int64) for column in bars[:4]]
    return bar_tape(0, bars.time_ns, columns, [column + 8 for column in columns], bars.volume)


def resampled(tape: Tape, keys: NDArray[Any], close_ns: NDArray[Any]) -> Bars:
    """Return the bars of minutes that are grouped by keys (equal and adjacent), by numpy alone; floats of the bid."""
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    last = np.append(first[1:], len(keys)) - 1
    high, low = np.maximum.reduceat(tape.high, first), np.minimum.reduceat(tape.low, first)
    columns: list[NDArray[Any]] = [tape.open[first], high, low, tape.close[last], np.add.reduceat(tape.volume, first)]
    return Bars(*(column.astype(np.float64) for column in columns), close_ns[last])
