"""The vector environment as Stable-Baselines3 wants it: many markets, one compiled call a step."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from envs.gym import observation_space
from envs.stepping import OUT_OF_DATA
from envs.vector import Markets


class MarketsVecEnv(VecEnv):
    """`Markets` for SB3: an episode that ends begins anew in the same step, its last view in `terminal_observation`.

    `action_masks` is there for agents that ask for it (`env_method`).
    """

    def __init__(self, markets: Markets) -> None:
        from gymnasium import spaces

        self.markets = markets
        self._actions = np.zeros(len(markets.markets), np.int64)
        self._returns = np.zeros(len(markets.markets))
        self.reset_infos: list[dict[str, Any]] = [{} for _ in markets.markets]
        self.render_mode = None
        super().__init__(len(markets.markets), observation_space(markets), spaces.Discrete(markets.actions))

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode of every market."""
        self.markets.begin_all()
        self._returns[:] = 0.0
        return self.markets.seen.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions."""
        self._actions[:] = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Take a step in every market."""
        markets = self.markets
        ended = markets.step(self._actions)
        rewards = markets.rewards.astype(np.float32)
        self._returns += markets.rewards
        dones: NDArray[np.bool_] = markets.states != 0
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if ended:
            lengths = markets.steps
            for k in np.flatnonzero(dones).tolist():
                infos[k] = {
                    "terminal_observation": markets.seen[k].copy(),
                    "TimeLimit.truncated": bool(markets.states[k] == OUT_OF_DATA),
                    "episode": {"r": float(self._returns[k]), "l": int(lengths[k]), "t": 0.0},
                    "equity": markets.equity(k),
                }
                self._returns[k] = 0.0
                markets.begin(k)
        return markets.seen.copy(), rewards, dones, infos

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Return an attribute per market."""
        if attr_name == "action_masks":
            return [lambda k=k: self.markets.masks[k].copy() for k in self._of(indices)]
        if attr_name == "render_mode":
            return [None for _ in self._of(indices)]
        return [getattr(self.markets, attr_name) for _ in self._of(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Refuse: markets are made of a plan, and stay what they are."""
        raise AttributeError(f"{attr_name}: markets cannot be changed")

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Iterable[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:  # fmt: skip
        """Return the masks, which is all that markets can be asked for."""
        if method_name != "action_masks":
            raise AttributeError(f"{method_name}: markets answer to action_masks")
        return [self.markets.masks[k].copy() for k in self._of(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None) -> list[bool]:
        """Return that no market is wrapped."""
        return [False for _ in self._of(indices)]

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Let the starts of episodes follow from a seed."""
        if seed is not None:
            self.markets.seed(seed)
        return [seed for _ in range(self.num_envs)]

    def _of(self, indices: int | Iterable[int] | None) -> list[int]:
        if indices is None:
            return list(range(self.num_envs))
        return [indices] if isinstance(indices, int) else list(indices)
