"""A batch of a sweep without Ray: its numbers are those of a walk-forward's tests, and a set that fails is named."""

import numpy as np
import pytest

from envs.rollout import open_engine, roll
from market.tape import Tape, owned
from research.backtest import executing
from research.daily import daily_returns
from research.grid import Axis, Grid
from research.scores import score_of, with_params
from research.trial import Work
from research.trial_score import COLUMNS, SCORED, daily_sharpe, score_window
from research.validation import Window, moments_of
from research.walkforward import bars_of, run_walk_forward, shape_of
from tests.research.forex import forex_plan, tape
from tests.research.walks import ROWS, a_planned

AXES = (Axis("fast", (3.0, 5.0, 8.0)), Axis("slow", (20.0, 40.0)))
PLAN = forex_plan("sma_cross")
GRID = Grid(PLAN.desks[0].params, AXES)
WINDOWS = (Window(0, 500, 500, 1500), Window(0, 1500, 1500, 2500))


def columns_of(score):
    return [np.nan if value is None else value for value in (getattr(score, name) for name in SCORED)]


def a_work():
    return Work(PLAN, tape(), GRID, WINDOWS, bars_of(tape()))


def table(found, sets, folds):
    assert (found["failed"], found["why"]) == (-1, "")
    return np.frombuffer(found["columns"]).reshape(sets, folds, len(COLUMNS))


def test_a_score_is_that_of_the_whole_result_to_the_last_bit():
    plan, times = executing(PLAN), bars_of(tape())
    whole = Window(0, 0, 0, len(times))
    for number in range(GRID.total):
        under = with_params(plan, tuple(GRID.sets_at([number]).named(0).items()))
        columns, daily = score_window(under, tape(), times, whole)
        rollout = roll(open_engine(under), tape())
        expected = columns_of(score_of(under, rollout))
        expected[SCORED.index("sharpe")] = columns[SCORED.index("sharpe")]  # of days, below
        assert columns[: len(SCORED)].tolist() == expected
        assert columns[SCORED.index("trades")] > 5
        assert np.array_equal(daily.returns, daily_returns(under, rollout).returns)


def test_a_fold_is_the_test_of_a_walk_forward(tmp_path):
    planned = a_planned(tmp_path)
    planned = planned._replace(plan=executing(planned.plan))
    grid = Grid(planned.plan.desks[0].params, (Axis("fast", (2.0,)), Axis("slow", (8.0,))))
    walk = run_walk_forward(planned, grid.sets_at([0]), "final_equity", shape_of(ROWS, 100, 50, (0, 0), False))
    plan, times = with_params(planned.plan, tuple(grid.sets_at([0]).named(0).items())), bars_of(planned.tape)
    assert len(walk.folds) == 6
    for fold in walk.folds:
        columns, daily = score_window(plan, planned.tape, times, fold.window)
        assert columns[: len(SCORED)].tolist() == columns_of(fold.out_of_sample)
        assert np.array_equal(daily.returns, fold.daily.returns)


def test_rows_are_those_of_each_set_alone_whatever_the_batch():
    whole = table(a_work().score(list(range(6)), [0, 1]), 6, 2)
    assert len({row.tobytes() for row in whole[:, 0]}) > 1
    for place in range(6):
        assert np.array_equal(table(a_work().score([place], [1]), 1, 1)[0, 0], whole[place, 1], equal_nan=True)


def test_a_read_only_tape_scores_as_a_writable_one():
    frozen = Tape(*(column.copy() for column in tape()))
    for column in frozen:
        column.flags.writeable = False
    assert a_work()._replace(tape=owned(frozen)).score([1], [0]) == a_work().score([1], [0])


def test_a_set_that_fails_is_named_with_the_reason_and_the_batch_ends_there():
    bad = GRID._replace(axes=(Axis("fast", (3.0, 0.0)), AXES[1]))  # no command would let this through
    found = a_work()._replace(grid=bad).score([0, 1, 2, 3], [0])
    assert (found["failed"], found["columns"]) == (2, b"")
    assert found["why"].startswith("ValueError: ")
    assert "\n" not in found["why"]


def test_the_daily_ratio_over_folds_is_that_of_all_their_days():
    rng = np.random.default_rng(3)
    folds = [rng.normal(0.001, 0.01, days) for days in (30, 41)]
    columns = np.full((3, 3, len(COLUMNS)), np.nan)
    for fold, returns in enumerate(folds):
        columns[0, fold, -3:] = len(returns), returns.sum(), (returns**2).sum()
    columns[1, 0, -3:] = 20, 0.0, 0.0  # never moves
    assert daily_sharpe(columns)[0] == pytest.approx(moments_of(np.concatenate(folds)).sharpe, rel=1e-12)
    assert daily_sharpe(columns)[1:].tolist() == [0.0, 0.0]


def test_sets_keep_their_values_to_the_bit():
    values = (0.1, 1 / 3, np.nextafter(1.0, 2.0).item())
    grid = Grid((("a", 0.0), ("b", 7.0)), (Axis("a", values),))
    assert [grid.sets_at([k]).named(0)["a"] for k in range(3)] == list(values)
