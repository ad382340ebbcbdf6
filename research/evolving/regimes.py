"""The regime of a market of several instruments: what most are in, as `policies.regime` tells it of closed bars.

Of a day counts what was known before its first bar. Where no two agree, or nothing is known yet, it is SIDEWAYS.
"""

from collections import Counter

import numpy as np

from market.tape import Role, Tape
from policies.plan import Plan
from policies.regime import Regime, RegimeParams, regimes_of
from research.daily import day_of, trades_weekends

PARAMS = RegimeParams()


def regime_of_days(plan: Plan, tape: Tape) -> dict[int, str]:
    """Return per day (as `research.daily` counts them) the regime that was known before it began."""
    known: dict[int, list[int]] = {}
    for number in _views(plan):
        rows = np.flatnonzero((tape.feed == number) & (tape.flaws == 0))
        found = np.asarray(regimes_of(tape.close[rows], PARAMS)["regime"], np.int64)
        days = day_of(tape.time_ns[rows], trades_weekends(plan))
        for first in np.flatnonzero(np.diff(days, prepend=days[:1] - 1)):
            known.setdefault(int(days[first]), []).append(int(found[first - 1]) if first > 0 else Regime.SIDEWAYS.value)
    return {day: most(regimes) for day, regimes in known.items()}


def regime_before(plan: Plan, tape: Tape, time_ns: int) -> str:
    """Return the regime that is known before an instant, of all rows of a tape that lie before it."""
    found = []
    for number in _views(plan):
        rows = np.flatnonzero((tape.feed == number) & (tape.flaws == 0) & (tape.time_ns < time_ns))
        if len(rows):
            found.append(int(regimes_of(tape.close[rows], PARAMS)[-1].regime))
    return most(found)


def most(regimes: list[int]) -> str:
    """Return what most are in; SIDEWAYS where as many are in another, or there is none."""
    ranked = Counter(regimes).most_common(2)
    tied = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return Regime.SIDEWAYS.name if not ranked or tied else Regime(ranked[0][0]).name


def _views(plan: Plan) -> list[int]:
    """Return the feeds whose bars a forex desk decides on."""
    return [
        number
        for number, feed in enumerate(plan.feeds)
        if feed.roles & Role.VIEW and feed.roles & Role.MATCH and feed.trades in (None, feed.instrument)
    ]
