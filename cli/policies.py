"""`trifecta policies`: what can be asked for with --policy and --param."""

import click

from cli.options import json_option
from cli.outcome import print_json


@click.command()
@json_option
def policies(as_json: bool) -> None:
    """List the policies with their parameters, defaults and bounds."""
    from msgspec import to_builtins
    from rich.console import Console
    from rich.table import Table

    from policies.catalogue import POLICIES

    if as_json:
        print_json({"command": "policies", "policies": [to_builtins(spec) for spec in POLICIES.values()]})
        return
    console = Console()
    for spec in POLICIES.values():
        table = Table(title=f"{spec.name} ({spec.desk.name.lower()} desk)", title_justify="left")
        for header in ("parameter", "default", "from", "to"):
            table.add_column(header, justify="left" if header == "parameter" else "right")
        for bound in spec.params:
            table.add_row(bound.name, f"{bound.default:g}", f"{bound.low:g}", f"{bound.high:g}")
        console.print(table)
