"""Features: which indicators a policy reads, as a small program that a kernel runs once per closed bar and view.

`feature_program` turns a list of features (see `market.feature_specs` for how they are written) into a table;
`update_features` runs the table over one bar. Slots of the feature vector follow the list.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market import indicators as ind
from market.compiled import compiled, inlined
from market.feature_specs import Op, parse_feature
from market.quality import DataQualityError
from market.records import Record, Records, record_type, records
from market.tape import Tape

Floats = NDArray[np.float64]

PROGRAM: Final = record_type("op runs pick at n n2 n3", floats="band")
"""Per feature: what computes it, whether it does so here (0: an earlier row of the same indicator has), the slot of the
state that holds the value, where the state begins, up to three periods, and a band's width with its sign."""


def feature_program(features: Sequence[str]) -> tuple[Records, int]:
    """Return (program, floats of state per view); ValueError names a feature that is not understood."""
    program = records(len(features), PROGRAM)
    shared: dict[tuple[Op, tuple[int, ...]], int] = {}
    size = 0
    for row, text in zip(program, features, strict=True):
        feature = parse_feature(text)
        row.op, row.pick, row.band = feature.spec.op, feature.spec.pick, feature.spec.band * feature.width
        row.n, row.n2, row.n3 = (*feature.periods, 0, 0, 0)[:3]
        key = (feature.spec.op, feature.periods)
        if feature.spec.op in SHARING and key in shared:
            row.at = shared[key]
        else:
            row.at, row.runs = size, 1
            shared[key] = size
            size += feature.state_floats
    return program, size


def feature_programs(lists: Sequence[Sequence[str]]) -> tuple[Records, NDArray[np.int64], int]:
    """Return one table of several lists' programs, per list (first row, rows), and the state floats of the largest.

    Lists share no state: a view runs the rows of its own list alone.
    """
    programs = [feature_program(features) for features in lists]
    spans = np.zeros((len(lists), 2), np.int64)
    table = records(sum(len(program) for program, _ in programs), PROGRAM)
    row = 0
    for span, (program, _) in zip(spans, programs, strict=True):
        span[:] = row, len(program)
        table[row : row + len(program)] = program
        row += len(program)
    return table, spans, max((size for _, size in programs), default=0)


SHARING: Final = (Op.MACD, Op.MOMENTS, Op.DIRECTION, Op.STOCH, Op.STOCHF, Op.PROFILE)
"""Indicators with several values, kept in their state: several features may read one run of them."""


def warmup_of(features: Sequence[str]) -> int:
    """Return the index of the first bar at which every feature has a value, on ordinary data."""
    return max((parse_feature(text).warmup for text in features), default=0)


@compiled
def update_features(
    program: NDArray[Any], state: Floats, out: Floats,
    open_: float, high: float, low: float, close: float, volume: float, time_ns: int,
) -> None:  # fmt: skip
    """Run every feature of the program over one closed bar: reads and moves `state`, writes `out[k]`."""
    for k in range(len(program)):
        if program[k].op <= Op.MOMENTS:
            out[k] = _of_close(program[k], state, close)
        else:
            out[k] = _of_bar(program[k], state, open_, high, low, close, volume, time_ns)


@compiled
def _of_close(row: Record, state: Floats, close: float) -> float:
    """Run a feature that needs the close alone."""
    op, at, n = row.op, row.at, row.n
    if op == Op.SMA:
        return ind.sma_update(state, at, close, n)
    if op == Op.EMA:
        return ind.ema_update(state, at, close, n)
    if op == Op.RSI:
        return ind.rsi_update(state, at, close, n)
    if op == Op.MACD:
        if row.runs != 0:
            ind.macd_update(state, at, close, n, row.n2, row.n3)
        return float(state[at + row.pick])
    if op == Op.MOMENTS:
        if row.runs != 0:
            ind.moments_update(state, at, close, n)
        return float(state[at + row.pick] + row.band * state[at + ind.MOMENTS_STDDEV])
    if op == Op.RETURN:
        return ind.return_update(state, at, close, n)
    return close


@compiled
def _of_bar(
    row: Record, state: Floats,
    open_: float, high: float, low: float, close: float, volume: float, time_ns: int,
) -> float:  # fmt: skip
    """Run a feature that needs more of the bar than its close."""
    op, at, n = row.op, row.at, row.n
    if op == Op.ATR:
        return ind.atr_update(state, at, high, low, close, n)
    if op == Op.DIRECTION:
        if row.runs != 0:
            ind.direction_update(state, at, high, low, close, n)
        return float(state[at + row.pick])
    if op == Op.STOCH:
        if row.runs != 0:
            ind.stoch_update(state, at, high, low, close, n, row.n2, row.n3)
        return float(state[at + row.pick])
    if op == Op.STOCHF:
        if row.runs != 0:
            ind.stochf_update(state, at, high, low, close, n, row.n2)
        return float(state[at + row.pick])
    if op == Op.NATR:
        return ind.natr_update(state, at, high, low, close, n)
    if op == Op.TRANGE:
        return ind.trange_update(state, at, high, low, close)
    if op == Op.WILLR:
        return ind.willr_update(state, at, high, low, close, n)
    if op == Op.CCI:
        return ind.cci_update(state, at, high, low, close, n)
    if op == Op.MFI:
        return ind.mfi_update(state, at, high, low, close, volume, n)
    if op == Op.OBV:
        return ind.obv_update(state, at, close, volume)
    if op == Op.VWAP:
        return ind.vwap_update(state, at, high, low, close, volume, n)
    if op == Op.VWAP_CUMULATIVE:
        return ind.vwap_cumulative_update(state, at, high, low, close, volume)
    if op == Op.VWAP_SESSION:
        return ind.vwap_session_update(state, at, high, low, close, volume, time_ns)
    if op == Op.PROFILE:
        if row.runs != 0:
            ind.profile_update(state, at, high, low, close, volume, n, row.n2)
        return float(state[at + row.pick])
    return _price(op, open_, high, low, volume)


@compiled
def _price(op: int, open_: float, high: float, low: float, volume: float) -> float:
    if op == Op.OPEN:
        return open_
    if op == Op.HIGH:
        return high
    return low if op == Op.LOW else volume


@compiled
def run_stretch(program: NDArray[Any], state: Floats, tape: Tape, begin: int, end: int, out: Floats) -> None:
    """Run a program over rows [begin, end) of a tape, all closed bars of one feed; `out[k, i]` is feature k at row i.

    Same values as `update_features` bar by bar: features do not depend on each other, so each may take all bars first.
    """
    for k in range(len(program)):
        row = program[k]
        if row.op == Op.SMA:
            ind.sma_run(state, row.at, row.n, tape.close[begin:end], out[k, : end - begin])
        elif row.runs != 0:
            for i in range(begin, end):
                for j in range(k, len(program)):
                    if program[j].op == row.op and program[j].at == row.at and (j == k or program[j].runs == 0):
                        out[j, i - begin] = _of_row(program[j], state, tape, i)


@inlined
def _of_row(row: Record, state: Floats, tape: Tape, i: int) -> float:
    if row.op <= Op.MOMENTS:
        return _of_close(row, state, float(tape.close[i]))
    return _of_bar(
        row, state,
        float(tape.open[i]), float(tape.high[i]), float(tape.low[i]), float(tape.close[i]), tape.volume[i],
        tape.time_ns[i],
    )  # fmt: skip


@compiled
def run_bars(
    program: NDArray[Any], state: Floats, out: Floats,
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, time_ns: NDArray[np.int64],
) -> None:  # fmt: skip
    """Run a program over bars one after the other, from the state as it stands; row i of `out` is bar i."""
    for i in range(len(close)):
        update_features(
            program, state, out[i], open_[i], high[i], low[i], close[i], volume[i], time_ns[i]
        )  # fmt: skip


def run_series(
    program: NDArray[Any], size: int,
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, time_ns: NDArray[np.int64],
) -> Floats:  # fmt: skip
    """Return the features of a whole series, [bars, features], from a fresh state of `size` floats.

    DataQualityError names the first bar and column that holds NaN or infinity: an indicator would carry it on forever.
    """
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    prices = {name: np.ascontiguousarray(column, np.float64) for name, column in columns.items()}
    stamps = np.ascontiguousarray(time_ns, np.int64)
    shapes = {name: column.shape for name, column in {**prices, "time_ns": stamps}.items()}
    if set(shapes.values()) != {(len(stamps),)}:
        raise ValueError(f"columns must be one-dimensional and of one length; they are {shapes}")
    _reject_flaws(prices)
    out = np.empty((len(stamps), len(program)), np.float64)
    run_bars(
        program, np.zeros(size), out,
        prices["open"], prices["high"], prices["low"], prices["close"], prices["volume"], stamps,
    )  # fmt: skip
    return out


def _reject_flaws(columns: dict[str, Floats]) -> None:
    flaws = {name: int(np.argmin(np.isfinite(values))) for name, values in columns.items() if len(values)}
    flaws = {name: bar for name, bar in flaws.items() if not np.isfinite(columns[name][bar])}
    if flaws:
        name = min(flaws, key=lambda column: flaws[column])
        bar = flaws[name]
        raise DataQualityError(f"bar {bar}: {name} is {columns[name][bar]}; prices and volumes must be finite")
