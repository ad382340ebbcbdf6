"""Reference cases: find them below one root, run them through an adapter, compare as the reference's README says.

The root is TRIFECTA_REFERENCE, else `../shared/reference` beside the repository. Every case found is a test; a case
whose `fn` no adapter knows fails.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = Path(os.environ.get("TRIFECTA_REFERENCE") or REPOSITORY.parent / "shared" / "reference")
TEXT_KEYS = frozenset({"note", "comment"})

Adapter = Callable[[dict[str, Any]], Any]


class Prose:
    """What an adapter returns for a value that is an explanation, not a result."""


class Case(NamedTuple):
    """One case with the tolerance that applies to it."""

    name: str
    fn: str
    inputs: dict[str, Any]
    expected: dict[str, Any]
    rtol: float
    atol: float


def cases(place: str) -> list[Any]:
    """Return every case of a file, or of every JSON file below a folder, as parameters of a test."""
    path = ROOT / place
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = [case for file in files if file.exists() for case in _cases_of(file)]
    return [pytest.param(case, id=case.name) for case in found]


def _cases_of(file: Path) -> Iterator[Case]:
    document = json.loads(file.read_text())
    if not isinstance(document, dict):
        return
    tolerance = document.get("meta", {}).get("default_tolerance", {})
    for case in document.get("cases", ()):
        own = {**tolerance, **case.get("tol", {})}
        yield Case(
            case["id"], case["fn"], case["inputs"], case["expected"], own.get("rtol", 0.0), own.get("atol", 0.0)
        )  # fmt: skip


def check(case: Case, adapters: Mapping[str, Adapter]) -> None:
    """Run a case and compare every value of `expected`."""
    if case.fn not in adapters:
        pytest.fail(f"case {case.name}: no adapter for fn {case.fn!r}; there are {', '.join(sorted(adapters))}")
    differences = list(_differences(case.expected, adapters[case.fn](case.inputs), case, case.name))
    assert not differences, "\n".join(differences)


def _differences(expected: Any, actual: Any, case: Case, path: str) -> Iterator[str]:
    """Yield one line for each value that is not as expected."""
    if isinstance(actual, Prose):
        return
    if isinstance(expected, dict):
        for key in expected.keys() - TEXT_KEYS:
            if isinstance(actual, Mapping) and key in actual:
                yield from _differences(expected[key], actual[key], case, f"{path}.{key}")
            else:
                yield f"{path}.{key}: missing, expected {expected[key]!r}"
    elif isinstance(expected, list):
        if not isinstance(actual, list | tuple) or len(actual) != len(expected):
            yield f"{path}: {actual!r}, expected {expected!r}"
        else:
            for i, (one, other) in enumerate(zip(expected, actual, strict=True)):
                yield from _differences(one, other, case, f"{path}[{i}]")
    elif not _equal(expected, actual, case):
        yield f"{path}: {actual!r}, expected {expected!r}"


def _equal(expected: Any, actual: Any, case: Case) -> bool:
    if expected is None or actual is None or isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, str):
        number = _decimal(expected)
        return str(actual) == expected if number is None else number == _decimal(str(actual))
    if isinstance(actual, str):
        return False
    return bool(abs(actual - expected) <= case.atol + case.rtol * abs(expected))


def _decimal(text: str) -> Decimal | None:
    """Return the number that a string spells, None if it spells none (`Infinity` counts, `NaN` does not)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return None if number.is_nan() else number
