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
from research.search import Asked
from research.search_folds import Shape
from research.trial import Work
from research.trial_log import batches_in
from research.trial_score import COLUMNS, SCORED
from research.tune import SweepError, Workers, run_search, shown, study_of
from research.tune_picture import picture_of
from research.tune_result import best_params, tuned
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
    work = Work(study.planned.plan, study.planned.tape, study.grid, study.folds.windows[:count])
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
def test_killed_workers_lose_nothing_and_a_wish_to_stop_leaves_what_is_finished(planned, tmp_path):
    """Every worker is killed once, after the first batch; later the run is left, and gone on with."""
    study, killed, wish = a_study(planned), [], []

    def kill_then_stop(done, _):
        if done == 1:
            for worker in workers_of(psutil.Process()):
                worker.send_signal(signal.SIGKILL)
                killed.append(worker.pid)
        if done == 3:
            wish.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_search(study, tmp_path, Workers(2, 2), kill_then_stop, lambda: bool(wish))
    assert killed
    assert [left for left in leftovers() if left.owner == os.getpid()] == []
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ
    kept = len(batches_in(tmp_path / study.record.id))
    assert kept >= 3
    rest = run_search(study, tmp_path, Workers(4, 2))
    assert (rest.batches, rest.reused) == (-(-(12 - 2 * kept) // 4), 2 * kept * 3)
    assert np.array_equal(scores_of(rest), alone(study), equal_nan=True)
    assert run_search(study, tmp_path).batches == 0  # and no Ray was started for it


@pytest.mark.cluster
@pytest.mark.slow
def test_a_set_that_fails_ends_the_sweep_and_is_named(planned, tmp_path):
    study = a_study(planned)
    bad = study._replace(grid=study.grid._replace(axes=(AXES[0], Axis("slow", (8.0, 13.0, 21.0, 0.0)))))
    with pytest.raises(SweepError) as caught:
        run_search(bad, tmp_path, Workers(2, 2))
    assert str(caught.value).startswith("the rollout of fast=2 slow=0 lots=1 failed: ValueError: ")


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
    from research.search import search_of
    from research.trial_log import TrialLog
    from research.tune_feed import Feed

    log = TrialLog(trials, study.record)
    feed = Feed(search_of(study.asked, study.grid, study.folds.searched), log, study.metric, study.folds.searched, 5)
    work = Work(study.planned.plan, study.planned.tape, study.grid, study.folds.windows)
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
