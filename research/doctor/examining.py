"""An examination: every look in order, the machine first, then what a user can change about it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from actors.local import leftovers
from research.doctor.clock import kernel_synchronised, look_at_clock, look_at_zones, now
from research.doctor.machine import (
    installed_version,
    look_at_kernels,
    look_at_limits,
    look_at_packages,
    look_at_python,
    look_at_resources,
    needed_packages,
)
from research.doctor.places import (
    lock_owner,
    look_at_configuration,
    look_at_data,
    look_at_home,
    look_at_journal,
    look_at_system,
)
from research.doctor.processes import look_at_leftovers, look_at_port
from research.findings import Finding, error
from research.home import Home
from research.modules import ROOT

PORTS = ((8000, "trifecta serve"), (8265, "the Ray dashboard"))


class Examination(NamedTuple):
    """What to look at."""

    home: Path
    data: Path
    config: Path | None = None
    journal: str | None = None


def examine(asked: Examination) -> tuple[Finding, ...]:
    """Return all findings, in the order of the looks."""
    begin = now()
    home = Home(asked.home, asked.journal)
    cache = asked.home if asked.home.is_dir() else None
    looks: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
        ("python", look_at_python),
        ("packages", lambda: look_at_packages(ROOT / "requirements.lock", installed_version, needed_packages())),
        ("kernels", look_at_kernels),
        ("resources", look_at_resources),
        ("open files", look_at_limits),
        ("time zones", look_at_zones),
        ("configuration", lambda: look_at_configuration(asked.config)),
        ("data", lambda: look_at_data(asked.data, cache)),
        ("home", lambda: look_at_home(home)),
        ("journal", lambda: look_at_journal(home.journal, lock_owner(home) is not None)),
        ("system", lambda: look_at_system(home.cluster)),
        *((f"port {port}", _port_look(port, use)) for port, use in PORTS),
        ("leftovers", lambda: look_at_leftovers(leftovers())),
        ("clock", lambda: look_at_clock(begin, now(), kernel_synchronised())),
    )
    return tuple(_looked(looks))


def _port_look(port: int, use: str) -> Callable[[], list[Finding]]:
    return lambda: look_at_port(port, use)


def _looked(looks: tuple[tuple[str, Callable[[], list[Finding]]], ...]) -> Iterator[Finding]:
    for check, look in looks:
        try:
            yield from look()
        except OSError as problem:  # a look that the machine does not allow is a finding like any other
            yield error(check, f"cannot be looked at: {problem}", "let this user read what the message names")
