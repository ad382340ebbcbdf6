"""Stress scenarios as data: read from a file, checked before anything uses them."""

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from policies.stress import Scenario
from research.config_base import Section
from research.configuration import ConfigurationError, checked, packaged

Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9._]{1,20}$")]
Shock = Annotated[Decimal, Field(ge=-1, le=100, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
Beta = Annotated[Decimal, Field(ge=-100, le=100, allow_inf_nan=False)]


class ScenarioSection(Section):
    """One scenario of the file; `liquidity` is for people."""

    date: date
    provenance: Annotated[str, Field(min_length=1)]
    shocks: Annotated[dict[Symbol, Shock], Field(min_length=1)]
    venue_default: Annotated[dict[str, Share], Field(default_factory=dict)]
    liquidity: Annotated[dict[str, float | bool | str], Field(default_factory=dict)]


class ScenarioFile(Section):
    """The whole file."""

    scenario: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,40}$")], ScenarioSection], Field(min_length=1)]
    betas: Annotated[dict[Symbol, dict[Symbol, Beta]], Field(default_factory=dict)]


class Scenarios(NamedTuple):
    """Scenarios in the order of the file, and per symbol its betas to others."""

    scenarios: tuple[Scenario, ...]
    betas: Mapping[str, Mapping[str, Decimal]]


def load_scenarios(path: Path | None = None) -> Scenarios:
    """Read the packaged scenarios, or a TOML file's; ConfigurationError names file, key, value and what is allowed."""
    source = path or packaged("stress.toml")
    try:
        values = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{source}: there is no such file") from error
    except OSError as error:
        raise ConfigurationError(f"{source}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{source}: not TOML: {error}") from error
    file = checked(ScenarioFile, values, str(source))
    found = tuple(
        Scenario(
            name=name, date=section.date.isoformat(), shocks=dict(section.shocks),
            venue_default=dict(section.venue_default), provenance=section.provenance,
        )
        for name, section in file.scenario.items()
    )  # fmt: skip
    return Scenarios(found, file.betas)
