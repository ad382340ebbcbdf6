"""`trifecta tune`: what it prints, what it keeps, that a backtest takes it, and what it says to bad input."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.backtest import backtest
from cli.tune import HINDSIGHT, METRICS, tune
from research.scores import METRICS as SCORED
from tests.cli.schemas import schema
from tests.research.files import REPO, bars, write

SPAN = ("--symbols", "GBPUSD", "--timeframe", "1h")
GRID = ("--policy", "sma_cross", "--grid", "fast=5,8,13,34", "--grid", "slow=21:55:17")


def trifecta(*words):
    return subprocess.run(
        [sys.executable, "-c", "from cli.main import main; main()", *words],
        capture_output=True, text=True, check=False, cwd=REPO, timeout=240,
    )  # fmt: skip


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    home = tmp_path_factory.mktemp("sweep")
    words = ["--data", str(REPO / "data"), "--home", str(home), "--out", str(home / "out" / "all.csv"), "--json"]
    done = trifecta("tune", *SPAN, *GRID, "--metric", "profit_factor", "--best", "3", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return home, json.loads(done.stdout)


@pytest.mark.cluster
def test_json_is_one_document_that_fits_its_schema(swept):
    _, document = swept
    schema("tune").validate(document)
    assert (document["sets"], document["trials"], document["batch"]) == (12, 1, 200)
    assert [found["rank"] for found in document["best"]] == [1, 2, 3]
    factors = [found["profit_factor"] for found in document["best"]]
    assert factors == sorted(factors, reverse=True)
    assert document["warnings"][-1] == HINDSIGHT


@pytest.mark.cluster
def test_the_best_set_is_kept_under_the_hash_of_its_bytes(swept):
    home, document = swept
    path = Path(document["params_file"]["path"])
    assert [found.name for found in (home / "params").iterdir()] == [path.name]
    assert document["params_file"]["sha256"] == path.stem == hashlib.sha256(path.read_bytes()).hexdigest()
    kept = json.loads(path.read_bytes())
    assert kept["params"] == document["best"][0]["params"]
    assert kept["data"] == document["data"]
    assert (kept["sets"], kept["metric"], kept["value"]) == (12, "profit_factor", document["best"][0]["profit_factor"])


@pytest.mark.cluster
def test_a_backtest_takes_the_file_and_says_the_same(swept):
    home, document = swept
    best, path = document["best"][0], document["params_file"]["path"]
    words = ["--data", str(REPO / "data"), "--home", str(home), "--no-report", "--json", *SPAN]
    told = json.loads(CliRunner().invoke(backtest, [*words, "--params", path]).stdout)
    assert (told["final_equity"], told["max_drawdown"]) == (best["final_equity"], best["max_drawdown"])
    assert (told["metrics"]["sharpe"], told["metrics"]["profit_factor"]) == (best["sharpe"], best["profit_factor"])
    assert len(told["trades"]) == best["trades"]
    assert told["warnings"][-1].startswith("these parameters were chosen on this data, the best of 12 sets by profit")
    spelled = [f"--param={name}={value}" for name, value in best["params"].items()]
    again = json.loads(CliRunner().invoke(backtest, [*words, "--policy", "sma_cross", *spelled]).stdout)
    assert again["decisions_digest"] == told["decisions_digest"]
    assert again["warnings"] == []


@pytest.mark.cluster
def test_csv_has_every_set_in_the_order_of_the_ranking(swept):
    home, document = swept
    with (home / "out" / "all.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(int(row["set"]) for row in rows) == list(range(12))
    assert [int(row["set"]) for row in rows[:3]] == [found["set"] for found in document["best"]]
    assert {float(row["slow"]) for row in rows} == {21.0, 38.0, 55.0}
    undefined = [row["profit_factor"] == "" for row in rows]
    assert undefined == sorted(undefined)


@pytest.mark.cluster
def test_without_a_value_of_the_metric_nothing_is_kept(tmp_path):
    words = ["--data", str(REPO / "data"), "--home", str(tmp_path)]
    done = trifecta("tune", *SPAN, "--policy", "sma_cross", "--grid", "fast=30", "--metric", "sharpe", *words)
    assert done.returncode == 1
    assert "sharpe is undefined for every set: none is kept" in done.stderr
    assert "1 sets tried" in done.stdout
    assert HINDSIGHT in done.stdout
    assert not (tmp_path / "params").exists()


BAD = [
    (["--grid", "fst=1,2"], "policy sma_cross: parameter 'fst' is unknown; known are fast, slow, lots"),
    (["--grid", "fast=0,5"], "policy sma_cross: fast = 0.0; allowed is a whole number from 1 to 2000"),
    (["--grid", "fast=1:4"], "--grid fast=1:4: NAME=a,b,c or NAME=low:high:step with numbers is allowed"),
    (["--grid", "fast=5", "--param", "fast=6"], "--grid fast: it is given twice"),
    (["--grid", "fast=5", "--param", "slow"], "--param slow: name=number is allowed"),
    (["--grid", "fast=1:999:1", "--grid", "slow=1:999:1"], "--grid makes 998,001 sets; at most 100,000 are allowed"),
    (["--grid", "fast=5", "--batch", "5", "--trials", "2"], "--batch and --trials: one of the two is allowed"),
    (["--grid", "fast=5", "--policy", "convergence"], "--policy convergence: it is of the arbitrage desk"),
    (["--grid", "fast=5", "--policy", "oracle"], "policy 'oracle' is unknown"),
    (["--grid", "fast=5", "--start", "2030-01-01"], "GBPUSD: no rows between 2030-01-01T00:00:00Z and the end"),
    (["--grid", "fast=5", "--start", "soon"], "--start soon: not a date or time"),
    (["--grid", "fast=5", "--symbols", "XAUUSD"], "symbol 'XAUUSD' is not in"),
    (["--grid", "fast=5", "--profile", "yolo"], "profile 'yolo' is unknown"),
    (["--grid", "fast=5", "--metric", "luck"], "Invalid value for '--metric': 'luck' is not one of"),
    (["--grid", "fast=5", "--best", "0"], "Invalid value for '--best'"),
    ([], "Missing option '--grid'"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_line_and_exit_code_2_before_ray_starts(tmp_path, words, said):
    given = ["--policy", "sma_cross", "--data", str(REPO / "data"), "--home", str(tmp_path), *words]
    code = (
        "import sys\nfrom cli.main import main\n"
        "try:\n    main()\nfinally:\n    assert 'ray' not in sys.modules\n"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, "tune", *SPAN, *given], capture_output=True, text=True, check=False, cwd=REPO
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.splitlines()[-1]
    assert said in line
    assert "Traceback" not in done.stderr


def test_an_empty_span_of_bars_is_refused(tmp_path):
    write(tmp_path / "data", "fx/EURUSD_H1.parquet", bars(4, step_ns=60 * 60 * 10**9))
    span = ["--start", "2024-01-08T00:10", "--end", "2024-01-08T00:30"]
    words = ["--symbols", "EURUSD", "--grid", "fast=5", "--policy", "sma_cross", *span]
    result = CliRunner().invoke(tune, [*words, "--data", str(tmp_path / "data"), "--home", str(tmp_path / "home")])
    assert isinstance(result.exception, ValueError)
    assert "2024-01-08T00:10" in str(result.exception)


@pytest.mark.parametrize("beside", [["--policy", "sma_cross"], ["--param", "fast=3"]])
def test_a_backtest_with_a_file_takes_no_other_parameters(tmp_path, beside):
    given = ["--params", str(tmp_path / "x.json"), "--data", str(REPO / "data"), "--home", str(tmp_path), *SPAN]
    result = CliRunner().invoke(backtest, [*given, *beside])
    assert str(result.exception).endswith("no --policy or --param is allowed beside it")


def test_the_help_says_that_the_best_is_no_expectation():
    told = " ".join(CliRunner().invoke(tune, ["--help"]).stdout.split())
    assert HINDSIGHT in told
    assert all(metric in told for metric in METRICS)


def test_what_can_be_ranked_by_is_what_is_scored():
    assert tuple(SCORED) == METRICS
