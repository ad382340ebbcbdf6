"""The Gymnasium environments: what Gymnasium and Stable-Baselines3 check of any, and what holds for ours."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from envs.gym import IDS, NAMES, DeskEnv, DeskVectorEnv, register
from envs.made_markets import made_markets
from envs.rewarding import RUIN
from envs.scenario_terms import ScenarioError
from policies.intents import DeskKind

MADE: dict[DeskKind, dict[str, Any]] = {
    DeskKind.FOREX: {"steps": 400},
    DeskKind.BINARY: {"steps": 600},
    DeskKind.ARBITRAGE: {"steps": 1200, "episode_chance": 0.08},
}


def make(name: str, **options: Any) -> Any:
    return gymnasium.make(name, **MADE[IDS[name]], **options)


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_finds_nothing_wrong(name: str) -> None:
    env = make(name).unwrapped
    with warnings.catch_warnings():
        # inputs are standardised, a leak is not: there are no bounds to state
        warnings.filterwarnings("ignore", message=".*Box observation space (minimum|maximum) value is.*infinity.*")
        check_env(env, skip_render_check=True)
    assert env.action_space.n == len(NAMES[IDS[name]])


@pytest.mark.parametrize("name", IDS)
def test_stable_baselines_finds_nothing_wrong(name: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(make(name).unwrapped)


def walked(env: Any, seed: int, steps: int = 80) -> list[Any]:
    """Return what an environment shows on actions of a seed."""
    rng = np.random.default_rng(seed)
    seen, info = env.reset(seed=seed)
    shown = [(seen.tobytes(), info["equity"])]
    for _ in range(steps):
        seen, reward, terminated, truncated, info = env.step(int(rng.integers(env.action_space.n)))
        shown.append((seen.tobytes(), reward, terminated, truncated, info["equity"], info["denied"]))
        if terminated or truncated:
            break
    return shown


@pytest.mark.parametrize("name", IDS)
def test_an_episode_follows_from_its_seed(name: str) -> None:
    env = make(name)
    first, again, other = walked(env, 7), walked(env, 7), walked(env, 8)
    assert first == again == walked(make(name), 7)
    assert first != other


@pytest.mark.parametrize("name", IDS)
def test_many_at_once_show_what_one_shows(name: str) -> None:
    kind = IDS[name]
    vector = gymnasium.make_vec(name, num_envs=3, **MADE[kind])
    seen, infos = vector.reset(seed=5)
    markets = made_markets(kind, 3, 5, **MADE[kind])
    ones = [DeskEnv(kind, [market]) for market in markets]
    for k, one in enumerate(ones):
        first, info = one.reset()
        assert seen[k].tobytes() == first.tobytes()
        assert (infos["action_mask"][k] == info["action_mask"]).all()
    rng = np.random.default_rng(1)
    for _ in range(30):
        actions = rng.integers(vector.single_action_space.n, size=3)
        seen, rewards, _, truncated, _ = vector.step(actions)
        for k, one in enumerate(ones):
            shown, reward, _, ended, _ = one.step(actions[k])
            assert (rewards[k], truncated[k]) == (reward, ended)
            assert ended or seen[k].tobytes() == shown.tobytes()
        if truncated.any():
            break


def test_an_episode_that_ends_begins_anew_in_the_same_step() -> None:
    kind = DeskKind.FOREX
    markets = made_markets(kind, 1, 2, steps=250) + made_markets(kind, 1, 2, steps=300)
    vector = DeskVectorEnv(kind, markets=markets)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    begun, _ = vector.reset()
    nothing, ends = np.zeros(2, np.int64), []
    for _ in range(300):
        seen, _, terminated, truncated, infos = vector.step(nothing)
        assert not terminated.any()
        assert ("final_obs" in infos) == bool(truncated.any())
        for k in np.flatnonzero(truncated):
            ends.append(int(k))
            assert seen[k].tobytes() == begun[k].tobytes()
            assert infos["final_obs"][k].tobytes() != begun[k].tobytes()
            assert infos["_final_obs"].tolist() == truncated.tolist()
    assert set(ends) == {0, 1}


@pytest.mark.parametrize("kind", list(DeskKind))
def test_a_denied_action_is_none_and_is_counted(kind: DeskKind) -> None:
    market = made_markets(kind, 1, 4, **MADE[kind])
    bold, meek = DeskEnv(kind, market), DeskEnv(kind, market)
    rng, denied, done = np.random.default_rng(2), 0, False
    _, info = bold.reset()
    meek.reset()
    while not done:
        mask = info["action_mask"]
        assert mask[0]
        assert (mask == bold.action_masks()).all()
        action = int(rng.integers(len(mask)))
        denied += not mask[action]
        seen, reward, terminated, truncated, info = bold.step(np.int64(action))
        shown, paid, *_ = meek.step(np.int64(action if mask[action] else 0))
        assert (seen.tobytes(), reward, info["denied"]) == (shown.tobytes(), paid, denied)
        done = terminated or truncated
    assert denied > 0 or kind is not DeskKind.FOREX  # only a stance is in the way of a side
    assert meek._info()["denied"] == 0


def test_an_action_that_there_is_not_is_denied() -> None:
    env = DeskEnv(DeskKind.FOREX, steps=300)
    env.reset(seed=1)
    for action in (-1, 5, 99):
        env.step(np.int64(action))
    assert env._info()["denied"] == 3


def test_who_has_lost_everything_is_out() -> None:
    env = DeskEnv(DeskKind.FOREX, steps=300)
    _, _ = env.reset(seed=1)
    env.step(np.int64(0))
    account = env.markets.engines[0].book.ledger.account
    account[0].cash -= account[0].equity
    account[0].equity = 0
    _, reward, terminated, truncated, _ = env.step(np.int64(0))
    assert (reward, terminated, truncated) == (RUIN, True, False)
    _, _, terminated, _, _ = env.step(np.int64(1))
    assert terminated
    env.reset()
    _, _, terminated, truncated, info = env.step(np.int64(0))
    assert (terminated, truncated, info["equity"]) == (False, False, env.markets.markets[0].plan.cash)


def test_it_is_said_in_a_line_where_an_episode_stands() -> None:
    env = DeskEnv(DeskKind.BINARY, render_mode="ansi", steps=300)
    env.reset(seed=1)
    env.step(np.int64(1))
    assert str(env.render()).startswith("step 1: CALL, lots ")
    assert DeskEnv(DeskKind.BINARY, steps=300).render() is None


def test_bad_words_are_refused() -> None:
    with pytest.raises(ValueError, match="render_mode 'human': None or ansi is allowed"):
        DeskEnv(DeskKind.FOREX, render_mode="human")
    with pytest.raises(ScenarioError, match="scenario 'dislocations' for the forex desk: "):
        DeskEnv(DeskKind.FOREX, scenario="dislocations")


def test_to_register_again_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    register()
    assert dict(gymnasium.registry) == before
