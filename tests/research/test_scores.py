"""Scores: the numbers of a backtest, made from less; and a ranking in which what is undefined comes last."""

import pytest

from envs.rollout import open_engine, roll
from policies.catalogue import params_of, policy_named
from research.result import result_of_rollout
from research.run_metrics import metrics_of
from research.scores import METRICS, Score, rank, score_of, score_plan, with_params
from tests.builders import DAY, MINUTE, START_NS
from tests.research.forex import forex_plan, tape


def a_score(**changes):
    plain = {"final_equity": 1.0, "net_profit": 0.0, "sharpe": 0.0, "max_drawdown": 0.0, "profit_factor": 1.0}
    return Score(**(plain | {"trades": 1} | changes))


@pytest.mark.parametrize("sample_ns", [MINUTE, 15 * MINUTE, 7 * 60 * MINUTE, 3 * DAY])
@pytest.mark.parametrize("stop_atr", [1.0, 3.0, 6.0])
def test_a_score_has_the_numbers_of_the_whole_result(stop_atr, sample_ns):
    plan = forex_plan(stop_atr=stop_atr, sample_ns=sample_ns)
    rollout = roll(open_engine(plan), tape())
    whole = result_of_rollout(plan, tape(), rollout)
    metrics = metrics_of(whole)
    assert len(whole.trades) > 3
    assert score_of(plan, rollout) == Score(
        final_equity=float(whole.final_equity),
        net_profit=float(whole.final_equity - 100_000),
        sharpe=metrics["sharpe"],
        max_drawdown=float(whole.max_drawdown),
        profit_factor=metrics["profit_factor"],
        trades=len(whole.trades),
    )


def test_without_a_trade_ratios_are_undefined_and_never_zero():
    plan = forex_plan(candidate_min=1.0)
    score = score_plan(plan, tape())
    assert score == Score(
        final_equity=100_000.0, net_profit=0.0, sharpe=None, max_drawdown=0.0, profit_factor=None, trades=0
    )


def test_a_tape_that_ends_before_the_first_sample_can_be_scored():
    short = tape()._replace(**{name: column[:4] for name, column in tape()._asdict().items()})
    assert short.time_ns[-1] < START_NS + 15 * MINUTE
    assert score_plan(forex_plan(), short).final_equity == 100_000.0


def test_other_params_change_the_desk_and_nothing_else():
    plan = forex_plan()
    params = params_of(policy_named("trend_reversion"), {"fast": 3.0})
    changed = with_params(plan, params)
    assert changed.desks[0].params == params
    assert with_params(changed, plan.desks[0].params) == plan


@pytest.mark.parametrize(("metric", "best_first"), [("sharpe", [3, 0, 2, 1]), ("max_drawdown", [2, 0, 3, 1])])
def test_the_best_comes_first_and_equals_keep_their_order(metric, best_first):
    values = {"sharpe": (1.0, -2.0, 0.0, 3.0), "max_drawdown": (5.0, 9.0, 0.0, 5.0)}[metric]
    assert rank([a_score(**{metric: value}) for value in values], metric) == best_first


@pytest.mark.parametrize("metric", ["sharpe", "profit_factor"])
def test_what_is_undefined_ranks_behind_the_worst(metric):
    scores = [a_score(**{metric: value}) for value in (None, -5.0, None, 0.0, -7.0)]
    assert rank(scores, metric) == [3, 1, 4, 0, 2]


def test_every_metric_is_a_field_of_a_score():
    assert set(METRICS) == set(Score.__struct_fields__) - {"trades"}
