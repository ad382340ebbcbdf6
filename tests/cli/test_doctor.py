"""`trifecta doctor`: one document, an exit code that means something, and no traceback whatever it meets."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cli.doctor import doctor
from tests.cli.schemas import schema
from tests.research.files import REPO, bars, write


def run(*words):
    return CliRunner(env={"TRIFECTA_DATA": None, "TRIFECTA_HOME": None}).invoke(
        doctor, [*map(str, words)], standalone_mode=False
    )


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "data", "fx/EURUSD_M1.parquet", bars())
    return tmp_path / "data"


def test_json_is_one_document_that_fits_its_schema(data, tmp_path):
    result = run("--home", tmp_path / "home", "--data", data, "--json")
    document = json.loads(result.stdout)
    schema("doctor").validate(document)
    assert document["ok"] == (document["counts"]["error"] == 0) == (result.return_value == 0)
    assert sum(document["counts"].values()) == len(document["findings"])
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "check"),
    [
        (("--data", "nowhere"), "data"),
        (("--config", "nowhere.toml"), "configuration"),
        (("--home", "file/home"), "home"),
    ],
)
def test_an_error_is_exit_code_1_and_is_shown_with_its_remedy(data, tmp_path, monkeypatch, words, check):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = run("--home", "home", "--data", "data", *words)
    assert result.return_value == 1
    lines = result.stdout.splitlines()
    (number,) = [k for k, line in enumerate(lines) if line.startswith("error") and check in line]
    assert lines[number + 1].lstrip().startswith("-> ")
    assert lines[-1].endswith("1 errors")


def test_warnings_alone_are_exit_code_0(data, tmp_path):
    (data / "fx" / "GBPUSD_M1.parquet").write_bytes(b"PAR1 cut off")
    result = run("--home", tmp_path / "home", "--data", data)
    assert result.return_value == 0
    assert "1 bad files are skipped: fx/GBPUSD_M1.parquet" in result.stdout


def test_the_packaged_sample_is_looked_at_without_data(tmp_path):
    document = json.loads(run("--home", tmp_path / "home", "--json").stdout)
    assert document["data"] == str(REPO / "data")


def test_importing_the_command_imports_nothing_heavy():
    code = "import sys, cli.doctor; print([m for m in ('numpy', 'numba', 'ray', 'psutil') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    assert result.stdout.strip() == "[]"
