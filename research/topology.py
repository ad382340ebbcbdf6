"""The topology of a home: its running system as seen from outside, else what its configuration would start."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from actors.address import Address, AddressError, connected, read_address
from actors.settings import SUPERVISOR, Settings
from actors.topology import ActorNode, Unanswered, live_nodes, planned_nodes, unanswered
from research.findings import Finding, error, warning
from research.modules import entry_points, import_graph, orphans


class Topology(Struct, frozen=True, kw_only=True):
    """What there is: `state` is running, starting, unreachable, stale (a system that was killed) or stopped.

    Actors are those of the system where it could be joined, else those that the configuration plans.
    """

    state: str
    address: Address | None
    actors: tuple[ActorNode, ...]
    unanswered: tuple[Unanswered, ...]
    orphans: tuple[str, ...]
    findings: tuple[Finding, ...]


def topology_of(path: Path, plan: Callable[[], Settings], commands: Iterable[str]) -> Topology:
    """Look at the system whose address is in `path`; `plan` is called for the settings when there is none to join."""
    findings: list[Finding] = []
    address, state = None, "stopped"
    nodes: tuple[ActorNode, ...] = ()
    try:
        address = read_address(path)
        if address is not None:
            state, nodes = _live(path, address, findings)
    except AddressError as problem:
        state = "unreachable"
        findings.append(error("system", str(problem), "end the run, or delete the file if nothing runs"))
    shown = nodes or planned_nodes(plan())
    routes = unanswered(shown, time.time() - address.started_s if address else 0.0)
    findings += [
        error(
            "route", f"{route.source} tells {route.target}, but {route.reason}",
            "look at the failures in Ray's logs; Ray starts a dead actor again, a silent one needs its run restarted",
        )
        for route in routes
    ]  # fmt: skip
    lonely = orphans(import_graph(), entry_points(commands=commands))
    findings += [
        warning("module", f"{module} is reached by no entry point", "import it where it is needed, or delete it")
        for module in lonely
    ]
    return Topology(
        state=state, address=address, actors=shown, unanswered=routes, orphans=lonely, findings=tuple(findings)
    )


def _live(path: Path, address: Address, findings: list[Finding]) -> tuple[str, tuple[ActorNode, ...]]:
    """Return the state and the actors of the system at an address."""
    if not address.owner.alive:
        findings.append(
            warning(
                "system", f"{path} is stale: its process {address.owner.pid} is gone",
                "start `trifecta run` in this home, which replaces it; `trifecta doctor` finds what it left behind",
            )
        )  # fmt: skip
        return "stale", ()
    registry: list[dict[str, Any]] = []
    state = "running"
    with connected(address) as system:
        try:
            registry = system.ask(SUPERVISOR, "registry")
        except LookupError:
            state = "starting"
            findings.append(warning("system", "its supervisor is not up", "ask again when its actors have started"))
        except TimeoutError as problem:
            findings.append(error("system", str(problem), "end the run with Ctrl-C and start it again"))
        return state, live_nodes(system.actors(), registry)
