"""The scan itself: over all instruments and timeframes of a catalogue, to ranked rows and what could not be judged."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from market.timeframes import TIMEFRAMES
from policies.scan_pace import Pace, scan_pace
from policies.signals.rule import ChainRule
from research.catalogue import Catalogue, Entry
from research.loader import LoadError
from research.scan.judging import BARS_MAX, BARS_MIN, Origin, bars_of, judged, usual_rule
from research.scan.liquidity import Liquidity, liquidity_of
from research.scan.ranking import Found, ranked
from research.scan.rows import rows_of
from research.scan.series import Scanned, Series, Unjudged, instruments_of, series_for

USUAL_TIMEFRAMES: Final = ("15m", "1h", "4h", "1d")
CLOSED_FACTOR: Final = 2
"""So much more time is read than the bars wanted would fill: nights and weekends have none."""

Progress = Callable[[int, int], None]


Judged = list[tuple[str, Found | str]]
"""Per timeframe what was found, or why nothing could be."""


Key = tuple[Series, tuple[str, ...], int | None]
LiquidKey = tuple[tuple[Entry, ...], int | None]


class Memory:
    """What the newest scan found, by the files it was made of: the next one reads those that have changed alone."""

    def __init__(self) -> None:
        self._judged: dict[Key, Judged] = {}
        self._liquidity: dict[LiquidKey, Liquidity] = {}
        self._newer: tuple[dict[Key, Judged], dict[LiquidKey, Liquidity]] = ({}, {})

    def judged(self, key: Key, judge: Callable[[], Iterator[tuple[str, Found | str]]]) -> Judged:
        """Return what is remembered under a key, else what `judge` finds."""
        found = self._judged.get(key) or list(judge())
        self._newer[0][key] = found
        return found

    def liquidity(self, key: LiquidKey, look: Callable[[], Liquidity]) -> Liquidity:
        """Return what is remembered under a key, else what `look` finds."""
        found = self._liquidity.get(key) or look()
        self._newer[1][key] = found
        return found

    def turn(self) -> None:
        """Forget what the scan that has ended did not come across."""
        self._judged, self._liquidity = self._newer
        self._newer = ({}, {})


class Request(NamedTuple):
    """What to scan: symbols (none: all), timeframes, as of when (None: as each instrument's data end), and how.

    `now_ns` is what ages are counted from.
    """

    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    at_ns: int | None
    now_ns: int
    rule: ChainRule = usual_rule()


class Scan(NamedTuple):
    """What a scan found: rows in order, what could not be judged, liquidity of all instruments, when to come again."""

    request: Request
    instruments: int
    rows: tuple[Found, ...]
    unjudged: tuple[Unjudged, ...]
    liquidity: tuple[Liquidity, ...]
    pace: Pace

    @property
    def opportunities(self) -> tuple[Found, ...]:
        """Return the rows that may be acted on."""
        return tuple(row for row in self.rows if row.is_opportunity)


def timeframes_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return timeframes by name, the shortest first; ValueError names one that is not known."""
    for word in words:
        if word not in TIMEFRAMES:
            raise ValueError(f"--timeframe {word}: {', '.join(TIMEFRAMES)} are allowed")
    return tuple(name for name in TIMEFRAMES if name in words)


def scan(
    root: Path, catalogue: Catalogue, request: Request, progress: Progress | None = None, memory: Memory | None = None
) -> Scan:  # fmt: skip
    """Scan the files of a catalogue; NotInCatalogueError names a symbol that is not there.

    `progress` is told (instruments done, all of them). `memory` is for the same directory and rule alone.
    """
    known = memory or Memory()
    instruments, unjudged = instruments_of(catalogue, request.symbols)
    rows: list[Found] = []
    liquidity: list[Liquidity] = []
    for done, one in enumerate(instruments):
        for found in _of_instrument(root, one, request, known):
            if isinstance(found, Found):
                rows.append(found)
            else:
                unjudged.append(found)
        look = partial(liquidity_of, root, one, request.at_ns)
        found_here = known.liquidity((one.liquid, request.at_ns), look)
        liquidity.append(found_here._replace(symbol=one.symbol, venue=one.venue))
        if progress is not None:
            progress(done + 1, len(instruments))
    known.turn()
    order = ranked(rows)
    return Scan(request, len(instruments), tuple(order), tuple(unjudged), tuple(liquidity), pace_of(order))


def pace_of(rows: Sequence[Found]) -> Pace:
    """Return when to scan again: by the opportunities among the rows and the median rank of the newest volatilities."""
    ranks = [row.volatility_rank for row in rows if row.volatility_rank is not None]
    return scan_pace(median(ranks) if ranks else math.nan, sum(row.is_opportunity for row in rows))


def _of_instrument(root: Path, instrument: Scanned, request: Request, known: Memory) -> Iterator[Found | Unjudged]:
    """Yield what is found of an instrument at every timeframe; each series of files is read once."""
    if not instrument.series:
        return
    serving: dict[Series, list[str]] = {}
    reasons: dict[str, list[str]] = {}
    for timeframe in request.timeframes:
        series = series_for(instrument, timeframe, request.at_ns, BARS_MIN)
        if isinstance(series, str):
            reasons.setdefault(series, []).append(timeframe)
        else:
            serving.setdefault(series, []).append(timeframe)
    for series, timeframes in serving.items():
        judge = partial(_of_series, root, instrument, series, timeframes, request)
        for timeframe, found in known.judged((series, tuple(timeframes), request.at_ns), judge):
            if isinstance(found, str):
                reasons.setdefault(found, []).append(timeframe)
            else:
                yield found._replace(age_ns=request.now_ns - found.time_ns)
    for reason, named in reasons.items():
        yield Unjudged(instrument.symbol, instrument.venue, tuple(named), reason)


def _of_series(
    root: Path, instrument: Scanned, series: Series, timeframes: Sequence[str], request: Request
) -> Iterator[tuple[str, Found | str]]:  # fmt: skip
    end_ns = series.last_ns if request.at_ns is None else min(series.last_ns, request.at_ns)
    start_ns = end_ns - CLOSED_FACTOR * BARS_MAX * max(TIMEFRAMES[name] for name in timeframes)
    try:
        rows = rows_of(root, series, start_ns, request.at_ns)
    except LoadError as error:
        yield from ((timeframe, str(error)) for timeframe in timeframes)
        return
    bars = bars_of(rows, timeframes)
    files = tuple(entry.path for entry in series.entries)
    origin = Origin(instrument.symbol, instrument.venue, files, series.entries[0].instrument_kind == "crypto")
    for timeframe in timeframes:
        if isinstance(bars, str):
            yield timeframe, bars
        else:
            one = judged(origin, timeframe, bars[timeframe], float(rows.tick_size), request.rule)
            yield timeframe, one
