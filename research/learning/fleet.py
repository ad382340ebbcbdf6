"""A fleet: many seeds of one training at once, each in a Ray worker of its own, on a local Ray.

A worker that dies is started again by Ray and goes on from its last whole chunk; so does a training whose driver was
killed, the next time it is asked for: its folder is named by all that it follows from.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from actors.local import STORE_BYTES, LocalRay
from policies.plan import canonical, plan_hash
from research.learning.parts import Source
from research.learning.spec import TrainSpec
from research.learning.training import Job, Progress, progress_of, train_seed
from research.paper import RunError, revision

RETRIES: Final = 5
"""Times that a seed's worker may die."""
POLL_S: Final = 1.0


class TrainingError(RunError):
    """A training could not come to its end; the message names the seed."""


class Trained(NamedTuple):
    """A finished training: its run's name, the folder it was kept in, and how each seed went."""

    run: str
    folder: Path
    seeds: tuple[Progress, ...]
    seconds: float


def run_name(spec: TrainSpec, sources: Sequence[Source]) -> str:
    """Return the name of a training: the hash of its spec, its plans and its files."""
    parts = [spec.named(), *(plan_hash(source.plan) for source in sources)]
    parts += [f"{path}#{sha256}" for source in sources for path, sha256, _ in source.data]
    return hashlib.sha256(canonical(parts)).hexdigest()[:16]


def run_fleet(
    spec: TrainSpec,
    sources: tuple[Source, ...],
    seeds: Sequence[int],
    home: Path,
    watch: Callable[[Sequence[Progress]], None] = lambda _: None,
    wished: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train every seed; `watch` hears how all stand whenever that changes. KeyboardInterrupt once somebody `wished`."""
    run = run_name(spec, sources)
    folder, code = home / "training" / run, revision()
    jobs = [Job(spec, sources, seed, folder / f"seed-{seed}", home / "models", code) for seed in seeds]
    begin = time.perf_counter()
    todo = [job for job in jobs if not progress_of(job.folder, job.seed).artefact]
    if todo:
        size = sum(sum(column.nbytes for column in source.tape) for source in sources)
        ray = LocalRay(cpus=min(os.cpu_count() or 1, len(todo)), store_bytes=STORE_BYTES + 2 * size)
        try:
            ray.start()
            _work(todo, lambda: watch([progress_of(job.folder, job.seed) for job in jobs]), wished)
        finally:
            ray.stop()
    done = tuple(progress_of(job.folder, job.seed) for job in jobs)
    watch(done)
    return Trained(run, folder, done, time.perf_counter() - begin)


def _work(jobs: Sequence[Job], tell: Callable[[], None], wished: Callable[[], bool]) -> None:
    """Let Ray work on the jobs; tell whenever a state has changed."""
    import ray

    remote: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_train)
    sources = ray.put(jobs[0].sources)
    waiting = {remote.remote(job._replace(sources=()), sources): job for job in jobs}
    seen: list[int] = []
    while waiting:
        ready, _ = ray.wait(list(waiting), timeout=POLL_S)
        for ref in ready:
            job = waiting.pop(ref)
            try:
                ray.get(ref)
            except ray.exceptions.RayError as error:
                reason = str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
                raise TrainingError(f"seed {job.seed}: {reason}") from error
        stands = [progress_of(job.folder, job.seed).chunks for job in jobs]
        if stands != seen:
            seen = stands
            tell()
        if wished():
            raise KeyboardInterrupt


def _train(job: Job, sources: tuple[Source, ...]) -> Progress:
    """Train a seed in a worker."""
    return train_seed(job._replace(sources=sources))
