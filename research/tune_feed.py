"""What a sweep runs next: a search's rounds, cut into batches, less what the log has already."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from research.scores import METRICS
from research.search import Round, Search
from research.trial_log import TrialLog, stacked
from research.trial_score import COLUMNS, Floats


class Job(NamedTuple):
    """A batch: sets by their places, each to be scored on some folds."""

    places: NDArray[np.int64]
    folds: tuple[int, ...]


class Feed:
    """Hands out batches, takes what came of them, and asks the search for the next round once one is complete."""

    def __init__(self, search: Search, log: TrialLog, metric: str, folds: int, batch: int) -> None:
        self._search, self._log, self._batch = search, log, batch
        self._column, self._sign, self._folds = COLUMNS.index(metric), METRICS[metric], folds
        self._waiting: list[Job] = []
        self._under_way = 0
        self.reused = 0
        """Scores that the log had already, one per set and fold."""
        self.order: dict[int, None] = {}
        """Places of sets in the order in which the search asked for them."""
        self.done = self.planned = 0
        """Batches that this process has taken back, and handed out or still holds."""
        self.finished = False
        self._round = self._open(next(search))
        self._advance()

    def take(self) -> Job | None:
        """Return the next batch; None while the round waits for others, or when the search has ended."""
        if not self._waiting:
            return None
        self._under_way += 1
        return self._waiting.pop(0)

    def put_back(self, job: Job) -> None:
        """Take back a batch that nobody has run."""
        self._under_way -= 1
        self._waiting.insert(0, job)

    def bring(self, job: Job, columns: Floats) -> None:
        """Log what came of a batch, and go on where its round is complete."""
        self._log.append(job.places, job.folds, columns)
        self._under_way -= 1
        self.done += 1
        self._advance()

    def _advance(self) -> None:
        """Go on from round to round, as long as the log knows all of one."""
        while not self.finished and not self._waiting and not self._under_way:
            try:
                following = self._search.send(objective(self._columns(self._round), self._column, self._sign))
            except StopIteration:
                self.finished = True
            else:
                self._round = self._open(following)

    def _open(self, asked: Round) -> Round:
        self.order |= dict.fromkeys(asked.places.tolist())
        scored = self._log.scored
        left = [place for place in asked.places.tolist() if not set(asked.folds) <= scored.get(place, {}).keys()]
        self.reused += (len(asked.places) - len(left)) * len(asked.folds)
        parts = math.ceil(len(left) / self._batch)
        self._waiting = [Job(part, asked.folds) for part in np.array_split(np.array(left, np.int64), max(parts, 1))]
        self._waiting = [job for job in self._waiting if len(job.places)]
        self.planned += len(self._waiting)
        return asked

    def _columns(self, asked: Round) -> Floats:
        return stacked(self._log.scored, asked.places.tolist(), self._folds)[:, list(asked.folds)]


def objective(columns: Floats, column: int, sign: int) -> Floats:
    """Return the objective [sets, folds] of columns: more is better, NaN where it is undefined."""
    return np.asarray(sign * columns[:, :, column], np.float64)
