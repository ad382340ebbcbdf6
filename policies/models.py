"""Learnt models at decision time: from what a view shows to an action, and what an action is taken to say.

The same functions are called by agents (the model decides) and by the training environments (somebody else does).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record
from policies import network, observing
from policies.intents import DeskKind
from policies.masks import ACTIONS, Action, masked_argmax
from policies.plan import ModelPlan
from policies.stance import age_of

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Models(NamedTuple):
    """The models of all desks: per desk a row of observer and numbers; room to compute in, [4, widest]; a mask."""

    observers: Floats
    numbers: Floats
    scratch: Floats
    mask: Mask


SIDES: Final = 3
"""Actions of a binary desk: nothing, call, put."""
CHOICES: Final = 2
"""Actions of an arbitrage desk: leave it, take it."""
ACTIONS_OF: Final = {DeskKind.FOREX: ACTIONS, DeskKind.BINARY: SIDES, DeskKind.ARBITRAGE: CHOICES}


def open_models(plans: Sequence[ModelPlan | None]) -> Models:
    """Return the models of desks, None for a policy that has none; ValueError where a number is not finite."""
    rows = [((), ()) if plan is None else (plan.observer, plan.numbers) for plan in plans]
    tables = []
    for part in range(2):
        table = np.zeros((len(rows), max((len(row[part]) for row in rows), default=0)))
        for line, row in zip(table, rows, strict=True):
            line[: len(row[part])] = row[part]
        tables.append(table)
    if not all(np.isfinite(table).all() for table in tables):
        raise ValueError("a model has a number that is not finite")
    width = network.WIDTH_MAX if any(plans) else 1
    return Models(tables[0], tables[1], np.zeros((4, width)), np.zeros(ACTIONS, np.bool_))


@compiled
def allowed(view: Record, adds_max: float, rearm_bars: float, mask: Mask) -> None:
    """Write which actions the stance leaves: close or add to a side, or take one, some bars after it was left."""
    rearmed = view.bars - view.last_bar >= rearm_bars or view.last_bar == 0
    mask[Action.HOLD.value] = True
    mask[Action.OPEN_LONG.value] = mask[Action.OPEN_SHORT.value] = view.last_side == 0 and rearmed
    mask[Action.ADD.value] = view.last_side != 0 and view.adds < adds_max
    mask[Action.CLOSE.value] = view.last_side != 0


@compiled
def network_action(models: Models, desk: int, mask: Mask, count: int) -> int:
    """Return the best allowed of `count` actions for the inputs in scratch[0]."""
    network.forward(models.numbers[desk], models.scratch)
    return int(masked_argmax(models.scratch[3, :count], mask[:count]))


@compiled
def see(models: Models, desk: int, view: Record, features: Floats, close: float, time_ns: int) -> bool:
    """Write what a desk's model sees at a closed bar to scratch[0]; False while that is undefined."""
    side = view.last_side
    return observing.observe(
        models.observers[desk], features, close, side, age_of(view), time_ns, models.scratch[0]
    )  # fmt: skip


@compiled
def say(view: Record, action: int, claim: float, out: Record) -> bool:
    """Write an action as an opinion; False where it says nothing. A strength of 0 asks for the close."""
    out.votes_count = 0
    if action == Action.HOLD:
        return False
    out.confidence = 1.0 if action == Action.CLOSE else claim
    if action == Action.OPEN_LONG:
        out.strength = 1.0
    elif action == Action.OPEN_SHORT:
        out.strength = -1.0
    elif action == Action.ADD:
        out.strength = float(view.last_side)
    else:
        out.strength = 0.0
    return True
