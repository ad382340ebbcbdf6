"""Sweeps on a real Ray: equal to rollouts in this process, whoever is killed on the way, and gone when they end."""

import os
import signal
from contextlib import suppress

import numpy as np
import psutil
import pytest

from actors.local import leftovers
from research.backtest import run_backtest
from research.grid import Axis, Grid
from research.run_metrics import metrics_of
from research.scores import with_params
from research.search import Asked, search_of
from research.search_folds import Shape
from research.trial import DEATHS_MAX, Feeder, Watcher, Work
from research.trial_log import TrialLog, batches_in
from research.trial_score import COLUMNS, SCORED
from research.tune import Workers, run_search, shown, study_of
from research.tune_feed import Feed, Job
from research.tune_picture import picture_of
from research.tune_result import best_params, tuned
from research.walkforward import bars_of
from tests.research.walks import a_planned

AXES = (Axis("fast", (2.0, 3.0, 5.0)), Axis("slow", (8.0, 13.0, 21.0, 34.0)))
SHAPE = Shape(3, 1, 2, 1)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return a_planned(tmp_path_factory.mktemp("tune"))


def a_study(planned, asked=Asked("grid", None, 0), axes=AXES, metric="sharpe"):  # noqa: B008
    return study_of(planned, Grid(planned.plan.desks[0].params, axes), asked, SHAPE, metric, {})


def alone(study):
    """Return what every set scores in this process."""
    count = study.folds.searched
    work = Work(
        study.planned.plan, study.planned.tape, study.grid, study.folds.windows[:count], bars_of(study.planned.tape)
    )
    found = work.score(list(range(study.grid.total)), list(range(count)))
    return np.frombuffer(found["columns"]).reshape(study.grid.total, count, len(COLUMNS))


def scores_of(searched):
    return np.array([[rows[fold] for fold in sorted(rows)] for _, rows in sorted(searched.scored.items())])


def workers_of(process):
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            if "ray::BatchTrial" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.cluster
def test_killed_workers_lose_nothing(planned, tmp_path):
    """Every worker is killed once, after the first batch: more than the fifth of them that may die."""
    study, killed = a_study(planned), []

    def kill(done, _):
        if done == 1:
            for worker in workers_of(psutil.Process()):
                worker.send_signal(signal.SIGKILL)
                killed.append(worker.pid)

    searched = run_search(study, tmp_path, Workers(2, 2), kill)
    assert killed
    assert (searched.batches, searched.reused, len(batches_in(tmp_path / study.record.id))) == (6, 0, 6)
    assert np.array_equal(scores_of(searched), alone(study), equal_nan=True)
    assert [left for left in leftovers() if left.owner == os.getpid()] == []
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    assert run_search(study, tmp_path).batches == 0  # and no Ray is started for it


class FakeFeed:
    """A feed of one batch that knows what became of it."""

    def __init__(self):
        self.finished, self.waiting, self.brought = False, [Job(np.array([3, 4]), (0, 1))], []
        self.done = self.planned = 1

    def take(self):
        return self.waiting.pop() if self.waiting else None

    def put_back(self, job):
        self.waiting.append(job)

    def bring(self, job, columns):
        self.brought.append((job, columns))
        self.finished = True


def test_a_batch_that_never_comes_back_is_handed_out_again_but_not_for_ever():
    feeder = Feeder(FakeFeed(), None)
    for death in range(DEATHS_MAX + 1):
        assert feeder.suggest(str(death)) == {"places": (3, 4), "folds": (0, 1)}
        assert feeder.suggest("other") is None
        feeder.on_trial_complete(str(death), error=True)
    assert feeder.lost.places.tolist() == [3, 4]
    assert feeder.suggest("more") == "FINISHED"


def test_a_batch_that_comes_back_is_brought_and_a_set_that_failed_ends_the_search():
    feed, heard = FakeFeed(), []
    feeder = Feeder(feed, lambda *one: heard.append(one))
    feeder.suggest("a")
    columns = np.arange(4.0 * len(COLUMNS)).reshape(2, 2, len(COLUMNS))
    feeder.on_trial_complete("a", {"columns": columns.tobytes(), "failed": -1, "why": ""})
    assert np.array_equal(feed.brought[0][1], columns)
    assert (heard, feeder.suggest("b")) == ([(1, 1)], "FINISHED")
    failing = Feeder(FakeFeed(), None)
    failing.suggest("a")
    failing.on_trial_complete("a", {"columns": b"", "failed": 4, "why": "ValueError: no"})
    assert (failing.failed, failing.suggest("b")) == ((4, "ValueError: no"), "FINISHED")


def test_a_wish_to_stop_is_asked_for_at_every_step():
    watcher = Watcher(lambda: True)
    with pytest.raises(KeyboardInterrupt):
        watcher.on_step_begin(iteration=1, trials=[])


def test_a_set_that_fails_for_all_fails_before_ray_starts(planned, tmp_path):
    study = a_study(planned)
    bad = study._replace(grid=study.grid._replace(axes=(Axis("fast", (0.0, 0.0)), AXES[1])))
    with pytest.raises(ValueError, match="sma"):
        run_search(bad, tmp_path)


@pytest.fixture(scope="module")
def found(planned, tmp_path_factory):
    return finished(a_study(planned), tmp_path_factory.mktemp("found"))


def finished(study, trials):
    """Score a study in this process, as workers would, into its log; return what it came to."""
    log = TrialLog(trials, study.record)
    feed = Feed(search_of(study.asked, study.grid, study.folds.searched), log, study.metric, study.folds.searched, 5)
    work = Work(study.planned.plan, study.planned.tape, study.grid, study.folds.windows, bars_of(study.planned.tape))
    while (job := feed.take()) is not None:
        table = np.frombuffer(work.score(job.places.tolist(), list(job.folds))["columns"])
        feed.bring(job, table.reshape(len(job.places), len(job.folds), len(COLUMNS)))
    log.close()
    return tuned(run_search(study, trials), trials)


def test_the_best_set_is_what_backtests_of_its_folds_say(planned, found):
    study, kept = found.study, best_params(found)
    values = []
    for window in study.folds.windows[: study.folds.searched]:
        begin = window.test_begin - int(kept.params["slow"]) + 1
        tape = type(planned.tape)._make(column[begin : window.test_end] for column in planned.tape)
        plan = with_params(planned.plan, tuple(kept.params.items()))
        result = run_backtest(planned._replace(plan=plan, tape=tape)).result
        values.append((float(result.final_equity), len(result.trades), metrics_of(result)["profit_factor"]))
    rows = found.best.columns
    names = [SCORED.index(name) for name in ("final_equity", "trades", "profit_factor")]
    assert [tuple(None if np.isnan(value) else value for value in row[names]) for row in rows] == values
    assert kept.value == found.best.mean == np.nanmax(found.means)
    assert (kept.sets, kept.metric) == (12, "sharpe")


def test_the_choice_by_folds_before_knows_no_later_fold(found):
    by_place = dict(zip(found.places.tolist(), found.columns[:, :, SCORED.index("sharpe")], strict=True))
    for step in found.steps:
        before = {place: row[: step.fold].mean() for place, row in by_place.items()}
        best = max(value for value in before.values() if not np.isnan(value))
        assert before[step.place] == best
        assert step.value == by_place[step.place][step.fold]
    assert [step.fold for step in found.steps] == [1, 2]


def mirrored(planned, begin):
    """Turn the bars from one on upside down."""
    tape = planned.tape
    pairs = {"open": "open", "close": "close", "high": "low", "low": "high"}
    pairs |= {f"ask_{name}": f"ask_{other}" for name, other in pairs.items()}
    columns = {name: getattr(tape, name).copy() for name in pairs}
    for name, other in pairs.items():
        columns[name][begin:] = 2 * int(tape.close[begin - 1]) - getattr(tape, other)[begin:]
    return planned._replace(tape=tape._replace(**columns))


def test_the_holdout_changes_nothing_of_the_search(planned, found, tmp_path):
    study = found.study
    begin = study.folds.windows[-2].test_end
    assert study.folds.windows[-1].test_begin - begin == SHAPE.purge + SHAPE.embargo
    other = finished(a_study(mirrored(planned, begin)), tmp_path)
    assert np.array_equal(other.columns, found.columns, equal_nan=True)
    assert other.places.tolist() == found.places.tolist()
    assert other.holdout.columns.tolist() != found.holdout.columns.tolist()
    assert best_params(found).last_ns < planned.tape.time_ns[study.folds.windows[-1].test_begin]


def test_more_trials_deflate_the_same_result_more(planned, tmp_path):
    few = finished(a_study(planned, axes=(AXES[0], Axis("slow", AXES[1].values[:2]))), tmp_path)
    more = finished(a_study(planned), tmp_path)
    assert (few.tried.sets, few.tried.before) == (6, 0)
    assert (more.tried.sets, more.tried.before) == (12, 0)
    again = tuned(run_search(few.study, tmp_path), tmp_path)
    assert (again.tried.sets, again.tried.before) == (12, 6)
    assert again.threshold > few.threshold
    assert again.dsr.value < few.dsr.value


@pytest.mark.parametrize("kind", ["asha", "optuna"])
def test_other_searches_find_what_they_ran(planned, tmp_path, kind):
    study = a_study(planned, Asked(kind, 8 if kind == "optuna" else None, 0))
    other, every = finished(study, tmp_path), alone(a_study(planned))
    for place, columns in zip(other.places.tolist(), other.columns, strict=True):
        ran = ~np.isnan(columns[:, COLUMNS.index("days")])
        assert np.array_equal(columns[ran], every[place][ran], equal_nan=True)
    assert (other.steps is None) == (kind == "optuna")
    assert other.stopped == (8 if kind == "asha" else 0)
    assert len(other.places) == (12 if kind == "asha" else 8)


def test_a_metric_that_is_undefined_for_every_set_has_no_best(planned, tmp_path):
    none = finished(a_study(planned, axes=(Axis("fast", (9.0,)), Axis("slow", (9.0,)))), tmp_path)
    assert (none.best, none.holdout, none.undefined, none.median, none.dsr.reason) == (None, None, 1, None, "no_metric")
    assert picture_of(none).shapes


def test_a_picture_shows_every_set_the_best_so_far_and_each_parameter(found):
    shapes = picture_of(found).shapes
    told = [shape.text for shape in shapes if hasattr(shape, "text")]
    assert any(text.startswith("by fast:") for text in told)
    assert any(text.startswith("by slow:") for text in told)
    known = len(found.places) - found.undefined
    assert sum(type(shape).__name__ == "Box" for shape in shapes) == 3 * known
    assert f"best {found.best.mean:,.4g}; the same set on the holdout {found.holdout.mean:,.4g}" in told


def test_parameters_are_shown_as_people_write_them():
    assert shown({"fast": 5.0, "edge": 0.08}) == "fast=5 edge=0.08"
