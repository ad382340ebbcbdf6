"""Sweeps on a real Ray: the same whatever the batch, equal to backtests, and gone when they end."""

import os

import psutil
import pytest

from actors.local import leftovers
from research.asking import Request, plan_for
from research.backtest import executing, run_backtest
from research.grid import Axis, Sets, sets_of
from research.run_metrics import metrics_of
from research.scores import rank, score_plan, with_params
from research.tune import Sweep, SweepError, best_params, run_sweep, shown
from tests.research.files import REPO

AXES = [Axis("fast", (5.0, 8.0, 13.0)), Axis("slow", (21.0, 34.0, 55.0, 89.0))]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    request = Request(
        data=REPO / "data", home=tmp_path_factory.mktemp("home"), symbols=("GBPUSD",), timeframe="1h",
        policy="sma_cross",
    )  # fmt: skip
    return plan_for(request)


@pytest.fixture(scope="module")
def sets(planned):
    return sets_of(planned.plan.desks[0].params, AXES)


@pytest.fixture(scope="module")
def sweep(planned, sets):
    return run_sweep(planned, sets, "sharpe", batch=5)


def fake(planned, sets, scores, metric):
    return Sweep(planned, sets, tuple(scores), tuple(rank(scores, metric)), metric, 5, 1, 0.1)


@pytest.mark.cluster
def test_scores_are_those_of_rollouts_in_this_process_and_of_any_other_batch(planned, sets, sweep):
    plan = executing(planned.plan)
    alone = tuple(score_plan(with_params(plan, tuple(sets.named(k).items())), planned.tape) for k in range(12))
    heard = []
    whole = run_sweep(planned, sets, "sharpe", batch=12, watch=lambda done, trials: heard.append((done, trials)))
    assert sweep.scores == alone == whole.scores
    assert sweep.ranking == whole.ranking
    assert (sweep.trials, whole.trials, heard) == (3, 1, [(1, 1)])


@pytest.mark.cluster
def test_the_best_set_is_what_a_backtest_of_it_says(planned, sets, sweep):
    kept = best_params(sweep, sweep.best)
    assert kept.params == sets.named(sweep.best)
    result = run_backtest(planned._replace(plan=with_params(planned.plan, tuple(kept.params.items())))).result
    score = sweep.scores[sweep.best]
    metrics = metrics_of(result)
    assert (
        kept.value == score.sharpe == metrics["sharpe"] == max(s.sharpe for s in sweep.scores if s.sharpe is not None)
    )
    assert (score.final_equity, score.max_drawdown) == (float(result.final_equity), float(result.max_drawdown))
    assert (score.profit_factor, score.trades) == (metrics["profit_factor"], len(result.trades))


@pytest.mark.cluster
def test_nothing_of_a_sweep_is_left(planned, sets, sweep):
    assert [child.name() for child in psutil.Process().children(recursive=True) if "ray" in child.name()] == []
    assert [left for left in leftovers() if left.owner == os.getpid()] == []
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ


@pytest.mark.cluster
def test_a_wish_to_stop_ends_the_sweep_though_the_signal_was_swallowed(planned, sets):
    asked = []
    with pytest.raises(KeyboardInterrupt):
        run_sweep(planned, sets, "sharpe", batch=12, wished=lambda: asked.append(1) or len(asked) > 2)
    assert len(asked) == 3  # at once, not at the end
    assert [left for left in leftovers() if left.owner == os.getpid()] == []


@pytest.mark.cluster
def test_a_set_that_fails_ends_the_sweep_and_is_named(planned, sets):
    rows = sets.rows.copy()
    rows[7, sets.names.index("fast")] = 0.0  # no command would let this through
    with pytest.raises(SweepError) as caught:
        run_sweep(planned, Sets(sets.names, rows), "sharpe", batch=4)
    assert str(caught.value).startswith("the rollout of fast=0 slow=89 lots=1 failed: ValueError: ")


def test_a_set_that_fails_for_all_fails_before_ray_starts(planned, sets):
    rows = sets.rows.copy()
    rows[:, sets.names.index("fast")] = 0.0
    with pytest.raises(ValueError, match="sma"):
        run_sweep(planned, Sets(sets.names, rows), "sharpe")


def test_a_metric_that_is_undefined_for_every_set_has_no_best(planned, sets):
    plan = executing(planned.plan)
    none = score_plan(with_params(plan, (("fast", 9.0), ("slow", 9.0), ("lots", 1.0))), planned.tape)
    sweep = fake(planned, sets, [none] * 12, "sharpe")
    assert (none.sharpe, sweep.best, sweep.undefined, sweep.median) == (None, None, 12, None)
    assert fake(planned, sets, [none] * 12, "final_equity").best == 0


def test_parameters_are_shown_as_people_write_them():
    assert shown({"fast": 5.0, "edge": 0.08}) == "fast=5 edge=0.08"
