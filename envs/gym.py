"""Gymnasium environments of the three desks: `trifecta/Forex-v0`, `trifecta/Binary-v0`, `trifecta/Arbitrage-v0`.

One step is one decision of the desk on the live decision path: the action stands in place of the policy's opinion, and
is sized, judged, ruled, matched, charged and booked as everywhere (`envs.stepping`). Importing this module registers
them; without `markets` an environment plays seeded made markets (`envs.made_markets`).
"""

from collections.abc import Sequence
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.made_markets import made_markets
from envs.stepping import OUT_OF_DATA, RUINED
from envs.vector import Market, Markets, Terms
from market.tape import Int64
from policies.intents import DeskKind
from policies.masks import Action

Floats32 = NDArray[np.float32]
Bools = NDArray[np.bool_]

NAMES: Final = {
    DeskKind.FOREX: tuple(action.name for action in Action),
    DeskKind.BINARY: ("HOLD", "CALL", "PUT"),
    DeskKind.ARBITRAGE: ("LEAVE", "TAKE"),
}
"""Actions of each desk, in their order."""

IDS: Final = {
    "trifecta/Forex-v0": DeskKind.FOREX,
    "trifecta/Binary-v0": DeskKind.BINARY,
    "trifecta/Arbitrage-v0": DeskKind.ARBITRAGE,
}


def observation_space(markets: Markets) -> Any:
    """Return the space of what one market shows: inputs are standardised and clipped, a leak is not."""
    return spaces.Box(-np.inf, np.inf, (markets.inputs,), np.float32)


class DeskEnv(gymnasium.Env[Floats32, np.int64]):
    """One market. `info` has the account's equity in money, the mask of the next actions, and what was denied.

    An action that its mask denies is taken as HOLD and counted. Terminated: the account is worth nothing. Truncated:
    the stretch of data has ended.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}  # noqa: RUF012 - as its base has it

    def __init__(
        self, kind: DeskKind, markets: Sequence[Market] = (), terms: Terms | None = None,
        render_mode: str | None = None, **made: Any,
    ) -> None:  # fmt: skip
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode {render_mode!r}: None or ansi is allowed")
        self._given, self._terms, self._kind = tuple(markets), terms or Terms(), kind
        self._made = made
        self._market = Markets(self._given[:1] or made_markets(kind, 1, 0, **made), self._terms)
        self.observation_space = observation_space(self._market)
        self.action_space = spaces.Discrete(self._market.actions)
        self.render_mode = render_mode
        self._action = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats32, dict[str, Any]]:  # fmt: skip
        """Begin an episode; a seed makes the market that is played (or where a given one begins). Option: `start`."""
        super().reset(seed=seed)
        if seed is not None:
            if self._given:
                self._market.seed(seed)
            else:
                self._market = Markets(made_markets(self._kind, 1, seed, **self._made), self._terms, seed)
        self._market.begin(0, (options or {}).get("start"))
        self._action = 0
        return self._market.seen[0].copy(), self._info()

    def step(self, action: np.int64) -> tuple[Floats32, float, bool, bool, dict[str, Any]]:
        """Take one decision and let the market go on to the next."""
        self._action = int(action)
        self._market.step(np.array([action], np.int64))
        state = self._market.states[0]
        return (
            self._market.seen[0].copy(), float(self._market.rewards[0]), bool(state == RUINED),
            bool(state == OUT_OF_DATA), self._info(),
        )  # fmt: skip

    def action_masks(self) -> Bools:
        """Return what is allowed now: the name that maskable agents of sb3-contrib ask for."""
        return self._market.masks[0].copy()

    @property
    def markets(self) -> Markets:
        """What is stepped, with its engine: for whoever wants to look at the account behind."""
        return self._market

    def render(self) -> str | None:
        """Return where the episode stands, in a line; `trifecta episode` draws a whole one."""
        if self.render_mode is None:
            return None
        engine = self._market.engines[0]
        account = engine.book.ledger.account[0]
        lots = " ".join(f"{int(position.lots):+d}" for position in engine.book.ledger.positions)
        return (
            f"step {int(self._market.steps[0])}: {NAMES[self._kind][self._action]}, lots {lots}, "
            f"equity {account.equity / 1e6:,.2f}, reward {self._market.rewards[0]:+.6f}"
        )

    def _info(self) -> dict[str, Any]:
        return {
            "equity": self._market.equity(0),
            "action_mask": self._market.masks[0].copy(),
            "denied": int(self._market.denied[0]),
        }


class DeskVectorEnv(gymnasium.vector.VectorEnv[Floats32, Int64, NDArray[Any]]):
    """Many markets in one compiled loop. An episode that ends begins anew in the same step (SAME_STEP).

    What it showed last is in `infos["final_obs"]`, where `infos["_final_obs"]` is true.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - as its base has it

    def __init__(
        self, kind: DeskKind, num_envs: int = 1, markets: Sequence[Market] = (), terms: Terms | None = None, **made: Any
    ) -> None:  # fmt: skip
        self._given, self._terms, self._kind, self._made = tuple(markets), terms or Terms(), kind, made
        self.num_envs = len(self._given) or num_envs
        self.markets = Markets(self._given or made_markets(kind, num_envs, 0, **made), self._terms)
        self.single_observation_space = observation_space(self.markets)
        self.single_action_space = spaces.Discrete(self.markets.actions)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats32, dict[str, Any]]:  # fmt: skip
        """Begin an episode of every market."""
        super().reset(seed=seed)
        if seed is not None:
            if self._given:
                self.markets.seed(seed)
            else:
                self.markets = Markets(made_markets(self._kind, self.num_envs, seed, **self._made), self._terms, seed)
        self.markets.begin_all()
        return self.markets.seen.copy(), {"action_mask": self.markets.masks.copy()}

    def step(
        self, actions: Int64
    ) -> tuple[Floats32, NDArray[np.float64], Bools, Bools, dict[str, Any]]:  # fmt: skip
        """Take a decision in every market."""
        markets = self.markets
        ended = markets.step(np.ascontiguousarray(actions, np.int64))
        terminated, truncated = markets.states == RUINED, markets.states == OUT_OF_DATA
        rewards, infos = markets.rewards.copy(), {}
        if ended:
            infos = {"final_obs": markets.seen.copy(), "_final_obs": terminated | truncated}
            for k in np.flatnonzero(infos["_final_obs"]):
                markets.begin(int(k))
        infos["action_mask"] = markets.masks.copy()
        return markets.seen.copy(), rewards, terminated, truncated, infos


def register() -> None:
    """Register the environments with Gymnasium; again changes nothing."""
    for name, kind in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name, entry_point="envs.gym:DeskEnv", vector_entry_point="envs.gym:DeskVectorEnv",
                kwargs={"kind": kind}, disable_env_checker=True, order_enforce=False,
            )  # fmt: skip


register()
