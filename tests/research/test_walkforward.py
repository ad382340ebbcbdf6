"""Walking forward: a fold is a sweep and a backtest of its own, and knows nothing of what comes after."""

from decimal import Decimal

import numpy as np
import pytest

from market.tape import slice_tape
from research.backtest import executing, run_backtest
from research.grid import Axis, sets_of
from research.run_metrics import metrics_of
from research.scores import rank, score_plan, with_params
from research.walkforward import WalkForwardError, bars_of, longest_hold, run_walk_forward, shape_of
from tests.research.walks import AXES, ROWS, a_planned, a_walk, sets_count


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return a_planned(tmp_path_factory.mktemp("walk"))


@pytest.fixture(scope="module")
def walk(planned):
    return a_walk(planned)


def same(one, other):
    return (one.window, one.chosen, one.in_sample, one.out_of_sample) == (
        other.window, other.chosen, other.in_sample, other.out_of_sample,
    ) and np.array_equal(one.daily.returns, other.daily.returns)  # fmt: skip


def test_the_folds_tile_the_bars_after_the_first_train(walk):
    assert [(fold.window.test_begin, fold.window.test_end) for fold in walk.folds] == [
        (begin, begin + 50) for begin in range(100, ROWS - 49, 50)
    ]
    assert sum(len(fold.daily.days) for fold in walk.folds) >= len(walk.daily.days)
    assert walk.returns.shape == (len(walk.days), sets_count())
    assert walk.trades == sum(fold.out_of_sample.trades for fold in walk.folds if fold.out_of_sample)


def test_a_choice_is_the_best_of_a_sweep_over_the_train_alone(walk, planned):
    plan = executing(planned.plan)
    for fold in walk.folds[:3]:
        tape = slice_tape(planned.tape, fold.window.train_begin, fold.window.train_end)
        scores = [score_plan(with_params(plan, tuple(walk.sets.named(k).items())), tape) for k in range(sets_count())]
        assert rank(scores, "sharpe")[0] == fold.chosen
        assert scores[fold.chosen] == fold.in_sample


def test_a_test_is_a_backtest_that_was_warmed_up(walk, planned):
    for fold in walk.folds:
        params = walk.sets.named(fold.chosen)
        begin = fold.window.test_begin - int(params["slow"]) + 1
        tape = slice_tape(planned.tape, begin, fold.window.test_end)
        plan = with_params(planned.plan, tuple(params.items()))
        result = run_backtest(planned._replace(plan=plan, tape=tape)).result
        assert float(result.final_equity) == fold.out_of_sample.final_equity
        assert len(result.trades) == fold.out_of_sample.trades
        first = planned.tape.time_ns[fold.window.test_begin]
        assert all(trade.entry_at_ns >= first for trade in result.trades)
        growth = np.prod(1.0 + fold.daily.returns) - 1.0
        assert growth == pytest.approx(metrics_of(result)["total_return"], abs=1e-12)


def test_what_comes_after_a_test_changes_nothing_of_it(planned, walk):
    """Bars after the third test are turned upside down."""
    end = walk.folds[2].window.test_end
    tape = planned.tape
    mirrored = {"open": "open", "close": "close", "high": "low", "low": "high"}
    mirrored |= {f"ask_{name}": f"ask_{other}" for name, other in mirrored.items()}
    columns = {name: getattr(tape, name).copy() for name in mirrored}
    for name, other in mirrored.items():
        columns[name][end:] = 2 * int(tape.close[end - 1]) - getattr(tape, other)[end:]
    other = a_walk(planned._replace(tape=tape._replace(**columns)))
    assert all(same(one, two) for one, two in zip(walk.folds[:3], other.folds[:3], strict=True))
    assert not all(same(one, two) for one, two in zip(walk.folds, other.folds, strict=True))


@pytest.mark.slow
def test_a_purge_leaves_bars_out_between_train_and_test(planned):
    purged = a_walk(planned, purge=20)
    assert all(fold.window.test_begin - fold.window.train_end == 20 for fold in purged.folds)
    grown = a_walk(planned, anchored=1)
    assert {fold.window.train_begin for fold in grown.folds} == {0}


def test_costs_take_money_and_leave_the_choices(walk):
    profits = [line.net_profit for line in walk.costs]
    assert [line.multiple for line in walk.costs] == [Decimal(k) for k in range(4)]
    assert profits == sorted(profits, reverse=True)
    assert profits[0] > profits[-1]
    assert walk.costs[1].net_profit == pytest.approx(walk.net_profit, abs=1e-9)
    assert walk.costs[1].trades == walk.trades


def test_without_a_metric_nothing_is_chosen_and_the_account_stays_as_it_is(planned):
    sets = sets_of(planned.plan.desks[0].params, [Axis("fast", (400.0,)), Axis("slow", (401.0,))])
    found = run_walk_forward(planned, sets, "sharpe", shape_of(ROWS, 100, 100, (0, 0), False))
    assert {(fold.chosen, fold.in_sample, fold.out_of_sample) for fold in found.folds} == {(None, None, None)}
    assert len(found.daily.returns) > 150
    assert not found.daily.returns.any()
    assert (found.trades, found.net_profit) == (0, 0)


def test_bars_that_hold_no_fold_are_said(planned):
    with pytest.raises(WalkForwardError, match="--train 390 --purge 5 --test 50: 445 bars are needed, there are 400"):
        a_walk(planned, train=390, purge=5)


def test_progress_is_heard_to_its_end(planned):
    heard = []
    sets = sets_of(planned.plan.desks[0].params, AXES)
    shape = shape_of(ROWS, 100, 100, (0, 0), False)
    run_walk_forward(planned, sets, "sharpe", shape, watch=lambda *one: heard.append(one))
    assert [done for done, _ in heard] == list(range(1, len(heard) + 1))
    assert heard[-1] == (len(heard), len(heard))


def test_sizes_that_are_not_asked_for_follow_from_the_bars():
    assert shape_of(800, None, None, (3, 4), True) == (300, 100, 3, 4, True)
    assert shape_of(800, None, 10, (0, 0), False)[:2] == (30, 10)
    assert shape_of(5, None, None, (0, 0), False)[:2] == (3, 1)


def test_the_purge_is_the_longest_that_a_set_may_hold(planned):
    base = (("fast", 1.0), ("hold_bars", 7.0))
    assert longest_hold(sets_of(base, [Axis("hold_bars", (5.0, 30.0, 9.0))])) == 30
    assert longest_hold(sets_of(planned.plan.desks[0].params, AXES)) == 0


def test_bars_that_close_together_are_one(planned):
    tape = planned.tape
    assert len(bars_of(tape)) == ROWS
    assert len(bars_of(tape._replace(time_ns=np.sort(np.concatenate([tape.time_ns[:200]] * 2))))) == 200


def test_desks_execute_in_a_walk(walk):
    assert all(desk.auto_execute for desk in walk.planned.plan.desks)
    assert walk.trades > 5
