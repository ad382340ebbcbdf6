"""Seating: which artefact a desk of a plan decides by, and which challengers listen beside it.

A challenger is a desk of its own on the same rows: its decisions are journaled with what it saw, and risk refuses every
one of them (SHADOW) without being asked anything else, so that nothing of the champion's is touched.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec import structs

from market.tape import Role, merge_tapes, select_rows
from policies.intents import DeskKind
from policies.model_plans import models_of, with_model
from policies.plan import DeskPlan, ModelPlan, Plan
from research.learning.artefact import Artefact, ArtefactError, find_artefact, load_artefact, model_of
from research.planning import Planned


class Seat(NamedTuple):
    """An artefact for a desk: its hash, what it is, and whether it only listens."""

    sha256: str
    artefact: Artefact
    shadow: bool = False


def seats_of(folder: Path, champions: tuple[str, ...], challengers: tuple[str, ...] = ()) -> tuple[Seat, ...]:
    """Read the artefacts that are named by hash, its beginning, or path; ArtefactError names what cannot be used."""
    seats = [Seat(*load_artefact(find_artefact(folder, name))) for name in champions]
    seats += [Seat(*load_artefact(find_artefact(folder, name)), shadow=True) for name in challengers]
    taken: set[str] = set()
    for seat in seats:
        if not seat.shadow and seat.artefact.desk in taken:
            raise ArtefactError(f"two artefacts for the {seat.artefact.desk} desk; one decides, others are challengers")
        taken |= {seat.artefact.desk} if not seat.shadow else set()
    return tuple(seats)


def seated(planned: Planned, seats: tuple[Seat, ...]) -> Planned:
    """Return a plan whose desks decide by artefacts; ArtefactError where the plan has no such desk."""
    for seat in sorted(seats, key=lambda one: one.shadow):
        desk = _desk_of(planned.plan, seat.artefact)
        if seat.shadow:
            planned = _with_challenger(planned, desk, seat)
        else:
            model = model_of(seat.artefact, seat.sha256, desk)
            planned = planned._replace(plan=with_model(planned.plan, model, seat.artefact.policy, seat.artefact.params))
    models_of(planned.plan)  # says what does not fit before anything is started
    return planned


def _desk_of(plan: Plan, artefact: Artefact) -> int:
    for k, desk in enumerate(plan.desks):
        if DeskKind(desk.kind) is artefact.kind and not _is_shadow(plan, k):
            return k
    names = ", ".join(desk.name for desk in plan.desks)
    raise ArtefactError(f"an artefact for the {artefact.desk} desk; the plan has {names}")


def _is_shadow(plan: Plan, desk: int) -> bool:
    model = plan.model_of(desk)
    return model is not None and model.shadow


def _with_challenger(planned: Planned, champion: int, seat: Seat) -> Planned:
    """Return the plan with one more desk that hears what the champion's views hear."""
    plan, tape = planned.plan, planned.tape
    own = [k for k, feed in enumerate(plan.feeds) if feed.desk == champion and feed.roles & Role.VIEW]
    if not own:
        raise ArtefactError(
            f"a challenger for the {seat.artefact.desk} desk: its route can be watched by one desk only"
        )
    number = len(plan.desks)
    before: DeskPlan = plan.desks[champion]
    name = f"{before.name}-{seat.sha256[:8]}"
    desk = structs.replace(before, name=name, auto_execute=False)
    feeds, tapes = [*plan.feeds], [tape]
    for k in own:
        feed = plan.feeds[k]
        rows = select_rows(tape, tape.feed == k)
        tapes.append(rows._replace(feed=np.full(len(rows.time_ns), len(feeds), np.int64)))
        trades = feed.trades or feed.instrument
        feeds.append(structs.replace(feed, desk=number, roles=int(Role.VIEW), trades=trades))
    plan = structs.replace(plan, desks=(*plan.desks, desk), feeds=tuple(feeds))
    model: ModelPlan = model_of(seat.artefact, seat.sha256, number, shadow=True)
    plan = with_model(plan, model, seat.artefact.policy, seat.artefact.params)
    return planned._replace(plan=plan, tape=merge_tapes(tapes))
