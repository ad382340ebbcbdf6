"""Configuration: TOML or YAML files, checked before anything uses them.

An unknown or retired key, a wrong unit or a value out of range is one line that names file, key, value and what is
allowed. A user's file is laid over the packaged one, so it says only what differs.
"""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from policies.catalogue import POLICIES, params_of
from policies.intents import DeskKind
from research.choices import by_hand
from research.config_base import Section
from research.config_sections import Configuration

RETIRED: Final[Mapping[str, str]] = {
    "account.initial_cash": "account.cash",
    "desks.forex.min_confidence": "confidence_min in the profile",
    "limits.max_trades_per_day": "limits.trades_per_day_max",
    "limits.max_loss_per_day": "limits.daily_loss_max",
}
"""Keys that once meant something: using one is an error that names its successor, never a silent change."""

YAML: Final = frozenset({".yaml", ".yml"})
SUFFIXES: Final = YAML | {".toml"}
SHOWN_MAX: Final = 3
"""Mistakes told at once."""
VALUE_CHARACTERS_MAX: Final = 80

ALLOWED: Final[Mapping[str, str]] = {
    "less_than_equal": "at most {le} is allowed",
    "less_than": "less than {lt} is allowed",
    "greater_than_equal": "at least {ge} is allowed",
    "greater_than": "more than {gt} is allowed",
    "finite_number": "a finite number is allowed",
    "decimal_max_places": "at most {decimal_places} decimal places are allowed",
    "decimal_parsing": 'a number is allowed, as 100 or "100.25"',
    "decimal_type": 'a number is allowed, as 100 or "100.25"',
    "float_type": "a number is allowed",
    "int_type": "a whole number is allowed",
    "int_from_float": "a whole number is allowed",
    "int_parsing_size": "a whole number of at most 18 digits is allowed",
    "bool_type": "true or false is allowed",
    "string_type": "text is allowed",
    "literal_error": "{expected} is allowed",
    "tuple_type": "a list is allowed",
    "dict_type": "a table of keys and values is allowed",
    "model_type": "a table of keys and values is allowed",
    "too_short": "at least {min_length} entries are allowed",
    "too_long": "at most {max_length} entries are allowed",
    "string_pattern_mismatch": "text that matches {pattern} is allowed",
}
"""What is allowed instead, by pydantic's kind of mistake."""

S = TypeVar("S", bound=Section)


class ConfigurationError(ValueError):
    """A configuration cannot be used; the message is for the person who wrote it."""


def packaged(*parts: str) -> Path:
    """Return the path of a file that comes with the program."""
    return Path(__file__).resolve().parents[1].joinpath("config", *parts)


def load_configuration(path: Path | None = None) -> Configuration:
    """Read the packaged configuration with a user's file laid over it; ConfigurationError names what is wrong."""
    base = packaged("trifecta.toml")
    values = read_values(base)
    if path is not None:
        own = read_values(path)
        refuse_retired(path, own)
        values = laid_over(values, own)
    configuration = checked(Configuration, values, str(path or base))
    _check_policies(configuration, path or base)
    return configuration


def checked(kind: type[S], values: Mapping[str, Any], source: str) -> S:
    """Return the section of these values; ConfigurationError names source, key, value and what is allowed."""
    try:
        # As JSON, strictly: lists and decimal text are read as they must be, and nothing else is converted.
        return kind.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        lines = [_explained(source, kind, item) for item in error.errors()]
        more = [f"and {len(lines) - SHOWN_MAX} more"] if len(lines) > SHOWN_MAX else []
        raise ConfigurationError("; ".join(lines[:SHOWN_MAX] + more)) from error


def read_values(path: Path) -> dict[str, Any]:
    """Return what a TOML or YAML file holds; ConfigurationError when it cannot be read."""
    try:
        words = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: there is no such file") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error
    if path.suffix in YAML:
        return _yaml(path, words)
    try:
        return tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error


def _yaml(path: Path, words: str) -> dict[str, Any]:
    import yaml

    try:
        _check_keys(path, yaml.compose(words, Loader=yaml.SafeLoader))
        values = yaml.safe_load(words)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: a table of keys and values is allowed, this is a {type(values).__name__}")
    return values


def _check_keys(path: Path, document: Any) -> None:
    """Refuse what YAML would take and TOML would not: a key twice in one table, a key that is no text, an alias."""
    nodes, seen = [document], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            raise ConfigurationError(f"{path}: an alias (*name) is not allowed; write the value out")
        seen.add(id(node))
        if getattr(node, "id", "") == "sequence":
            nodes += node.value
        names: set[str] = set()
        for key, value in node.value if getattr(node, "id", "") == "mapping" else ():
            if key.tag != "tag:yaml.org,2002:str":
                raise ConfigurationError(f"{path}: {key.value} as a key: text is allowed; put it in quotes")
            if key.value in names:
                raise ConfigurationError(f"{path}: {key.value} stands twice in one table; once is allowed")
            names.add(key.value)
            nodes.append(value)


def laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the values of `base` with those of `own` in their place, table by table."""
    merged = dict(base)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def refuse_retired(path: Path, values: dict[str, Any]) -> None:
    """Refuse a key that once meant something."""
    for key, successor in RETIRED.items():
        found: Any = values
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            raise ConfigurationError(f"{path}: {key} = {shown(found)} is retired; use {successor}")


def _check_policies(configuration: Configuration, path: Path) -> None:
    """Refuse a policy that a desk cannot have, and parameters that the policy cannot have."""
    for kind in DeskKind:
        name = kind.name.lower()
        desk = getattr(configuration.desks, name)
        own = sorted(by_hand(kind))
        if desk.policy not in own:
            raise ConfigurationError(
                f"{path}: desks.{name}.policy = {shown(desk.policy)}: {' or '.join(own)} is allowed"
            )
        try:
            params_of(POLICIES[desk.policy], desk.params)
        except ValueError as error:
            raise ConfigurationError(f"{path}: desks.{name}.params: {error}") from error


def _explained(source: str, kind: type[Section], error: ErrorDetails) -> str:
    """Say in one line what is wrong with one key."""
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    if error["type"] == "extra_forbidden":
        allowed = _allowed_at(kind, where[:-1])
        near = get_close_matches(where[-1], allowed, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{source}: {key} = {shown(error['input'])} is unknown{hint} (allowed here: {', '.join(allowed)})"
    if error["type"] == "missing":
        return f"{source}: {key} is missing"
    words = ALLOWED.get(error["type"])
    bounds = {name: _plain(bound) for name, bound in error.get("ctx", {}).items()}
    said = words.format(**bounds) if words else error["msg"].removeprefix("Value error, ")
    return f"{source}: {key} = {shown(error['input'])}: {said}"


def _plain(bound: object) -> str:
    """Return a bound without an exponent or a trailing .0."""
    return f"{Decimal(str(bound)).normalize():f}" if isinstance(bound, float | Decimal) else str(bound)


def shown(value: object) -> str:
    """Return a value as it could stand in the file, cut where it is long."""
    words = json.dumps(value, default=str, ensure_ascii=False)
    return words if len(words) <= VALUE_CHARACTERS_MAX else f"{words[:VALUE_CHARACTERS_MAX]} ..."


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
