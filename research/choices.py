"""Which policies a person can name, and what the features beside a decision are called.

A policy that decides by a model cannot be named: the model brings it along.
"""

from typing import Final

from policies.catalogue import POLICIES
from policies.intents import DeskKind
from policies.model_plans import features_of_desk
from policies.plan import DeskPlan, Plan

SCANNED: Final = ("basis", "sigma_1s", "direction")
"""What the scan of a route tells its policy."""


def by_hand(kind: DeskKind | None = None) -> list[str]:
    """Return the policies, of one kind of desk or of all, that decide without a model."""
    return [name for name, spec in POLICIES.items() if not spec.modelled and kind in (None, spec.desk)]


def feature_names(plan: Plan, desk: DeskPlan, count: int) -> tuple[str, ...]:
    """Return the names of the `count` features beside a desk's decision; none where this version does not know them."""
    if desk.policy not in POLICIES:
        return ()
    names = features_of_desk(plan, plan.desks.index(desk)) or SCANNED
    return names if len(names) == count else ()
