"""A trial of a sweep: a batch of rollouts in one Ray worker, which keeps its process, kernels and data for the next."""

from collections.abc import Callable
from typing import Any, NamedTuple

import ray.tune
from msgspec import structs

from market.tape import Tape, owned
from policies.plan import Plan
from research.grid import Sets
from research.scores import score_plan, with_params


class Work(NamedTuple):
    """What every trial of a sweep works on; `size` is that of a batch."""

    plan: Plan
    tape: Tape
    sets: Sets
    size: int

    def score_batch(self, batch: int) -> dict[str, Any]:
        """Score the sets of a batch: a row of numbers each, or the first set that failed and why."""
        begin = batch * self.size
        rows: list[tuple[Any, ...]] = []
        for number in range(begin, min(begin + self.size, len(self.sets.rows))):
            params = tuple(self.sets.named(number).items())
            try:
                rows.append(structs.astuple(score_plan(with_params(self.plan, params), self.tape)))
            except Exception as error:  # noqa: BLE001 - whatever it was, these parameters did it, and the driver says so
                return {"batch": batch, "rows": [], "failed": number, "why": _one_line(error)}
        return {"batch": batch, "rows": rows, "failed": -1, "why": ""}


class BatchTrial(ray.tune.Trainable):
    """Scores one batch after another; `config` says which, everything else stays in this process."""

    def setup(self, config: dict[str, Any], **work: Any) -> None:
        """Take the work: its tape arrives read-only, and is copied once."""
        given = Work(**work)
        self._work = given._replace(tape=owned(given.tape))
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take on another batch in the same process."""
        self._batch = int(new_config["batch"])
        return True

    def step(self) -> dict[str, Any]:
        """Score the batch, all of it in one step."""
        return {**self._work.score_batch(self._batch), "done": True}


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Watcher(ray.tune.Callback):
    """Tells how many batches are done, and ends the sweep once somebody wished it."""

    def __init__(
        self, trials: int, watch: Callable[[int, int], None] | None, wished: Callable[[], bool] = lambda: False
    ) -> None:
        self._trials = trials
        self._watch = watch
        self._wished = wished
        self._done = 0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Leave the sweep by KeyboardInterrupt if it is to stop."""
        if self._wished():
            raise KeyboardInterrupt

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        """Count a finished batch."""
        self._done += 1
        if self._watch is not None:
            self._watch(self._done, self._trials)
