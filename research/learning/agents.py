"""Agents of Stable-Baselines3 (and sb3-contrib): made, saved and restored so that a chunk follows from its beginning.

Torch is imported here and below alone; where it is missing, one line says how to get it.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from research.learning.installed import require_torch
from research.learning.spec import SpecError, TrainSpec

BUFFER: Final = 100_000
"""Steps that DQN remembers."""


def algorithm_of(name: str) -> Any:
    """Return the class of an algorithm."""
    require_torch()
    if name == "maskable_ppo":
        from sb3_contrib import MaskablePPO

        return MaskablePPO
    from stable_baselines3 import DQN, PPO

    return {"ppo": PPO, "dqn": DQN}[name]


def new_agent(spec: TrainSpec, env: Any, seed: int, log: Path | None = None) -> Any:
    """Return an agent that has learnt nothing; `log` is a folder for TensorBoard."""
    make = algorithm_of(spec.algorithm)
    import torch

    torch.set_num_threads(1)
    layers: dict[str, Any] = {
        "net_arch": list(spec.net),
        "activation_fn": torch.nn.Tanh if spec.activation == "tanh" else torch.nn.ReLU,
    }
    common: dict[str, Any] = {
        "learning_rate": spec.rate, "gamma": spec.gamma, "seed": seed, "device": "cpu", "policy_kwargs": layers,
        "batch_size": spec.batch, "verbose": 0, "tensorboard_log": str(log) if log else None,
    }  # fmt: skip
    if spec.algorithm == "dqn":
        return make(
            "MlpPolicy", env, buffer_size=BUFFER, learning_starts=min(1_000, spec.steps // 10 + 1),
            train_freq=max(4, spec.rollout // 8), gradient_steps=1, target_update_interval=2_000,
            exploration_fraction=0.3, **common,
        )  # fmt: skip
    return make(
        "MlpPolicy", env, n_steps=spec.rollout, n_epochs=spec.epochs, gae_lambda=spec.gae, ent_coef=spec.entropy,
        **common,
    )  # fmt: skip


def save_agent(agent: Any, folder: Path) -> None:
    """Write an agent, with what it remembers of its steps where it learns from them."""
    agent.save(folder / "agent.zip")
    if hasattr(agent, "save_replay_buffer"):
        agent.save_replay_buffer(folder / "replay.pkl")


def restore_agent(spec: TrainSpec, env: Any, folder: Path, log: Path | None = None) -> Any:
    """Read an agent that `save_agent` has written in a folder of this program's own."""
    import torch

    torch.set_num_threads(1)
    agent = algorithm_of(spec.algorithm).load(folder / "agent.zip", env=env, device="cpu")
    agent.tensorboard_log = str(log) if log else None
    if hasattr(agent, "load_replay_buffer"):
        agent.load_replay_buffer(folder / "replay.pkl")
    return agent


def apply_terms(agent: Any, spec: TrainSpec) -> None:
    """Let an agent that has learnt by other terms go on by those of a spec."""
    agent.learning_rate, agent.gamma = spec.rate, spec.gamma
    agent._setup_lr_schedule()  # noqa: SLF001 - the schedule is made of the rate, and SB3 makes it at the begin alone
    if spec.algorithm == "dqn":
        return
    agent.ent_coef, agent.gae_lambda, agent.n_epochs = spec.entropy, spec.gae, spec.epochs
    agent.rollout_buffer.gamma, agent.rollout_buffer.gae_lambda = spec.gamma, spec.gae


def begin_chunk(agent: Any, env: Any, seed: int, chunk: int) -> None:
    """Let a chunk follow from the agent, the seed and its number alone: so a resumed training is an undisturbed one."""
    number = int(np.random.default_rng([seed, chunk]).integers(2**31))
    agent.set_random_seed(number)
    env.seed(number)
    agent._last_obs = None  # noqa: SLF001 - SB3 begins its episodes anew when there is none
    if agent.get_env() is None:
        raise SpecError("the agent has no environment to learn in")
