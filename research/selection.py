"""Selection: which files of the catalogue a run replays, when the configuration leaves it open.

The rules are stated and the answer is always the same: forex takes the pairs with bars of the wanted length that
overlap longest, majors first; the route takes the symbol that two venues quoted side by side in most rows; the binary
desk takes quotes within the forex days, else those of the route's first venue.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

from research.catalogue import Catalogue, Entry, FileKind, NotInCatalogueError
from research.catalogue.finding import plain_symbol, rows_in
from research.config_sections import Data

DAY_NS: Final = 86_400 * 10**9
HOUR_NS: Final = 3_600 * 10**9
MAJORS: Final = ("EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "USDCAD", "USDCHF", "NZDUSD", "XAUUSD")
PAIRS_WANTED: Final = 4
LENGTHS: Final = ("forex_days_max", "route_hours_max", "contract_hours_max")
LONGEST: Final = 1e6
"""What the configuration allows for them at most: longer than any data."""


class Window(NamedTuple):
    """A stretch of market time [start, end) in ns."""

    start_ns: int
    end_ns: int


class Selection(NamedTuple):
    """The files of a run, each with its window; empty or None where a desk has no data."""

    forex: tuple[Entry, ...]
    forex_window: Window | None
    route: tuple[Entry, Entry] | None
    route_window: Window | None
    contract: Entry | None
    contract_window: Window | None


def select(catalogue: Catalogue, data: Data, desks: Sequence[str], span: tuple[int | None, int | None]) -> Selection:
    """Choose files and windows for the desks that are asked for; `span` bounds all windows.

    With both of its ends named the whole of it is meant; else windows are no longer than the configuration says.
    """
    if None not in span:
        data = data.model_copy(update=dict.fromkeys(LENGTHS, LONGEST))
    usable = [entry for entry in catalogue.entries if _fit(entry)]
    route = _route(usable, data, span) if "arbitrage" in desks else None
    route_window = _cut(_overlap(route, span), data.route_hours_max * HOUR_NS) if route else None
    forex = _forex(usable, data, span) if "forex" in desks else ()
    overlap = _overlap(forex, span) if forex else None
    contract = _contract(usable, data, overlap, route, span) if "binary" in desks else None
    contract_window = _cut(_overlap((contract,), span), data.contract_hours_max * HOUR_NS) if contract else None
    if contract and route and contract in route and not data.contract_symbol:
        contract_window = route_window
    forex_window = _near(overlap, contract_window, route_window, data.forex_days_max * DAY_NS) if overlap else None
    return Selection(forex, forex_window, route, route_window, contract, contract_window)


def _fit(entry: Entry) -> bool:
    """Tell whether a file can be replayed: readable, in UTC, with a symbol and a span."""
    raw = entry.path.startswith("wire/") or "/wire/" in entry.path
    return (
        entry.problem is None and entry.is_utc and entry.symbol is not None and entry.first_ns is not None and not raw
    )


def _order(symbol: str | None) -> tuple[int, str]:
    name = plain_symbol(symbol)
    return (MAJORS.index(name) if name in MAJORS else len(MAJORS), name)


def _forex(usable: Sequence[Entry], data: Data, span: tuple[int | None, int | None]) -> tuple[Entry, ...]:
    """Return the files of the forex desk: one venue's, so that one clock and one spread apply."""
    bars = [
        entry
        for entry in usable
        if entry.kind is FileKind.BARS and entry.timeframe == data.forex_timeframe
        and (entry.instrument_kind in ("fx", "metal") or data.forex_symbols)
    ]  # fmt: skip
    wanted = [plain_symbol(symbol) for symbol in data.forex_symbols]
    groups: dict[str, list[Entry]] = {}
    for entry in bars:
        if not wanted or plain_symbol(entry.symbol) in wanted:
            groups.setdefault(entry.venue or "", []).append(entry)
    best: tuple[tuple[int, int], tuple[Entry, ...]] | None = None
    for venue in sorted(groups):
        chosen = _one_per_symbol(groups[venue], len(wanted) or PAIRS_WANTED)
        overlap = _overlap(chosen, span)
        length = overlap.end_ns - overlap.start_ns if overlap else 0
        key = (len(chosen), length)
        if length > 0 and (best is None or key > best[0]):
            best = (key, chosen)
    if best is None:
        names = f" of {', '.join(data.forex_symbols)}" if wanted else ""
        raise NotInCatalogueError(f"forex desk: no {data.forex_timeframe} bars{names} that overlap in the asked span")
    return best[1]


def _one_per_symbol(entries: Sequence[Entry], count: int) -> tuple[Entry, ...]:
    best: dict[str, Entry] = {}
    for entry in sorted(entries, key=lambda entry: (-entry.rows, entry.path)):
        best.setdefault(plain_symbol(entry.symbol), entry)
    return tuple(sorted(best.values(), key=lambda entry: _order(entry.symbol))[:count])


def _route(usable: Sequence[Entry], data: Data, span: tuple[int | None, int | None]) -> tuple[Entry, Entry] | None:
    """Return the two files that quote one symbol at two venues with most rows side by side."""
    quotes = [entry for entry in usable if entry.kind is FileKind.QUOTES and entry.venue is not None]
    if data.route_symbol:
        quotes = [entry for entry in quotes if plain_symbol(entry.symbol) == plain_symbol(data.route_symbol)]
    best: tuple[int, tuple[Entry, Entry]] | None = None
    for one, other in combinations(sorted(quotes, key=lambda entry: entry.path), 2):
        if plain_symbol(one.symbol) != plain_symbol(other.symbol) or one.venue == other.venue:
            continue
        overlap = _overlap((one, other), span)
        if overlap is None:
            continue
        shared = min(rows_in(one, overlap), rows_in(other, overlap))
        if best is None or shared > best[0]:
            best = (shared, (one, other))
    if best is None:
        if data.route_symbol:
            raise NotInCatalogueError(f"arbitrage desk: no two venues quote {data.route_symbol} at the same time")
        return None
    return best[1]


def _contract(
    usable: Sequence[Entry],
    data: Data,
    forex: Window | None,
    route: tuple[Entry, Entry] | None,
    span: tuple[int | None, int | None],
) -> Entry | None:
    """Return the quotes that the binary desk's contracts settle by."""
    quotes = [entry for entry in usable if entry.kind is FileKind.QUOTES and entry.instrument_kind == "fx"]
    if data.contract_symbol:
        quotes = [entry for entry in quotes if plain_symbol(entry.symbol) == plain_symbol(data.contract_symbol)]
        if not quotes:
            raise NotInCatalogueError(f"binary desk: nobody quotes {data.contract_symbol} here")
    within = [entry for entry in quotes if forex and _overlap((entry,), forex) and _overlap((entry,), span)]
    if route and route[0] in within:
        return route[0]
    named = sorted(within, key=lambda entry: (entry.venue is None, -entry.rows, entry.path))
    if named:
        return named[0]
    return route[0] if route else next(iter(quotes), None)


def _overlap(entries: Sequence[Entry], span: tuple[int | None, int | None]) -> Window | None:
    """Return the time that all files cover within a span, None where there is none."""
    starts = [entry.first_ns for entry in entries if entry.first_ns is not None]
    ends = [entry.last_ns + 1 for entry in entries if entry.last_ns is not None]
    start = max([*starts, *([span[0]] if span[0] is not None else [])], default=0)
    end = min([*ends, *([span[1]] if span[1] is not None else [])], default=0)
    return Window(start, end) if end > start else None


def _cut(window: Window | None, length_ns: float) -> Window | None:
    return Window(window.start_ns, min(window.end_ns, window.start_ns + int(length_ns))) if window else None


def _near(forex: Window, contract: Window | None, route: Window | None, length_ns: float) -> Window:
    """Where the forex days must be cut, let them begin on the day on which another desk's data does."""
    for other in (contract, route) if forex.end_ns - forex.start_ns > length_ns else ():
        if other and forex.start_ns <= other.start_ns < forex.end_ns:
            start = max(forex.start_ns, other.start_ns // DAY_NS * DAY_NS)
            return Window(start, min(forex.end_ns, start + int(length_ns)))
    return Window(forex.start_ns, min(forex.end_ns, forex.start_ns + int(length_ns)))
