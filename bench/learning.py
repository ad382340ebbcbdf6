"""Learning: the speed of environments, of training and of a decision, against what others need for the same.

And the sanity of it: an agent that is shown the next bar's return must find it, one that is shown noise must not.
"""

import time
from typing import Any, Final

import numpy as np

from bench.figure import Figure, interleaved
from envs.made_markets import made_markets
from envs.vector import Markets, Terms
from market.compiled import compiled
from policies.intents import DeskKind
from policies.network import Activation, forward, network_of
from research.learning.sanity import Sanity, leaked, noise

MARKETS: Final = 64
STEPS: Final = 4_000
FRAMES: Final = 40_960
ACTS: Final = 0.02
"""Share of steps at which an action is asked for: one in fifty bars, as an agent does that pays its costs."""
FORWARDS: Final = 20_000


def figures() -> list[Figure]:
    """Measure all of it."""
    return [*speed(), *training(), *decision(), *sanity()]


def speed() -> list[Figure]:
    """Steps a second of 64 markets through the VecEnv of SB3, and of gym-anytrading's environment."""
    from research.learning.sb3_vec import MarketsVecEnv

    rng = np.random.default_rng(1)
    asked = np.where(rng.random((STEPS, MARKETS)) < ACTS, rng.integers(1, 5, (STEPS, MARKETS)), 0)
    env = MarketsVecEnv(_markets(Terms(rows=20_000, random_start=True)))
    env.reset()
    other = _anytrading(1)
    other.reset(seed=0)

    def ours() -> None:
        for actions in asked:
            env.step(actions)

    def theirs() -> None:
        for action in asked[:1000, 0] % 2:
            _, _, _, ended, _ = other.step(int(action))
            if ended:
                other.reset()

    mine, its = interleaved([ours, theirs], 3)
    rate, rate_other = STEPS * MARKETS / mine, 1000 / its
    note = f"{ACTS:.0%} of the steps act; gym-anytrading {rate_other:,.0f}"
    return [Figure("steps of 64 markets, SB3 VecEnv", rate, "steps/s", 1e6, note=note)]


def training() -> list[Figure]:
    """Frames a second of PPO with one network, in our environment and in gym-anytrading's."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    from research.learning.sb3_vec import MarketsVecEnv

    torch.set_num_threads(1)
    net: dict[str, Any] = {"policy_kwargs": {"net_arch": [64, 64]}, "device": "cpu", "verbose": 0, "seed": 1}
    ours = PPO(
        "MlpPolicy", MarketsVecEnv(_markets(Terms(rows=2_000, random_start=True, scale=1e4))), n_steps=64,
        batch_size=1024, n_epochs=4, **net,
    )  # fmt: skip
    theirs = PPO("MlpPolicy", DummyVecEnv([lambda: _anytrading(1)]), **net)
    begin = time.perf_counter()
    ours.learn(FRAMES)
    mine = FRAMES / (time.perf_counter() - begin)
    begin = time.perf_counter()
    theirs.learn(4_096)
    its = 4_096 / (time.perf_counter() - begin)
    note = f"{mine:,.0f} frames/s against {its:,.0f}"
    return [Figure("PPO frames over gym-anytrading's", mine / its, "times", 8.0, note=note)]


def decision() -> list[Figure]:
    """One forward pass at decision time, 64 x 64 units."""
    rng = np.random.default_rng(2)
    shapes = [(14, 64), (64, 64), (64, 5)]
    network = network_of([(rng.normal(size=s), rng.normal(size=s[1])) for s in shapes], Activation.TANH)
    scratch = np.zeros((4, 256))
    scratch[0, :14] = rng.normal(size=14)
    (best,) = interleaved([lambda: _many(network, scratch, FORWARDS)], 5)
    return [Figure("network forward, 14-64-64-5", 1e6 * best / FORWARDS, "us", 10.0, at_most=True)]


def sanity() -> list[Figure]:
    """What PPO makes of a leaked return, and of noise."""
    told = leaked(Sanity())
    blind = noise(Sanity())
    return [
        Figure("leak: profit of the oracle's", 100 * told.share, "%", 95.0, note=f"{told.frames:,} frames"),
        Figure("leak: processor time", told.cpu_seconds / 60, "min", 10.0, at_most=True),
        Figure("noise: p of beating random", blind.p_value, "", 0.05, note="not beaten where above 0.05"),
    ]


@compiled
def _many(network: Any, scratch: Any, count: int) -> None:
    for _ in range(count):
        forward(network, scratch)


def _markets(terms: Terms) -> Markets:
    """Return 64 views of one made market of 100,000 bars: memory of one, accounts of many."""
    market = made_markets(DeskKind.FOREX, 1, 7, scenario="regimes", steps=100_000)[0]
    return Markets([market] * MARKETS, terms, 1)


def _anytrading(seed: int) -> Any:
    """Return gym-anytrading's forex environment on its own data, with its own features."""
    import gym_anytrading  # noqa: F401 - registers it
    import gymnasium

    return gymnasium.make("forex-v0", window_size=10, disable_env_checker=True)
