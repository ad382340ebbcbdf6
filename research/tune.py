"""A sweep: many sets of parameters over one plan and one tape, as Ray Tune trials of a batch of rollouts each.

A trial costs seconds to start and a rollout milliseconds, so a trial is hundreds of rollouts. What comes out is the
same whatever the batch: sets have numbers, a score follows from plan, tape and set, and ties go to the lower number.
"""

import logging
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec

from actors.local import STORE_BYTES, LocalRay
from policies.plan import Plan, plan_hash
from research.backtest import executing
from research.grid import Sets
from research.paper import RunError, revision
from research.params import DataFile, ParamsFile
from research.planning import Planned
from research.scores import Score, rank, score_plan, with_params

BATCH: Final = 200
"""Sets per trial: some seconds of work, against a second or two that a trial costs."""

_TUNE: Final = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "RAY_AIR_NEW_OUTPUT": "0",
}


class SweepError(RunError):
    """A sweep could not come to its end; the message names the parameters at which it stopped."""


class Sweep(NamedTuple):
    """A finished sweep: scores by number of the set, and their numbers by rank."""

    planned: Planned
    sets: Sets
    scores: tuple[Score, ...]
    ranking: tuple[int, ...]
    metric: str
    batch: int
    trials: int
    seconds: float

    @property
    def undefined(self) -> int:
        """How many sets have no value of the metric."""
        return sum(getattr(score, self.metric) is None for score in self.scores)

    @property
    def median(self) -> float | None:
        """The metric of the set in the middle, of those that have one."""
        values = [value for score in self.scores if (value := getattr(score, self.metric)) is not None]
        return median(values) if values else None

    @property
    def best(self) -> int | None:
        """The number of the best set; None where the metric is undefined for all."""
        return self.ranking[0] if self.undefined < len(self.scores) else None


def run_sweep(
    planned: Planned,
    sets: Sets,
    metric: str,
    batch: int = BATCH,
    watch: Callable[[int, int], None] | None = None,
    wished: Callable[[], bool] = lambda: False,
) -> Sweep:
    """Score every set on a local Ray of its own; `watch` hears (trials done, trials).

    KeyboardInterrupt once somebody `wished` to stop: Tune is asked at every step, whatever it did with a signal.
    """
    planned = planned._replace(plan=executing(planned.plan))
    trials = -(-len(sets.rows) // batch)
    # One set here first: kernels are compiled once, not in every worker, and what fails for all fails at once.
    score_plan(with_params(planned.plan, tuple(sets.named(0).items())), planned.tape)
    size = sum(column.nbytes for column in planned.tape) + sets.rows.nbytes
    ray = LocalRay(cpus=min(os.cpu_count() or 1, trials), store_bytes=STORE_BYTES + 2 * size)
    begin = time.perf_counter()
    try:
        ray.start(_TUNE)
        rows = _fit(planned, sets, batch, str(ray.folder / "tune"), watch, wished)
    finally:
        ray.stop()
    scores = tuple(Score(**dict(zip(Score.__struct_fields__, row, strict=True))) for row in rows)
    ranking = tuple(rank(scores, metric))
    return Sweep(planned, sets, scores, ranking, metric, batch, trials, time.perf_counter() - begin)


def _fit(
    planned: Planned,
    sets: Sets,
    batch: int,
    folder: str,
    watch: Callable[[int, int], None] | None,
    wished: Callable[[], bool],
) -> list[tuple[Any, ...]]:
    """Run the trials; return the rows of all sets in their order."""
    import ray.tune

    from research.trial import BatchTrial, Watcher

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what goes wrong is said by us, in one line
    trials = -(-len(sets.rows) // batch)
    data = {"plan": planned.plan, "tape": planned.tape, "sets": sets, "size": batch}
    tuner = ray.tune.Tuner(
        ray.tune.with_resources(ray.tune.with_parameters(BatchTrial, **data), {"cpu": 1}),
        param_space={"batch": ray.tune.grid_search(list(range(trials)))},
        tune_config=ray.tune.TuneConfig(reuse_actors=True),
        run_config=ray.tune.RunConfig(
            name="sweep",
            storage_path=folder,
            verbose=0,
            callbacks=[Watcher(trials, watch, wished)],
            checkpoint_config=ray.tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=ray.tune.FailureConfig(fail_fast=True),
        ),
    )
    results = {}
    grid = tuner.fit()
    if wished():
        raise KeyboardInterrupt
    for result in (grid[k] for k in range(len(grid))):
        number = int((result.config or {}).get("batch", -1))
        if result.error is not None:
            raise SweepError(_died(sets, batch, number, result.error))
        if result.metrics is None or "rows" not in result.metrics:
            continue
        if result.metrics["failed"] >= 0:
            named = sets.named(int(result.metrics["failed"]))
            raise SweepError(f"the rollout of {shown(named)} failed: {result.metrics['why']}")
        results[number] = result.metrics["rows"]
    absent = [number for number in range(trials) if number not in results]
    if absent:
        raise SweepError(f"{len(absent)} of {trials} trials brought nothing, the first with {_span(sets, batch, 0)}")
    return [tuple(row) for number in range(trials) for row in results[number]]


def _died(sets: Sets, batch: int, number: int, error: Exception) -> str:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return f"the trial with {_span(sets, batch, number)} ended: {reason[-1]}"


def _span(sets: Sets, batch: int, number: int) -> str:
    """Name the sets of a batch by its first and last."""
    begin = max(number, 0) * batch
    end = min(begin + batch, len(sets.rows))
    return f"sets {begin + 1} to {end} ({shown(sets.named(begin))} ... {shown(sets.named(end - 1))})"


def shown(params: dict[str, float]) -> str:
    """Return parameters as people write them."""
    return " ".join(f"{name}={value:g}" for name, value in params.items())


def best_params(sweep: Sweep, number: int) -> ParamsFile:
    """Return a set of a sweep as it is kept: with what it was chosen by and on."""
    planned = sweep.planned
    params = sweep.sets.named(number)
    plan: Plan = with_params(planned.plan, tuple(params.items()))
    return ParamsFile(
        policy=plan.desks[0].policy,
        params=params,
        metric=sweep.metric,
        value=float(getattr(sweep.scores[number], sweep.metric)),
        sets=len(sweep.scores),
        symbols=tuple(instrument.key for instrument in plan.instruments),
        first_ns=int(planned.tape.time_ns[0]),
        last_ns=int(planned.tape.time_ns[-1]),
        data=tuple(DataFile(*file) for file in planned.data),
        plan_hash=plan_hash(plan),
        revision=revision(),
    )


def score_fields(score: Score) -> dict[str, Any]:
    """Return a score by names."""
    return msgspec.structs.asdict(score)
