"""Searches: which sets to score on which folds next, given all scores so far. No Ray, no clock: a search is replayed.

A search is a generator: it yields a `Round`, is sent the objective of every set and fold in it, and ends. What it asks
next follows from seed and scores alone, never from which worker was faster; so a run that was killed, and goes on with
the scores it had, ends like one that was not.
"""

import math
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from research.grid import Grid, GridError

Places = NDArray[np.int64]
Floats = NDArray[np.float64]

KINDS: Final = ("grid", "random", "optuna", "asha")
REDUCTION: Final = 3
ROUNDS: Final = 10
"""Rounds of an Optuna search: it learns between them, and within one its sets run side by side."""
SETS: Final = 100
"""Sets of an Optuna search when no number is asked for."""
ASKED_AGAIN_MAX: Final = 50
"""Times in a row that a sampler may come back with known sets before the search ends."""


class Round(NamedTuple):
    """Sets by their places in the grid, and the folds that each is to be scored on."""

    places: Places
    folds: tuple[int, ...]


Search = Generator[Round, Floats, None]
"""Yields rounds; is sent the objective [sets, folds] of each, more is better, NaN where it is undefined."""


class Asked(Struct, frozen=True):
    """A search: its kind, how many sets at most (None: the whole grid), seed, and the reduction of `asha`."""

    kind: str
    sets: int | None
    seed: int
    reduction: int = REDUCTION


def asked_of(kind: str | None, sets: int | None, draw: int | None, seed: int, reduction: int | None) -> Asked:
    """Return the search that options ask for; GridError names the ones that do not go together."""
    if sets is not None and draw is not None:
        raise GridError("--random and --sets: both say how many sets, one of the two is allowed")
    given = sets if sets is not None else draw
    kind = kind or ("random" if given is not None else "grid")
    if kind == "grid" and given is not None:
        raise GridError("--search grid: it takes every set; --sets and --random are for random, optuna and asha")
    if kind == "random" and given is None:
        raise GridError("--search random: --sets N is needed, how many to draw")
    if reduction is not None and kind != "asha":
        raise GridError(f"--reduction {reduction}: it is for --search asha")
    return Asked(kind, SETS if kind == "optuna" and given is None else given, seed, reduction or REDUCTION)


def search_of(asked: Asked, grid: Grid, folds: int) -> Search:
    """Return a search over a grid and its folds; GridError when there are too many sets."""
    if asked.kind == "optuna":
        grid.check_places()
        return _optuna(asked, grid, folds)
    places = grid.draw(asked.sets, asked.seed)
    return _halving(places, folds, asked.reduction) if asked.kind == "asha" else _all(places, folds)


def sets_at_most(asked: Asked, grid: Grid) -> int:
    """Return how many sets a search scores at most."""
    return grid.total if asked.sets is None else min(asked.sets, grid.total)


def _all(places: Places, folds: int) -> Search:
    yield Round(places, tuple(range(folds)))


def rungs_of(folds: int, reduction: int) -> list[int]:
    """Return after how many folds sets are dropped or finished: 1, the reduction, its square, ..., all folds."""
    rungs = [1]
    while rungs[-1] < folds:
        rungs.append(min(rungs[-1] * reduction, folds))
    return rungs


def _halving(places: Places, folds: int, reduction: int) -> Search:
    """Score all on the first fold, and only the best share of them on the next ones, and so on.

    A rung waits for all of its sets before it drops any: who goes on does not depend on who was faster. Undefined is
    worse than anything; equals go by their place.
    """
    done, table = 0, np.zeros((len(places), 0))
    for rung in rungs_of(folds, reduction):
        scores = yield Round(places, tuple(range(done, rung)))
        table, done = np.column_stack([table, scores]), rung
        if rung < folds:
            keep = np.sort(best_first(table.mean(axis=1))[: math.ceil(len(places) / reduction)])
            places, table = places[keep], table[keep]


def best_first(values: Floats) -> Places:
    """Return positions, highest value first; NaN last, equals in their order."""
    return np.lexsort((np.arange(len(values)), -np.nan_to_num(values), np.isnan(values)))


def _optuna(asked: Asked, grid: Grid, folds: int) -> Search:
    """Let a tree-structured Parzen estimator propose; a set that it has proposed before is not scored twice."""
    total = sets_at_most(asked, grid)
    proposer = _Proposer(grid, asked.seed)
    size = max(math.ceil(total / ROUNDS), 1)
    while len(proposer.known) < total:
        asks = proposer.propose(min(size, total - len(proposer.known)))
        if not asks:
            return
        scores = yield Round(np.array([place for place, _ in asks], np.int64), tuple(range(folds)))
        proposer.learn(asks, scores.mean(axis=1))


class _Proposer:
    """Optuna by ask and tell."""

    def __init__(self, grid: Grid, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise GridError("--search optuna: optuna is not installed; it comes with the extra `train`") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._grid = grid
        self.known: dict[int, float] = {}

    def propose(self, count: int) -> list[tuple[int, Callable[[float], None]]]:
        """Return up to `count` new places, each with whom to tell its value."""
        asks: list[tuple[int, Callable[[float], None]]] = []
        new: set[int] = set()
        again = 0
        while len(asks) < count and again < ASKED_AGAIN_MAX:
            trial = self._study.ask()
            steps = [trial.suggest_int(axis.name, 0, len(axis.values) - 1) for axis in self._grid.axes]
            place = self._grid.place_of(steps)
            tell = self._teller(trial)
            if place in self.known:
                tell(self.known[place])
            elif place in new:
                tell(math.nan)  # it is asked for already; as a failure it teaches nothing
            else:
                new.add(place)
                asks.append((place, tell))
                again = -1
            again += 1
        return asks

    def learn(self, asks: list[tuple[int, Callable[[float], None]]], values: Floats) -> None:
        """Tell what was proposed its value."""
        for (place, tell), value in zip(asks, values.tolist(), strict=True):
            self.known[place] = value
            tell(value)

    def _teller(self, trial: object) -> Callable[[float], None]:
        def tell(value: float) -> None:
            if math.isnan(value):
                self._study.tell(trial, state=self._failed)  # type: ignore[arg-type]
            else:
                self._study.tell(trial, value)  # type: ignore[arg-type]

        return tell
