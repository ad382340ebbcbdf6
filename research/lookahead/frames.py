"""Frames: bars of one or several symbols, with the tables that were given beside them, and their other futures.

A function sees `bars` as a pandas DataFrame: open, high, low, close, volume, and `symbol` where there are several,
sorted by time; its index `time` is when a bar is known, its close, in UTC. A table beside it is a DataFrame with a
column `known_at`: when a row of it was known.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.tape import Int64
from research.lookahead.naming import BAR, OTHERS, OWN
from research.lookahead.search import MISSING
from research.lookahead.study import Change, PartChange

Floats = NDArray[np.float64]

KNOWN_AT: Final = "known_at"
COLUMNS: Final = ("open", "high", "low", "close", "volume")
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
DELAYED: Final = "delayed"
WEEK_AND_HOUR_NS: Final = (7 * 24 + 1) * 3600 * 10**9
JUMP, CROWD = 3.0, 5.0
"""Factors of later prices, and of later volumes."""


class Frames(NamedTuple):
    """What functions are given: `values` [bar, column] as in COLUMNS, `symbols` where there are several.

    `bar_ns` is the length of a bar; `opening`: its function decides when a bar opens.
    """

    times: Int64
    values: Floats
    symbols: NDArray[Any] | None = None
    tables: Mapping[str, Any] = {}
    bar_ns: int = 0
    opening: bool = False

    def bars(self) -> Any:
        """Return the bars as a new DataFrame."""
        frame = pd.DataFrame(self.values.copy(), index=index_of(self.times), columns=list(COLUMNS))
        if self.symbols is not None:
            frame["symbol"] = self.symbols
        return frame

    def rows(self, rows: slice) -> "Frames":
        """Return some of the bars, with all tables."""
        symbols = None if self.symbols is None else self.symbols[rows]
        return self._replace(times=self.times[rows], values=self.values[rows], symbols=symbols)


def index_of(times: Int64) -> Any:
    """Return ns as an index of pandas."""
    return pd.DatetimeIndex(times.astype("datetime64[ns]"), name="time").tz_localize("UTC")


def known_at(table: Any) -> Int64:
    """Return when each row of a table was known, in ns."""
    column = table[KNOWN_AT].dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(column.to_numpy("datetime64[ns]").astype(np.int64))


def cut(frames: Frames, time_ns: int) -> Frames:
    """Return what is known by a time. Of the bar that opens then, where that is when it decides, only its open."""
    end = int(np.searchsorted(frames.times, time_ns, side="right"))
    until = _tables_until(frames, time_ns)
    tables = {name: table[known_at(table) <= until] for name, table in frames.tables.items()}
    kept = frames.rows(slice(0, end))._replace(tables=tables)
    return kept._replace(values=_only_open(kept.values, kept.times == time_ns)) if frames.opening else kept


def begin(frames: Frames, time_ns: int) -> Frames:
    """Return the bars known from a time on; tables stay whole, the past is not theirs to lose."""
    return frames.rows(slice(int(np.searchsorted(frames.times, time_ns, side="left")), None))


def _tables_until(frames: Frames, time_ns: int) -> int:
    return time_ns - frames.bar_ns if frames.opening else time_ns


def _only_open(values: Floats, rows: NDArray[np.bool_]) -> Floats:
    values = values.copy()
    values[rows, HIGH : CLOSE + 1] = values[rows, OPEN : OPEN + 1]
    values[rows, VOLUME] = 0.0
    return values


Bend = Callable[[Floats, Floats, np.random.Generator], Floats]
"""(later bars of one symbol, the bar before them, rng) -> other bars; columns as in COLUMNS."""


def _mirror(part: Floats, before: Floats, rng: np.random.Generator) -> Floats:
    """Turn later prices upside down around the last known close, and volumes back to front."""
    around = before[CLOSE] ** 2
    prices = [around / part[:, source] for source in (OPEN, LOW, HIGH, CLOSE)]
    return np.column_stack([*prices, part[::-1, VOLUME]])


def _shuffle(part: Floats, before: Floats, rng: np.random.Generator) -> Floats:
    """Put later bars in another order under the same stamps."""
    return part[rng.permutation(len(part))]


def _jump(part: Floats, before: Floats, rng: np.random.Generator) -> Floats:
    """Let later prices and volumes be a multiple."""
    return part * np.array([JUMP] * 4 + [CROWD])


def _lose(part: Floats, before: Floats, rng: np.random.Generator) -> Floats:
    """Let later bars hold NaN."""
    return np.full_like(part, np.nan)


BENDS: Final[Mapping[str, Bend]] = {"mirrored": _mirror, "shuffled": _shuffle, "jumped": _jump, MISSING: _lose}


def changes_of(*, finite: bool = False) -> dict[str, Change]:
    """Return the other futures of frames by name; `finite`: without the one that holds NaN."""
    return {name: partial(_changed, name) for name in (*BENDS, DELAYED) if not finite or name != MISSING}


def parts_of(frames: Frames) -> dict[str, PartChange]:
    """Return changes of one part of the future each: every table, the row's own symbol, the others, the open bar."""
    names = [*frames.tables, OWN]
    names += [OTHERS] if frames.symbols is not None else []
    names += [BAR] if frames.opening else []
    return {name: partial(_part_changed, name) for name in names}


def _changed(how: str, frames: Frames, after_ns: int, until_ns: int, rng: np.random.Generator) -> Frames:
    """Return frames whose rows known in (after, until] are others."""
    times = frames.times
    later = (times > after_ns) & (times <= until_ns)
    values = frames.values
    if how == DELAYED:
        frames = frames._replace(times=times + np.where(later, WEEK_AND_HOUR_NS, 0))
    else:
        values = _bent(how, frames, later, rng)
    if frames.opening:
        values = _other_bar(values, times == after_ns, how)
    known = _tables_until(frames, after_ns)
    tables = {name: _other_table(table, known, how, rng) for name, table in frames.tables.items()}
    return frames._replace(values=values, tables=tables)


def _part_changed(part: str, frames: Frames, row: int, rng: np.random.Generator) -> Frames:
    """Change one part of what comes after a row. Bars: mirrored, then a multiple, so that hardly anything stays.

    Of a table, the rows that are not known yet are taken away: what counts them or reads their stamps answers as well.
    """
    times = frames.times
    if part == BAR:
        return frames._replace(values=_other_bar(frames.values, times == times[row], "mirrored"))
    if part in frames.tables:
        table = frames.tables[part]
        known = table[known_at(table) <= _tables_until(frames, int(times[row]))]
        return frames._replace(tables={**frames.tables, part: known})
    later = times > times[row]
    if frames.symbols is not None:
        later &= (frames.symbols == frames.symbols[row]) == (part == OWN)
    frames = frames._replace(values=_bent("mirrored", frames, later, rng))
    return frames._replace(values=_bent("jumped", frames, later, rng))


def _bent(how: str, frames: Frames, later: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Return values whose later rows are bent, every symbol by itself."""
    values = frames.values.copy()
    symbols = frames.symbols if frames.symbols is not None else np.zeros(len(values), np.int64)
    for symbol in dict.fromkeys(symbols[later]):
        own = symbols == symbol
        rows, known = np.flatnonzero(own & later), np.flatnonzero(own & ~later)
        before = known[known < rows[0]]
        values[rows] = BENDS[how](values[rows], values[before[-1] if len(before) else rows[0]], rng)
    return values


def _other_bar(values: Floats, rows: NDArray[np.bool_], how: str) -> Floats:
    """Let the bar that has only opened end otherwise."""
    values = values.copy()
    factors = {"mirrored": (1.1, 0.9, 0.95), "jumped": (JUMP, 1.0, JUMP), MISSING: (np.nan,) * 3}
    values[rows, HIGH : CLOSE + 1] = values[rows, OPEN : OPEN + 1] * np.array(factors.get(how, (1.01, 0.99, 1.0)))
    values[rows, VOLUME] = np.nan if how == MISSING else 12345.0
    return values


def _other_table(table: Any, known_ns: int, how: str, rng: np.random.Generator) -> Any:
    """Let rows of a table that are not known yet say something else."""
    later = known_at(table) > known_ns
    if not later.any():
        return table
    table = table.copy()
    if how == DELAYED:
        table[KNOWN_AT] = index_of(known_at(table) + np.where(later, WEEK_AND_HOUR_NS, 0))
    elif how == "shuffled":
        order = np.arange(len(table))
        order[later] = rng.permutation(order[later])
        for name in table.columns.drop(KNOWN_AT):
            table[name] = table[name].array.take(order)
    else:
        factor = {"mirrored": -1.0, "jumped": JUMP, MISSING: np.nan}[how]
        for name in table.select_dtypes("number").columns:
            values = table[name].to_numpy(np.float64)
            table[name] = np.where(later, values * factor, values)
    return table
