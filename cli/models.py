"""`trifecta models`: trained agents, who is whose champion, and how that came about."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.options import data_option, home_option, json_option, open_console
from cli.outcome import Exit, print_json

if TYPE_CHECKING:
    from research.learning.artefact import Artefact
    from research.learning.roles import Entry, Roles

F = TypeVar("F", bound=Callable[..., Any])

DESKS: Final = ("forex", "arbitrage", "binary")


@click.group()
def models() -> None:
    """List trained agents, and say which of them decides."""


def _reason(command: F) -> F:
    return click.option("--reason", default="", help="Why, for whoever reads it later.")(command)


@models.command("list")
@home_option
@json_option
def list_models(home: Path, as_json: bool) -> None:
    """List the artefacts below HOME/models, with what they made on their test parts."""
    from research.learning.roles import Roles

    folder = _folder(home)
    roles, found = Roles(folder), _all(folder)
    if as_json:
        print_json({"command": "models list", "models": [_row(sha256, one, roles) for sha256, one in found]})
        return
    if not found:
        click.echo(f"no artefact in {folder}; `trifecta train` makes them")
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=f"Trained agents in {folder}", title_justify="left", box=SIMPLE_HEAD)
    for header in ("artefact", "desk", "role", "algorithm", "seed", "test profit", "trades"):
        table.add_column(header, justify="right" if header in ("seed", "test profit", "trades") else "left")
    for sha256, one in found:
        row = _row(sha256, one, roles)
        table.add_row(
            sha256[:12], one.desk, row["role"], one.spec.algorithm, str(one.seed), f"{row['test_profit']:+,.2f}",
            f"{row['trades']:,}",
        )  # fmt: skip
    open_console().print(table)


@models.command()
@click.argument("name")
@home_option
@json_option
def show(name: str, home: Path, as_json: bool) -> None:
    """Show the model card of an artefact: what it is, what it saw, what it made."""
    from msgspec import to_builtins

    from research.learning.artefact import find_artefact, load_artefact
    from research.learning.card import training_card

    sha256, artefact = load_artefact(find_artefact(_folder(home), name))
    if as_json:
        fields = to_builtins(artefact)
        del fields["numbers"], fields["observer"]
        print_json({"command": "models show", "sha256": sha256, **fields})
    else:
        click.echo(training_card(sha256, artefact))


@models.command()
@click.argument("name")
@home_option
@_reason
def champion(name: str, home: Path, reason: str) -> None:
    """Let an artefact be its desk's champion: `--model champion` decides by it."""
    _give(home, name, "champion", reason)


@models.command()
@click.argument("name")
@home_option
@_reason
def challenge(name: str, home: Path, reason: str) -> None:
    """Let an artefact be its desk's challenger: it listens beside the champion, and is never executed."""
    _give(home, name, "challenger", reason)


@models.command()
@click.argument("desk", type=click.Choice(DESKS))
@home_option
@_reason
def rollback(desk: str, home: Path, reason: str) -> None:
    """Make the champion before the present one champion again."""
    from research.learning.roles import Roles

    roles = Roles(_folder(home))
    before = roles.before(desk)
    roles.give(_entry(desk, "rollback", (before, roles.challenger(desk)), reason))
    click.echo(f"{desk}: {before[:12] or 'no artefact'} decides again, from the next session on")


@models.command()
@click.argument("desk", type=click.Choice(DESKS))
@data_option
@home_option
@json_option
@click.option("--session", type=click.IntRange(min=1), default=None, help="A session of the journal; else the newest.")
@click.option("--periods", type=click.IntRange(2), default=20, show_default=True, help="Periods that must be there.")
@click.option("--p", "p_max", type=click.FloatRange(0.0, 0.5), default=0.05, show_default=True, help="At most this p.")
@_reason
def promote(desk: str, home: Path, as_json: bool, reason: str, **options: Any) -> int:
    """Make the challenger champion, if it was better where it listened.

    Both are rolled over the market rows of the session in which the challenger was in shadow; hours that either has
    seen before do not count. It is promoted if the mean difference of their hourly log returns is above 0 by a paired
    block bootstrap; exit 1 if not.
    """
    from research.learning.promotion import promotion_of
    from research.learning.roles import Roles

    roles = Roles(_folder(home))
    verdict = promotion_of(home, roles, desk, options["session"], options["periods"], options["p_max"])
    if verdict.passed:
        entry = _entry(desk, "promote", (verdict.challenger, ""), reason or verdict.text, verdict.evidence)
        roles.give(entry)
    if as_json:
        print_json({"command": "models promote", "desk": desk, "passed": verdict.passed, "text": verdict.text,
                    "challenger": verdict.challenger, "champion": verdict.champion, **verdict.evidence})  # fmt: skip
    else:
        click.echo(verdict.text)
    return int(Exit.DONE if verdict.passed else Exit.CHECK_FAILED)


@models.command()
@home_option
@json_option
def history(home: Path, as_json: bool) -> None:
    """Show every change of champions and challengers."""
    from msgspec import to_builtins

    from research.learning.roles import Roles

    entries = Roles(_folder(home)).entries()
    if as_json:
        print_json({"command": "models history", "entries": to_builtins(entries)})
        return
    if not entries:
        click.echo(f"nobody has had a role in {_folder(home)}; `trifecta models champion HASH` gives one")
    for entry in entries:
        click.echo(
            f"{entry.at}  {entry.desk:<10}{entry.action:<11}champion {entry.champion[:12] or '-'}  "
            f"challenger {entry.challenger[:12] or '-'}  {entry.reason}"
        )


def _folder(home: Path) -> Path:
    from research.home import Home

    return Home(home).models


def _all(folder: Path) -> "list[tuple[str, Artefact]]":
    from research.learning.artefact import load_artefact

    return [load_artefact(path) for path in sorted(folder.glob("*.json"))]


def _row(sha256: str, artefact: "Artefact", roles: "Roles") -> dict[str, Any]:
    role = {roles.champion(artefact.desk): "champion", roles.challenger(artefact.desk): "challenger"}.get(sha256, "")
    return {
        "sha256": sha256,
        "desk": artefact.desk,
        "role": role,
        "algorithm": artefact.spec.algorithm,
        "seed": artefact.seed,
        "test_profit": sum(span.score.net_profit for span in artefact.test),
        "trades": sum(span.score.trades for span in artefact.test),
    }


def _give(home: Path, name: str, action: str, reason: str) -> None:
    from research.learning.artefact import find_artefact, load_artefact
    from research.learning.roles import RoleError, Roles

    folder = _folder(home)
    sha256, artefact = load_artefact(find_artefact(folder, name))
    roles, desk = Roles(folder), artefact.desk
    if action == "challenger" and sha256 == roles.champion(desk):
        raise RoleError(f"{sha256[:12]}: it is the champion of the {desk} desk; a challenger is another one")
    champion = sha256 if action == "champion" else roles.champion(desk)
    challenger = sha256 if action == "challenger" else roles.challenger(desk)
    if champion == challenger:
        challenger = ""
    roles.give(_entry(desk, action, (champion, challenger), reason))
    click.echo(f"{desk}: champion {champion[:12] or '-'}, challenger {challenger[:12] or '-'}")


def _entry(
    desk: str, action: str, seats: tuple[str, str], reason: str, evidence: dict[str, float] | None = None
) -> "Entry":  # fmt: skip
    """Return an entry of now; `seats` are champion and challenger."""
    from research.learning.roles import Entry

    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(
        at=at, desk=desk, action=action, champion=seats[0], challenger=seats[1], reason=reason, evidence=evidence or {}
    )
