"""Sanity of learning: told the next return, an agent must find it; shown noise alone, it must find nothing.

The oracle knows what the told agent knows, the next bar's return, and acts by the best rule for it: a side is taken or
kept while its return is above a bound that closing is worth, because a side has to be left before the other is taken.
For independent normal returns of volatility s the bound is d = s x with phi(x) = x (2 - Phi(x)) (value iteration of the
three states; solved below). Both are played in the same environment, on bars that the agent was not trained on.
"""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.made_plans import forex_plan
from envs.scenarios import make_market
from envs.stepping import GOES_ON
from envs.vector import Market, Markets, Terms, asking_plan
from market.payoff import normal_cdf
from policies.masks import Action
from research.judging.paired import block_length, compare

VOLATILITY_BP: Final = 4.0
LEAK_UNIT: Final = 10.0
"""Basis points in a thousandth: the unit of a leak."""
FEATURES: Final = ("atr:14", "return:1", "rsi:14")
PARAMS: Final = {
    "stop_atr": 200.0, "target_atr": 500.0, "hold_bars": 0.0, "risk_fraction": 0.05, "notional_fraction": 0.5,
}  # fmt: skip
"""Nothing but the agent closes: what it makes is what it has chosen."""
TEST_MARKETS: Final = 8

Choice = Callable[[Markets], int]


class Sanity(NamedTuple):
    """How much is learnt: frames, markets at once, bars of a market; from which seed."""

    frames: int = 400_000
    envs: int = 32
    bars: int = 4_000
    seed: int = 1


class Told(NamedTuple):
    """What an agent that was told made of what the oracle made, on new bars; frames and processor seconds it took."""

    share: float
    profit: float
    oracle: float
    frames: int
    cpu_seconds: float


class Blind(NamedTuple):
    """Whether an agent that was shown noise beats random choice: p of a positive difference per step, and the mean."""

    p_value: float
    mean_difference: float


def oracle_bound() -> float:
    """Return x of phi(x) = x (2 - Phi(x)) by bisection: the oracle's bound in volatilities."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        density = np.exp(-0.5 * middle * middle) / np.sqrt(2.0 * np.pi)
        if density > middle * (2.0 - normal_cdf(middle)):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def leaked(sanity: Sanity) -> Told:
    """Train PPO on a walk whose next return is shown, without costs; return what it makes of the oracle's profit."""
    begin = time.process_time()
    agent = _trained(sanity, leak=True, spread=0)
    spent = time.process_time() - begin
    profit, oracle = 0.0, 0.0
    for k in range(TEST_MARKETS):
        market = _market(sanity, 10_000 + k, 0)
        profit += float(_play(market, _chooser(agent), leak=True).sum())
        oracle += float(_play(market, _oracle, leak=True).sum())
    return Told(profit / oracle, profit, oracle, sanity.frames, spent)


def noise(sanity: Sanity) -> Blind:
    """Train PPO on walks that nobody foresees, costs on; hold what it makes against random choice of equal turnover."""
    agent = _trained(sanity, leak=False, spread=2)
    ours, theirs = [], []
    for k in range(TEST_MARKETS):
        market = _market(sanity, 20_000 + k, 2)
        taken: list[int] = []
        ours.append(_play(market, _chooser(agent, taken), leak=False))
        theirs.append(_play(market, _random(taken, sanity.seed + k), leak=False))
    one, other = np.concatenate(ours), np.concatenate(theirs)
    found = compare(one, other, block_length(len(one)), 2_000, sanity.seed)
    return Blind(found.p_value, found.mean_difference)


def _market(sanity: Sanity, number: int, spread: int) -> Market:
    rng = np.random.default_rng([sanity.seed, number])
    tape = make_market("walk", rng, steps=sanity.bars, volatility_bp=VOLATILITY_BP, spread_ticks=spread).tape
    plan = forex_plan(spread_ticks=spread, slippage_ticks=0, params=PARAMS)
    return Market(asking_plan(plan, FEATURES), tape)


def _trained(sanity: Sanity, *, leak: bool, spread: int) -> Any:
    import torch
    from sb3_contrib import MaskablePPO

    from research.learning.sb3_vec import MarketsVecEnv

    torch.set_num_threads(1)
    markets = [_market(sanity, k, spread) for k in range(min(sanity.envs, 8))]
    terms = Terms(rows=1_000, random_start=True, warm=64, leak=leak, scale=1e4 / VOLATILITY_BP)
    env = MarketsVecEnv(Markets([markets[k % len(markets)] for k in range(sanity.envs)], terms, sanity.seed))
    agent = MaskablePPO(
        "MlpPolicy", env, n_steps=128, batch_size=1024, n_epochs=6, gamma=0.9, gae_lambda=0.9, ent_coef=0.0,
        learning_rate=1e-3, seed=sanity.seed, device="cpu", policy_kwargs={"net_arch": [32, 32]},
    )  # fmt: skip
    return agent.learn(sanity.frames)


def _play(market: Market, choose: Choice, *, leak: bool) -> NDArray[np.float64]:
    """Return the log return of every step of one episode over a whole market."""
    markets = Markets([market], Terms(leak=leak))
    markets.begin_all()
    rewards = []
    while markets.states[0] == GOES_ON:
        markets.step(np.array([choose(markets)], np.int64))
        rewards.append(float(markets.rewards[0]))
    return np.array(rewards)


def _chooser(agent: Any, taken: list[int] | None = None) -> Choice:
    """Choose as a trained agent does when it explores no more; note what was chosen."""

    def choose(markets: Markets) -> int:
        action, _ = agent.predict(markets.seen, action_masks=markets.masks, deterministic=True)
        if taken is not None:
            taken.append(int(action[0]))
        return int(action[0])

    return choose


def _oracle(markets: Markets) -> int:
    """Choose by the next return and the best rule for it; the last input is the return."""
    bound = oracle_bound() * VOLATILITY_BP / LEAK_UNIT
    told, mask = float(markets.seen[0, -1]), markets.masks[0]
    if mask[Action.CLOSE]:
        return int(Action.HOLD if told * _side(markets) > bound else Action.CLOSE)
    if abs(told) <= bound:
        return int(Action.HOLD)
    return int(Action.OPEN_LONG if told > 0.0 else Action.OPEN_SHORT)


def _side(markets: Markets) -> int:
    return int(markets.engines[0].agent.views.views[0].last_side)


def _random(like: list[int], seed: int) -> Choice:
    """Choose at random: a side as often, and held as long on average, as somebody else has chosen."""
    rng = np.random.default_rng(seed)
    opened = sum(action in (Action.OPEN_LONG, Action.OPEN_SHORT) for action in like)
    closed = sum(action == Action.CLOSE for action in like)
    held, side = 0, 0
    for action in like:
        side = {Action.OPEN_LONG: 1, Action.OPEN_SHORT: -1, Action.CLOSE: 0}.get(Action(action), side)
        held += side != 0
    leave, enter = closed / max(held, 1), opened / max(len(like) - held, 1)

    def choose(markets: Markets) -> int:
        chance = rng.random()
        if markets.masks[0, Action.CLOSE]:
            return int(Action.CLOSE if chance < leave else Action.HOLD)
        if chance >= enter:
            return int(Action.HOLD)
        return int(Action.OPEN_LONG if rng.random() < 0.5 else Action.OPEN_SHORT)

    return choose
