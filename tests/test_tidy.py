"""House rules that a person would have to remember, as tests. Budgets are limits, not goals."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
PARAMETERS_OF_KERNELS_MAX = 10
COLUMNS_OF_A_BAR = {"market/features.py:run_series"}
"""Doors of kernels that take one array per column of a bar."""
DECORATORS_OF_KERNELS = {"compiled", "inlined", "folded"}
FOLDERS_ALLOWED = {
    "market", "policies", "venues", "journal", "envs", "actors", "serve", "research", "cli", "tests", "bench",
}  # fmt: skip
NAMES_FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base"}
WORDS_FORBIDDEN = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")))
MACHINE_PATHS = re.compile(r"(?<![\w.~$}>-])/(?:" + "|".join(("work", "root", "home", "Users")) + r")/[\w.]")
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "python" + "hosted", "npmjs" + r"\.(?:org|com)", "/opt/" + "pypi"))
)
SERVE_IMPORT = re.compile(r"^\s*from ray import .*\bserve\b", re.M)
PATCHING = re.compile(r"mock\.patch|time\.sleep\(")


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in done.stdout.decode().splitlines() if (ROOT / name).is_file()]


@cache
def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        body = path.read_bytes()
        if b"\0" not in body[:8192]:
            found[str(path.relative_to(ROOT))] = body.decode("utf-8")
    return found


def python_files(*, tests: bool = True) -> dict[str, str]:
    return {
        name: text for name, text in texts().items()
        if name.endswith(".py") and (tests or not name.startswith(("tests/", "bench/")))
    }  # fmt: skip


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {node.id for node in function.decorator_list if isinstance(node, ast.Name)}
    return bool(names & DECORATORS_OF_KERNELS)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    own = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in own if name not in ("self", "cls")])


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell a click command: its parameters are the options of the command line."""
    return any("click" in ast.dump(node) or "command" in ast.dump(node) for node in function.decorator_list)


def test_files_hold_one_idea_each() -> None:
    long = {name: len(text.splitlines()) for name, text in python_files().items()}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES_MAX} == {}


def test_functions_fit_a_screen() -> None:
    long = {
        f"{name}:{function.name}": function.end_lineno - function.lineno + 1
        for name, text in python_files().items()
        for function in functions(text)
        if function.end_lineno is not None and function.end_lineno - function.lineno >= FUNCTION_LINES_MAX
    }
    assert long == {}


def test_functions_take_few_parameters() -> None:
    many = {}
    for name, text in python_files(tests=False).items():
        for function in functions(text):
            most = PARAMETERS_OF_KERNELS_MAX if is_kernel(function) else PARAMETERS_MAX
            if parameters(function) > most and not is_command(function):
                many[f"{name}:{function.name}"] = parameters(function)
    assert {name: count for name, count in many.items() if name not in COLUMNS_OF_A_BAR} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name for name, text in python_files().items() if text.strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_names_are_ascii_and_mean_something() -> None:
    assert [name for name in texts() if not name.isascii()] == []
    parts = {part for name in python_files() for part in (*Path(name).parts[:-1], Path(name).stem)}
    assert parts & NAMES_FORBIDDEN == set()


def test_packages_are_those_of_the_house() -> None:
    assert {Path(name).parts[0] for name in python_files() if len(Path(name).parts) > 1} <= FOLDERS_ALLOWED


def test_nothing_is_left_for_later() -> None:
    assert [name for name, text in python_files().items() if WORDS_FORBIDDEN.search(text)] == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {
        name: match.group()
        for name, text in texts().items()
        if (match := MACHINE_PATHS.search(text) or REGISTRIES.search(text))
    }
    assert found == {}


def test_serve_is_imported_as_the_house_does() -> None:
    assert [name for name, text in python_files().items() if SERVE_IMPORT.search(text)] == []


def test_tests_wait_for_conditions_and_patch_nothing() -> None:
    free = ("tests/waiting.py", "tests/test_tidy.py")
    tests = {name: text for name, text in python_files().items() if name.startswith("tests/") and name not in free}
    assert [name for name, text in tests.items() if PATCHING.search(text)] == []


@pytest.mark.parametrize("heavy", ["torch", "stable_baselines3"])
def test_training_packages_stay_in_research(heavy: str) -> None:
    pattern = re.compile(rf"^\s*(?:import|from) {heavy}\b", re.M)
    users = [name for name, text in python_files(tests=False).items() if pattern.search(text)]
    assert [name for name in users if not name.startswith("research/")] == []


def test_the_rules_find_what_they_are_for() -> None:
    assert MACHINE_PATHS.search("read " + "/" + "root/x.parquet")
    assert not MACHINE_PATHS.search("src/home/x ./home/y ~/work/z")
    assert REGISTRIES.search("https://pypi" + ".org/simple")
    assert SERVE_IMPORT.search("from ray " + "import serve")
    assert WORDS_FORBIDDEN.search("# TO" + "DO: later")
