"""Building the packaged sample: which files there are, from what they are cut or made, and under which licence.

Real bars come only from repositories whose licence covers their own data (Apache-2.0, MIT). No minute bars of four
pairs and no quotes of two venues may be shipped under such a licence, so those are made inside the real hours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.random import Generator

from research.sample.bars import Bars, between
from research.sample.minutes import PAIRS, minutes_inside
from research.sample.scenario import CROSSED, DEAD_FROM, DEAD_MS, ZERO, two_venues
from research.sample.tables import bars_of, cut, table_of_bars, table_of_quotes, write
from research.sample.venues import VENUES

HOURS_SPAN: Final = ("2021-09-01", "2022-03-05")
"""The last half year of the source."""

MINUTES_SPAN: Final = ("2022-02-06T22:00", "2022-02-18T22:00")
"""Ten trading days without a missing hour; US consumer prices on the tenth surprised."""

QUOTES_SPAN: Final = ("2022-02-09", "2022-02-11")
QUOTED: Final = "GBPUSD"

RECENT_SPAN: Final = ("2026-03-08", "2026-03-21")
"""Two weeks in which the five-minute prices are whole ticks; in most others some are not."""

RECENT: Final = ("EURUSD_5m", "GBPUSD_5m", "USDJPY_3m")

HOURS_ORIGIN: Final = "ejtraderLabs/historical-data `{0}/{0}h1.csv` @fbd29b3cd8"
RECENT_ORIGIN: Final = {
    "EURUSD_5m": "ork-ad/eurusd-5m-ohlcv-forex-historical-data `EURUSD_5m.csv` @4498d7baac",
    "GBPUSD_5m": "ork-ad/gbpusd-5m-ohlcv-forex-historical-data `GBPUSD_5m.csv` @6a78b68ed9",
    "USDJPY_3m": "ork-ad/usdjpy-3m-ohlcv-forex-historical-data `USDJPY_3m.csv` @1ed7bd1aee",
}


class Made(NamedTuple):
    """One file of the sample: where, what is in it, and what the manifest says that the rows do not."""

    path: str
    table: pa.Table
    kind: str
    tz: str
    origin: str
    licence: str
    good: str
    notes: str


def build_sample(data: Path, out: Path, rng: Generator) -> list[Made]:
    """Write all files of the sample below `out` from the source files below `data`; return what was made."""
    minutes_rng, quotes_rng = rng.spawn(2)
    made = [*_hours(data), *_recent(data)]
    hours = {pair: between(_source_hours(data, pair), *_ns(MINUTES_SPAN)) for pair in PAIRS}
    minutes = minutes_inside(hours, minutes_rng)
    made += _minutes(minutes)
    made += _quotes(between(minutes[QUOTED], *_ns(QUOTES_SPAN)), quotes_rng)
    for file in made:
        write(file.table, out / file.path)
    return sorted(made, key=lambda file: file.path)


def sources() -> tuple[str, ...]:
    """Return the source files, relative to the data directory."""
    return (*(_hours_path(pair) for pair in PAIRS), *(_recent_path(name) for name in RECENT))


def _hours(data: Path) -> Iterator[Made]:
    for pair in PAIRS:
        yield Made(
            f"fx/h1/{pair}_H1_2021_2022_mt5.parquet",
            cut(data / _hours_path(pair), *_ns(HOURS_SPAN)),
            "real: FX 1h bars from an MT5 broker, bid",
            "UTC (source = broker clock Europe/Athens, converted)",
            HOURS_ORIGIN.format(pair),
            "Apache-2.0",
            "hourly backtests; the frame of the minute bars",
            "cut from the source, nothing else changed",
        )


def _recent(data: Path) -> Iterator[Made]:
    for name in RECENT:
        yield Made(
            f"fx/m5/{name}_2026_03_orkad.parquet",
            cut(data / _recent_path(name), *_ns(RECENT_SPAN)),
            f"real: FX {name[-2:]} bars with tick volume",
            "UTC",
            RECENT_ORIGIN[name],
            "MIT",
            "recent intraday FX; dirty bars for the checks",
            "cut from the source, dirty bars kept as they are",
        )


def _minutes(minutes: dict[str, Bars]) -> Iterator[Made]:
    for pair in PAIRS:
        yield Made(
            f"fx/m1/{pair}_M1_2022_02_scenario.parquet",
            table_of_bars(pair, minutes[pair]),
            "scenario: FX 1m bars, bid, made inside real hours",
            "UTC",
            f"research/sample/minutes.py, inside the hours of {HOURS_ORIGIN.format(pair)}",
            "Apache-2.0 (derived from the hours)",
            "forex desk: four pairs at once",
            "every hour's minutes give its real open, high, low, close and tick volume",
        )


def _quotes(minutes: Bars, rng: Generator) -> Iterator[Made]:
    """Return the two venues; they name themselves in a column, as their file names carry no known venue."""
    for i, (model, quotes) in enumerate(zip(VENUES, two_venues(minutes, rng), strict=True)):
        dead = f"; dead for {DEAD_MS // 1000} s from {DEAD_FROM}" if i == 1 else ""
        yield Made(
            f"multi_venue/fx_ticks_2022_02_scenario/{QUOTED}_ticks_{model.name}_20220209_20220210.parquet",
            table_of_quotes(QUOTED, quotes, model.name),
            "scenario: FX quotes (top of book bid/ask) of one of two venues",
            "UTC",
            f"research/sample/scenario.py, inside the hours of {HOURS_ORIGIN.format(QUOTED)}",
            "Apache-2.0 (derived from the hours)",
            "arbitrage desk (two venues), binary desk (venue a)",
            f"{CROSSED[i]} crossed and {ZERO[i]} zero quotes on purpose{dead}",
        )


def _source_hours(data: Path, pair: str) -> Bars:
    return bars_of(pair, data / _hours_path(pair))


def _hours_path(pair: str) -> str:
    return f"fx/h1/{pair}_H1_2012_2022_mt5.parquet"


def _recent_path(name: str) -> str:
    return f"fx/m5/{name}_2026_01_07_orkad.parquet"


def _ns(span: tuple[str, str]) -> tuple[int, int]:
    start, end = (int(np.datetime64(stamp, "ns").astype(np.int64)) for stamp in span)
    return start, end
