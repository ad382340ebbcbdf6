"""Finding: the one file that serves a request, or an error that says what there is instead."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from research.catalogue.entry import Catalogue, Entry, FileKind, show_time

SHOWN_MAX: Final = 20
Span = tuple[int | None, int | None]
"""First and last-but-one moment in ns, [start, end); None is open."""


class NotInCatalogueError(LookupError, ValueError):
    """Nothing in the catalogue serves a request; the text says what is near and what is there."""


def find(
    catalogue: Catalogue,
    symbol: str,
    kind: FileKind | str,
    timeframe: str | None = None,
    venue: str | None = None,
    span: Span = (None, None),
) -> Entry:
    """Return the readable file of this symbol, kind, timeframe and venue with most rows in `span`.

    `EUR/USD`, `eur_usd` and `EURUSD` are one symbol. Files in UTC go before files on a source clock; rows in the span
    are estimated from the rows of the file; among equals the first path wins, so the answer is always the same.
    """
    named = files_of(catalogue, symbol)
    fitting = [
        entry
        for entry in named
        if entry.kind == kind and (timeframe is None or entry.timeframe == timeframe) and venue in {None, entry.venue}
    ]
    if not fitting:
        wanted = f"{timeframe or ''} {kind}{f' of {venue}' if venue else ''}".strip()
        raise NotInCatalogueError(f"{symbol}: no {wanted} in {catalogue.root}; there are {_offers(named)}")
    best = min(
        fitting, key=lambda entry: (rows_in(entry, span) == 0, not entry.is_utc, -rows_in(entry, span), entry.path)
    )
    if rows_in(best, span) == 0:
        raise NotInCatalogueError(no_rows(symbol, span, fitting))
    return best


def files_of(catalogue: Catalogue, symbol: str) -> list[Entry]:
    """Return all readable files of a symbol; NotInCatalogueError when there is none."""
    usable = [entry for entry in catalogue.entries if entry.problem is None and entry.symbol is not None]
    named = [entry for entry in usable if plain_symbol(entry.symbol) == plain_symbol(symbol)]
    if not named:
        raise NotInCatalogueError(_unreadable(catalogue, symbol) or _unknown_symbol(catalogue, usable, symbol))
    return named


def rows_in(entry: Entry, span: Span) -> int:
    """Estimate how many rows of a file lie in [start, end), as if they were evenly spread."""
    if entry.first_ns is None or entry.last_ns is None:
        return 0
    start = entry.first_ns if span[0] is None else max(span[0], entry.first_ns)
    end = entry.last_ns + 1 if span[1] is None else min(span[1], entry.last_ns + 1)
    if end <= start:
        return 0
    return max(1, entry.rows * (end - start) // (entry.last_ns + 1 - entry.first_ns))


def no_rows(symbol: str, span: Span, entries: Sequence[Entry]) -> str:
    """Say that a span has no rows, and which one has."""
    covered = "; ".join(
        f"{show_time(entry.first_ns)} .. {show_time(entry.last_ns)} ({entry.path})" for entry in entries
    )
    return (
        f"{symbol}: no rows between {show_time(span[0]) or 'the beginning'} and {show_time(span[1]) or 'the end'}; "
        f"the data covers {covered}"
    )


def plain_symbol(symbol: str | None) -> str:
    """Return a symbol without separators, upper case."""
    return "".join(letter for letter in (symbol or "").upper() if letter.isalnum())


def _unreadable(catalogue: Catalogue, symbol: str) -> str:
    """Say that what there is of a symbol cannot be read; nothing when there is nothing of it."""
    bad = [entry for entry in catalogue.entries if plain_symbol(entry.symbol) == plain_symbol(symbol) and entry.problem]
    if not bad:
        return ""
    return f"{symbol}: no readable file in {catalogue.root}; {_listed([f'{one.path}: {one.problem}' for one in bad])}"


def _unknown_symbol(catalogue: Catalogue, usable: Sequence[Entry], symbol: str) -> str:
    there = sorted({entry.symbol for entry in usable if entry.symbol and entry.kind is not FileKind.RAW})
    plain = {plain_symbol(known): known for known in there}
    near = [plain[match] for match in get_close_matches(plain_symbol(symbol), list(plain), n=3, cutoff=0.6)]
    return (
        f"symbol {symbol!r} is not in {catalogue.root}"
        + (f"; near it: {', '.join(near)}" if near else "")
        + (f"; there are {_listed(there)}" if there else "; there are no market data files at all")
    )


def _offers(entries: Sequence[Entry]) -> str:
    kinds = {f"{entry.timeframe or ''} {entry.kind} of {entry.venue or 'no venue'}".strip() for entry in entries}
    return _listed(sorted(kinds))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return ", ".join(names[:SHOWN_MAX]) + more
