"""Which seeds are run: the suite's share of each scenario, and for ever those that once failed (`seeds.txt`)."""

from pathlib import Path
from typing import Final

from tests.simulation.scenarios import SCENARIOS

KEPT: Final = Path(__file__).with_name("seeds.txt")
FIRST_SPARE: Final = 1000
"""Seeds from here on are not part of the suite: `make sim` begins with them."""


def seeds_of(count: int, first: int = 0) -> list[tuple[str, int]]:
    """Return `count` pairs of scenario and seed, scenarios taking turns."""
    names = list(SCENARIOS)
    return [(names[k % len(names)], first + k // len(names)) for k in range(count)]


def kept() -> list[tuple[str, int]]:
    """Return the pairs that once failed; a line is `scenario seed`, and what it showed after a #."""
    lines = [line.split("#")[0].split() for line in KEPT.read_text(encoding="ascii").splitlines()]
    return [(line[0], int(line[1])) for line in lines if line and line[0] in SCENARIOS]


def keep(scenario: str, seed: int) -> None:
    """Add a pair that failed."""
    if (scenario, seed) not in kept():
        with KEPT.open("a", encoding="ascii") as out:
            out.write(f"{scenario} {seed}\n")


def command_of(scenario: str, seed: int) -> str:
    """Return the command that plays one seed again."""
    return f"python -m tests.simulation {scenario} {seed}"
