"""`trifecta data`: tables for people, one JSON document for programs, exit codes for scripts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from cli.data import data
from tests.research.files import DATA, REPO, bars, changed, needs_data, write


def schema(name):
    found = json.loads((REPO / "docs" / "json" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def run(root: Path, *arguments: str):
    home = root.parent / "home"
    return CliRunner().invoke(data, [arguments[0], "--data", str(root), "--home", str(home), *arguments[1:]])


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "data"
    write(folder, "fx/EURUSD_M1_histdata.parquet", bars())
    write(folder, "fx/USDJPY_M1_histdata.parquet", changed("close", 3, 0.0))
    for name in ("ticker", "trade", "depth"):
        (folder / "wire").mkdir(exist_ok=True)
        (folder / "wire" / f"{name}.json").write_text('{"price": "1"}')
    return folder


@pytest.fixture
def bad(root):
    (root / "fx" / "GBPUSD_M1_histdata.parquet").write_bytes(b"PAR1 cut off")
    return root


def test_list_shows_files_by_folder_and_a_summary(root):
    result = run(root, "list")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["fx/"] in lines
    assert (
        "EURUSD_M1_histdata.parquet EURUSD histdata bars bid 1m 2024-01-08 00:00 2024-01-08 01:59 UTC 120 0".split()
        in lines
    )
    assert ["3", "payloads", "raw", "3"] in lines
    assert "bars 2 240 2 0.0 2024-01-08 2024-01-08".split() in lines
    assert "1 zero" in result.stdout


def test_list_all_shows_every_payload(root):
    assert "ticker.json" not in run(root, "list").stdout
    assert "ticker.json" in run(root, "list", "--all").stdout


def test_list_names_a_bad_file_and_goes_on(bad):
    result = run(bad, "list")
    assert result.exit_code == 0
    assert "truncated Parquet: the footer is missing" in result.stdout
    assert "EURUSD_M1_histdata.parquet" in result.stdout


def test_list_json_is_one_document_that_fits_its_schema(bad):
    result = run(bad, "list", "--json")
    document = json.loads(result.stdout)
    schema("data_list").validate(document)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [entry["path"] for entry in document["files"]] == [
        "fx/EURUSD_M1_histdata.parquet", "fx/GBPUSD_M1_histdata.parquet", "fx/USDJPY_M1_histdata.parquet",
        "wire/depth.json", "wire/ticker.json", "wire/trade.json",
    ]  # fmt: skip
    assert (document["files"][0]["first"], document["files"][0]["rows"]) == ("2024-01-08T00:00:00Z", 120)


def test_check_judges_and_fails_on_a_bad_file(bad):
    result = run(bad, "check")
    assert result.exit_code == 1
    lines = [line.split() for line in result.stdout.splitlines()]
    assert (
        "warning fx/USDJPY_M1_histdata.parquet 1 row with a zero or negative price, the first flawed row is 3".split()
        in lines
    )
    assert "bad fx/GBPUSD_M1_histdata.parquet truncated Parquet: the footer is missing".split() in lines
    assert "6 files: 4 ok, 1 with warnings, 1 bad".split() in lines
    assert "EURUSD" not in result.stdout


def test_check_passes_with_warnings_only(root):
    result = run(root, "check", "--all")
    assert result.exit_code == 0
    assert "ok       fx/EURUSD_M1_histdata.parquet" in result.stdout


def test_check_json_is_one_document_that_fits_its_schema(bad):
    result = run(bad, "check", "--json")
    document = json.loads(result.stdout)
    schema("data_check").validate(document)
    assert (result.exit_code, result.stderr) == (1, "")
    assert document["counts"] == {"ok": 4, "warning": 1, "bad": 1}
    assert document["files"][1] == {
        "path": "fx/GBPUSD_M1_histdata.parquet", "kind": "unknown", "symbol": "GBPUSD", "verdict": "bad",
        "reasons": ["truncated Parquet: the footer is missing"],
    }  # fmt: skip


def test_files_can_be_chosen_by_symbol_and_kind(root):
    chosen = json.loads(run(root, "list", "--json", "--symbol", "eur/usd").stdout)["files"]
    assert [entry["symbol"] for entry in chosen] == ["EURUSD"]
    chosen = json.loads(run(root, "list", "--json", "--kind", "raw").stdout)["files"]
    assert {entry["kind"] for entry in chosen} == {"raw"}


@pytest.mark.parametrize("command", ["list", "check"])
def test_a_directory_without_data_is_fine(tmp_path, command):
    (tmp_path / "data").mkdir()
    assert run(tmp_path / "data", command).exit_code == 0
    document = json.loads(run(tmp_path / "data", command, "--json").stdout)
    schema(f"data_{command}").validate(document)
    assert document["files"] == []


@pytest.mark.parametrize("command", ["list", "check"])
def test_wrong_usage_is_exit_code_2_and_says_what_is_allowed(root, tmp_path, command):
    missing = run(tmp_path / "nowhere", command)
    assert missing.exit_code == 2
    assert "does not exist" in missing.stderr
    unknown = run(root, command, "--kind", "bananas")
    assert unknown.exit_code == 2
    assert "known are bars, quotes, trades" in unknown.stderr
    unset = CliRunner(env={"TRIFECTA_DATA": None}).invoke(data, [command])
    assert unset.exit_code == 2
    assert "TRIFECTA_DATA" in unset.stderr


def test_paths_come_from_the_environment(root, tmp_path):
    env = {"TRIFECTA_DATA": str(root), "TRIFECTA_HOME": str(tmp_path / "elsewhere")}
    assert CliRunner(env=env).invoke(data, ["list"]).exit_code == 0
    assert (tmp_path / "elsewhere" / "catalogue").is_dir()


def test_importing_the_command_imports_nothing_heavy():
    code = (
        "import sys, cli.data; print([m for m in ('numpy', 'pyarrow', 'numba', 'rich', 'msgspec') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert result.stdout.strip() == "[]"


@needs_data
@pytest.mark.slow
def test_the_real_data_fits_the_schemas(tmp_path):
    arguments = ["--data", str(DATA), "--home", str(tmp_path), "--json"]
    listed = CliRunner().invoke(data, ["list", *arguments])
    checked = CliRunner().invoke(data, ["check", *arguments])
    files, verdicts = json.loads(listed.stdout), json.loads(checked.stdout)
    schema("data_list").validate(files)
    schema("data_check").validate(verdicts)
    assert [entry["path"] for entry in files["files"]] == [entry["path"] for entry in verdicts["files"]]
    assert checked.exit_code == (1 if verdicts["counts"]["bad"] else 0)
