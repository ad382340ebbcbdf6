"""Choosing a strategy by regime: a stated order over the library, and what a plan then carries.

A strategy that was taken into use, and what it has made since, are in the journal: the plan of every session names the
artefact of each desk. So rotation is nothing that happens within a session: at the start of the next one the regime is
measured on the bars before it, the plan is made with the strategy for it, and that plan is journaled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from journal.store import open_journal
from policies.plan import ModelPlan, Plan
from research.evolving.library import IMPORTED, Library, LibraryError, Strategy
from research.evolving.regimes import regime_before
from research.evolving.scoring import model_plan
from research.evolving.tracking import Track, tracks_of
from research.genome import ANY, REGIMES
from research.home import Home
from research.planning import Planned

TRACKED_MIN: Final = 30
"""Trades after which what a strategy has made counts: one that has lost money then ranks behind all others."""
AUTO: Final = "auto"


class Ranked(NamedTuple):
    """A strategy in the order for a regime, and what it has made since it was found."""

    strategy: Strategy
    track: Track


class Chosen(NamedTuple):
    """What a plan is to carry: the strategy, the model for the kernel, and the regime that it was chosen for."""

    strategy: Strategy
    model: ModelPlan
    regime: str


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


def model_for(word: str, home: Home, planned: Planned, desk: int, before: Planned | None = None) -> Chosen:
    """Return what a plan carries for a word: a hash of the library, or `auto`.

    `auto` measures the regime on the bars of `before` that lie before the first row of `planned`; without any, nothing
    is known and it is SIDEWAYS. `research.evolving.scoring.with_genome` puts the strategy into the plan.
    """
    library = Library(home.path)
    if word != AUTO:
        strategy = library.named(word)
        if strategy.retired:
            raise LibraryError(f"strategy {strategy.sha256[:12]}: it is retired ({strategy.retired})")
        return Chosen(strategy, model_plan(strategy.genome, desk), strategy.regime)
    start = int(planned.tape.time_ns[0]) if len(planned.tape.time_ns) else 0
    regime = regime_before(before.plan, before.tape, start) if before is not None else "SIDEWAYS"
    strategy = chosen_for(regime, home.path, tracks_in(home))
    return Chosen(strategy, model_plan(strategy.genome, desk), regime)


def forex_desk(plan: Plan) -> int:
    """Return the desk of a plan that can decide by a genome; LibraryError where it has none."""
    for number, desk in enumerate(plan.desks):
        if desk.name == "forex":
            return number
    raise LibraryError("the plan has no forex desk, which alone decides by a strategy of the library")
