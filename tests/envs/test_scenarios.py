"""Made markets: the same seed gives the same tape, statistics are those of the terms, and nothing else is wrong.

A bound says from where it comes: k standard errors of what theory gives for so many rows. At five of them one run in
more than a million fails, and the seeds here are fixed.
"""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.scenario_paths import BP, regime_path, spells
from envs.scenario_terms import BOUNDS, Dislocations, Gaps, Jumps, ScenarioError, Walk
from envs.scenarios import SCENARIOS, make_market, terms_of
from market.tape import Flaw, Tape, tape_hash
from policies.assembly import scanner_of
from policies.routes import Scan, scan_rows
from tests.builders import SECOND, a_plan

SEEDS = (1, 2, 3)
ERRORS = 5.0
"""Standard errors that a statistic may be off."""
ROWS = 20_000


def made(name, seed, **changes):
    return make_market(name, np.random.default_rng(seed), **changes)


def returns_of(market):
    return np.diff(market.truth.log_price, prepend=0.0)


@pytest.mark.parametrize("name", SCENARIOS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_the_same_seed_gives_the_same_tape_to_the_bit(name, seed):
    first, again, other = made(name, seed, steps=300), made(name, seed, steps=300), made(name, seed + 1, steps=300)
    assert tape_hash(first.tape) == tape_hash(again.tape) != tape_hash(other.tape)
    for mine, theirs in zip(first.truth, again.truth, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("name", SCENARIOS)
@given(seed=st.integers(0, 2**32), volatility=st.floats(0.0, 20.0), spread=st.integers(0, 50))
@settings(max_examples=5, deadline=None)
def test_prices_are_whole_positive_ordered_and_not_crossed(name, seed, volatility, spread):
    changes = {} if name == "regimes" else {"volatility_bp": volatility}
    tape = made(name, seed, steps=300, spread_ticks=spread, **changes).tape
    sound = tape.flaws == 0
    assert (np.diff(tape.time_ns) >= 0).all()
    assert all(column.dtype == np.int64 for column in tape[:12])
    sides = (tape.open, tape.high, tape.low, tape.close), (tape.ask_open, tape.ask_high, tape.ask_low, tape.ask_close)
    for opened, high, low, closed in sides:
        for price in (opened, closed):
            assert ((low <= price) & (price <= high))[sound].all()
        assert (low[sound] > 0).all()
    assert (tape.ask_close - tape.close == spread)[sound].all()
    assert name == "dead_feeds" or sound.all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "excess"), [("walk", 0.0), ("fat_walk", 6.0), ("trend", 0.0)])
def test_a_walk_has_its_drift_and_volatility_and_no_memory(name, excess, seed):
    terms = terms_of(name, steps=ROWS, tail_df=5.0 if excess else None)  # 5 degrees: the variance has an error at all
    market = made(name, seed, steps=ROWS, tail_df=terms.tail_df)
    returns, sigma = returns_of(market), BP * terms.volatility_bp
    assert abs(returns.mean() - BP * terms.drift_bp) < ERRORS * sigma / math.sqrt(ROWS)
    error = math.sqrt((2.0 + excess) / (4.0 * ROWS))  # relative error of a standard deviation: sqrt((k - 1) / 4n)
    assert abs(returns.std() / sigma - 1.0) < (2.0 if excess else 1.0) * ERRORS * error
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < ERRORS / math.sqrt(ROWS)
    extreme = np.count_nonzero(np.abs(returns - returns.mean()) > 4.0 * returns.std())
    assert (extreme > 30) if excess else (extreme < 12)  # normal: 1.3 expected of 20,000; t of 5 degrees: 70


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tape_shows_its_path_within_half_a_tick(seed):
    market = made("walk", seed)
    price = SCENARIOS["walk"].terms.first_ticks * np.exp(market.truth.log_price)
    assert np.abs(market.tape.close - price).max() <= 0.5 + 1e-9
    assert (market.tape.open[1:] == market.tape.close[:-1]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_highs_reach_as_far_as_those_of_brownian_motion(seed):
    tape = made("walk", seed, steps=ROWS, first_ticks=10**8, volatility_bp=5.0).tape
    sigma = 5.0 * BP
    mean, error = sigma * math.sqrt(2.0 / math.pi), sigma * math.sqrt((1.0 - 2.0 / math.pi) / ROWS)
    assert abs(np.log(tape.high / tape.open).mean() - mean) < ERRORS * error
    assert abs(np.log(tape.open / tape.low).mean() - mean) < ERRORS * error


@pytest.mark.parametrize("seed", SEEDS)
def test_jumps_are_as_many_and_as_large_as_stated(seed):
    market = made("jumps", seed, steps=ROWS, jumps_per_step=0.05, jump_mean_bp=-5.0, jump_bp=20.0)
    count = int(market.truth.state.sum())
    assert abs(count - 0.05 * ROWS) < ERRORS * math.sqrt(0.05 * ROWS)
    sizes = market.truth.jump[market.truth.state == 1]
    assert abs(sizes.mean() + 5.0 * BP) < ERRORS * 20.0 * BP / math.sqrt(len(sizes))
    assert abs(sizes.std() / (20.0 * BP) - 1.0) < ERRORS / math.sqrt(2.0 * len(sizes))
    assert (market.truth.jump[market.truth.state == 0] == 0.0).all()
    quiet = returns_of(market) - market.truth.jump
    assert abs(quiet.std() / (2.0 * BP) - 1.0) < ERRORS / math.sqrt(2.0 * ROWS)


@pytest.mark.parametrize("seed", SEEDS)
def test_regimes_last_as_long_as_their_chain_says_and_move_as_they_should(seed):
    stay = (0.95, 0.9, 0.8)
    path = regime_path(np.random.default_rng(seed), ROWS, stay)
    for regime, chance in enumerate(stay):
        stays = path[1:][path[:-1] == regime] == regime
        assert abs(stays.mean() - chance) < ERRORS * math.sqrt(chance * (1.0 - chance) / len(stays))
    market = made("regimes", seed, steps=ROWS)
    for regime, volatility in enumerate(SCENARIOS["regimes"].terms.volatilities_bp):
        own = returns_of(market)[market.truth.state == regime]
        assert abs(own.std() / (BP * volatility) - 1.0) < ERRORS / math.sqrt(2.0 * len(own))
    squared = np.square(returns_of(market))  # volatility comes in clusters: what a walk must not show
    assert np.corrcoef(squared[1:], squared[:-1])[0, 1] > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_market_that_closes_has_no_row_then_and_opens_elsewhere(seed):
    terms = Gaps(steps=ROWS, open_steps=50, closed_steps=150, gap_bp=40.0, missing_share=0.1)
    changes = {name: getattr(terms, name) for name in ("open_steps", "closed_steps", "gap_bp", "missing_share")}
    market = made("gaps", seed, steps=ROWS, **changes)
    opening = (market.tape.time_ns - terms.start_ns) // terms.step_ns - 1
    assert (opening % 200 < 50).all()
    assert market.tape.time_ns[-1] <= terms.end_ns
    gaps = market.truth.jump[market.truth.state == 1]
    assert len(gaps) == ROWS // 50 - 1
    assert abs(gaps.std() / (40.0 * BP) - 1.0) < ERRORS / math.sqrt(2.0 * len(gaps))
    missing = 1.0 - len(opening) / ROWS
    assert abs(missing - 0.1) < ERRORS * math.sqrt(0.1 * 0.9 / ROWS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dead_feed_is_silent_or_repeats_itself_and_its_flaws_are_marked(seed):
    market = made("dead_feeds", seed, steps=ROWS, flawed_share=0.05)
    terms, tape, state = SCENARIOS["dead_feeds"].terms, market.tape, market.truth.state
    step = (tape.time_ns - terms.start_ns) // terms.step_ns - 1
    assert set(step.tolist()) == set(np.flatnonzero(state != 1).tolist())
    stale = state[step] == 2
    assert stale.any()
    assert (tape.high == tape.low)[stale].all()
    assert (tape.close[1:] == tape.close[:-1])[stale[1:]].all()
    assert (tape.flaws[stale] == 0).all()
    begun = np.count_nonzero((state[1:] != 0) & (state[:-1] == 0))
    rounds = np.count_nonzero(state[:-1] == 0)
    assert abs(begun - 0.005 * rounds) < ERRORS * math.sqrt(0.005 * rounds)
    alive = np.count_nonzero(state == 0)
    for flaw in (Flaw.CROSSED, Flaw.ZERO, Flaw.RANGE, Flaw.DUPLICATE):
        expected = 0.05 * alive / 4
        assert abs(np.count_nonzero(tape.flaws & flaw) - expected) < ERRORS * math.sqrt(expected) + (flaw == Flaw.RANGE)
    assert not np.count_nonzero(tape.flaws & (Flaw.NOT_FINITE | Flaw.DISORDER))


def middles(market):
    """The newest middle of both venues at every row from where both are known, in ticks."""
    tape = market.tape
    rows = np.arange(len(tape.time_ns))
    newest = [np.maximum.accumulate(np.where(tape.feed == venue, rows, -1)) for venue in (0, 1)]
    known = (newest[0] >= 0) & (newest[1] >= 0)
    return [0.5 * (tape.close + tape.ask_close)[one[known]] for one in newest], known


@pytest.mark.parametrize("seed", SEEDS)
def test_two_venues_differ_by_their_noise_and_by_no_more_outside_of_episodes(seed):
    market = made("dislocations", seed, volatility_bp=0.0, episode_chance=0.0, noise_ticks=(3.0, 4.0))
    (a, b), _ = middles(market)
    assert not market.truth.state.any()
    gap = a - b
    quotes = 2.0 * 2_000
    rounding = 2.0 / 12.0  # each bid is rounded down: a uniform error of variance 1/12
    expected = math.sqrt(9.0 + 16.0 + rounding)
    assert abs(gap.std() / expected - 1.0) < 2.0 * ERRORS / math.sqrt(2.0 * quotes)  # of a quote both neighbours tell
    assert abs(gap.mean()) < 2.0 * ERRORS * expected / math.sqrt(quotes)


def scanned(market):
    """What the arbitrage scan of a plan of two venues sees: (kind, row of the tape)."""
    plan = a_plan()
    feeds = tuple(feed for feed in plan.feeds if feed.desk == 1)
    plan = msgspec.structs.replace(plan, feeds=feeds)
    tape: Tape = market.tape
    scanner = scanner_of(plan, len(tape.time_ns) + 64)
    end, count = scan_rows(scanner, tape, 0, len(tape.time_ns))
    assert end == len(tape.time_ns)
    times = scanner.candidates.time_ns[:count]
    return list(zip(scanner.candidates.kind[:count].tolist(), np.searchsorted(tape.time_ns, times), strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_scan_finds_the_displaced_venue_and_nothing_in_a_calm_market(seed):
    calm = made("dislocations", seed, episode_chance=0.0)
    assert scanned(calm) == []
    market = made("dislocations", seed, lag_share=0.0)
    entries = [row for kind, row in scanned(market) if kind == Scan.ENTER]
    assert len(entries) > 3
    state, time_ns = market.truth.state, market.tape.time_ns
    for row in entries:  # in an episode, or so soon after it that the displaced quote is still the newest
        near = slice(*np.searchsorted(time_ns, [time_ns[row] - 2 * SECOND, time_ns[row] + 1]))
        assert (state[near] == 1).any()


def test_a_lagging_venue_shows_prices_of_the_past_and_never_goes_back():
    market = made("dislocations", 1, lag_share=1.0, noise_ticks=(0.0, 0.0), lag_ns=5 * SECOND, volatility_bp=1.0)
    (a, b), known = middles(market)
    lagging = (market.truth.state == 2)[known]
    assert lagging.any()
    assert np.abs(a - b)[lagging].mean() > 2.0 * np.abs(a - b)[~lagging].mean()


def test_spells_cover_the_share_of_time_that_their_chance_and_length_give():
    path = spells(np.random.default_rng(1), ROWS, 0.02, 10)
    share = 10.0 / (10.0 + 1.0 / 0.02)  # mean time in one against mean time between two
    count = path.max()
    assert abs(np.count_nonzero(path) / ROWS - share) < ERRORS * 10.0 * math.sqrt(count) / ROWS
    assert not spells(np.random.default_rng(1), 100, 0.0, 10).any()


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("walk", {"volatility_bp": -1.0}, "Walk: volatility_bp = -1.0: a number from 0 to 1,000 (basis points"),
        ("walk", {"volatility_bp": math.nan}, "Walk: volatility_bp = nan: a number from 0 to 1,000"),
        ("walk", {"steps": 0}, "Walk: steps = 0: a whole number from 1 to 10,000,000 (steps) is allowed"),
        ("walk", {"steps": 1.5}, "Walk: steps = 1.5: a whole number"),
        ("walk", {"steps": True}, "Walk: steps = True: a whole number"),
        ("walk", {"tail_df": 2.0}, "Walk: tail_df = 2.0: a number from 2.5 to 1,000"),
        ("walk", {"sigma": 1.0}, "Walk: there is no term 'sigma' (= 1.0); allowed are steps, step_ns"),
        ("walk", {"start_ns": 2**62 - 1}, "a market that ends by 4,611,686,018,427,387,904 ns"),
        ("regimes", {"stay": (0.9,)}, "Regimes: stay = (0.9,): 2 to 16 regimes, as many as drifts_bp"),
        ("regimes", {"stay": (0.9, 0.9, 1.0)}, "stay = (0.9, 0.9, 1.0): a tuple of numbers from 0 to 0.9999"),
        ("regimes", {"stay": 0.9}, "stay = 0.9: a tuple of numbers from 0 to 0.9999"),
        ("regimes", {"stay": ()}, "stay = (): a tuple of numbers from 0 to 0.9999"),
        ("walk", {"volatility_bp": (1.0, 2.0)}, "volatility_bp = (1.0, 2.0): a number from 0 to 1,000"),
        ("dislocations", {"noise_ticks": (1.0,)}, "noise_ticks = (1.0,): one number for each of the two venues"),
        ("moon", {}, "there is no scenario 'moon'; allowed are walk, fat_walk, trend, jumps, regimes, gaps"),
    ],
)  # fmt: skip
def test_terms_out_of_bounds_are_refused_in_one_line(name, changes, said):
    with pytest.raises(ScenarioError) as caught:
        made(name, 1, **changes)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_that_leaves_what_can_be_traded_is_refused():
    with pytest.raises(ScenarioError, match="the price runs from"):
        made("walk", 1, drift_bp=-1000.0, steps=2000)


def test_every_term_has_bounds_with_a_unit():
    for scenario in SCENARIOS.values():
        for field in scenario.terms.__struct_fields__:
            low, high, unit = BOUNDS[field]
            assert low < high
            assert unit
    assert {type(one.terms) for one in SCENARIOS.values()} >= {Walk, Jumps, Gaps, Dislocations}
