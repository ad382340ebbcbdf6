"""Rotation: the strategy that a plan is made with, named by its hash, or by the regime before the plan's first bar.

Nothing of it happens within a session. A plan that was made is journaled as it is.
"""

from typing import Final, NamedTuple

import numpy as np

from market.tape import Role
from policies.intents import DeskKind
from policies.model_plans import models_of
from policies.plan import Plan
from policies.regime import Regime
from research.asking import Request, plan_for
from research.catalogue import NotInCatalogueError
from research.catalogue.timeframes import show_timeframe
from research.evolving.choosing import chosen_for, tracks_in
from research.evolving.library import Library, LibraryError, Strategy
from research.evolving.regimes import regime_before
from research.evolving.scoring import with_genome
from research.home import Home
from research.planning import Planned

AUTO: Final = "auto"


class Rotated(NamedTuple):
    """A plan whose forex desk decides by a strategy, and the regime that this was chosen for (its own by name)."""

    planned: Planned
    strategy: Strategy
    regime: str


def with_strategy(planned: Planned, word: str, home: Home, request: Request) -> Rotated:
    """Return the plan with the strategy that a word names: a hash of the library, its beginning, or `auto`.

    `request` is what the plan was made of: `auto` looks at the bars of the same data before the plan's first one. With
    none there, nothing is known, and the regime is SIDEWAYS. LibraryError where there is no such strategy or desk.
    """
    desk = forex_desk(planned.plan)
    if word == AUTO:
        regime = measured_regime(planned, request)
        strategy = chosen_for(regime, home.path, tracks_in(home))
    else:
        strategy = Library(home.path).named(word)
        regime = strategy.regime
        if strategy.retired:
            raise LibraryError(f"strategy {strategy.sha256[:12]}: it is retired ({strategy.retired})")
    plan = with_genome(planned.plan, strategy.genome, desk, strategy.params)
    models_of(plan)  # says what does not fit before anything is started
    return Rotated(planned._replace(plan=plan), strategy, regime)


def measured_regime(planned: Planned, request: Request) -> str:
    """Return the regime that is known before a plan's first bar, of the bars before it that its data has."""
    desk = forex_desk(planned.plan)
    feeds = [
        (number, feed)
        for number, feed in enumerate(planned.plan.feeds)
        if feed.desk == desk and feed.roles & Role.VIEW and feed.bar_ns
    ]
    rows = planned.tape.time_ns[np.isin(planned.tape.feed, [number for number, _ in feeds])]
    if not feeds or not len(rows):
        return Regime.SIDEWAYS.name
    bar_ns, symbols = feeds[0][1].bar_ns, {one.key: one.symbol for one in planned.plan.instruments}
    earlier = request._replace(
        symbols=tuple(dict.fromkeys(symbols[feed.instrument] for _, feed in feeds)),
        timeframe=show_timeframe(bar_ns), start_ns=None, end_ns=int(rows[0]) - bar_ns, desks=("forex",),
    )  # fmt: skip
    try:
        before = plan_for(earlier)
    except NotInCatalogueError:
        return Regime.SIDEWAYS.name  # the data begins with the plan
    return regime_before(before.plan, before.tape, int(rows[0]))


def forex_desk(plan: Plan) -> int:
    """Return the desk of a plan that can decide by a genome; LibraryError where it has none."""
    for number, desk in enumerate(plan.desks):
        model = plan.model_of(number)
        if desk.kind == DeskKind.FOREX and not (model and model.shadow):
            return number
    raise LibraryError("the plan has no forex desk, which alone decides by a strategy of the library")
