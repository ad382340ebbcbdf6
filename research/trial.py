"""A trial of a sweep: a batch of rollouts in one Ray worker, which keeps its process, kernels and data for the next."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import ray.tune
from numpy.typing import NDArray
from ray.tune.search import Searcher

from market.tape import Tape, owned
from policies.plan import Plan
from research.grid import Grid
from research.scores import with_params
from research.trial_score import COLUMNS, score_window
from research.tune_feed import Feed, Job
from research.validation import Window

DEATHS_MAX: Final = 5
"""Times that a batch may lose its worker before the sweep gives up on it."""
FOREVER: Final = 10**9
"""Trials at most: the search knows when it has ended, Tune does not need to."""


class Work(NamedTuple):
    """What every trial of a sweep works on."""

    plan: Plan
    tape: Tape
    grid: Grid
    windows: tuple[Window, ...]
    times: NDArray[np.int64]
    """The instants of the tape's bars."""

    def score(self, places: list[int], folds: list[int]) -> dict[str, Any]:
        """Score sets on folds: the bytes of columns [sets, folds, COLUMNS], or the first set that failed and why."""
        sets, times = self.grid.sets_at(places), self.times
        table = np.empty((len(places), len(folds), len(COLUMNS)))
        for k in range(len(places)):
            try:
                plan = with_params(self.plan, tuple(sets.named(k).items()))
                for place, fold in enumerate(folds):
                    table[k, place], _ = score_window(plan, self.tape, times, self.windows[fold])
            except Exception as error:  # noqa: BLE001 - whatever it was, these parameters did it, and the driver says so
                return {"columns": b"", "failed": places[k], "why": _one_line(error)}
        return {"columns": table.tobytes(), "failed": -1, "why": ""}


class BatchTrial(ray.tune.Trainable):
    """Scores one batch after another; `config` says which, everything else stays in this process."""

    def setup(self, config: dict[str, Any], **work: Any) -> None:
        """Take the work: its tape arrives read-only, and is copied once."""
        given = Work(**work)
        self._work = given._replace(tape=owned(given.tape))
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take on another batch in the same process."""
        self._places, self._folds = list(new_config["places"]), list(new_config["folds"])
        return True

    def step(self) -> dict[str, Any]:
        """Score the batch, all of it in one step."""
        return {**self._work.score(self._places, self._folds), "done": True}


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Feeder(Searcher):
    """Hands a feed's batches to Tune, and what comes of them back; it ends with the feed, or at the first failure."""

    def __init__(self, feed: Feed, watch: Callable[[int, int], None] | None) -> None:
        super().__init__()
        self._feed, self._watch = feed, watch
        self._jobs: dict[str, Job] = {}
        self._deaths: dict[tuple[int, ...], int] = {}
        self.failed: tuple[int, str] | None = None
        """The set that failed, and why."""
        self.lost: Job | None = None
        """A batch that was tried as often as is allowed, and brought nothing."""
        self.error: OSError | None = None
        """Why the log could not be written."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Searcher, ()  # Tune keeps a copy of whom it asks, to go on by itself; here the log is what goes on

    def suggest(self, trial_id: str) -> Any:
        """Return the next batch as a trial's configuration; None: not yet."""
        if self._feed.finished or self.failed or self.lost or self.error:
            return Searcher.FINISHED
        job = self._feed.take()
        if job is None:
            return None
        self._jobs[trial_id] = job
        return {"places": tuple(job.places.tolist()), "folds": job.folds}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take a batch back."""
        job = self._jobs.pop(trial_id)
        if error or result is None or "columns" not in result:
            self._again(job)
        elif result["failed"] >= 0:
            self.failed = self.failed or (int(result["failed"]), str(result["why"]))
        else:
            table = np.frombuffer(result["columns"]).reshape(len(job.places), len(job.folds), len(COLUMNS))
            try:
                self._feed.bring(job, table.copy())
            except OSError as trouble:
                self.error = trouble
                return
            if self._watch is not None:
                self._watch(self._feed.done, self._feed.planned)

    def _again(self, job: Job) -> None:
        """Hand a batch out anew; Tune itself gives up on one whose worker died before it had begun."""
        name = int(job.places[0]), *job.folds
        self._deaths[name] = self._deaths.get(name, 0) + 1
        if self._deaths[name] > DEATHS_MAX:
            self.lost = self.lost or job
        else:
            self._feed.put_back(job)

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the log has it."""

    def restore(self, checkpoint_path: str) -> None:
        """Take nothing up: the log has it."""


class Watcher(ray.tune.Callback):
    """Ends the sweep once somebody wished it."""

    def __init__(self, wished: Callable[[], bool] = lambda: False) -> None:
        self._wished = wished

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Leave the sweep by KeyboardInterrupt if it is to stop."""
        if self._wished():
            raise KeyboardInterrupt
