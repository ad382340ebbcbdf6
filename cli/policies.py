"""`trifecta policies`: what can be asked for with --policy and --param."""

from typing import TYPE_CHECKING, Any

import click

from cli.options import json_option, open_console
from cli.outcome import print_json

if TYPE_CHECKING:
    from policies.catalogue import PolicySpec


@click.command()
@json_option
def policies(as_json: bool) -> None:
    """List the policies with their parameters, defaults and bounds."""
    from rich.table import Table

    from policies.catalogue import POLICIES

    if as_json:
        print_json({"command": "policies", "policies": [_document(spec) for spec in POLICIES.values()]})
        return
    console = open_console()
    for spec in POLICIES.values():
        table = Table(title=f"{spec.name} ({spec.desk.name.lower()} desk)", title_justify="left")
        for header in ("parameter", "default", "from", "to"):
            table.add_column(header, justify="left" if header == "parameter" else "right")
        for bound in spec.params:
            table.add_row(bound.name, f"{bound.default:g}", f"{bound.low:g}", f"{bound.high:g}")
        console.print(table)


def _document(spec: "PolicySpec") -> dict[str, Any]:
    from msgspec import to_builtins

    fields = to_builtins(spec)
    return {name: fields[name] for name in ("name", "params", "features")} | {"desk": spec.desk.name.lower()}
