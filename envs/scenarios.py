"""Made markets: seeded tapes beside real data, and what is true of them.

The same terms and the same seed give the same tape, to the bit, on one machine and version of numpy. A tape has feed 0
(bars), or of two venues feeds 0 and 1 (quotes). What a policy cannot know, such as the drift, is beside it for tests.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.dislocations import make_dislocations
from envs.scenario_paths import BP, bars_of, jump_returns, regime_path, shocks, spells
from envs.scenario_terms import (
    DeadFeeds,
    Dislocations,
    Gaps,
    Jumps,
    Regimes,
    ScenarioError,
    Terms,
    Walk,
    changed,
)
from market.continuity import flag_rows
from market.tape import Flaw, Int64, Tape, bar_tape, select_rows

Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """What is true of every step: log price at its end (0: the first price), drift, volatility and jump (log returns).

    `state` is 0 for ordinary; else the regime, 1 for a step after a closure, 1 silent or 2 stale for a dead feed.
    `state` of two venues is per row of the tape instead: 1 while its venue is displaced, 2 while it lags.
    """

    log_price: Floats
    drift: Floats
    volatility: Floats
    jump: Floats
    state: Int64


class MadeMarket(NamedTuple):
    """A tape and the truth behind it; `feeds` counts the feeds."""

    tape: Tape
    truth: Truth
    feeds: int


FLAWS_MADE: Final = (Flaw.CROSSED, Flaw.ZERO, Flaw.RANGE, Flaw.DUPLICATE)


def make_walk(terms: Walk, rng: np.random.Generator) -> MadeMarket:
    """Return bars of a walk."""
    truth = _walk_truth(terms, rng)
    return MadeMarket(_bar_market(terms, rng, truth), truth, 1)


def make_jumps(terms: Jumps, rng: np.random.Generator) -> MadeMarket:
    """Return bars of a walk with jumps; a step's high and low are those of its diffusion and of both ends."""
    truth = _walk_truth(terms, rng)
    counts = rng.poisson(terms.jumps_per_step, terms.steps)
    jump = jump_returns(rng, counts, terms.jump_mean_bp, terms.jump_bp)
    truth = truth._replace(log_price=truth.log_price + np.cumsum(jump), jump=jump, state=counts.astype(np.int64))
    return MadeMarket(_bar_market(terms, rng, truth), truth, 1)


def make_regimes(terms: Regimes, rng: np.random.Generator) -> MadeMarket:
    """Return bars whose drift and volatility switch with a hidden Markov chain."""
    state = regime_path(rng, terms.steps, terms.stay)
    drift, volatility = BP * np.array(terms.drifts_bp)[state], BP * np.array(terms.volatilities_bp)[state]
    log_price = np.cumsum(drift + volatility * shocks(rng, terms.steps, None))
    truth = Truth(log_price, drift, volatility, np.zeros(terms.steps), state)
    return MadeMarket(_bar_market(terms, rng, truth), truth, 1)


def make_gaps(terms: Gaps, rng: np.random.Generator) -> MadeMarket:
    """Return bars with closures, over which the price jumps and no row is, and with rows missing in between."""
    truth = _walk_truth(terms, rng)
    steps = np.arange(terms.steps)
    reopens = (steps % terms.open_steps == 0) & (steps > 0)
    jump = np.where(reopens, BP * terms.gap_bp * rng.standard_normal(terms.steps), 0.0)
    truth = truth._replace(log_price=truth.log_price + np.cumsum(jump), jump=jump, state=reopens.astype(np.int64))
    opened = _opens(truth.log_price) + jump
    close_ns = terms.start_ns + (steps + 1 + steps // terms.open_steps * terms.closed_steps) * terms.step_ns
    tape = _bar_tape(terms, close_ns, bars_of(rng, terms, opened, truth.log_price, truth.volatility))
    return MadeMarket(select_rows(tape, rng.random(terms.steps) >= terms.missing_share), truth, 1)


def make_dead_feeds(terms: DeadFeeds, rng: np.random.Generator) -> MadeMarket:
    """Return bars of a feed that falls silent or repeats itself, with flawed rows in between."""
    truth = _walk_truth(terms, rng)
    spell = spells(rng, terms.steps, terms.outage_chance, terms.outage_steps)
    stale = (rng.random(int(spell.max(initial=0)) + 1) < terms.stale_share)[spell]
    state = np.where(spell == 0, 0, np.where(stale, 2, 1))
    bid = bars_of(rng, terms, _opens(truth.log_price), truth.log_price, truth.volatility)
    alive = np.maximum.accumulate(np.where(state == 0, np.arange(terms.steps), -1))
    last = np.where(alive < 0, terms.first_ticks, bid[3][alive])
    bid = [np.where(state == 2, last, column) for column in bid]
    steps = np.arange(terms.steps)
    flawed = np.where((state == 0) & (rng.random(terms.steps) < terms.flawed_share), steps % len(FLAWS_MADE) + 1, 0)
    tape = _spoil(terms, _bar_tape(terms, _closes(terms), bid), flawed)
    repeats = 1 + (flawed == 1 + FLAWS_MADE.index(Flaw.DUPLICATE))
    tape = select_rows(tape, np.repeat(steps, np.where(state == 1, 0, repeats)))
    flag_rows(tape, np.array([True]), np.array([-1]), tape.flaws)
    return MadeMarket(tape, truth._replace(state=state), 1)


def make_two_venues(terms: Dislocations, rng: np.random.Generator) -> MadeMarket:
    """Return quotes of two venues of one efficient price, with episodes in which one of them is off."""
    made = make_dislocations(terms, rng)
    rows = len(made.tape.time_ns)
    drift, volatility = np.full(rows, BP * terms.drift_bp), np.full(rows, BP * terms.volatility_bp)
    return MadeMarket(made.tape, Truth(made.log_price, drift, volatility, np.zeros(rows), made.state), 2)


class Scenario(NamedTuple):
    """A named kind of market: what it is in a line, its usual terms, and what makes it."""

    about: str
    terms: Terms
    maker: Callable[[Any, np.random.Generator], MadeMarket]


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "walk": Scenario("independent normal returns", Walk(), make_walk),
    "fat_walk": Scenario("independent returns with fat tails (Student's t, 4 degrees)", Walk(tail_df=4.0), make_walk),
    "trend": Scenario("a walk with a drift that a policy can find", Walk(drift_bp=0.3), make_walk),
    "jumps": Scenario("a walk with jumps (Merton)", Jumps(), make_jumps),
    "regimes": Scenario("drift and volatility switch with a hidden Markov chain", Regimes(), make_regimes),
    "gaps": Scenario("sessions with gaps between them, and missing rows", Gaps(), make_gaps),
    "dead_feeds": Scenario("a feed that falls silent, repeats itself, and has flawed rows", DeadFeeds(),
                           make_dead_feeds),
    "dislocations": Scenario("two venues of one price, of which one is displaced or lags", Dislocations(),
                             make_two_venues),
}  # fmt: skip
"""Every kind of made market by its name."""


def terms_of(name: str, **changes: object) -> Terms:
    """Return a scenario's usual terms with some changed; ScenarioError names what is not there or not allowed."""
    found = SCENARIOS.get(name)
    if found is None:
        raise ScenarioError(f"there is no scenario {name!r}; allowed are {', '.join(SCENARIOS)}")
    return changed(found.terms, changes)


def make_market(name: str, rng: np.random.Generator, **changes: object) -> MadeMarket:
    """Return a made market; all chance comes from `rng`, and calling again with the same one gives another."""
    terms = terms_of(name, **changes)
    return SCENARIOS[name].maker(terms, rng)


def _walk_truth(terms: Walk, rng: np.random.Generator) -> Truth:
    drift, volatility = np.full(terms.steps, BP * terms.drift_bp), np.full(terms.steps, BP * terms.volatility_bp)
    log_price = np.cumsum(drift + volatility * shocks(rng, terms.steps, terms.tail_df))
    return Truth(log_price, drift, volatility, np.zeros(terms.steps), np.zeros(terms.steps, np.int64))


def _bar_market(terms: Terms, rng: np.random.Generator, truth: Truth) -> Tape:
    return _bar_tape(
        terms, _closes(terms), bars_of(rng, terms, _opens(truth.log_price), truth.log_price, truth.volatility)
    )  # fmt: skip


def _opens(log_price: Floats) -> Floats:
    return np.concatenate([np.zeros(1), log_price[:-1]])


def _closes(terms: Terms) -> Int64:
    return terms.start_ns + (np.arange(terms.steps) + 1) * terms.step_ns


def _bar_tape(terms: Terms, close_ns: Int64, bid: list[Int64]) -> Tape:
    return bar_tape(0, close_ns, bid, [column + terms.spread_ticks for column in bid])


def _spoil(terms: Terms, tape: Tape, flawed: Int64) -> Tape:
    """Spoil the rows that `flawed` names by the place of their flaw in `FLAWS_MADE`, counted from 1."""
    crossed, zero, ranged = (flawed == 1 + FLAWS_MADE.index(one) for one in (Flaw.CROSSED, Flaw.ZERO, Flaw.RANGE))
    return tape._replace(
        ask_close=np.where(crossed, tape.close - terms.spread_ticks - 1, tape.ask_close),
        ask_low=np.where(crossed, np.minimum(tape.ask_low, tape.close - terms.spread_ticks - 1), tape.ask_low),
        low=np.where(zero, 0, tape.low),
        high=np.where(ranged, tape.low - 1, tape.high),
    )
