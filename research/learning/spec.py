"""What a training is: everything it follows from, frozen, named by its hash."""

import hashlib
import math
from typing import Final

from msgspec import Struct

from envs.made_markets import FEATURES
from envs.rewarding import Reward
from policies.intents import DeskKind
from policies.observing import units_of
from policies.plan import canonical

ALGORITHMS: Final = ("ppo", "maskable_ppo", "dqn")
REWARDS: Final = {
    "log_return": Reward.LOG_RETURN,
    "differential_sharpe": Reward.DIFFERENTIAL_SHARPE,
    "drawdown": Reward.DRAWDOWN,
}


class SpecError(ValueError):
    """A training that cannot be; one line that names the option, its value and what is allowed."""


BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "steps": (1, 10**10), "envs": (1, 4096), "episode_rows": (0, 10**7), "rate": (1e-8, 1.0), "gamma": (0.0, 1.0),
    "rollout": (1, 10**5), "batch": (1, 10**6), "entropy": (0.0, 10.0), "scale": (1e-6, 1e9), "kappa": (0.0, 1e3),
    "eta": (1e-6, 0.999), "purge": (0, 10**7), "chunks": (1, 10_000), "epochs": (1, 1000), "gae": (0.0, 1.0),
}  # fmt: skip
"""Per number of a spec the least and the most that is allowed."""


class TrainSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an agent is trained.

    `steps` decisions in all, cut into `chunks` at whose ends it is judged on the validation part and kept; `envs`
    markets at once, episodes of `episode_rows` rows (0: the whole part) that begin anywhere; `reward` times
    `scale`. PPO takes `rollout` steps per market, `epochs` times in batches of `batch`. Fractions of the time: `train`,
    then `validation`, the rest is the test part, with `purge` rows left out before each.
    """

    desk: str
    algorithm: str = "maskable_ppo"
    steps: int = 1_000_000
    chunks: int = 10
    envs: int = 32
    episode_rows: int = 2_000
    net: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    rate: float = 3e-4
    gamma: float = 0.99
    gae: float = 0.95
    rollout: int = 128
    batch: int = 1024
    epochs: int = 4
    entropy: float = 0.005
    reward: str = "log_return"
    scale: float = 1e4
    eta: float = 0.004
    kappa: float = 1.0
    features: tuple[str, ...] = ()
    train: float = 0.6
    validation: float = 0.2
    purge: int = 300
    leak: bool = False

    def __post_init__(self) -> None:
        kinds = [kind.name.lower() for kind in DeskKind]
        _one_of("--desk", self.desk, kinds)
        _one_of("--algorithm", self.algorithm, ALGORITHMS)
        _one_of("--reward", self.reward, REWARDS)
        _one_of("activation", self.activation, ("tanh", "relu"))
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise SpecError(f"{name} = {value}: {low:g} to {high:g} is allowed")
        if not 1 <= len(self.net) <= 4 or not all(1 <= units <= 256 for units in self.net):
            raise SpecError(f"--net {','.join(map(str, self.net))}: 1 to 4 layers of 1 to 256 units are allowed")
        if not (self.train > 0.0 and self.validation > 0.0 and self.train + self.validation < 1.0):
            raise SpecError(f"train = {self.train}, validation = {self.validation}: both above 0, together below 1")
        if self.kind is not DeskKind.ARBITRAGE:
            units_of(self.seen)

    @property
    def kind(self) -> DeskKind:
        """The desk."""
        return DeskKind[self.desk.upper()]

    @property
    def seen(self) -> tuple[str, ...]:
        """The features that the agent sees."""
        return self.features or FEATURES[self.kind]

    def named(self) -> str:
        """Return the SHA-256 of the spec."""
        return hashlib.sha256(canonical(self)).hexdigest()


def _one_of(name: str, value: str, allowed: object) -> None:
    words = list(allowed)  # type: ignore[call-overload]
    if value not in words:
        raise SpecError(f"{name} {value}: {', '.join(words)} is allowed")
