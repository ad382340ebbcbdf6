"""Markets that are stepped together: repeatable, apart from each other, and blind to what comes."""

from typing import Any

import numpy as np
import pytest

from envs.made_markets import made_markets
from envs.made_plans import forex_plan
from envs.rewarding import Reward
from envs.stepping import GOES_ON, OUT_OF_DATA
from envs.vector import Market, MarketError, Markets, Terms, asking_plan
from market.tape import PRICE_COLUMNS
from policies.intents import DeskKind

MADE: dict[DeskKind, dict[str, Any]] = {
    DeskKind.FOREX: {"steps": 600},
    DeskKind.BINARY: {"steps": 900},
    DeskKind.ARBITRAGE: {"steps": 1500, "episode_chance": 0.08},
}


def markets_of(kind: DeskKind, count: int, seed: int = 3) -> list[Market]:
    """Return made markets; a binary desk takes contracts as long as they are made."""
    return made_markets(kind, count, seed, **MADE[kind])


def played(markets: Markets, seed: int, steps: int = 10_000) -> tuple[np.ndarray, ...]:
    """Play every market to its end with actions of a seed, each market's its own; return all that it showed."""
    shown: list[Any] = []
    generators = [np.random.default_rng([seed, k]) for k in range(len(markets.markets))]
    markets.begin_all()
    while (markets.states == GOES_ON).any() and len(shown) < steps:
        actions = np.array([rng.integers(markets.actions) for rng in generators])
        before = markets.seen.copy(), markets.masks.copy()
        markets.step(actions)
        shown.append((*before, markets.rewards.copy(), markets.states.copy()))
    return tuple(np.array(column) for column in zip(*shown, strict=True))


@pytest.mark.parametrize("kind", list(DeskKind))
def test_an_episode_that_begins_again_is_the_same_to_the_bit(kind: DeskKind) -> None:
    markets = Markets(markets_of(kind, 2), Terms())
    first, again = played(markets, 5), played(markets, 5)
    other = played(markets, 6)
    fresh = played(Markets(markets_of(kind, 2), Terms()), 5)
    assert len(first[0]) > 20
    assert np.abs(first[2]).max() > 0.0
    for one, two, three in zip(first, again, fresh, strict=True):
        assert one.tobytes() == two.tobytes() == three.tobytes()
    assert first[2].tobytes() != other[2].tobytes()


@pytest.mark.parametrize("kind", list(DeskKind))
def test_markets_do_not_disturb_each_other(kind: DeskKind) -> None:
    several = markets_of(kind, 3)
    together = played(Markets(several, Terms()), 5, 60)
    alone = Markets(several[:1], Terms())
    by_itself = played(alone, 5, 60)
    for one, two in zip(together, by_itself, strict=True):
        rows = min(len(one), len(two))
        assert one[:rows, 0].tobytes() == two[:rows, 0].tobytes()


def test_accounts_over_one_tape_are_apart() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]
    markets = Markets([market, market], Terms())
    markets.begin_all()
    while (markets.states == GOES_ON).all():
        markets.step(np.array([0, 1 if markets.masks[1, 1] else 4]))
    assert markets.equity(0) == market.plan.cash
    assert markets.equity(1) != market.plan.cash


def changed_after(market: Market, row: int) -> Market:
    """Return a market whose prices are others from a row on."""
    tape = market.tape
    columns = {name: getattr(tape, name).copy() for name in PRICE_COLUMNS}
    for column in columns.values():
        column[row:] += 700
    return market._replace(tape=tape._replace(**columns))


@pytest.mark.parametrize("kind", list(DeskKind))
def test_what_is_shown_does_not_change_with_what_comes(kind: DeskKind) -> None:
    market = markets_of(kind, 1)[0]
    half = len(market.tape.time_ns) // 2
    base, changed = (Markets([one], Terms()) for one in (market, changed_after(market, half)))
    for markets in (base, changed):
        markets.begin_all()
    rng, compared = np.random.default_rng(9), 0
    while base.states[0] == GOES_ON and row_of(base) < half:
        assert row_of(base) == row_of(changed)
        assert base.seen.tobytes() == changed.seen.tobytes()
        assert base.masks.tobytes() == changed.masks.tobytes()
        actions = rng.integers(base.actions, size=1)
        base.step(actions)
        changed.step(actions)
        compared += 1
    assert compared > 10
    assert base.seen.tobytes() != changed.seen.tobytes()


def row_of(markets: Markets) -> int:
    """Return the row that is shown."""
    return int(markets._steppers[0].control[0])


def test_a_leak_is_the_one_thing_that_comes() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]
    told, blind = (Markets([market], Terms(leak=leak)) for leak in (True, False))
    told.begin_all()
    blind.begin_all()
    assert told.inputs == blind.inputs + 1
    close = market.tape.close.astype(np.float64)
    for _ in range(50):
        row = row_of(told)
        assert told.seen[0, -1] == np.float32(1e3 * (close[row + 1] / close[row] - 1.0))
        assert told.seen[0, :-1].tobytes() == blind.seen[0].tobytes()
        told.step(np.array([0]))
        blind.step(np.array([0]))


def test_an_episode_ends_after_its_rows_and_within_its_part() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]._replace(first=100, last=400)
    markets = Markets([market], Terms(rows=120, random_start=True), seed=4)
    starts = set()
    for _ in range(12):
        markets.begin(0)
        first = row_of(markets)
        while markets.states[0] == GOES_ON:
            markets.step(np.array([0]))
        assert markets.states[0] == OUT_OF_DATA
        assert first >= 100
        assert row_of(markets) < min(first + 120, 400)
        starts.add(first)
    assert len(starts) > 6


def test_starts_follow_from_the_seed() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]
    rows: list[list[int]] = []
    for seed in (1, 1, 2):
        markets = Markets([market, market], Terms(rows=250, random_start=True), seed)
        found = []
        for _ in range(5):
            markets.begin_all()
            found += [int(stepper.control[0]) for stepper in markets._steppers]
        rows.append(found)
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.parametrize("reward", list(Reward))
def test_a_reward_is_multiplied_by_its_scale(reward: Reward) -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]
    plain, scaled = (played(Markets([market], Terms(reward=reward, scale=scale)), 5)[2] for scale in (1.0, 100.0))
    assert np.abs(plain).max() > 0.0
    np.testing.assert_allclose(scaled, 100.0 * plain, rtol=1e-12)


def test_log_returns_add_up_to_what_the_account_has_made() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]
    markets = Markets([market], Terms())
    rewards = played(markets, 5)[2]
    assert float(rewards.sum()) == pytest.approx(np.log(markets.equity(0) / market.plan.cash), abs=1e-12)


def test_what_cannot_be_stepped_is_refused() -> None:
    forex, binary = markets_of(DeskKind.FOREX, 1)[0], markets_of(DeskKind.BINARY, 1)[0]
    other = asking_plan(forex_plan(), ("atr:14", "rsi:14"))
    for markets, said in (
        ([], "no market; at least one is needed"),
        ([forex, binary], "markets of desks of several kinds; one kind is allowed"),
        ([forex, forex._replace(plan=other)], "markets whose models see inputs of several numbers; one is allowed"),
    ):
        with pytest.raises(MarketError, match=said):
            Markets(markets, Terms())
    with pytest.raises(ValueError, match="reward: scale"):
        Markets([forex], Terms(scale=0.0))


def test_a_stretch_without_a_decision_is_refused() -> None:
    market = markets_of(DeskKind.FOREX, 1)[0]._replace(last=5)
    with pytest.raises(MarketError, match="market 0: rows 0 to 5 hold nothing to decide; more rows, or less"):
        Markets([market], Terms()).begin_all()
