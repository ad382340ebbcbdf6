"""`trifecta strategies`: the library of bred strategies, what they have made, and which one is for which regime."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import check_out, home_option, journal_option, json_option, open_console
from cli.outcome import Exit, print_json

if TYPE_CHECKING:
    from research.evolving.choosing import Ranked
    from research.evolving.library import Strategy
    from research.evolving.tracking import Track

REGIMES = ("ANY", "BULL", "BEAR", "SIDEWAYS")


@click.group()
def strategies() -> None:
    """Show, export, import, retire and choose strategies that evolution has bred."""


def _tracks(home: Path, journal: str | None) -> Any:
    from cli.places import place_of
    from research.evolving.choosing import tracks_in
    from research.home import Home

    return tracks_in(Home(home, place_of(None, journal, home) if journal else None))


@strategies.command(name="list")
@home_option
@journal_option
@json_option
@click.option("--all", "whole", is_flag=True, help="Retired ones as well.")
def list_(home: Path, journal: str | None, as_json: bool, whole: bool) -> int:
    """List the strategies of a home."""
    from research.evolving.choosing import Ranked
    from research.evolving.library import Library
    from research.evolving.tracking import Track

    tracks = _tracks(home, journal)
    found = [
        Ranked(one, tracks.get(one.sha256, Track(sha256=one.sha256)))
        for one in Library(home)
        if whole or not one.retired
    ]
    return _told("strategies list", found, as_json)


@strategies.command()
@home_option
@journal_option
@json_option
@click.option("--regime", type=click.Choice(REGIMES), required=True, help="What the market is in.")
def choose(home: Path, journal: str | None, as_json: bool, regime: str) -> int:
    """Rank the strategies for a regime: by out-of-sample score, and by what they have made since."""
    from research.evolving.choosing import ranked_for
    from research.evolving.library import Library

    found = ranked_for(regime, Library(home), _tracks(home, journal))
    _told("strategies choose", found, as_json)
    if not found:
        click.echo(f"no strategy in use is for {regime}; `trifecta evolve` breeds one", err=True)
    return int(Exit.DONE if found else Exit.CHECK_FAILED)


@strategies.command()
@click.argument("name", metavar="HASH")
@home_option
@journal_option
@json_option
def show(name: str, home: Path, journal: str | None, as_json: bool) -> int:
    """Show a strategy: its rules, where it is from, what it came to, what it has made since."""
    from research.evolving.library import Library
    from research.evolving.tracking import Track

    found = Library(home).named(name)
    track = _tracks(home, journal).get(found.sha256, Track(sha256=found.sha256))
    if as_json:
        print_json({"command": "strategies show", **document(found, track), "genome": found.genome})
    else:
        _show(found, track)
    return int(Exit.DONE)


@strategies.command()
@click.argument("name", metavar="HASH")
@home_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write.")
def export(name: str, home: Path, out: Path) -> int:
    """Write a strategy to a file: canonical JSON, with its hash, lineage and metrics."""
    from research.evolving.library import Library, content_of

    found = Library(home).named(name)
    check_out(out)
    out.write_bytes(content_of(found))
    click.echo(f"{found.sha256}  {out}")
    return int(Exit.DONE)


@strategies.command(name="import")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
def import_(path: Path, home: Path) -> int:
    """Take a strategy from a file, if its hash is right and the kernel knows all of it."""
    from research.evolving.library import Library

    found = Library(home).take(path)
    click.echo(f"{found.sha256}  {found.origin}, for {found.regime}")
    return int(Exit.DONE)


@strategies.command()
@click.argument("name", metavar="HASH")
@home_option
@click.option("--reason", default=None, help="Why; needed, unless it is taken into use again.")
@click.option("--undo", is_flag=True, help="Take it into use again.")
def retire(name: str, home: Path, reason: str | None, undo: bool) -> int:
    """Take a strategy out of use: it is not chosen any more, and stays on file."""
    from research.evolving.library import Library, LibraryError

    if undo == bool(reason and reason.split()):
        raise LibraryError("--reason: why it is retired is needed, or --undo alone")
    found = Library(home).retire(name, reason or "")
    click.echo(f"{found.sha256}  {'retired: ' + found.retired if found.retired else 'in use'}")
    return int(Exit.DONE)


def document(strategy: "Strategy", track: "Track") -> dict[str, Any]:
    """Return a strategy for --json."""
    from msgspec import structs, to_builtins

    from research.genome_code import lines_of

    return {
        "sha256": strategy.sha256,
        "regime": strategy.regime,
        "origin": strategy.origin,
        "retired": strategy.retired or None,
        "out_of_sample": strategy.out_of_sample,
        "symbols": list(strategy.symbols),
        "rules": dict(lines_of(strategy.genome)),
        "lineage": to_builtins(strategy.lineage),
        "metrics": to_builtins(strategy.metrics),
        "engine": strategy.engine,
        "data_hash": strategy.data_hash,
        "track": {name: value for name, value in structs.asdict(track).items() if name != "sha256"},
    }


def _told(command: str, found: "list[Ranked]", as_json: bool) -> int:
    if as_json:
        print_json({"command": command, "strategies": [document(*one) for one in found]})
        return int(Exit.DONE)
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in ("strategy", "regime", "symbols", "out of sample\nSharpe", "deflated", "sessions", "trades", "won",
                   "made", "state"):  # fmt: skip
        right = header not in ("strategy", "regime", "symbols", "state")
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for strategy, track in found:
        state = f"retired: {strategy.retired}" if strategy.retired else strategy.origin
        table.add_row(
            strategy.sha256[:12], strategy.regime, " ".join(strategy.symbols), _number(strategy.out_of_sample),
            _number(strategy.metrics.deflated_sharpe), f"{track.sessions:,}", f"{track.trades:,}", f"{track.won:,}",
            f"{track.net_profit:,.2f}", state,
        )  # fmt: skip
    open_console().print(table)
    return int(Exit.DONE)


def _show(strategy: "Strategy", track: "Track") -> None:
    from research.catalogue import show_time
    from research.genome_code import lines_of

    click.echo(f"strategy {strategy.sha256}")
    for word, rule in lines_of(strategy.genome):
        click.echo(f"  {word:<11} {rule}")
    lineage, metrics = strategy.lineage, strategy.metrics
    parents = ", ".join(parent[:12] for parent in lineage.parents) or "none, it was drawn"
    click.echo(f"{strategy.origin}: run {lineage.run}, seed {lineage.seed}, generation {lineage.generation}")
    click.echo(f"parents: {parents}")
    click.echo(
        f"data: {' '.join(strategy.symbols)} from {show_time(strategy.first_ns)} to {show_time(strategy.last_ns)}, "
        f"{strategy.data_hash}; code {strategy.engine[:12] or 'unknown'}"
    )
    for name in ("fit", "test", "choice", "holdout"):
        part = getattr(metrics, name)
        if part is None:
            click.echo(f"  {name:<8} burnt before")
        else:
            made = f"trades {part.trades:>6,}  net {part.net_profit:>12,.2f}  days {part.days:,}"
            click.echo(f"  {name:<8} Sharpe {_number(part.sharpe):>7}  {made}")
    click.echo(f"deflated Sharpe ratio {_number(metrics.deflated_sharpe)} after {metrics.tries:,} tries")
    click.echo(
        f"since then: {track.sessions:,} sessions ({', '.join(track.stages) or 'none'}), {track.trades:,} trades, "
        f"{track.won:,} won, {track.net_profit:,.2f} made"
    )
    if strategy.retired:
        click.echo(f"retired: {strategy.retired}")


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"
