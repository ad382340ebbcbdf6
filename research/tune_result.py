"""What a search came to: sets by rank, the best of them held against luck, and what it made of bars nobody had seen."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.plan import Plan, plan_hash
from research.daily import Daily, joined_days
from research.paper import revision
from research.params import ParamsFile
from research.scores import METRICS, with_params
from research.search import best_first
from research.trial_log import Tried, stacked, tried_on
from research.trial_score import COLUMNS, Floats, score_window
from research.tune import Searched, Study
from research.tune_feed import objective
from research.validation import (
    Estimate,
    SharpeMoments,
    deflated_sharpe,
    luck_threshold,
    moments_of,
    probabilistic_sharpe,
)
from research.walkforward import bars_of

FEW = "insufficient_data"


class Held(NamedTuple):
    """Folds of one set: columns [folds, COLUMNS], the mean of the metric (None: undefined in a fold), daily returns."""

    columns: Floats
    mean: float | None
    daily: Daily

    @property
    def moments(self) -> SharpeMoments | None:
        """Moments of the daily returns of all folds together."""
        return moments_of(self.daily.returns)


class Step(NamedTuple):
    """One step of choosing by the folds before: which set (None: none had a metric), and its metric on the next."""

    fold: int
    place: int | None
    value: float | None


class Tuned(NamedTuple):
    """A finished search: places by rank, their columns [sets, folds, COLUMNS] and mean metric, and the best one.

    `steps` is the walk forward of the choice; None for a search that proposes sets knowing all folds. `psr` is of the
    holdout, `dsr` of the searched folds, deflated by all that was `tried`.
    """

    searched: Searched
    places: NDArray[np.int64]
    columns: Floats
    means: Floats
    tried: Tried
    steps: tuple[Step, ...] | None
    best: Held | None
    holdout: Held | None
    threshold: float
    dsr: Estimate
    psr: Estimate

    @property
    def study(self) -> Study:
        """What was searched."""
        return self.searched.study

    @property
    def undefined(self) -> int:
        """How many sets have no mean: the metric is undefined on a fold, or they were not run on all."""
        return int(np.isnan(self.means).sum())

    @property
    def median(self) -> float | None:
        """The mean of the set in the middle, of those that have one."""
        known = self.means[~np.isnan(self.means)].tolist()
        return median(known) if known else None

    @property
    def stopped(self) -> int:
        """How many sets were not run on all folds."""
        return int(np.isnan(self.columns[:, :, COLUMNS.index("days")]).any(axis=1).sum())


def tuned(searched: Searched, trials: Path) -> Tuned:
    """Rank what was scored, deflate the best by every trial in the log, and run it on the holdout once."""
    study = searched.study
    places = sorted(searched.scored)
    columns = stacked(searched.scored, places, study.folds.searched)
    values = objective(columns, COLUMNS.index(study.metric), METRICS[study.metric])
    order = best_first(values.mean(axis=1))
    tried = tried_on(trials, study.record)
    ran = ~np.isnan(columns[:, :, COLUMNS.index("days")])
    steps = None if study.asked.kind == "optuna" else _walk(study, places, values, ran)
    ranked = np.array(places, np.int64)[order]
    means = METRICS[study.metric] * values[order].mean(axis=1)
    threshold = luck_threshold(tried.sets, tried.variance)
    none = Estimate(None, "no_metric")
    if np.isnan(means[0]):
        return Tuned(searched, ranked, columns[order], means, tried, steps, None, None, threshold, none, none)
    count = study.folds.searched
    best = held(study, int(ranked[0]), range(count))
    kept_back = held(study, int(ranked[0]), range(count, len(study.folds.windows)))
    return Tuned(
        searched, ranked, columns[order], means, tried, steps, best, kept_back, threshold,
        _sure(best, tried), _sure(kept_back, None),
    )  # fmt: skip


def _sure(found: Held, tried: Tried | None) -> Estimate:
    moments = found.moments
    if moments is None:
        return Estimate(None, FEW if len(found.daily.returns) < 2 else "zero_variance")
    return deflated_sharpe(moments, tried.sets, tried.variance) if tried else probabilistic_sharpe(moments)


def held(study: Study, place: int, folds: Sequence[int]) -> Held:
    """Run a set on some folds, here."""
    plan, tape = plan_of(study, place), study.planned.tape
    found = [score_window(plan, tape, bars_of(tape), study.folds.windows[fold]) for fold in folds]
    columns = np.stack([one for one, _ in found])
    values = columns[:, COLUMNS.index(study.metric)].tolist()
    mean = None if np.isnan(values).any() else fmean(values)
    return Held(columns, mean, joined_days([daily for _, daily in found]))


def plan_of(study: Study, place: int) -> Plan:
    """Return the plan under a set."""
    return with_params(study.planned.plan, tuple(study.grid.sets_at([place]).named(0).items()))


def _walk(study: Study, places: list[int], values: Floats, ran: NDArray[np.bool_]) -> tuple[Step, ...]:
    """Choose by the folds before each fold, of the sets that were run on it: what a search so far would have traded."""
    steps = []
    sign = METRICS[study.metric]
    for fold in range(1, study.folds.searched):
        before = np.where(ran[:, fold], values[:, :fold].mean(axis=1), np.nan)
        chosen = int(best_first(before)[0])
        if np.isnan(before[chosen]):
            steps.append(Step(fold, None, None))
        else:
            value = float(values[chosen, fold])
            steps.append(Step(fold, places[chosen], None if np.isnan(value) else sign * value))
    return tuple(steps)


def best_params(found: Tuned) -> ParamsFile:
    """Return the best set as it is kept: with what it was chosen by and on; the holdout is not among that."""
    study, planned, place = found.study, found.study.planned, int(found.places[0])
    plan = plan_of(study, place)
    times = bars_of(planned.tape)
    return ParamsFile(
        policy=plan.desks[0].policy,
        params=dict(plan.desks[0].params),
        metric=study.metric,
        value=float(found.means[0]),
        sets=found.tried.sets,
        symbols=tuple(instrument.key for instrument in plan.instruments),
        first_ns=int(times[0]),
        last_ns=int(times[study.folds.windows[study.folds.searched - 1].test_end - 1]),
        data=study.record.data,
        plan_hash=plan_hash(plan),
        revision=revision(),
    )
