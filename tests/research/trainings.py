"""Trainings small enough for tests: a made market, a net of a few units, a few hundred decisions."""

from pathlib import Path
from typing import Any

import numpy as np

from envs.made_plans import forex_plan
from envs.scenarios import make_market
from research.learning.parts import Source
from research.learning.spec import TrainSpec
from research.learning.training import Job

FEATURES = ("atr:14", "return:1", "rsi:14")
BARS = 1_200


def a_spec(**changes: Any) -> TrainSpec:
    """Return a training of a few chunks."""
    usual: dict[str, Any] = {
        "desk": "forex", "algorithm": "maskable_ppo", "steps": 384, "chunks": 3, "envs": 4, "episode_rows": 150,
        "net": (8,), "rollout": 32, "batch": 64, "epochs": 2, "features": FEATURES, "purge": 20, "rate": 1e-3,
    }  # fmt: skip
    return TrainSpec(**(usual | changes))


def a_source(seed: int = 1) -> Source:
    """Return one made market of minutes."""
    tape = make_market("regimes", np.random.default_rng(seed), steps=BARS).tape
    return Source(f"made{seed}", forex_plan(), tape, ((f"made/{seed}", "ab" * 32, BARS),))


def a_job(folder: Path, spec: TrainSpec | None = None, seed: int = 1, source: Source | None = None) -> Job:
    """Return one seed to train, below a folder."""
    spec = spec or a_spec()
    return Job(spec, (source or a_source(),), seed, folder / f"seed-{seed}", folder / "models", "")
