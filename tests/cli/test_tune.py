"""`trifecta tune`: what it prints, what it keeps, that a backtest takes it, and what it says to bad input."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.backtest import backtest
from cli.tune import HONEST, METRICS, tune
from research.scores import METRICS as SCORED
from research.search import KINDS
from research.trial_log import FINISHED, batches_in
from research.tune_document import HINDSIGHT
from tests.cli.running import refused, trifecta
from tests.cli.schemas import schema
from tests.research.files import REPO, bars, write
from tests.waiting import until

SPAN = ("--symbols", "GBPUSD", "--timeframe", "1h")
GRID = ("--policy", "sma_cross", "--grid", "fast=5,8,13,34", "--grid", "slow=21:55:17")
DATA = ("--data", str(REPO / "data"))
LONG = ("--symbols", "GBPUSD", "AUDUSD", "--timeframe", "1m", "--policy", "trend_reversion",
        "--grid", "stop_atr=4:12:1", "--grid", "target_atr=10:30:5", "--search", "asha", "--batch", "3",
        *DATA)  # fmt: skip


def command(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", "tune", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO, **options,
    )  # fmt: skip


def told(*words):
    process = command(*words)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    home = tmp_path_factory.mktemp("sweep")
    files = ["--out", home / "all.csv", "--picture", home / "x.png", "--picture", home / "x.html"]
    words = [*SPAN, *GRID, "--metric", "net_profit", "--best", "3", *DATA, "--home", home, *files, "--json"]
    return home, told(*map(str, words))


@pytest.mark.cluster
def test_a_search_is_told_kept_and_written(swept):
    """Everything about one run of the command, because a Ray of its own is what it costs."""
    home, document = swept
    schema("tune").validate(document)
    assert (document["sets"], document["trials"], document["batch"], document["grid"]) == (12, 1, 200, 12)
    assert [fold["holdout"] for fold in document["folds"]] == [False] * 4 + [True]
    assert document["warnings"][-1] == HINDSIGHT
    means = [found["mean"] for found in document["best"]]
    assert means == sorted(means, reverse=True)
    for found in document["best"]:
        profits = [fold["net_profit"] for fold in found["folds"]]
        assert found["mean"] == pytest.approx(sum(profits) / 4, abs=1e-9)
    path = Path(document["params_file"]["path"])
    assert document["params_file"]["sha256"] == path.stem == hashlib.sha256(path.read_bytes()).hexdigest()
    kept = json.loads(path.read_bytes())
    assert (kept["params"], kept["data"]) == (document["best"][0]["params"], document["data"])
    assert (kept["sets"], kept["metric"], kept["value"]) == (12, "net_profit", means[0])
    with (home / "all.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(int(row["set"]) for row in rows) == list(range(12))
    assert [int(row["set"]) for row in rows[:3]] == [found["set"] for found in document["best"]]
    assert (home / "x.png").read_bytes()[1:4] == b"PNG"
    assert "by slow: every set" in (home / "x.html").read_text()
    log = pq.read_table(batches_in(home / "trials" / document["run"])[0])
    assert (log.num_rows, set(log["fold"].to_pylist())) == (48, {0, 1, 2, 3})


@pytest.mark.cluster
def test_a_backtest_of_the_holdout_says_the_same_and_one_of_the_folds_warns(swept):
    home, document = swept
    holdout, path = document["holdout"], document["params_file"]["path"]
    words = [*DATA, "--home", str(home), "--no-report", "--json", *SPAN, "--params", path]
    whole = json.loads(CliRunner().invoke(backtest, words).stdout)
    assert whole["warnings"][-1].startswith("these parameters were chosen on this data, the best of 12 sets by net_pr")
    unseen = json.loads(CliRunner().invoke(backtest, [*words, "--start", document["folds"][-1]["from"]]).stdout)
    assert unseen["warnings"] == []
    assert len(unseen["trades"]) <= holdout["folds"][0]["trades"]  # it has no bars before to warm up


@pytest.mark.cluster
def test_the_same_question_is_answered_from_the_log_and_so_is_its_name(swept):
    home, document = swept
    same = {name: document[name] for name in ("run", "best", "tried", "holdout", "deflated_sharpe", "walk_forward")}
    again = trifecta("tune", *SPAN, *GRID, "--metric", "net_profit", "--best", "3", *DATA, "--home", home, "--json")
    named = trifecta("tune", "--resume", document["run"], "--best", "3", "--home", home, "--json")
    for ended in (again, named):
        assert ended.code == 0, ended.err
        assert (ended.document["trials"], ended.document["reused"]) == (0, 48)
        assert {name: ended.document[name] for name in same} == same
    shown = trifecta("tune", "--resume", document["run"], "--home", home, "--out", home / "all.parquet")
    assert "12 sets scored" in shown.out
    assert "holdout, of the best alone: net_profit" in shown.out
    assert pq.read_table(home / "all.parquet").num_rows == 12
    assert "no run is unfinished" in refused("tune", "--resume", "--home", home)
    assert "--resume and --grid: a run goes on" in refused("tune", "--resume", "--grid", "fast=1", "--home", home)


@pytest.mark.cluster
@pytest.mark.slow
def test_a_killed_driver_goes_on_to_what_an_undisturbed_run_finds(tmp_path, scratch):
    """It is killed after its second batch; what it leaves of its Ray is what `trifecta doctor` shows."""
    home, other = tmp_path / "killed", tmp_path / "whole"
    process = command(*LONG, "--home", str(home), "--json", env={**os.environ, "TMPDIR": str(scratch)})
    until(lambda: len(list(home.glob("trials/*/0*.parquet"))) >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (run,) = (home / "trials").iterdir()
    assert not (run / FINISHED).exists()
    kept = {path.name: path.stat().st_mtime_ns for path in batches_in(run)}
    resumed, whole = told("--resume", "--home", str(home), "--json"), told(*LONG, "--home", str(other), "--json")
    assert {name: (run / name).stat().st_mtime_ns for name in kept} == kept
    assert resumed["reused"] > 0
    differ = {"params_file", "trials", "reused", "seconds", "batch"}
    assert {k: v for k, v in resumed.items() if k not in differ} == {k: v for k, v in whole.items() if k not in differ}
    assert resumed["params_file"]["sha256"] == whole["params_file"]["sha256"]
    end_leftovers(scratch)


def end_leftovers(folder):
    """See off what the killed driver's Ray has left: by process, as the doctor names them."""
    from contextlib import suppress

    from actors.local import leftovers

    for left in leftovers(folder):
        for pid in left.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


BAD = [
    (["--grid", "fst=1,2"], "policy sma_cross: parameter 'fst' is unknown; known are fast, slow, lots"),
    (["--grid", "fast=0,5"], "policy sma_cross: fast = 0.0; allowed is a whole number from 1 to 2000"),
    (["--grid", "fast=1:4"], "--grid fast=1:4: NAME=a,b,c or NAME=low:high:step with numbers is allowed"),
    (["--grid", "fast=5", "--param", "fast=6"], "--grid fast: it is given twice"),
    (["--grid", "fast=5", "--param", "slow"], "--param slow: name=number is allowed"),
    (["--grid", "fast=5", "--search", "luck"], "Invalid value for '--search': 'luck' is not one of"),
    (["--grid", "fast=5", "--search", "random"], "--search random: --sets N is needed, how many to draw"),
    (["--grid", "fast=5", "--search", "grid", "--sets", "4"], "--search grid: it takes every set"),
    (["--grid", "fast=5", "--reduction", "4"], "--reduction 4: it is for --search asha"),
    (["--grid", "fast=5", "--purge", "900"], "--folds 4 --holdout 1 --purge 900 --embargo 0: 3,639 bars are needed"),
    (["--grid", "fast=5", "--out", "x.txt"], "--out x.txt: a file name that ends in .parquet or .csv is allowed"),
    (["--grid", "fast=5", "--picture", "x.pdf"], "--picture x.pdf: a file name that ends in .svg, .png, .html is"),
    (["--grid", "fast=5", "--resume"], "--resume and --symbols: a run goes on as it was asked for"),
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


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, words, said):
    assert said in refused("tune", *SPAN, "--policy", "sma_cross", *DATA, "--home", tmp_path, *words)


@pytest.mark.slow
def test_bad_input_is_refused_before_ray_is_even_imported(tmp_path):
    code = "import sys\nfrom cli.main import main\ntry:\n    main()\nfinally:\n    assert 'ray' not in sys.modules\n"
    words = [
        "tune",
        *SPAN,
        "--policy",
        "sma_cross",
        *DATA,
        "--home",
        str(tmp_path),
        "--grid",
        "fast=5",
        "--purge",
        "900",
    ]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=REPO)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


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


def test_the_help_says_how_it_is_judged():
    said = " ".join(CliRunner().invoke(tune, ["--help"]).stdout.split())
    assert HONEST in said
    assert all(word in said for word in (*METRICS, *KINDS))


def test_what_can_be_ranked_by_is_what_is_scored():
    assert tuple(SCORED) == METRICS
