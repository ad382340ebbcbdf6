"""The structure of a market: at every instant the newest closed bar of each timeframe and its indicators' values.

Bars come from `market.bars`, features from `market.features`: one closed bar, one update. Prices are in ticks of the
bid. Between two closings of a timeframe its bar and its values stand still; a timeframe that has closed no bar yet
has none (`seen` is 0, values are NaN). All memory is laid out at the start, [instrument, timeframe]: a step allocates
nothing, and its cost does not grow with time.

A series that is run in one go gives the values of the same rows taken one by one, for it is the same loop.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import BAR, CLOSINGS, Builder, advance, hear, load_row, lost, open_builder
from market.compiled import compiled, folded
from market.features import feature_programs, update_features
from market.records import Record, Records, records
from market.tape import Int64, Tape, owned
from market.timeframes import DAY_NS, NO_SESSION, Grid

Floats = NDArray[np.float64]


class Structure(NamedTuple):
    """Bars being built; per timeframe its part (first, rows) of the program; what is known, [instrument, timeframe].

    `newest` is the newest closed bar, `seen` counts the closed ones, `features` are as of the newest one, in the order
    of the timeframe's list (NaN beyond its end), `state` is the indicators'.
    """

    builder: Builder
    program: Records
    spans: Int64
    newest: Records
    seen: Int64
    state: Floats
    features: Floats


def open_structure(grid: Grid, lists: Sequence[Sequence[str]], calendars: Sequence[int] = (0,)) -> Structure:
    """Return a structure that has seen nothing: one list of features per timeframe, one calendar per instrument.

    ValueError when there are not as many lists as timeframes, or names a feature that is not understood.
    """
    frames = grid.frames.shape[1]
    if len(lists) != frames:
        raise ValueError(f"{len(lists)} lists of features for {frames} timeframes; one each is allowed")
    program, spans, floats = feature_programs(lists)
    shape, width = (len(calendars), frames), max(len(names) for names in lists)
    return Structure(
        open_builder(grid, calendars), program, spans, records(shape[0] * frames, BAR).reshape(shape),
        np.zeros(shape, np.int64), np.zeros((*shape, floats)), np.full((*shape, width), np.nan),
    )  # fmt: skip


@folded
def step(structure: Structure, instrument: int, row: Record) -> int:
    """Take one row (a bar, quote or trade); return the timeframes that have a new closed bar, one bit each."""
    hear(structure.builder, instrument, row)
    return _read(structure, instrument)


@compiled
def step_clock(structure: Structure, instrument: int, heard_ns: int) -> int:
    """Take it that all rows up to an instant have been heard (see `advance`); return the timeframes with news."""
    advance(structure.builder, instrument, heard_ns)
    return _read(structure, instrument)


@compiled
def step_all(structure: Structure, rows: Records, news: Int64) -> None:
    """Take at most one row per instrument, those with `inputs`; write every instrument's timeframes with news."""
    for instrument in range(len(rows)):
        news[instrument] = step(structure, instrument, rows[instrument]) if rows[instrument].inputs > 0 else 0


@compiled
def step_lost(structure: Structure, instrument: int, until_ns: int) -> None:
    """Take it that rows up to an instant were missed for good: indicators begin anew, and warm up again."""
    lost(structure.builder, instrument, until_ns)
    structure.state[instrument] = 0.0
    structure.features[instrument] = np.nan


@folded
def _read(structure: Structure, instrument: int) -> int:
    """Run the features of every bar that was just closed."""
    news = 0
    for c in range(structure.builder.control[CLOSINGS]):
        bar = structure.builder.closed[c]
        k = bar.timeframe
        first, count = structure.spans[k, 0], structure.spans[k, 1]
        update_features(
            structure.program[first : first + count], structure.state[instrument, k],
            structure.features[instrument, k],
            float(bar.open), float(bar.high), float(bar.low), float(bar.close), bar.volume, session_stamp(bar),
        )  # fmt: skip
        structure.newest[instrument, k] = bar
        structure.seen[instrument, k] += 1
        news |= 1 << k
    return news


@compiled
def session_stamp(bar: Record) -> int:
    """Return the time that tells features the day of a bar: its close, or one within the UTC day of its number.

    So `vwap_session` begins with the sessions of the calendar where there is one, and with UTC days elsewhere.
    """
    return bar.close_ns if bar.session == NO_SESSION else bar.session * DAY_NS + 1


@compiled
def run_rows(structure: Structure, tape: Tape, bar_ns: int, close_ns: Int64, values: Floats) -> None:
    """Take the rows of a tape as those of instrument 0; write what is known after row i to `close_ns[i]`, `values[i]`.

    Shapes: [rows, timeframes], the newest bar's close (0: none yet), and [rows, timeframes, width].
    """
    row = structure.builder.row[0]
    for i in range(len(tape.time_ns)):
        load_row(tape, i, bar_ns, row)
        step(structure, 0, row)
        for k in range(close_ns.shape[1]):
            close_ns[i, k] = structure.newest[0, k].close_ns
            for j in range(values.shape[2]):
                values[i, k, j] = structure.features[0, k, j]


class Known(NamedTuple):
    """What is known after every row of a series: per timeframe the close of its newest bar, and its features."""

    close_ns: Int64
    values: Floats


def run_structure(structure: Structure, tape: Tape, bar_ns: int) -> Known:
    """Return what is known after every row of one feed; `bar_ns` is the length of the tape's bars, 0 for quotes."""
    rows, frames, width = len(tape.time_ns), *structure.features.shape[1:]
    known = Known(np.zeros((rows, frames), np.int64), np.full((rows, frames, width), np.nan))
    run_rows(structure, owned(tape), bar_ns, *known)
    return known
