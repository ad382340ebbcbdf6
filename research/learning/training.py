"""Training one seed: chunks of learning, each judged on the validation part; the best one becomes an artefact.

A chunk follows from the agent before it, the seed and its number. So a training that was killed goes on from its last
whole chunk, and comes to the same artefact as one that was not.
"""

import importlib.metadata
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from envs.rollout import open_engine, roll
from envs.vector import Markets, Terms
from policies.network import network_of
from policies.plan import ModelPlan, canonical, plan_hash
from research.learning.agents import apply_terms, begin_chunk, new_agent, restore_agent, save_agent
from research.learning.artefact import Artefact, Span, save_artefact
from research.learning.export import layers_of
from research.learning.installed import require_torch
from research.learning.parts import Part, Source, fitted_observer, modelled_plan, part_tape, parts_of, training_markets
from research.learning.spec import REWARDS, TrainSpec
from research.params import DataFile
from research.scores import Score, score_of

LIBRARIES: Final = ("torch", "stable-baselines3", "sb3-contrib", "gymnasium", "numpy", "numba")
STATE: Final = "state.json"


class Progress(Struct, frozen=True, kw_only=True):
    """Where one seed's training stands: chunks done, the validation value of each, and the artefact once it is done.

    `best` is the chunk that is kept so far, `numbers` its network.
    """

    seed: int
    chunks: int = 0
    values: tuple[float, ...] = ()
    best: int = -1
    numbers: tuple[float, ...] = ()
    artefact: str = ""


class Job(NamedTuple):
    """One seed to train: on what, how, by which code, where it keeps its chunks, and where artefacts go."""

    spec: TrainSpec
    sources: tuple[Source, ...]
    seed: int
    folder: Path
    artefacts: Path
    revision: str


def progress_of(folder: Path, seed: int) -> Progress:
    """Return where a seed's training stands; one that has not begun stands at its beginning."""
    try:
        return msgspec.json.decode((folder / STATE).read_bytes(), type=Progress)
    except FileNotFoundError:
        return Progress(seed=seed)


def train_seed(job: Job, tell: Callable[[Progress], None] = lambda _: None) -> Progress:
    """Train one seed to its end, from its last whole chunk on; return how it went, with the artefact's hash."""
    require_torch()
    from research.learning.sb3_vec import MarketsVecEnv

    progress = progress_of(job.folder, job.seed)
    if progress.artefact:
        return progress
    spec = job.spec
    observer = fitted_observer(job.sources, spec)
    markets = Markets(training_markets(job.sources, spec, observer), _terms(spec), job.seed)
    env = MarketsVecEnv(markets)
    logs = job.folder / "tensorboard"
    if progress.chunks:
        agent = restore_agent(spec, env, _chunk(job.folder, progress.chunks), logs)
    else:
        agent = new_agent(spec, env, job.seed, logs)
    while progress.chunks < spec.chunks:
        value, numbers = _learn(job, observer, agent, env, progress.chunks)
        progress = _noted(progress, value, numbers)
        _keep(job.folder, agent, progress)
        tell(progress)
    progress = msgspec.structs.replace(progress, artefact=finish(job, observer, progress))
    _write(job.folder, progress)
    shutil.rmtree(_chunk(job.folder, spec.chunks), ignore_errors=True)
    tell(progress)
    return progress


def learn_chunk(
    job: Job, observer: tuple[float, ...], chunk: int, before: Path | None, into: Path
) -> tuple[float, tuple[float, ...]]:  # fmt: skip
    """Learn one chunk, by a job's spec, from the agent kept in `before` on, and keep what comes of it.

    Return what it is worth on the validation part, and its network.
    """
    require_torch()
    from research.learning.sb3_vec import MarketsVecEnv

    spec = job.spec
    env = MarketsVecEnv(Markets(training_markets(job.sources, spec, observer), _terms(spec), job.seed))
    agent = restore_agent(spec, env, before) if before else new_agent(spec, env, job.seed)
    apply_terms(agent, spec)
    found = _learn(job, observer, agent, env, chunk)
    save_agent(agent, into)
    return found


def _learn(
    job: Job, observer: tuple[float, ...], agent: Any, env: Any, chunk: int
) -> tuple[float, tuple[float, ...]]:  # fmt: skip
    """Let an agent learn a chunk; return what it is worth on the validation part, and its network."""
    spec = job.spec
    begin_chunk(agent, env, job.seed, chunk)
    agent.learn(
        -(-spec.steps // spec.chunks), reset_num_timesteps=chunk == 0, tb_log_name=f"seed{job.seed}",
        progress_bar=False,
    )  # fmt: skip
    model = _model(job, observer, tuple(network_of(*layers_of(agent)).tolist()))
    value = float(np.mean([worth(source, parts_of(source, spec).validation, model) for source in job.sources]))
    return value, model.numbers


def finish(job: Job, observer: tuple[float, ...], progress: Progress) -> str:
    """Make an artefact of the best chunk of a finished training, judged once on the test parts; return its hash."""
    return save_artefact(job.artefacts, _artefact(job, _model(job, observer, progress.numbers), progress)).stem


def _model(job: Job, observer: tuple[float, ...], numbers: tuple[float, ...]) -> ModelPlan:
    return ModelPlan(desk=0, sha256="", features=_features(job.spec), observer=observer, numbers=numbers)


def _terms(spec: TrainSpec) -> Terms:
    return Terms(
        rows=spec.episode_rows, random_start=True, reward=REWARDS[spec.reward], scale=spec.scale, eta=spec.eta,
        kappa=spec.kappa, leak=spec.leak,
    )  # fmt: skip


def _features(spec: TrainSpec) -> tuple[str, ...]:
    return () if spec.desk == "arbitrage" else spec.seen


def worth(source: Source, part: Part, model: ModelPlan) -> float:
    """Return the log return that a model makes of a part, all costs paid; what lost everything is worth -10."""
    plan = modelled_plan(source.plan, model)
    rollout = roll(open_engine(plan), part_tape(source, part))
    left = int(rollout.account[0].equity) / plan.cash
    return float(np.log(left)) if left > 0.0 else -10.0


def score_part(source: Source, part: Part, model: ModelPlan) -> Score:
    """Return the score of a model on a part."""
    plan = modelled_plan(source.plan, model)
    return score_of(plan, roll(open_engine(plan), part_tape(source, part)))


def _noted(progress: Progress, value: float, numbers: tuple[float, ...]) -> Progress:
    """Return the progress with one more chunk; the first of equally good ones is kept."""
    best = progress.best < 0 or value > progress.values[progress.best]
    return msgspec.structs.replace(
        progress,
        chunks=progress.chunks + 1,
        values=(*progress.values, value),
        best=progress.chunks if best else progress.best,
        numbers=numbers if best else progress.numbers,
    )


def _chunk(folder: Path, number: int) -> Path:
    return folder / f"chunk-{number:04d}"


def _keep(folder: Path, agent: Any, progress: Progress) -> None:
    """Keep a chunk: the agent in a folder of its own, then the state that says so, then nothing of the one before."""
    own = _chunk(folder, progress.chunks)
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    save_agent(agent, own)
    _write(folder, progress)
    shutil.rmtree(_chunk(folder, progress.chunks - 1), ignore_errors=True)


def _write(folder: Path, progress: Progress) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{STATE}.draft"
    draft.write_bytes(canonical(progress))
    draft.replace(folder / STATE)


def _artefact(job: Job, model: ModelPlan, progress: Progress) -> Artefact:
    """Return the artefact of a finished training, judged once on the test parts."""
    plans = {source.name: modelled_plan(source.plan, model) for source in job.sources}
    desk = next(iter(plans.values())).desks[0]
    files = dict.fromkeys(file for source in job.sources for file in source.data)
    return Artefact(
        desk=job.spec.desk,
        policy=desk.policy,
        features=model.features,
        observer=model.observer,
        numbers=model.numbers,
        params=dict(desk.params),
        spec=job.spec,
        seed=job.seed,
        chunk=progress.best,
        data=tuple(DataFile(*file) for file in files),
        plans={name: plan_hash(msgspec.structs.replace(plan, models=())) for name, plan in plans.items()},
        revision=job.revision,
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        validation=_spans(job, model, "validation"),
        test=_spans(job, model, "test"),
    )


def _spans(job: Job, model: ModelPlan, name: str) -> tuple[Span, ...]:
    spans = []
    for source in job.sources:
        part: Part = getattr(parts_of(source, job.spec), name)
        times = source.tape.time_ns
        first_ns, last_ns = int(times[part.first]), int(times[part.last - 1])
        score = score_part(source, part, model)
        spans.append(Span(market=source.name, first_ns=first_ns, last_ns=last_ns, score=score))
    return tuple(spans)
