"""The two-venue scenario: one market, two venues, planned dislocations, and what goes wrong on real feeds.

Bad on purpose, so that the checks have something to do: `CROSSED` and `ZERO` quotes per venue, each a stray row some
ms behind a good one, and a feed of venue b that is dead for `DEAD_MS` while the market moves on.
"""

from typing import Final

import numpy as np
from numpy.random import Generator

from research.sample.bars import Bars, Quotes
from research.sample.dislocations import displaced, planned, quoting_times
from research.sample.moves import moves_inside
from research.sample.venues import VENUES, drafted, rounded

CROSSED: Final = (6, 9)
"""Quotes of venue a and b with the bid 3 to 30 ticks above the ask."""

ZERO: Final = (3, 4)
"""Quotes with a bid of zero; every other one has an ask of zero, too."""

DEAD_FROM: Final = "2022-02-10T15:21:30"
"""In the fastest hour of the two days: 59 pips from low to high."""

DEAD_MS: Final = 90_000
STRAY_AFTER_MS: Final = 2
ROOM_MS: Final = 8
"""A stray row needs this pause behind the good one."""


def two_venues(minutes: Bars, rng: Generator) -> tuple[Quotes, Quotes]:
    """Return the quotes of venue a and b inside minute bars."""
    moves = moves_inside(minutes, rng)
    silence = dead_window()
    episodes = planned(moves, [silence], rng)
    forced = [quoting_times(episodes, venue, rng) for venue in range(len(VENUES))]
    first, second = (drafted(model, moves, times, rng) for model, times in zip(VENUES, forced, strict=True))
    quotes = [rounded(draft) for draft in displaced((first, second), episodes, rng)]
    quotes[1] = _silent(quotes[1], *silence)
    one, two = (_soiled(each, CROSSED[i], ZERO[i], rng) for i, each in enumerate(quotes))
    return one, two


def sound(quotes: Quotes) -> Quotes:
    """Return the quotes that are not bad."""
    good = (quotes.bid > 0) & (quotes.ask >= quotes.bid)
    return Quotes(*(column[good] for column in quotes))


def dead_window() -> tuple[int, int]:
    """Return when the feed of venue b falls silent and when it is back, in ms."""
    dead_ms = int(np.datetime64(DEAD_FROM, "ms").astype(np.int64))
    return dead_ms, dead_ms + DEAD_MS


def _silent(quotes: Quotes, begin_ms: int, end_ms: int) -> Quotes:
    alive = (quotes.time_ms < begin_ms) | (quotes.time_ms >= end_ms)
    return Quotes(*(column[alive] for column in quotes))


def _soiled(quotes: Quotes, crossed: int, zero: int, rng: Generator) -> Quotes:
    """Return the quotes with stray bad rows between them."""
    roomy = np.flatnonzero(np.diff(quotes.time_ms) > ROOM_MS)
    rows = rng.choice(roomy, crossed + zero, replace=False)
    bid, ask = quotes.bid[rows].copy(), quotes.ask[rows].copy()
    bid[:crossed] = ask[:crossed] + rng.integers(3, 31, crossed)
    bid[crossed:] = 0
    ask[crossed::2] = 0
    time_ms = np.concatenate((quotes.time_ms, quotes.time_ms[rows] + STRAY_AFTER_MS))
    order = np.argsort(time_ms, kind="stable")
    return Quotes(time_ms[order], np.concatenate((quotes.bid, bid))[order], np.concatenate((quotes.ask, ask))[order])
