"""The verdict: skill passes, luck does not, and what is undefined does not count as shown."""

import re
from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from research.daily import Daily
from research.report import WalkFacts, write_verdict
from research.scores import Score
from research.verdict import Demands, verdict_of
from research.walkforward import Fold
from research.walkforward_document import document_of
from tests.cli.schemas import schema
from tests.research.walks import a_planned, a_walk

SKILL = Score(final_equity=1.0, net_profit=500.0, sharpe=2.0, max_drawdown=3.0, profit_factor=2.0, trades=60)
FACTS = WalkFacts("trifecta walkforward <b>", 1.5)


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return a_walk(a_planned(tmp_path_factory.mktemp("verdict")))


@pytest.fixture(scope="module")
def skilled(walk):
    """The walk as it would be if one set earned steadily and every choice were that set."""
    rng = np.random.default_rng(4)
    returns = rng.normal(0.0, 0.01, walk.returns.shape)
    returns[:, 2] = rng.normal(0.004, 0.01, len(returns))
    folds = []
    for fold in walk.folds:
        shared = np.isin(walk.days, fold.daily.days)
        daily = Daily(walk.days[shared], returns[shared, 2])
        folds.append(Fold(fold.window, 2, SKILL, SKILL, daily))
    costs = tuple(line._replace(net_profit=400.0 - 100.0 * float(line.multiple)) for line in walk.costs)
    return walk._replace(folds=tuple(folds), returns=returns, costs=costs)


def failed(verdict):
    return {check.name for check in verdict.checks if not check.passed}


def test_skill_passes_every_check(skilled):
    verdict = verdict_of(skilled, Demands())
    assert failed(verdict) == set()
    assert verdict.passed
    assert verdict.overfitting.pbo < 0.05
    assert min(verdict.paths.sharpes) > 0


def test_the_rules_of_a_random_walk_do_not(walk):
    verdict = verdict_of(walk, Demands())
    assert not verdict.passed
    assert {"deflated_sharpe", "reality_check"} <= failed(verdict)


@pytest.mark.parametrize(
    ("demand", "name"),
    [
        ({"trades_min": 421}, "trades"), ({"dsr_min": 1.0}, "deflated_sharpe"), ({"pbo_max": -0.1}, "overfitting"),
        ({"p_max": 0.0}, "reality_check"), ({"confidence": 1 - 1e-12}, "min_track_record"),
        ({"cost_multiple": 7}, "costs"),
    ],
)  # fmt: skip
def test_each_demand_alone_can_say_no(skilled, demand, name):
    verdict = verdict_of(skilled, Demands(**demand))
    assert failed(verdict) == {name}
    assert not verdict.passed


def test_a_loss_and_dear_costs_say_no(skilled):
    lost = skilled._replace(folds=tuple(
        fold._replace(out_of_sample=structs.replace(SKILL, net_profit=-1.0)) for fold in skilled.folds
    ))  # fmt: skip
    assert failed(verdict_of(lost, Demands())) == {"net_profit"}
    dear = skilled._replace(costs=tuple(line._replace(net_profit=1.0 - float(line.multiple)) for line in skilled.costs))
    assert failed(verdict_of(dear, Demands())) == {"costs"}


def test_the_profile_s_drawdown_is_a_check_where_there_is_one(skilled):
    plan = skilled.planned.plan
    limits = structs.replace(plan.limits, drawdown_max=3_000_000)
    strict = skilled._replace(planned=skilled.planned._replace(plan=structs.replace(plan, limits=limits)))
    assert failed(verdict_of(strict, Demands())) == {"drawdown"}
    assert [check.wanted for check in verdict_of(strict, Demands()).checks if check.name == "drawdown"] == [3.0]


def test_sets_that_were_tried_before_count_too(skilled):
    few, many = (verdict_of(skilled, Demands(), tried).record for tried in (0, 10**6))
    assert many.trials == few.trials + 10**6
    assert many.threshold > few.threshold
    assert many.dsr.value < few.dsr.value
    assert many.psr == few.psr


def test_what_is_undefined_is_not_passed_and_says_why(skilled):
    free = structs.replace(
        skilled.planned.plan,
        instruments=tuple(structs.replace(one, fee_ppm=0) for one in skilled.planned.plan.instruments),
    )
    tape = skilled.planned.tape._replace(ask_close=skilled.planned.tape.close)
    bare = skilled._replace(planned=skilled.planned._replace(plan=free, tape=tape), returns=skilled.returns[:15, :1])
    verdict = verdict_of(bare, Demands())
    reasons = {check.name: check.reason for check in verdict.checks if check.value is None}
    assert reasons == {"overfitting": "one_trial", "reality_check": "insufficient_data", "costs": "no_costs"}
    assert failed(verdict) == set(reasons)
    assert verdict.paths.reason is None or verdict.paths.sharpes == ()


def test_tests_that_traded_nothing_have_no_record(skilled):
    idle = skilled._replace(
        folds=tuple(Fold(f.window, None, None, None, Daily(f.daily.days, 0 * f.daily.returns)) for f in skilled.folds),
        returns=0 * skilled.returns,
        costs=(),
    )
    verdict = verdict_of(idle, Demands())
    assert not any(check.passed for check in verdict.checks)
    assert verdict.record.psr == (None, "zero_variance")
    assert verdict.snooping.reality_check.reason == "zero_variance"


def test_a_verdict_is_the_same_for_the_same_seed(walk):
    assert verdict_of(walk, Demands()).checks == verdict_of(walk, Demands()).checks


@pytest.mark.parametrize("which", ["walk", "skilled"])
def test_the_page_says_yes_or_no_with_every_check(which, tmp_path, request):
    walk = request.getfixturevalue(which)
    verdict = verdict_of(walk, Demands())
    page = write_verdict(walk, verdict, FACTS, tmp_path / "new" / "page.html").read_text()
    said = "yes" if verdict.passed else "no"
    assert f"<title>Trifecta: walk-forward verdict: {said}</title>" in page
    assert page.count("<td>FAILED") == len(failed(verdict))
    assert page.count("<td>passed") == len(verdict.checks) - len(failed(verdict))
    assert "trifecta walkforward &lt;b&gt;" in page
    assert re.findall(r'data-figure="(\w+)"', page) == ["growth", "folds", "logits", "costs"]
    again = write_verdict(walk, verdict, FACTS, tmp_path / "page.html").read_bytes()
    assert again == page.encode()


def test_a_page_without_a_choice_or_figures_is_written_all_the_same(skilled, tmp_path):
    nothing = Daily(np.zeros(0, np.int64), np.zeros(0))
    folds = tuple(Fold(fold.window, None, None, None, nothing) for fold in skilled.folds)
    idle = skilled._replace(folds=folds, returns=skilled.returns[:, :1], costs=())
    verdict = verdict_of(idle, Demands())
    page = write_verdict(idle, verdict, FACTS, tmp_path / "page.html").read_text()
    assert "No set had a metric on any train" in page
    assert "only one set was tried" in page
    schema("walkforward").validate(document_of(idle, verdict, None, 1.0))


def test_the_document_fits_its_schema(walk, skilled):
    for one in (walk, skilled):
        document = document_of(one, verdict_of(one, Demands()), "page.html", 1.0)
        schema("walkforward").validate(document)
        assert [line["multiple"] for line in document["costs"]] == [float(Decimal(k)) for k in range(4)]
