"""Fault plans: how simulated venues fail, by the name of a preset in `config/faults/` or from a TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from research.configuration import packaged
from venues.simulated.faults import Fault, FaultPlan

SIMULATED: Final = "simulated"


class FaultPlanError(ValueError):
    """A fault plan cannot be used; the message names file, key and what is allowed."""


class VenueChoice(NamedTuple):
    """What orders of a run go to: simulated venues, how they fail, and the seed of their dice; `faults` is a name."""

    faults: str
    plan: FaultPlan
    seed: int

    @property
    def words(self) -> str:
        """Name it in a Session record: a run goes on only where its orders are."""
        return f"{SIMULATED}:{self.faults}:{self.seed}"


@dataclass(config=ConfigDict(extra="forbid"), frozen=True)
class _File:
    """The keys of a fault plan; seconds, and chances per request or message."""

    seed: Annotated[int, Field(ge=0)] = 0
    chances: dict[Fault, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    latency_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    delay_s_max: Annotated[float, Field(gt=0, le=60)] = 5.0
    pieces_max: Annotated[int, Field(ge=2, le=100)] = 12
    retry_after_s: Annotated[float, Field(gt=0, le=60)] = 0.2
    skew_s: Annotated[float, Field(ge=0, le=3600)] = 90.0


def presets() -> tuple[str, ...]:
    """Return the names of the fault plans that come with it."""
    return tuple(sorted(path.stem for path in packaged("faults").glob("*.toml")))


def venue_choice(words: str) -> VenueChoice | None:
    """Return the venue that `paper` or `simulated[:FAULTS]` names, None for paper; FaultPlanError."""
    kind, _, faults = words.partition(":")
    if words == "paper":
        return None
    if kind != SIMULATED:
        raise FaultPlanError(f"--venue {words}: paper, simulated or simulated:FAULTS is allowed")
    name = faults or "none"
    path = packaged("faults", f"{name}.toml") if name in presets() else Path(name)
    if not path.is_file():
        raise FaultPlanError(f"--venue {words}: no such fault plan; {', '.join(presets())} or a TOML file is allowed")
    found = _read(path)
    plan = FaultPlan(
        chances=found.chances, latency_ns=round(found.latency_s * 1e9), delay_ns_max=round(found.delay_s_max * 1e9),
        pieces_max=found.pieces_max, retry_after_ns=round(found.retry_after_s * 1e9), skew_ns=round(found.skew_s * 1e9),
    )  # fmt: skip
    return VenueChoice(path.stem, plan, found.seed)


def _read(path: Path) -> _File:
    try:
        return TypeAdapter(_File).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FaultPlanError(f"{path}: not readable TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise FaultPlanError(f"{path}: {key} = {first['input']!r}: {first['msg']}") from error
