"""Bars of several timeframes at once, made of quotes, trades or smaller bars; each is known at its close.

An input row is a BAR: a quote or a trade is one of no length (`open_ns == close_ns`), a smaller bar covers [open,
close). Rows come in order of time, and nothing that was known is ever changed:

- An unfinished bar belongs to this module; others see closed bars only, in `closed`, in the call that closed them.
- A bar closes with the first row that reaches or passes its close, or when `advance` says that all rows up to there
  have been heard, whichever is earlier. Which of them it was changes no bar.
- A stretch without rows (a quiet minute, a weekend) has no bar.
- A late, repeated, revised, flawed or misplaced row is refused and counted (`Heard`). History that was revised is
  built anew from the revised rows.
- A bar whose beginning was not heard, at the start or after a hole (`lost`), is not whole and is never shown.
- After an outage of a feed, `rewind` goes back to the last border of the shortest timeframe: rows since then,
  quotes or bars, may come again, and lead to the same bars.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded
from market.continuity import row_flaws
from market.records import Record, Records, joined, record_type, records
from market.tape import Int64, Tape, bar_tape, owned, quote_tape
from market.timeframes import Grid, find_bar, plain_grid

BAR: Final = record_type(
    "timeframe open_ns close_ns session whole inputs open high low close ask_open ask_high ask_low ask_close",
    floats="volume",
)
"""A bar or an input row: number of its timeframe, [open, close), session (a number of the calendar), 1 where it is
whole, the quotes, trades or smallest bars in it (in a market without volume the only measure of activity), the
prices of both sides (bid without prefix; a trade's price stands on both), and what was traded."""

SOURCE: Final = record_type("calendar begun since_ns horizon_ns partial")
"""Per instrument: its calendar, whether it has begun and since when all is heard, up to when rows have been heard,
and how many bars were dropped as not whole."""

SINCE_EVER: Final = -(2**62)
CLOSINGS: Final = 0
"""Slot of `control`: how many bars the call in hand has closed."""


class Heard(IntEnum):
    """What became of an input row; all but TAKEN are refused and change nothing."""

    TAKEN = 0
    REPEATED = 1  # the newest row once more
    REVISED = 2  # the stretch of the newest row with other values
    LATE = 3  # begins before what was heard already
    FLAWED = 4  # prices out of order or crossed, a volume that is negative or no number
    OUTSIDE = 5  # between sessions, or beyond the calendar
    ASTRIDE = 6  # reaches over a border of bars: the row is longer than the shortest timeframe, or shifted


class Builder(NamedTuple):
    """The bars of many instruments: what was heard, what is unfinished, and what the call in hand closed.

    `unfinished` and `kept` are [instrument, timeframe]; `kept` is as of the border at which the shortest unfinished
    bar began. `closed[: control[CLOSINGS]]` are the newly closed bars, of each timeframe the older first.
    """

    grid: Grid
    sources: Records
    newest: Records
    unfinished: Records
    kept: Records
    spots: Records
    closed: Records
    row: Records
    control: Int64
    counts: Int64


def open_builder(grid: Grid, calendars: Sequence[int] = (0,)) -> Builder:
    """Return a builder that has heard nothing, one instrument per entry of `calendars` (rows of the grid)."""
    known, frames = grid.frames.shape
    wrong = [number for number in calendars if not 0 <= number < known]
    if wrong:
        raise ValueError(f"calendar {wrong[0]}: the grid has {known}, numbered from 0")
    count = len(calendars)
    sources = records(count, SOURCE)
    sources.calendar = np.array(calendars, np.int64)
    table = [records(count * frames, BAR).reshape(count, frames) for _ in range(2)]
    return Builder(
        grid, sources, records(count, BAR), table[0], table[1], records(frames, BAR), records(2 * frames, BAR),
        records(1, BAR), np.zeros(1, np.int64), np.zeros((count, len(Heard)), np.int64),
    )  # fmt: skip


@compiled
def begin(builder: Builder, instrument: int, since_ns: int) -> None:
    """Say from when on all rows of an instrument are heard; without it, from the beginning of its first row on."""
    source = builder.sources[instrument]
    source.begun, source.since_ns, source.horizon_ns = 1, since_ns, since_ns


@folded
def hear(builder: Builder, instrument: int, row: Record) -> int:
    """Take one row; return its `Heard`. Bars that this closes are in `closed`."""
    builder.control[CLOSINGS] = 0
    heard = _judged(builder, instrument, row)
    builder.counts[instrument, heard] += 1
    if heard != Heard.TAKEN:
        return heard
    source = builder.sources[instrument]
    if source.begun == 0:
        source.begun, source.since_ns = 1, row.open_ns
    _close(builder, instrument, row.open_ns)
    for k in range(len(builder.spots)):
        if k == 0 and builder.unfinished[instrument, 0].inputs == 0:
            _keep(builder, instrument)
        _absorb(builder, instrument, k, row)
    source.horizon_ns = row.close_ns
    builder.newest[instrument] = row
    _close(builder, instrument, row.close_ns)
    return heard


@compiled
def advance(builder: Builder, instrument: int, heard_ns: int) -> int:
    """Take it that all rows up to an instant have been heard; return how many bars this closes, in `closed`.

    The instant is a watermark of the feed, not a wall clock: a row that begins before it is late from now on.
    """
    builder.control[CLOSINGS] = 0
    source = builder.sources[instrument]
    if source.begun != 0:
        _close(builder, instrument, heard_ns)
        source.horizon_ns = max(source.horizon_ns, heard_ns)
    return builder.control[CLOSINGS]


@compiled
def rewind(builder: Builder, instrument: int) -> int:
    """Forget all rows since the last border of the shortest timeframe; return from when on rows are to come again."""
    source, shortest = builder.sources[instrument], builder.unfinished[instrument, 0]
    if shortest.inputs > 0:
        source.horizon_ns = shortest.open_ns
        shortest.inputs = 0
        for k in range(1, len(builder.spots)):
            builder.unfinished[instrument, k] = builder.kept[instrument, k]
    return source.horizon_ns


@compiled
def lost(builder: Builder, instrument: int, until_ns: int) -> None:
    """Take it that rows up to an instant were missed for good: no bar that began before it will be shown."""
    source = builder.sources[instrument]
    source.begun, source.since_ns = 1, max(until_ns, source.horizon_ns)
    source.horizon_ns = source.since_ns
    for k in range(len(builder.spots)):
        if builder.unfinished[instrument, k].inputs > 0:
            source.partial += 1
        builder.unfinished[instrument, k].inputs = 0


@folded
def _judged(builder: Builder, instrument: int, row: Record) -> int:
    """Find the bar of every timeframe that a row belongs to; return TAKEN, or why the row is refused."""
    source, newest = builder.sources[instrument], builder.newest[instrument]
    if _flawed(row):
        return Heard.FLAWED.value
    if source.begun != 0 and row.open_ns < source.horizon_ns:
        if newest.inputs == 0 or row.open_ns != newest.open_ns or row.close_ns != newest.close_ns:
            return Heard.LATE.value
        return Heard.REPEATED.value if _same(row, newest) else Heard.REVISED.value
    last_ns = max(row.open_ns, row.close_ns - 1)
    for k in range(len(builder.spots)):
        spot, bar = builder.spots[k], builder.unfinished[instrument, k]
        if bar.inputs > 0 and bar.open_ns <= row.open_ns and last_ns < bar.close_ns:
            spot.open_ns, spot.close_ns, spot.session = bar.open_ns, bar.close_ns, bar.session
        elif not find_bar(builder.grid, source.calendar, k, row.open_ns, spot):
            return Heard.OUTSIDE.value
        elif last_ns >= spot.close_ns:
            return Heard.ASTRIDE.value
    return Heard.TAKEN.value


@folded
def _flawed(row: Record) -> bool:
    flaws = row_flaws(
        row.open, row.high, row.low, row.close, row.ask_open, row.ask_high, row.ask_low, row.ask_close
    )  # fmt: skip
    sound = row.whole != 0 and row.inputs > 0 and row.close_ns >= row.open_ns and 0.0 <= row.volume < np.inf
    return bool(flaws != 0 or not sound)


@folded
def _same(row: Record, other: Record) -> bool:
    bid = row.open == other.open and row.high == other.high and row.low == other.low and row.close == other.close
    ask = row.ask_open == other.ask_open and row.ask_high == other.ask_high and row.ask_low == other.ask_low
    return bool(bid and ask and row.ask_close == other.ask_close and row.volume == other.volume)


@folded
def _keep(builder: Builder, instrument: int) -> None:
    for k in range(1, len(builder.spots)):
        builder.kept[instrument, k] = builder.unfinished[instrument, k]


@folded
def _absorb(builder: Builder, instrument: int, k: int, row: Record) -> None:
    """Add a row to the unfinished bar of a timeframe, the first one as its beginning."""
    bar = builder.unfinished[instrument, k]
    if bar.inputs == 0:
        spot = builder.spots[k]
        builder.unfinished[instrument, k] = row
        bar.timeframe, bar.open_ns, bar.close_ns, bar.session = k, spot.open_ns, spot.close_ns, spot.session
        bar.whole = 1 if spot.open_ns >= builder.sources[instrument].since_ns else 0
        return
    bar.inputs += row.inputs
    bar.volume += row.volume
    bar.high, bar.low, bar.close = max(bar.high, row.high), min(bar.low, row.low), row.close
    bar.ask_high, bar.ask_low = max(bar.ask_high, row.ask_high), min(bar.ask_low, row.ask_low)
    bar.ask_close = row.ask_close


@folded
def _close(builder: Builder, instrument: int, now_ns: int) -> None:
    """Move the bars that are over by an instant to `closed`."""
    for k in range(len(builder.spots)):
        bar = builder.unfinished[instrument, k]
        if bar.inputs == 0 or bar.close_ns > now_ns:
            continue
        if bar.whole != 0:
            builder.closed[builder.control[CLOSINGS]] = bar
            builder.control[CLOSINGS] += 1
        else:
            builder.sources[instrument].partial += 1
        bar.inputs = 0


@compiled
def load_row(tape: Tape, i: int, bar_ns: int, row: Record) -> None:
    """Write row i of a tape as an input row; `bar_ns` is the length of the tape's bars, 0 for quotes."""
    row.open_ns, row.close_ns, row.inputs = tape.time_ns[i] - bar_ns, tape.time_ns[i], 1
    row.whole = 1 if tape.flaws[i] == 0 else 0
    row.open, row.high, row.low, row.close = tape.open[i], tape.high[i], tape.low[i], tape.close[i]
    row.ask_open, row.ask_high = tape.ask_open[i], tape.ask_high[i]
    row.ask_low, row.ask_close = tape.ask_low[i], tape.ask_close[i]
    row.volume = tape.volume[i]


@compiled
def fold_rows(builder: Builder, tape: Tape, bar_ns: int, first: int, out: Records) -> tuple[int, int]:
    """Hear the rows of a tape from `first` on as those of instrument 0, until `out` is nearly full.

    Return the next row and how many bars were written to `out`, in the order of their closing.
    """
    count, i = 0, first
    while i < len(tape.time_ns) and count + len(builder.closed) <= len(out):
        load_row(tape, i, bar_ns, builder.row[0])
        hear(builder, 0, builder.row[0])
        for c in range(builder.control[CLOSINGS]):
            out[count] = builder.closed[c]
            count += 1
        i += 1
    return i, count


ROOM: Final = 4096


def bars_of_tape(builder: Builder, tape: Tape, bar_ns: int, until_ns: int | None = None) -> Records:
    """Return all bars that the rows of one feed make, as instrument 0 of a builder, sorted by (close, timeframe).

    `bar_ns` is the length of the tape's bars, 0 for quotes. Refused rows are counted in `builder.counts`. What is
    unfinished after the last row stays so, unless all rows up to `until_ns` are there.
    """
    found = list(_closings(builder, owned(tape), bar_ns))
    if until_ns is not None:
        count = advance(builder, 0, until_ns)
        found.append(builder.closed[:count].copy())
    bars = joined(found, BAR)
    return bars[np.lexsort((bars.timeframe, bars.close_ns))]


def _closings(builder: Builder, tape: Tape, bar_ns: int) -> Iterator[Records]:
    first = 0
    while first < len(tape.time_ns):
        out = records(max(ROOM, len(builder.closed)), BAR)
        first, count = fold_rows(builder, tape, bar_ns, first, out)
        yield out[:count]


def bars_of_quotes(time_ns: Int64, price: Int64, bar_ns: int) -> NDArray[np.int64]:
    """Return bars of one side of quotes, shape (bars, 5): close time, open, high, low, close in ticks.

    All quotes up to the end of the last bar are taken to be there, and the first bar to be whole. ValueError when a
    quote is out of order or its price not above zero.
    """
    builder = open_builder(plain_grid(bar_ns))
    begin(builder, 0, SINCE_EVER)
    bars = bars_of_tape(builder, quote_tape(0, time_ns, price, price), 0, until_ns=2**63 - 1)
    refused = len(time_ns) - int(builder.counts[0, Heard.TAKEN])
    if refused:
        raise ValueError(f"{refused} of {len(time_ns)} quotes are out of order or not above zero; none may be")
    columns = (bars.close_ns, bars.open, bars.high, bars.low, bars.close)
    return np.column_stack(columns) if len(bars) else np.zeros((0, 5), np.int64)


def derived_bars(quotes: Tape, bar_ns: int) -> Tape:
    """Return bars of both sides of the sound quotes of a tape."""
    sound: NDArray[np.bool_] = quotes.flaws == 0
    times = quotes.time_ns[sound]
    bid = bars_of_quotes(times, quotes.close[sound], bar_ns)
    ask = bars_of_quotes(times, quotes.ask_close[sound], bar_ns)
    columns = [[np.ascontiguousarray(side[:, k]) for k in range(1, 5)] for side in (bid, ask)]
    return bar_tape(0, np.ascontiguousarray(bid[:, 0]), columns[0], columns[1])
