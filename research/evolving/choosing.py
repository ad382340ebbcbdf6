"""Choosing a strategy by regime: a stated order over the library, by out-of-sample score and by what it has made.

What a strategy has made since it was found is in journals: the plan of every session names the artefact of each desk.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from journal.store import open_journal
from research.evolving.library import IMPORTED, Library, LibraryError, Strategy
from research.evolving.tracking import Track, tracks_of
from research.genome import ANY, REGIMES
from research.home import Home

TRACKED_MIN: Final = 30
"""Trades after which what a strategy has made counts: one that has lost money then ranks behind all others."""


class Ranked(NamedTuple):
    """A strategy in the order for a regime, and what it has made since it was found."""

    strategy: Strategy
    track: Track


def ranked_for(regime: str, library: Library, tracks: Mapping[str, Track]) -> list[Ranked]:
    """Return the strategies for a regime, best first: those in use that are for it, then those for any.

    Within these: bred here before imported; those that lost money in `TRACKED_MIN` trades or more last; then by
    out-of-sample Sharpe ratio, by the money made since, by hash. ValueError for an unknown regime.
    """
    if regime not in REGIMES:
        raise LibraryError(f"regime {regime!r} is unknown; {', '.join(REGIMES)} are allowed")
    fitting = [one for one in library if not one.retired and one.regime in (regime, ANY)]
    found = [Ranked(one, tracks.get(one.sha256, Track(sha256=one.sha256))) for one in fitting]

    def key(one: Ranked) -> tuple[bool, bool, bool, float, float, str]:
        score, track = one.strategy.out_of_sample, one.track
        return (
            one.strategy.regime != regime,
            one.strategy.origin == IMPORTED,
            track.trades >= TRACKED_MIN and track.net_profit < 0.0,
            float("inf") if score is None else -score,
            -track.net_profit,
            one.strategy.sha256,
        )

    return sorted(found, key=key)


def chosen_for(regime: str, home: Path, tracks: Mapping[str, Track] | None = None) -> Strategy:
    """Return the best strategy of a home for a regime that has made something out of sample; LibraryError without."""
    found = ranked_for(regime, Library(home), tracks_in(Home(home)) if tracks is None else tracks)
    fit = [one.strategy for one in found if (one.strategy.out_of_sample or 0.0) > 0.0]
    if not fit:
        lost = f" that made anything out of sample, of {len(found)}," if found else " in use"
        raise LibraryError(f"{home}: there is no strategy{lost} for {regime}; `trifecta evolve` breeds one")
    return fit[0]


def tracks_in(home: Home) -> dict[str, Track]:
    """Return what the strategies of a home's journal have made; nothing where there is no journal yet."""
    if isinstance(home.journal, Path) and not home.journal.exists():
        return {}
    journal = open_journal(home.journal, read_only=True)
    try:
        return tracks_of(journal)
    finally:
        journal.close()
