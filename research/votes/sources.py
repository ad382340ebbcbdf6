"""The sources of the study: twelve plain votes per bar, each from closed bars alone, and what came of each bar.

A decision is made at the close of every `horizon`-th bar, acts at the next bar's open, and is known to be right or
wrong at the close `horizon` bars later; decisions of one symbol never overlap. Costs are left out: this asks what a
claim is worth, not what trading it would earn.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from market.features import feature_program, run_series, warmup_of
from market.quality import DataQualityError
from market.records import records
from policies.catalogue import features_of, params_of, policy_named
from policies.forex import trend_reversion
from policies.intents import INTENT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAY_NS: Final = 86_400 * 10**9
FEATURES: Final = (
    "ema:12", "ema:48", "macd_hist:12:26:9", "plus_di:14", "minus_di:14", "return:24", "rsi:14", "stoch_k:14:3:3",
    "cci:20", "sma:20", "stddev:20", "atr:14", "return:120",
)  # fmt: skip
SOURCES: Final = (
    "averages", "macd", "directional", "momentum", "rsi", "stochastics", "cci", "bollinger", "range", "breakout",
    "week", "season",
)  # fmt: skip
PRICES: Final = ("open", "high", "low", "close")
RANGE_BARS: Final = 48
TREND_BARS: Final = 120
SEASON_DAYS: Final = 60
SIDEWAYS, BULL, BEAR = range(3)


class Series(NamedTuple):
    """A set of bar files of one length, and how many bars later a decision on them is right or wrong."""

    name: str
    pattern: str
    bar_ns: int
    horizon: int


MINUTE_NS: Final = 60 * 10**9
SERIES: Final = (
    Series("FX 1h", "fx/h1/*_H1_*_mt5.parquet", 60 * MINUTE_NS, 8),
    Series("FX 5m", "fx/m5/*_5m_*.parquet", 5 * MINUTE_NS, 8),
    Series("crypto 5m", "crypto/binance/*_5m_*.parquet", 5 * MINUTE_NS, 8),
    Series("crypto 1m 2016", "crypto/bitfinex/*_1m_2016.parquet", MINUTE_NS, 8),
)
"""The rules of `research.votes.study` were settled while looking at the first three; the last was first run after."""


class Bars(NamedTuple):
    """Bars of one symbol, (n,) each; `time_ns` is the close."""

    symbol: str
    bar_ns: int
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    time_ns: Integers


class Decisions(NamedTuple):
    """What was voted and what came, of one symbol or many: votes (n, sources), the rest (n,).

    `move` is ln(exit / entry); `regime` of the decision; `desk` the strength of the forex desk's own policy. In the
    order in which they were made.
    """

    symbol: Integers
    time_ns: Integers
    known_ns: Integers
    regime: Integers
    move: Floats
    desk: Floats
    votes: Floats


def files_of(data: Path, series: Series) -> list[Path]:
    """Return the files of a series below a data root; FileNotFoundError says what was looked for."""
    found = sorted(data.glob(series.pattern))
    if not found:
        raise FileNotFoundError(f"no {series.pattern} below {data}; name a directory with market data by TRIFECTA_DATA")
    return found


def read_bars(path: Path, bar_ns: int) -> Bars:
    """Read a file of bars that are stamped with their open.

    DataQualityError for times that do not rise or prices that are no prices.
    """
    table = parquet.read_table(path)
    open_, high, low, close = (np.asarray(table[name].to_numpy(), np.float64) for name in PRICES)
    stamps = table["ts"].to_numpy().astype("datetime64[ns]").astype(np.int64) + bar_ns
    if (np.diff(stamps) <= 0).any():
        raise DataQualityError(f"{path.name}: times must rise")
    if not all(bool((np.isfinite(column) & (column > 0.0)).all()) for column in (open_, high, low, close)):
        raise DataQualityError(f"{path.name}: prices must be finite and above 0")
    return Bars(path.name.split("_")[0], bar_ns, open_, high, low, close, stamps)


def decisions_of(bars: Bars, number: int, horizon: int) -> Decisions:
    """Return the decisions of one symbol (its number in the study), every `horizon` bars once all votes are there."""
    votes, regime = votes_of(bars, horizon)
    first = max(warmup_of(FEATURES), RANGE_BARS, TREND_BARS) + 1
    at = np.arange(first, len(bars.close) - horizon, horizon)
    move = np.log(bars.close[at + horizon] / bars.open[at + 1])
    whose = np.full(len(at), number, np.int64)
    desk = desk_strength(bars, at)
    return Decisions(whose, bars.time_ns[at], bars.time_ns[at + horizon], regime[at], move, desk, votes[at])


def desk_strength(bars: Bars, at: Integers) -> Floats:
    """Return the strength of the forex desk's policy, at its defaults, at the closes of bars `at`; NaN if undefined."""
    spec = policy_named("trend_reversion")
    params = dict(params_of(spec, {}))
    program, size = feature_program(features_of(spec, params))
    nothing = np.zeros(len(bars.close))
    values = run_series(program, size, bars.open, bars.high, bars.low, bars.close, nothing, bars.time_ns)
    numbers, out, strength = np.array([*params.values()]), records(1, INTENT)[0], np.full(len(at), np.nan)
    for k, bar in enumerate(at):
        if trend_reversion(values[bar], numbers, bars.close[bar], out):
            strength[k] = out.strength
    return strength


def votes_of(bars: Bars, horizon: int) -> tuple[Floats, Integers]:
    """Return the votes at every bar's close, (bars, sources) in [-1, 1] with NaN while warming up, and the regime."""
    program, size = feature_program(FEATURES)
    nothing = np.zeros(len(bars.close))
    values = run_series(program, size, bars.open, bars.high, bars.low, bars.close, nothing, bars.time_ns)
    fast, slow, macd, plus, minus, day, rsi, stoch, cci, mean, deviation, atr, week = values.T
    close = bars.close
    with np.errstate(divide="ignore", invalid="ignore"):
        place, broken = _in_range(bars)
        spread = atr / close
        columns = (
            np.tanh((fast - slow) / atr),
            np.tanh(macd / (0.25 * atr)),
            (plus - minus) / (plus + minus),
            np.tanh(day / (spread * np.sqrt(24.0))),
            np.clip((50.0 - rsi) / 25.0, -1.0, 1.0),
            np.clip((50.0 - stoch) / 40.0, -1.0, 1.0),
            np.clip(-cci / 150.0, -1.0, 1.0),
            -np.tanh((close - mean) / (2.0 * deviation)),
            -place,
            broken,
            np.tanh(week / (spread * np.sqrt(float(TREND_BARS)))),
            _season(bars, horizon),
        )  # fmt: skip
        trend = week / (spread * np.sqrt(float(TREND_BARS)) * 0.6)
    votes = np.column_stack(columns)
    votes[~np.isfinite(votes)] = np.nan
    regime = np.where(trend >= 1.0, BULL, np.where(trend <= -1.0, BEAR, SIDEWAYS))
    return votes, regime.astype(np.int64)


def _in_range(bars: Bars) -> tuple[Floats, Floats]:
    """Return where the close lies in the range of the bars before it, [-1, 1], and how far beyond it, in tanh."""
    count = len(bars.close)
    place, broken = np.full(count, np.nan), np.full(count, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view
    top = windows(bars.high, RANGE_BARS).max(axis=1)[:-1]
    floor = windows(bars.low, RANGE_BARS).min(axis=1)[:-1]
    close, width = bars.close[RANGE_BARS:], top - floor
    place[RANGE_BARS:] = np.clip(2.0 * (close - floor) / width - 1.0, -1.0, 1.0)
    beyond = np.maximum(close - top, 0.0) - np.maximum(floor - close, 0.0)
    broken[RANGE_BARS:] = np.tanh(10.0 * beyond / width)
    return place, broken


def _season(bars: Bars, horizon: int) -> Floats:
    """Return how the next bars have gone at this time of the day, over the last days for which that is known.

    tanh of half the t value of the mean; a bar's own outcome is known `horizon` bars later, and only then counts.
    """
    out = np.full(len(bars.close), np.nan)
    ahead = np.log(bars.close[horizon:] / bars.open[1 : len(bars.open) - horizon + 1])
    slots = bars.time_ns % DAY_NS // bars.bar_ns
    for slot in range(DAY_NS // bars.bar_ns):
        at = np.flatnonzero(slots == slot)
        known = at[at < len(ahead)]
        sums, squares = np.cumsum(ahead[known]), np.cumsum(ahead[known] ** 2)
        newest = np.searchsorted(known, at - horizon, side="right") - 1
        oldest = newest - SEASON_DAYS
        full = oldest >= 0
        new, old = newest[full], oldest[full]
        mean = (sums[new] - sums[old]) / SEASON_DAYS
        variance = np.maximum((squares[new] - squares[old]) / SEASON_DAYS - mean**2, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            out[at[full]] = np.tanh(0.5 * mean / np.sqrt(variance / SEASON_DAYS))
    return out


def merged(parts: list[Decisions]) -> Decisions:
    """Return the decisions of all symbols in the order in which they were made; at one instant, by symbol."""
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[0], columns[1]))
    return Decisions(*(column[order] for column in columns))
