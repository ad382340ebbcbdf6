"""`--model` and `--challenger`: which trained agents the desks of a plan decide by, or listen beside them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from research.planning import Planned

F = TypeVar("F", bound=Callable[..., Any])

CHAMPION: Final = "champion"


def model_options(command: F) -> F:
    """Add --model and --challenger."""
    command = click.option(
        "--challenger", multiple=True, metavar="HASH",
        help="A trained agent that listens beside its desk: journaled, never executed; may be repeated.",
    )(command)  # fmt: skip
    return click.option(
        "--model", "model", multiple=True, metavar="HASH",
        help="A trained agent (hash, its beginning, or file) that its desk decides by; or `champion`: those of "
        "`trifecta models`, with their challengers.",
    )(command)  # fmt: skip


def with_seats(planned: "Planned", options: dict[str, Any]) -> "Planned":
    """Return the plan with the agents that the options name."""
    champions, challengers = tuple(options["model"]), tuple(options["challenger"])
    if not champions and not challengers:
        return planned
    from policies.intents import DeskKind
    from research.home import Home
    from research.learning.artefact import ArtefactError
    from research.learning.roles import Roles
    from research.learning.seating import seated, seats_of

    folder = Home(options["home"]).models
    if CHAMPION in champions:
        if champions != (CHAMPION,) or challengers:
            raise ArtefactError("--model champion: no other --model or --challenger is allowed beside it")
        roles = Roles(folder)
        desks = [DeskKind(desk.kind).name.lower() for desk in planned.plan.desks]
        champions = tuple(filter(None, (roles.champion(desk) for desk in desks)))
        challengers = tuple(filter(None, (roles.challenger(desk) for desk in desks)))
        if not champions:
            raise ArtefactError(f"--model champion: none of {', '.join(desks)} has one; see `trifecta models`")
    return seated(planned, seats_of(folder, champions, challengers))
