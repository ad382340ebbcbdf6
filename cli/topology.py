"""`trifecta topology`: the actors of a running system and their routes, or those that a run would start."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Words, config_option, data_option, home_option, json_option, sample_data
from cli.outcome import Exit, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from actors.settings import Settings
    from actors.topology import ActorNode
    from research.topology import Topology


@click.command(cls=Words)
@data_option
@home_option
@config_option
@json_option
@click.option("--desk", multiple=True, default=("all",), help="Of a plan: forex, arbitrage, binary or all.")
def topology(as_json: bool, home: Path, **options: Any) -> int:
    """Show the live actors of the system that runs in this home: node, state, epoch, routes in and out.

    Where nothing runs, show the actors that the configuration would start. Findings are unanswered routes (exit 1)
    and orphan modules, which no entry point reaches.
    """
    from cli.main import COMMANDS
    from research.findings import Level
    from research.home import Home
    from research.topology import topology_of

    commands = ["cli.main:main", *(target for target, _ in COMMANDS.values())]
    found = topology_of(Home(home).cluster, lambda: _settings(home, options), commands)
    if as_json:
        print_json(document(home, found))
    else:
        _show(home, found)
    failed = any(finding.level is Level.ERROR for finding in found.findings)
    return int(Exit.CHECK_FAILED if failed else Exit.DONE)


def _settings(home: Path, options: dict[str, Any]) -> "Settings":
    from actors.settings import Settings
    from research.asking import Request, plan_for
    from research.planning import DESKS

    desks = tuple(options["desk"])
    request = Request(
        data=options["data"] or sample_data(), home=home, config=options["config"],
        desks=DESKS if "all" in desks else desks,
    )  # fmt: skip
    return Settings(plan=plan_for(request).plan)


def document(home: Path, found: "Topology") -> dict[str, Any]:
    """Return the JSON document of a topology (docs/json/topology.schema.json)."""
    from msgspec import to_builtins

    address = found.address
    return {
        "command": "topology",
        "home": str(home),
        "state": found.state,
        "system": {"gcs_address": address.gcs_address, "pid": address.owner.pid} if address else None,
        "actors": to_builtins(found.actors),
        "unanswered_routes": to_builtins(found.unanswered),
        "orphan_modules": list(found.orphans),
        "findings": to_builtins(found.findings),
    }


def _show(home: Path, found: "Topology") -> None:
    from rich.console import Console

    where = f" ({found.address.gcs_address}, process {found.address.owner.pid})" if found.address else ""
    click.echo(f"{home}: {_STATES[found.state]}{where}")
    console = Console()
    console.print(
        _table(("actor", "state", "node", "pid", "restarts", "epoch", "heard"), map(_state_row, found.actors))
    )
    routed = [(actor.name, ", ".join(actor.routes_in), ", ".join(actor.routes_out)) for actor in found.actors]
    console.print(_table(("actor", "hears", "tells"), [row for row in routed if any(row[1:])]))
    for finding in found.findings:
        click.echo(f"{finding.level}: {finding.text} -> {finding.remedy}")
    click.echo(f"{len(found.actors)} actors, {len(found.unanswered)} unanswered routes, {len(found.orphans)} orphans")


def _state_row(actor: "ActorNode") -> tuple[str, ...]:
    return (
        actor.name,
        actor.state,
        (actor.node or "-")[:8],
        str(actor.pid or "-"),
        str(actor.restarts) if actor.pid else "-",
        "-" if actor.epoch is None else str(actor.epoch),
        "-" if actor.heard_s is None else f"{actor.heard_s:.1f} s ago",
    )


def _table(headers: tuple[str, ...], rows: "Iterable[tuple[str, ...]]") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        numeric = header in ("pid", "restarts", "epoch", "heard")
        table.add_column(header, justify="right" if numeric else "left", no_wrap=header not in ("hears", "tells"))
    for row in rows:
        table.add_row(*row)
    return table


_STATES = {
    "running": "a system is running",
    "starting": "a system is starting",
    "unreachable": "a system cannot be reached; this is what the configuration plans",
    "stale": "nothing runs (the last system was killed); this is what the configuration plans",
    "stopped": "nothing runs; this is what the configuration plans",
}
