"""The topology: which actors a run has, who tells whom, and which of these routes lead to nobody. Pure values.

A route is what carries rows, intents, verdicts, orders or reports. Everybody also asks others for what is missing, and
hears the supervisor's tick; these are no routes of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from actors.settings import GOVERNOR, RISK, SUPERVISOR, Settings

SILENT_S: Final = 10.0
"""The supervisor ticks every second, and every tick is answered: ten without an answer are silence."""

GRACE_S: Final = 60.0
"""A system younger than this may have actors that nothing has been heard of yet."""

ALIVE: Final = "ALIVE"
PLANNED: Final = "PLANNED"


class ActorNode(Struct, frozen=True, kw_only=True):
    """One actor as the registry knows it; `heard_s` is how long ago it last spoke, None when it never did."""

    name: str
    kind: str
    state: str
    node: str | None = None
    host: str | None = None
    pid: int | None = None
    restarts: int = 0
    epoch: int | None = None
    heard_s: float | None = None
    routes_in: tuple[str, ...] = ()
    routes_out: tuple[str, ...] = ()


class Unanswered(Struct, frozen=True):
    """A route that leads to nobody, and why."""

    source: str
    target: str
    reason: str


def kind_of(name: str) -> str:
    """Return what an actor is by its name."""
    return name.partition("-")[0]


def planned_nodes(settings: Settings) -> tuple[ActorNode, ...]:
    """Return the actors that a run of these settings would start, with their routes."""
    routes = planned_routes(settings)
    names = (SUPERVISOR, GOVERNOR, RISK, *settings.gateways, *settings.feeds, *settings.agents)
    return tuple(
        ActorNode(
            name=name,
            kind=kind_of(name),
            state=PLANNED,
            routes_in=tuple(source for source, target in routes if target == name),
            routes_out=tuple(target for source, target in routes if source == name),
        )
        for name in names
    )


def planned_routes(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return (from, to) of every route of a run, in the order in which a quote passes them."""
    feeds, agents, gateways = settings.feeds, settings.agents, settings.gateways
    return (
        *((feed, agent) for feed in feeds for agent in agents),
        *((feed, RISK) for feed in feeds),
        *((agent, RISK) for agent in agents),
        (RISK, GOVERNOR),
        *((GOVERNOR, gateway) for gateway in gateways),
        *((gateway, GOVERNOR) for gateway in gateways),
        (GOVERNOR, RISK),
        *((GOVERNOR, agent) for agent in agents),
    )


def live_nodes(known: Sequence[Mapping[str, Any]], registry: Sequence[Mapping[str, Any]]) -> tuple[ActorNode, ...]:
    """Join what Ray knows of every actor with what the supervisor has heard; the supervisor comes first."""
    of_ray = {row["name"]: row for row in sorted(known, key=lambda row: row["state"] != "DEAD")}  # the living stand
    heard = {row["name"]: row for row in registry}
    names = dict.fromkeys((SUPERVISOR, *heard, *sorted(of_ray)))
    found = []
    for name in names:
        row, word = of_ray.get(name, {}), heard.get(name, {})
        found.append(
            ActorNode(
                name=name,
                kind=kind_of(name),
                state=row.get("state", "ABSENT"),
                node=row.get("node"),
                host=row.get("host"),
                pid=row.get("pid"),
                restarts=row.get("restarts", 0),
                epoch=word.get("epoch"),
                heard_s=word.get("heard_s"),
                routes_in=tuple(word.get("routes_in", ())),
                routes_out=tuple(word.get("routes_out", ())),
            )
        )
    return tuple(found)


def unanswered(nodes: Sequence[ActorNode], up_s: float = GRACE_S) -> tuple[Unanswered, ...]:
    """Return the routes to an actor that is not there, or silent, in a system that has been up for so long."""
    by_name = {node.name: node for node in nodes}
    found = []
    for node in nodes:
        for target in node.routes_out:
            reason = _why_unanswered(by_name.get(target), up_s)
            if reason:
                found.append(Unanswered(node.name, target, reason))
    return tuple(found)


def _why_unanswered(target: ActorNode | None, up_s: float) -> str | None:
    if target is None:
        return "there is no actor of this name"
    if target.state == PLANNED:
        return None
    if target.state != ALIVE:
        return f"it is {target.state}"
    if target.heard_s is None:
        return "it has never been heard of" if up_s >= GRACE_S else None
    return f"it was last heard of {target.heard_s:.0f} s ago" if target.heard_s > SILENT_S else None
