"""Two venues of one efficient price: quotes at random instants, and episodes in which one is displaced or lags."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.scenario_paths import BP, spells, ticks_of
from envs.scenario_terms import Dislocations
from market.tape import Int64, Tape, merge_tapes, quote_tape

Floats = NDArray[np.float64]

VENUES: Final = 2
DISPLACED, LAGGING = 1, 2


class Quoted(NamedTuple):
    """Rows of both venues in the tape's order: the efficient log price at each instant, and what its venue did."""

    tape: Tape
    log_price: Floats
    state: Int64


class _Venue(NamedTuple):
    """One venue's quotes: when, the instant whose price they show, by how many ticks they are moved, its state."""

    time_ns: Int64
    shown_ns: Int64
    moved: Floats
    state: Int64


def make_dislocations(terms: Dislocations, rng: np.random.Generator) -> Quoted:
    """Return the quotes of both venues; the price at every instant that matters is drawn exactly, none between two."""
    episode = spells(rng, terms.steps, terms.episode_chance, terms.episode_steps)
    count = int(episode.max(initial=0)) + 1
    at = rng.integers(0, VENUES, count)
    lags, up = rng.random(count) < terms.lag_share, rng.random(count) < 0.5
    states = np.where(lags, LAGGING, DISPLACED)
    states[0] = 0
    venues = []
    for venue in range(VENUES):
        time_ns = _instants(terms, rng)
        number = episode[(time_ns - terms.start_ns) // terms.step_ns]
        state = np.where(at[number] == venue, states[number], 0)
        moved = np.where(state == DISPLACED, np.where(up[number], 1.0, -1.0) * terms.displaced_ticks, 0.0)
        delay = terms.latency_ns[venue] + np.where(state == LAGGING, terms.lag_ns, 0)
        # A venue never shows an older price than it has shown already: what lags catches up, it does not go back.
        venues.append(_Venue(time_ns, np.maximum.accumulate(time_ns - delay), moved, state))
    known_ns = np.unique(np.concatenate([column for one in venues for column in (one.time_ns, one.shown_ns)]))
    log_price = _efficient(terms, rng, known_ns)
    tapes = [_quotes(terms, rng, number, one, known_ns, log_price) for number, one in enumerate(venues)]
    order = np.lexsort((np.repeat([0, 1], [len(one.time_ns) for one in venues]),
                        np.concatenate([one.time_ns for one in venues])))  # fmt: skip
    tape = merge_tapes(tapes)
    true = log_price[np.searchsorted(known_ns, tape.time_ns)]
    return Quoted(tape, true, np.concatenate([one.state for one in venues])[order])


def _instants(terms: Dislocations, rng: np.random.Generator) -> Int64:
    """Return the instants of one venue's quotes, in order: a Poisson number, uniform over the market's time."""
    span_ns = terms.steps * terms.step_ns
    count = int(rng.poisson(terms.quotes_per_step * terms.steps))
    return np.unique(terms.start_ns + rng.integers(0, span_ns, count))


def _efficient(terms: Dislocations, rng: np.random.Generator, known_ns: Int64) -> Floats:
    """Return the log price at instants in order: Gaussian steps whose variance grows with the time between them."""
    steps = np.diff(known_ns, prepend=known_ns[:1]) / terms.step_ns
    drawn = rng.standard_normal(len(known_ns))
    path: Floats = np.cumsum(BP * (terms.drift_bp * steps + terms.volatility_bp * np.sqrt(steps) * drawn))
    return path


def _quotes(
    terms: Dislocations, rng: np.random.Generator, number: int, venue: _Venue, known_ns: Int64, log_price: Floats
) -> Tape:
    """Return one venue's quotes around what it shows; they are never crossed, for the ask stands above the bid."""
    rows = len(venue.time_ns)
    shown = log_price[np.searchsorted(known_ns, venue.shown_ns)]
    off = terms.noise_ticks[number] * rng.standard_normal(rows) + venue.moved
    middle = ticks_of(terms, shown) + off
    bid = np.maximum(np.floor(middle - 0.5 * terms.spread_ticks), 1.0).astype(np.int64)
    sizes = [
        rng.integers(1, terms.depth_lots + 1, rows) if terms.depth_lots else np.zeros(rows, np.int64) for _ in range(2)
    ]
    return quote_tape(number, venue.time_ns, bid, bid + terms.spread_ticks, sizes[0], sizes[1])
