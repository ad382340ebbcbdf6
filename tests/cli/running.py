"""Runs the command line in this process, and holds what it prints against the schemas."""

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from cli.main import main
from tests.research.files import REPO


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def trifecta(*words: object, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command; an exception that reaches the top is a traceback that a user would see, and fails the test."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), _environment(env or {}), pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, *texts)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Change the environment; the user's own TRIFECTA_ variables count for nothing here."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("TRIFECTA_")]:
        del os.environ[name]
    os.environ.update({"COLUMNS": "120"} | dict(changes))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def refused(*words: object, code: int = 2, env: Mapping[str, str] | None = None) -> str:
    """Run a command that must end with this code, nothing on stdout and one line on stderr; return the line."""
    ended = trifecta(*words, env=env)
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    assert (ended.code, ended.out, len(lines)) == (code, "", 1), ended
    return lines[0].removeprefix("trifecta: ")


def schema(name: str) -> Draft202012Validator:
    """Return the validator of a command's document."""
    found = json.loads((REPO / "docs" / "json" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)
