"""Venues: how each of two makes its quotes out of the price that all follow.

Model of one venue (`VenueModel`; a tick is a tenth of a pip):

- It publishes a share of the market's changes, each after its own lag: a fixed part, and a lognormal one for the queue.
  Between them come quotes of its own, when it only moves its spread.
- Its mid is the market's mid, plus a basis that wanders slowly around a mean (Ornstein-Uhlenbeck: credit, inventory),
  plus noise of its own from quote to quote (AR(1)), plus what a dislocation adds.
- Its spread is a base times the hour (three times as wide around the New York close), times how fast the market is,
  times an AR(1) in logs; it is reconsidered every `spread_every` quotes, so that one venue flickers and one is sticky.
- Prices are whole ticks; a quote that changes nothing is not sent.

Venue a is the quick and narrow one, b a market maker that follows it by some 100 ms, quotes less often and wider.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from market.tape import Int64
from research.sample.bars import HOUR_NS, MILLISECOND_NS, Floats, Quotes
from research.sample.moves import Moves
from research.sample.processes import half_life, wandering

HOUR_MS: Final = HOUR_NS // MILLISECOND_NS
REFERENCE_SPREAD: Final = 6.0
"""Ticks between the market's bid and ask: the bars are bids, mids lie half of this above."""

NIGHT: Final = {20: 1.2, 21: 2.2, 22: 3.0, 23: 1.6, 0: 1.3, 1: 1.1}
"""How much wider spreads are in these hours, UTC."""

FAST_POWER: Final = 0.40
FAST_LIMITS: Final = (0.85, 4.0)
"""Spread grows with the way the price went in the last seconds, over its median, to this power, within these limits."""

OWN_QUOTES_SHARE: Final = 0.12
OWN_QUOTES_AFTER_MS: Final = 700.0
NOISE_PERSISTENCE: Final = 0.7
SPREAD_PERSISTENCE: Final = 0.9


class VenueModel(NamedTuple):
    """The numbers of one venue; basis, noise and spread in ticks, the sigmas of lag and spread in logs."""

    name: str
    publish_share: float
    follow_ticks: int
    lag_ms: float
    queue_ms: float
    queue_sigma: float
    basis: float
    basis_deviation: float
    basis_half_life_ms: float
    noise: float
    spread: float
    spread_sigma: float
    spread_every: int


VENUE_A: Final = VenueModel(
    name="venue_a", publish_share=0.50, follow_ticks=2, lag_ms=5.0, queue_ms=8.0, queue_sigma=0.7,
    basis=0.0, basis_deviation=0.0, basis_half_life_ms=1_200_000.0, noise=0.8,
    spread=6.0, spread_sigma=0.20, spread_every=1,
)  # fmt: skip
VENUE_B: Final = VenueModel(
    name="venue_b", publish_share=0.25, follow_ticks=2, lag_ms=60.0, queue_ms=35.0, queue_sigma=0.6,
    basis=-0.6, basis_deviation=1.0, basis_half_life_ms=1_200_000.0, noise=1.0,
    spread=12.5, spread_sigma=0.12, spread_every=25,
)  # fmt: skip
VENUES: Final = (VENUE_A, VENUE_B)


class Draft(NamedTuple):
    """Quotes before rounding: stamps in ms, rising; mid in ticks; spread in whole ticks."""

    time_ms: Int64
    mid: Floats
    spread: Int64


def drafted(model: VenueModel, moves: Moves, forced_ms: Int64, rng: Generator) -> Draft:
    """Return what a venue would quote; at the times `forced_ms` it is made to quote."""
    sent = _sent(moves.bid, rng.random(len(moves.time_ms)) < model.publish_share, model.follow_ticks)
    lag = model.lag_ms + model.queue_ms * np.exp(model.queue_sigma * rng.standard_normal(len(sent)))
    own = rng.random(len(sent)) < OWN_QUOTES_SHARE
    sent_ms = np.maximum.accumulate(moves.time_ms[sent] + lag.astype(np.int64))
    own_ms = sent_ms[own] + rng.exponential(OWN_QUOTES_AFTER_MS, np.count_nonzero(own)).astype(np.int64)
    time_ms = np.concatenate((sent_ms, own_ms, forced_ms))
    known = np.concatenate((sent, np.zeros(len(own_ms) + len(forced_ms), np.int64)))
    order = np.argsort(time_ms, kind="stable")
    time_ms, known = time_ms[order], np.maximum.accumulate(known[order])
    rank = np.arange(len(time_ms))
    time_ms = np.maximum.accumulate(time_ms - rank) + rank  # one quote per ms at most
    wide = _widening(time_ms, moves.travel[known], float(np.median(moves.travel)))
    mid = moves.bid[known] + REFERENCE_SPREAD / 2 * wide + _basis(model, time_ms, rng)
    mid += model.noise * wandering(len(mid), NOISE_PERSISTENCE, rng)
    return Draft(time_ms, mid, _spread(model, wide, rng))


def rounded(draft: Draft) -> Quotes:
    """Return the quotes of a draft in whole ticks, without those that change nothing."""
    bid = np.floor(draft.mid - draft.spread / 2 + 0.5).astype(np.int64)
    ask = bid + draft.spread
    new = np.ones(len(bid), np.bool_)
    new[1:] = (np.diff(bid) != 0) | (np.diff(ask) != 0)
    return Quotes(draft.time_ms[new], bid[new], ask[new])


def _sent(bid: Int64, chosen: NDArray[np.bool_], follow_ticks: int) -> Int64:
    """Return which changes are published: the chosen ones, and those that lead too far from the last one published."""
    out = []
    last = int(bid[0]) - follow_ticks
    for i, (price, luck) in enumerate(zip(bid.tolist(), chosen.tolist(), strict=True)):
        if luck or abs(price - last) >= follow_ticks:
            out.append(i)
            last = price
    return np.array(out, np.int64)


def _widening(time_ms: Int64, travel: Int64, usual: float) -> Floats:
    """Return by how much spreads are wider than in a usual hour."""
    hours = np.ones(24)
    hours[list(NIGHT)] = list(NIGHT.values())
    fast = np.clip((np.maximum(travel, 1) / usual) ** FAST_POWER, *FAST_LIMITS)
    return np.asarray(hours[time_ms // HOUR_MS % 24] * fast)


def _basis(model: VenueModel, time_ms: Int64, rng: Generator) -> Floats:
    """Return the wandering basis at these times, from a walk with one step per second."""
    seconds = (time_ms - time_ms[0]) // 1000
    persistence = half_life(model.basis_half_life_ms / 1000)
    walk = wandering(int(seconds[-1]) + 1, persistence, rng)
    return np.asarray(model.basis + model.basis_deviation * walk[seconds])


def _spread(model: VenueModel, wide: Floats, rng: Generator) -> Int64:
    """Return the spread of every quote, at least one tick."""
    looks = len(wide) // model.spread_every + 1
    mood = np.exp(model.spread_sigma * wandering(looks, SPREAD_PERSISTENCE, rng))
    row = np.arange(len(wide)) // model.spread_every
    spread = np.rint(model.spread * wide * mood[row]).astype(np.int64)
    return np.maximum(spread, 1)
