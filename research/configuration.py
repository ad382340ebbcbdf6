"""Configuration: TOML files, checked before anything uses them.

An unknown or retired key, a wrong unit or a value out of range is one line that names file, key, value and what is
allowed. A user's file is laid over the packaged one, so it says only what differs.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from research.config_sections import Configuration, Profile, Section

RETIRED: Final[Mapping[str, str]] = {
    "account.initial_cash": "account.cash",
    "desks.forex.min_confidence": "confidence_min in the profile",
    "limits.max_trades_per_day": "limits.trades_per_day_max",
    "limits.max_loss_per_day": "limits.daily_loss_max",
}
"""Keys that once meant something: using one is an error that names its successor, never a silent change."""

S = TypeVar("S", bound=Section)


class ConfigurationError(ValueError):
    """A configuration cannot be used; the message is for the person who wrote it."""


def packaged(*parts: str) -> Path:
    """Return the path of a file that comes with the program."""
    return Path(__file__).resolve().parents[1].joinpath("config", *parts)


def load_configuration(path: Path | None = None) -> Configuration:
    """Read the packaged configuration with a user's file laid over it; ConfigurationError names what is wrong."""
    base = packaged("trifecta.toml")
    values = _read(base)
    if path is not None:
        own = _read(path)
        _refuse_retired(path, own)
        values = _laid_over(values, own)
    return _checked(Configuration, values, path or base)


def load_profile(name: str) -> Profile:
    """Read a profile by name, or by the path of a TOML file."""
    path = Path(name) if name.endswith(".toml") else packaged("profiles", f"{name}.toml")
    if not path.is_file():
        known = sorted(found.stem for found in packaged("profiles").glob("*.toml"))
        raise ConfigurationError(f"profile {name!r} is unknown; known are {', '.join(known)}, or the path of a .toml")
    values = _read(path)
    _refuse_retired(path, values)
    return _checked(Profile, values, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _refuse_retired(path: Path, values: dict[str, Any]) -> None:
    for key, successor in RETIRED.items():
        found: Any = values
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            raise ConfigurationError(f"{path}: {key} is retired; use {successor}")


def _checked(kind: type[S], values: dict[str, Any], path: Path) -> S:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_explained(path, kind, item) for item in error.errors()[:3])) from error


def _explained(path: Path, kind: type[Section], error: ErrorDetails) -> str:
    """Say in one line what is wrong with one key."""
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    if error["type"] == "extra_forbidden":
        allowed = _allowed_at(kind, where[:-1])
        near = get_close_matches(where[-1], allowed, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{path}: {key} is unknown{hint} (allowed here: {', '.join(allowed)})"
    if error["type"] == "missing":
        return f"{path}: {key} is missing"
    return f"{path}: {key} = {error['input']!r}: {error['msg']}"


def _allowed_at(kind: type[Section], where: list[str]) -> list[str]:
    """Return the keys of the section at a place."""
    fields = kind.model_fields
    for part in where:
        annotation = fields[part].annotation if part in fields else None
        if isinstance(annotation, type) and issubclass(annotation, Section):
            fields = annotation.model_fields
        else:
            inner = [given for given in getattr(annotation, "__args__", ()) if isinstance(given, type)]
            sections = [given for given in inner if issubclass(given, Section)]
            if not sections:
                continue  # the name of an entry in a table of sections
            fields = sections[0].model_fields
    return sorted(fields)
