"""What a scan can look at: the instruments of a catalogue, and per timeframe the series of files that give its bars.

An instrument is a symbol at a venue. Files of one instrument, kind and timeframe that follow one another (a file per
month, or per hour) are one series; a file that overlaps another is a series of its own. What cannot be judged is never
left out: it is named with the reason.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from market.timeframes import DAY_NS, TIMEFRAMES
from research.catalogue import Catalogue, Entry, FileKind
from research.catalogue.finding import files_of, plain_symbol

FEEDING: Final = (FileKind.BARS, FileKind.QUOTES, FileKind.TRADES)
"""Kinds of files that bars are made of."""

LIQUID: Final = (FileKind.DEPTH, FileKind.QUOTES, FileKind.TRADES)
"""Kinds of files that tell of liquidity."""

BREAK_NS: Final = 7 * DAY_NS
"""A file that begins later than this after the one before it goes on with nothing: a series of its own."""

DERIVED: Final = "mark"
"""Prices that nobody traded at: bars of them serve only where there are no others."""


class Series(NamedTuple):
    """Files of one instrument that follow one another; `step_ns` is the length of their bars, 0 for quotes and trades.

    [first_ns, last_ns] are the stamps of the first and last row; `last_ns` of bars is when the last one is known.
    """

    entries: tuple[Entry, ...]
    step_ns: int
    first_ns: int
    last_ns: int

    @property
    def kind(self) -> FileKind:
        """What its rows are."""
        return self.entries[0].kind

    @property
    def is_derived(self) -> bool:
        """Tell whether nobody traded at its prices."""
        return self.entries[0].prices == DERIVED


class Scanned(NamedTuple):
    """One instrument of the catalogue: what its bars can be made of, and the files that tell of its liquidity."""

    symbol: str
    venue: str | None
    series: tuple[Series, ...]
    liquid: tuple[Entry, ...]


class Unjudged(NamedTuple):
    """What could not be judged, and why; `timeframes` are those it is true of."""

    symbol: str
    venue: str | None
    timeframes: tuple[str, ...]
    reason: str


def instruments_of(catalogue: Catalogue, symbols: Sequence[str]) -> tuple[list[Scanned], list[Unjudged]]:
    """Return the instruments of the symbols (none given: all) by symbol and venue, and what is none.

    NotInCatalogueError names a symbol that is not there.
    """
    for symbol in symbols:
        files_of(catalogue, symbol)
    wanted = {plain_symbol(symbol) for symbol in symbols}
    chosen = [entry for entry in catalogue.entries if not wanted or plain_symbol(entry.symbol) in wanted]
    named = [one for one in chosen if one.symbol is not None and one.kind in {*FEEDING, FileKind.DEPTH}]
    instruments = []
    for (_, _), group in groupby(sorted(named, key=_place), key=_key):
        entries = list(group)
        usable = [one for one in entries if one.problem is None and one.is_utc]
        instruments.append(
            Scanned(
                entries[0].symbol or "", entries[0].venue, tuple(_series(usable)),
                tuple(one for one in usable if one.kind in LIQUID),
            )
        )  # fmt: skip
    return instruments, [*_unusable(instruments, named), *_closes_only(chosen)]


def _key(entry: Entry) -> tuple[str, str]:
    return plain_symbol(entry.symbol), entry.venue or ""


def _place(entry: Entry) -> tuple[tuple[str, str], int, str]:
    return _key(entry), entry.first_ns or 0, entry.path


def _series(entries: Sequence[Entry]) -> Iterator[Series]:
    """Yield the series of one instrument: per kind, timeframe and prices, what follows without overlap."""
    groups: dict[tuple[str, int, str | None], list[list[Entry]]] = {}
    for entry in entries:
        if entry.kind not in FEEDING or (entry.kind is FileKind.BARS and entry.timeframe_ns <= 0):
            continue
        chains = groups.setdefault((entry.kind, entry.timeframe_ns, entry.prices), [])
        open_ = next((chain for chain in chains if _follows(entry, chain[-1])), None)
        if open_ is None:
            chains.append([entry])
        else:
            open_.append(entry)
    for (_, step_ns, _), chains in groups.items():
        for chain in chains:
            yield Series(tuple(chain), step_ns, chain[0].first_ns or 0, (chain[-1].last_ns or 0) + step_ns)


def _follows(entry: Entry, before: Entry) -> bool:
    gap_ns = (entry.first_ns or 0) - (before.last_ns or 0)
    return 0 < gap_ns <= BREAK_NS + before.timeframe_ns


def _unusable(instruments: Sequence[Scanned], named: Sequence[Entry]) -> Iterator[Unjudged]:
    """Say of instruments without any series why their files do not serve."""
    for one in instruments:
        if one.series:
            continue
        files = [entry for entry in named if _key(entry) == (plain_symbol(one.symbol), one.venue or "")]
        reasons: dict[str, list[str]] = {}
        for entry in files:
            reasons.setdefault(_why_not(entry), []).append(entry.path)
        words = [f"{reason} ({', '.join(paths)})" for reason, paths in reasons.items()]
        yield Unjudged(one.symbol, one.venue, (), "; ".join(words))


def _why_not(entry: Entry) -> str:
    if entry.problem is not None:
        return entry.problem
    if not entry.is_utc:
        return f"stamps are of a source clock ({entry.stated_time_zone or entry.time_zone}), not UTC"
    if entry.kind is FileKind.DEPTH:
        return "depth alone, no bars, quotes or trades"
    return "its stamps have no regular spacing, so the close of a bar is not known"


def _closes_only(chosen: Sequence[Entry]) -> Iterator[Unjudged]:
    for entry in chosen:
        if entry.kind is FileKind.CLOSES and entry.problem is None:
            names = ", ".join(entry.columns[1:4]) + (", ..." if len(entry.columns) > 4 else "")
            yield Unjudged(f"{len(entry.columns) - 1} instruments ({names})", entry.venue, (),
                           f"closes alone, no open, high and low ({entry.path})")  # fmt: skip
        elif entry.problem is not None and entry.kind is FileKind.UNKNOWN:
            yield Unjudged(entry.symbol or entry.path, entry.venue, (), f"{entry.problem} ({entry.path})")


def series_for(instrument: Scanned, timeframe: str, at_ns: int | None, bars_min: int) -> Series | str:
    """Return the series that a timeframe's bars are made of, or the reason why there is none.

    Of those whose rows are no longer than the timeframe and fit into it: one that may give enough bars, then the one
    with the newest bar at that time, then traded prices before derived ones, then the longest history.
    """
    frame_ns = TIMEFRAMES[timeframe]
    fitting = [one for one in instrument.series if one.step_ns == 0 or frame_ns % one.step_ns == 0]
    if not fitting:
        steps = ", ".join(dict.fromkeys(one.entries[0].timeframe or "?" for one in instrument.series))
        return f"its bars are of {steps}: too long, or no part of it"
    begun = [one for one in fitting if at_ns is None or one.first_ns + one.step_ns <= at_ns]
    if not begun:
        return "no data up to that time"

    def rank(one: Series) -> tuple[bool, int, bool, int]:
        end_ns = one.last_ns if at_ns is None else min(one.last_ns, at_ns)
        return (end_ns - one.first_ns) // frame_ns >= bars_min, end_ns // frame_ns, not one.is_derived, -one.first_ns

    return max(begun, key=rank)
