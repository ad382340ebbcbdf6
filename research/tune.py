"""A sweep: many sets of parameters on the folds of one tape, as Ray Tune trials of a batch of rollouts each.

A trial costs seconds to start and a rollout milliseconds, so a trial is hundreds of rollouts. What comes out is the
same whatever the batch, the number of workers, and however often it was interrupted: sets have places in the grid, a
score follows from plan, tape, set and fold, a search from seed and scores, and equals go by their place. Every batch is
logged when it is finished; a worker that dies loses nothing but the batch that it was at, which is run again.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from actors.local import STORE_BYTES, LocalRay
from market.compiled import sources_hash
from market.tape import Tape, slice_tape, tape_hash
from policies.catalogue import policy_named
from policies.plan import plan_hash
from research.backtest import executing
from research.grid import Grid
from research.paper import RunError
from research.params import DataFile
from research.planning import Planned
from research.scores import with_params
from research.search import Asked, search_of
from research.search_folds import Folds, Shape, folds_of, lead_of
from research.trial_log import RunRecord, TrialLog
from research.trial_score import Floats, score_window
from research.tune_feed import Feed
from research.walkforward import bars_of

BATCH: Final = 200
"""Sets per trial: some seconds of work, against a second or two that a trial costs."""

_TUNE: Final = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the log is ours as well
    "RAY_AIR_NEW_OUTPUT": "0",
}

Watch = Callable[[int, int], None]


class SweepError(RunError):
    """A sweep could not come to its end; the message names the parameters at which it stopped."""


class Study(NamedTuple):
    """What is searched: a plan over a tape, the grid, how, on which folds, by which metric; `record` names it."""

    planned: Planned
    grid: Grid
    asked: Asked
    folds: Folds
    record: RunRecord

    @property
    def metric(self) -> str:
        """What sets are ranked by."""
        return self.record.metric


class Workers(NamedTuple):
    """How a sweep is shared out: sets per trial, and processes (0: one per core)."""

    batch: int = BATCH
    processes: int = 0


USUAL: Final = Workers()


class Searched(NamedTuple):
    """What a search has scored, by place and fold, and its places in the order in which it asked for them.

    `batches` is how many this process ran, `reused` how many scores the log had before.
    """

    study: Study
    scored: dict[int, dict[int, Floats]]
    order: tuple[int, ...]
    batches: int
    reused: int
    seconds: float


def study_of(planned: Planned, grid: Grid, asked: Asked, shape: Shape, metric: str, words: dict[str, Any]) -> Study:
    """Return a study; ValueErrors say what does not fit. `words` are kept with it, to ask again with."""
    planned = planned._replace(plan=executing(planned.plan))
    (desk,) = planned.plan.desks
    spec = policy_named(desk.policy)
    grid.check_rising(spec)
    search_of(asked, grid, shape.folds)
    folds = folds_of(len(bars_of(planned.tape)), lead_of(spec, grid), shape)
    record = RunRecord(
        policy=desk.policy, basis_hash=plan_hash(with_params(planned.plan, ())), tape_hash=tape_hash(planned.tape),
        kernels=sources_hash(), data=tuple(DataFile(*file) for file in planned.data), base=grid.base, axes=grid.axes,
        asked=asked, shape=shape, metric=metric, words=words,
    )  # fmt: skip
    return Study(planned, grid, asked, folds, record)


def run_search(
    study: Study,
    trials: Path,
    workers: Workers = USUAL,
    watch: Watch | None = None,
    wished: Callable[[], bool] = lambda: False,
) -> Searched:
    """Score what the search asks for, on a local Ray of its own; `watch` hears (batches done, batches so far planned).

    What the log of this study has is not run again. KeyboardInterrupt once somebody `wished` to stop: Tune is asked at
    every step, whatever it did with a signal.
    """
    begin = time.perf_counter()
    log = TrialLog(trials, study.record)
    try:
        search = search_of(study.asked, study.grid, study.folds.searched)
        feed = Feed(search, log, study.metric, study.folds.searched, workers.batch)
        if not feed.finished:
            _run(study, feed, workers, watch, wished)
        return Searched(study, log.scored, tuple(feed.order), feed.done, feed.reused, time.perf_counter() - begin)
    finally:
        log.close()


def _run(study: Study, feed: Feed, workers: Workers, watch: Watch | None, wished: Callable[[], bool]) -> None:
    planned = study.planned
    # One set here first: kernels are compiled once, not in every worker, and what fails for all fails at once.
    plan = with_params(planned.plan, tuple(study.grid.sets_at([0]).named(0).items()))
    score_window(plan, planned.tape, bars_of(planned.tape), study.folds.windows[0])
    size = sum(column.nbytes for column in planned.tape)
    processes = workers.processes or os.cpu_count() or 1
    ray = LocalRay(cpus=processes, store_bytes=STORE_BYTES + 2 * size)
    try:
        ray.start(_TUNE)
        _fit(study, feed, str(ray.folder / "tune"), watch, wished)
    finally:
        ray.stop()


def _fit(study: Study, feed: Feed, folder: str, watch: Watch | None, wished: Callable[[], bool]) -> None:
    """Run trials until the feed has ended."""
    import ray.tune

    from research.trial import DEATHS_MAX, FOREVER, BatchTrial, Feeder, Watcher, Work

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what goes wrong is said by us, in one line
    planned = study.planned
    windows = study.folds.windows[: study.folds.searched]  # no worker ever has those held out
    tape = _until(planned, windows[-1].test_end)
    data = Work(planned.plan, tape, study.grid, windows, bars_of(tape))._asdict()
    feeder = Feeder(feed, watch)
    tuner = ray.tune.Tuner(
        ray.tune.with_resources(ray.tune.with_parameters(BatchTrial, **data), {"cpu": 1}),
        tune_config=ray.tune.TuneConfig(search_alg=feeder, num_samples=FOREVER, reuse_actors=True),
        run_config=ray.tune.RunConfig(
            name="sweep",
            storage_path=folder,
            verbose=0,
            callbacks=[Watcher(wished)],
            checkpoint_config=ray.tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=ray.tune.FailureConfig(max_failures=DEATHS_MAX),
        ),
    )
    with redirect_stdout(StringIO()):  # Ray tells of dead workers there, at length; standard output is for the answer
        tuner.fit()
    if wished():
        raise KeyboardInterrupt
    if feeder.error is not None:
        raise feeder.error
    if feeder.failed is not None:
        place, why = feeder.failed
        raise SweepError(f"the rollout of {shown(study.grid.sets_at([place]).named(0))} failed: {why}")
    if feeder.lost is not None:
        raise SweepError(f"the worker of the batch with {_span(study.grid, feeder.lost.places)} died again and again")
    if not feed.finished:
        raise SweepError("Ray Tune ended before the search did")


def _until(planned: Planned, bar: int) -> Tape:
    """Return the rows before a bar: workers have no others."""
    times = bars_of(planned.tape)
    return slice_tape(planned.tape, 0, int(planned.tape.time_ns.searchsorted(times[bar - 1], "right")))


def _span(grid: Grid, places: NDArray[Any]) -> str:
    """Name the sets of a batch by its first and last."""
    sets = grid.sets_at([int(places[0]), int(places[-1])])
    return f"{len(places)} sets ({shown(sets.named(0))} ... {shown(sets.named(1))})"


def shown(params: dict[str, float]) -> str:
    """Return parameters as people write them."""
    return " ".join(f"{name}={value:g}" for name, value in params.items())
