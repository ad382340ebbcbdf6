"""Findings: what a look at a machine, a home or a running system brings up, and what to do about it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Level(StrEnum):
    """How bad a finding is: an error stops a command from working, a warning may surprise."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


NOTHING: Final = "nothing to do"
"""The remedy of what is in order."""


class Finding(Struct, frozen=True):
    """One finding: what was looked at, how it is, what was seen, and the remedy."""

    check: str
    level: Level
    text: str
    remedy: str = NOTHING

    def __post_init__(self) -> None:
        """Hold that whatever is not in order says what to do."""
        assert self.level is Level.OK or self.remedy not in ("", NOTHING)


def good(check: str, text: str) -> Finding:
    """Return that something is in order."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Return that something may surprise."""
    return Finding(check, Level.WARNING, text, remedy)


def error(check: str, text: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(check, Level.ERROR, text, remedy)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count findings by level."""
    found = dict.fromkeys(map(str, Level), 0)
    for finding in findings:
        found[finding.level] += 1
    return found
