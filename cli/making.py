"""`trifecta data make`: a made market, drawn from a seed, as files that every command reads."""

from pathlib import Path

import click

from cli.options import json_option
from cli.outcome import print_json


@click.command()
@click.argument("scenario")
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where the files go."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="All chance comes from it.")
@click.option("--symbol", default="EURUSD", show_default=True, help="The pair that the files are named by.")
@click.option("--set", "changes", multiple=True, metavar="TERM=NUMBER", help="A term of the scenario; may be repeated.")
@json_option
def make(scenario: str, folder: Path, seed: int, symbol: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Make a market: walk, fat_walk, trend, jumps, regimes, gaps, dead_feeds or dislocations (docs/scenarios.md).

    The same SCENARIO, seed and terms make the same files. Trade them by --data FOLDER.
    """
    from msgspec import to_builtins

    from research.made_data import make_data

    made = make_data(scenario, seed, symbol, changes, folder)
    if as_json:
        print_json({"command": "data make", "folder": str(folder), **to_builtins(made)})
        return
    for path, rows in made.files:
        click.echo(f"{folder / path}: {rows:,} rows")
    terms = ", ".join(f"{name} {value}" for name, value in made.terms.items())
    click.echo(f"{scenario}, seed {seed}: {terms}")
