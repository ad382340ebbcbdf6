"""`trifecta walkforward`: what it prints, writes and answers, and what it says to bad input."""

from decimal import Decimal
from pathlib import Path

import pytest

from cli.walkforward import COSTS, METRICS, costs_of
from research.scores import METRICS as SCORED
from research.walkforward import COSTS as DEFAULT_COSTS
from tests.cli.running import refused, schema, trifecta

GRID = ("--symbols", "AAPL", "--policy", "sma_cross", "--grid", "fast=2,3,5", "--grid", "slow=8,13", "--fee", "0.0001")


def test_json_is_one_document_and_the_verdict_is_the_exit_code(market, home):
    ended = trifecta("walkforward", "--data", market, "--home", home, "--json", "--tried", "4", *GRID)
    document = ended.document
    schema("walkforward").validate(document)
    assert (ended.code, document["verdict"], ended.err) == (1, "no", "")
    assert (document["bars"], document["sets"], document["out_of_sample"]["trials"]) == (300, 6, 10)
    assert [fold["test"]["bars"] for fold in document["folds"]] == [37] * 5
    assert "walk-forward verdict: no" in Path(document["report"]).read_text()
    assert Path(document["report"]).parent == home / "reports"
    again = trifecta("walkforward", "--data", market, "--home", home, "--json", "--tried", "4", *GRID).document
    assert {**again, "seconds": 0} == {**document, "seconds": 0}


@pytest.mark.slow
def test_people_see_folds_checks_and_the_verdict(market, home, tmp_path):
    page = tmp_path / "out" / "page.html"
    words = ("--train", "100", "--test", "60", "--purge", "5", "--anchored", "--out", page)
    ended = trifecta("walkforward", "--data", market, "--home", home, *GRID, *words)
    assert ended.code == 1
    assert "White's reality check" in ended.out
    assert "verdict: NO" in ended.out
    assert str(page) in ended.out
    assert page.is_file()
    assert "rollouts" in ended.err


@pytest.mark.slow
def test_without_a_report_nothing_is_written(market, home):
    ended = trifecta("walkforward", "--data", market, "--home", home, "--json", "--no-report", *GRID)
    assert ended.document["report"] is None
    assert not (home / "reports").exists()


@pytest.mark.slow
def test_demands_that_are_low_enough_are_met(market, home):
    """What is left cannot be waived: profit, also at twice the costs, and a record that is long enough."""
    low = ("--trades-min", "1", "--dsr-min", "0", "--pbo-max", "1", "--p-max", "1")
    ended = trifecta("walkforward", "--data", market, "--home", home, "--json", "--no-report", *GRID, *low)
    passed = {check["name"]: check["passed"] for check in ended.document["checks"]}
    assert all(passed[name] for name in ("trades", "deflated_sharpe", "overfitting", "reality_check"))
    profitable = ended.document["out_of_sample"]["net_profit"] > 0
    assert passed["net_profit"] == profitable
    assert ended.code == (0 if all(passed.values()) else 1)


BAD = [
    (["--grid", "fst=1,2"], "policy sma_cross: parameter 'fst' is unknown"),
    (["--grid", "fast=5", "--train", "999"], "--train 999 --purge 0 --test 37: 1,036 bars are needed, there are 300"),
    (["--grid", "fast=5", "--train", "0"], "Invalid value for '--train'"),
    (["--grid", "fast=5", "--costs", "1,x"], "--costs 1,x: numbers from 0 to 100, commas between, are allowed"),
    (["--grid", "fast=5", "--costs", "nan"], "--costs nan: numbers from 0 to 100"),
    (["--grid", "fast=5", "--policy", "convergence"], "--policy convergence: it is of the arbitrage desk"),
    (["--grid", "fast=5", "--start", "2031-01-01"], "AAPL: no rows between 2031-01-01"),
    (["--grid", "fast=5", "--metric", "luck"], "Invalid value for '--metric'"),
    (["--grid", "fast=5", "--pbo-max", "2"], "Invalid value for '--pbo-max'"),
    ([], "Missing option '--grid'"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_line_and_exit_code_2(market, home, words, said):
    given = ("--symbols", "AAPL", "--policy", "sma_cross", "--data", market, "--home", home)
    assert said in refused("walkforward", *given, *words)


def test_costs_are_read_in_order_and_hold_what_the_check_needs():
    assert costs_of("3,0.5") == (Decimal("0.5"), Decimal(1), Decimal(2), Decimal(3))
    assert costs_of(COSTS) == DEFAULT_COSTS


def test_what_can_be_chosen_by_is_what_is_scored():
    assert tuple(SCORED) == METRICS
