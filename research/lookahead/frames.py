"""Frames: bars of one or several symbols, with the tables that were given beside them, and their other futures.

`bars` is a pandas DataFrame: open, high, low, close, volume, and `symbol` where there are several, sorted by time; its
index `time` is when a bar is known, its close, in UTC. A table has a column `known_at`, when a row of it was known.
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
    """What a function is given. `bar_ns` is the length of a bar; `opening`: it decides when its bar opens."""

    bars: Any
    tables: Mapping[str, Any] = {}
    bar_ns: int = 0
    opening: bool = False

    @property
    def times(self) -> Int64:
        """When each row is known, in ns."""
        return stamps(self.bars.index)


def stamps(index: Any) -> Int64:
    """Return UTC stamps of pandas as ns."""
    naive = index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index
    return np.asarray(naive.to_numpy("datetime64[ns]").astype(np.int64))


def known_at(table: Any) -> Int64:
    """Return when each row of a table was known, in ns."""
    return stamps(pd.DatetimeIndex(table[KNOWN_AT]))


def cut(frames: Frames, time_ns: int) -> Frames:
    """Return what is known by a time. Of the bar that opens then, where that is when it decides, only its open."""
    bars = frames.bars.iloc[: int(np.searchsorted(frames.times, time_ns, side="right"))].copy()
    tables = {
        name: table[known_at(table) <= _tables_until(frames, time_ns)].copy() for name, table in frames.tables.items()
    }
    cutted = frames._replace(bars=bars, tables=tables)
    return cutted._replace(bars=_only_open(bars, cutted.times == time_ns)) if frames.opening else cutted


def begin(frames: Frames, time_ns: int) -> Frames:
    """Return the bars known from a time on; tables stay whole, the past is not theirs to lose."""
    first = int(np.searchsorted(frames.times, time_ns, side="left"))
    return frames._replace(bars=frames.bars.iloc[first:].copy())


def _tables_until(frames: Frames, time_ns: int) -> int:
    return time_ns - frames.bar_ns if frames.opening else time_ns


def _with_values(bars: Any, values: NDArray[np.float64]) -> Any:
    """Return bars with other prices and volumes."""
    other = pd.DataFrame(values, index=bars.index, columns=list(COLUMNS))
    if "symbol" in bars:
        other["symbol"] = bars["symbol"]
    return other


def _values(bars: Any) -> NDArray[np.float64]:
    return np.array(bars[list(COLUMNS)].to_numpy(), np.float64)


def _only_open(bars: Any, rows: NDArray[np.bool_]) -> Any:
    values = _values(bars)
    values[rows, HIGH : CLOSE + 1] = values[rows, OPEN : OPEN + 1]
    values[rows, VOLUME] = 0.0
    return _with_values(bars, values)


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


def changes_of(frames: Frames) -> dict[str, Change]:
    """Return the other futures of frames by name."""
    return {name: partial(_changed, name) for name in (*BENDS, DELAYED)}


def parts_of(frames: Frames) -> dict[str, PartChange]:
    """Return changes of one part of the future each: every table, the row's own symbol, the others, the open bar."""
    names = [*frames.tables, OWN]
    names += [OTHERS] if "symbol" in frames.bars else []
    names += [BAR] if frames.opening else []
    return {name: partial(_part_changed, name) for name in names}


def _changed(how: str, frames: Frames, after_ns: int, until_ns: int, rng: np.random.Generator) -> Frames:
    """Return frames whose rows known in (after, until] are others."""
    times = frames.times
    later = (times > after_ns) & (times <= until_ns)
    bars = _delayed(frames, later) if how == DELAYED else _bent(how, frames.bars, later, rng)
    if frames.opening:
        bars = _other_bar(bars, times == after_ns, how)
    known = _tables_until(frames, after_ns)
    return frames._replace(
        bars=bars, tables={name: _other_table(table, known, how, rng) for name, table in frames.tables.items()}
    )


def _part_changed(part: str, frames: Frames, row: int, rng: np.random.Generator) -> Frames:
    """Change one part of what comes after a row: mirrored, then a multiple, so that hardly anything stays as it was."""
    times = frames.times
    if part == BAR:
        return frames._replace(bars=_other_bar(frames.bars, times == times[row], "mirrored"))
    if part in frames.tables:
        known = _tables_until(frames, int(times[row]))
        table = _other_table(frames.tables[part], known, "shuffled", rng)
        return frames._replace(tables={**frames.tables, part: _other_table(table, known, "jumped", rng)})
    later = times > times[row]
    if "symbol" in frames.bars:
        symbols = frames.bars["symbol"].to_numpy()
        later &= (symbols == symbols[row]) == (part == OWN)
    bars = _bent("jumped", _bent("mirrored", frames.bars, later, rng), later, rng)
    return frames._replace(bars=bars)


def _bent(how: str, bars: Any, later: NDArray[np.bool_], rng: np.random.Generator) -> Any:
    """Bend later rows, every symbol by itself."""
    if not later.any():
        return bars
    values = _values(bars)
    symbols = bars["symbol"].to_numpy() if "symbol" in bars else np.zeros(len(bars), np.int64)
    for symbol in np.unique(symbols[later]):
        own = symbols == symbol
        rows, known = np.flatnonzero(own & later), np.flatnonzero(own & ~later)
        before = known[known < rows[0]]
        values[rows] = BENDS[how](values[rows], values[before[-1] if len(before) else rows[0]], rng)
    return _with_values(bars, values)


def _delayed(frames: Frames, later: NDArray[np.bool_]) -> Any:
    """Let everything later happen a week and an hour later."""
    bars = frames.bars.copy()
    moved = frames.times + np.where(later, WEEK_AND_HOUR_NS, 0)
    bars.index = pd.DatetimeIndex(moved.astype("datetime64[ns]"), tz="UTC", name=bars.index.name)
    return bars


def _other_bar(bars: Any, rows: NDArray[np.bool_], how: str) -> Any:
    """Let the bar that has only opened end otherwise."""
    values = _values(bars)
    factors = {"mirrored": (1.1, 0.9, 0.95), "jumped": (JUMP, 1.0, JUMP), MISSING: (np.nan,) * 3}
    values[rows, HIGH : CLOSE + 1] = values[rows, OPEN : OPEN + 1] * np.array(factors.get(how, (1.01, 0.99, 1.0)))
    values[rows, VOLUME] = np.nan if how == MISSING else 12345.0
    return _with_values(bars, values)


def _other_table(table: Any, known_ns: int, how: str, rng: np.random.Generator) -> Any:
    """Let rows of a table that are not known yet say something else."""
    later = known_at(table) > known_ns
    if not later.any():
        return table
    table = table.copy()
    if how == DELAYED:
        moved = known_at(table) + np.where(later, WEEK_AND_HOUR_NS, 0)
        table[KNOWN_AT] = pd.DatetimeIndex(moved.astype("datetime64[ns]"), tz="UTC")
    elif how == "shuffled":
        order = np.flatnonzero(later)[rng.permutation(int(later.sum()))]
        for name in table.columns.drop(KNOWN_AT):
            values = table[name].to_numpy().copy()
            values[later] = values[order]
            table[name] = values if table[name].dtype.kind in "OfiubM" else pd.Series(values, table.index)
    else:
        for name in table.select_dtypes("number").columns:
            factor = {"mirrored": -1.0, "jumped": JUMP, MISSING: np.nan}[how]
            table[name] = np.where(later, table[name].to_numpy(np.float64) * factor, table[name].to_numpy(np.float64))
    return table
