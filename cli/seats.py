"""`--model` and `--challenger`: which trained agents the desks of a plan decide by, or listen beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.outcome import say

if TYPE_CHECKING:
    from research.asking import Request
    from research.planning import Planned

F = TypeVar("F", bound=Callable[..., Any])

CHAMPION: Final = "champion"


def model_options(command: F) -> F:
    """Add --model and --challenger."""
    command = click.option(
        "--challenger", multiple=True, metavar="HASH",
        help="A trained agent that listens beside its desk: journaled, never executed; may be repeated.",
    )(command)  # fmt: skip
    command = click.option(
        "--strategy", default=None, metavar="HASH",
        help="A bred strategy of `trifecta strategies` that the forex desk decides by; or `auto`: the best for the "
        "regime that the bars before the first one are in.",
    )(command)  # fmt: skip
    return click.option(
        "--model", "model", multiple=True, metavar="HASH",
        help="A trained agent (hash, its beginning, or file) that its desk decides by; or `champion`: those of "
        "`trifecta models`, with their challengers.",
    )(command)  # fmt: skip


def with_seats(planned: "Planned", options: dict[str, Any], request: "Request") -> "Planned":
    """Return the plan with the agents and the strategy that the options name; `request` is what it was made of."""
    champions, challengers = tuple(options["model"]), tuple(options["challenger"])
    if options["strategy"]:
        planned = _with_strategy(planned, options, request)
    if not champions and not challengers:
        return planned
    from research.home import Home
    from research.learning.artefact import ArtefactError
    from research.learning.seating import seated, seats_of

    folder = Home(options["home"]).models
    if CHAMPION in champions:
        if champions != (CHAMPION,) or challengers:
            raise ArtefactError("--model champion: no other --model or --challenger is allowed beside it")
        champions, challengers = _champions(planned, folder)
    seats = seats_of(folder, champions, challengers)
    named = options.get("policy") or options.get("param") or options.get("params")
    if named and any(seat.artefact.desk == "forex" and not seat.shadow for seat in seats):
        raise ArtefactError("--policy, --param or --params beside a --model of its desk: a model names them itself")
    if options["strategy"] and any(seat.artefact.desk == "forex" and not seat.shadow for seat in seats):
        raise ArtefactError("--strategy and a --model of the forex desk: one of the two is allowed")
    return seated(planned, seats)


def _with_strategy(planned: "Planned", options: dict[str, Any], request: "Request") -> "Planned":
    from research.evolving.rotation import with_strategy
    from research.home import Home

    home = Home(options["home"], options.get("journal"))
    rotated = with_strategy(planned, options["strategy"], home, request)
    say(f"the forex desk decides by the strategy {rotated.strategy.sha256[:12]} (regime {rotated.regime})")
    return rotated.planned


def _champions(planned: "Planned", folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return champions and challengers of the plan's desks."""
    from policies.intents import DeskKind
    from research.learning.artefact import ArtefactError
    from research.learning.roles import Roles

    roles = Roles(folder)
    desks = [DeskKind(desk.kind).name.lower() for desk in planned.plan.desks]
    champions = tuple(filter(None, (roles.champion(desk) for desk in desks)))
    challengers = tuple(filter(None, (roles.challenger(desk) for desk in desks)))
    if not champions and not challengers:
        raise ArtefactError(f"--model champion: none of {', '.join(desks)} has one; see `trifecta models`")
    return champions, challengers
