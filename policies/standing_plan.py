"""What a plan carries of the desks' track records: rows of two numbers, frozen when the run begins.

Learning happens between runs: a run decides by the rows that it began with, so it can be replayed from its plan alone.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from policies.intents import DeskKind
from policies.track_record import ADD, BUCKETS, KEEP, ROUTE_ROWS, SIDES

if TYPE_CHECKING:  # a plan carries what is here
    from policies.plan import Plan

NOTHING: Final = (1.0, 0.0)
"""The row of what has no record: a claim stays what it was."""


class DeskStanding(Struct, frozen=True, kw_only=True):
    """One desk's rows that differ from `NOTHING`: (row, keep, add), rows ascending.

    Forex: `side_row`; binary: `setup_row`; arbitrage: `route_row` (see `policies.track_record`).
    """

    desk: str
    rows: tuple[tuple[int, float, float], ...] = ()


class StandingPlan(Struct, frozen=True, kw_only=True):
    """The record of every desk of a plan, in the plan's order, and the head of the journal that it was folded from."""

    desks: tuple[DeskStanding, ...]
    head: str = ""


class StandingError(ValueError):
    """A record that no plan can carry; one line that names what, where and what is allowed."""


def rows_of_desk(plan: "Plan", desk: int) -> int:
    """Return how many rows a desk of a plan has."""
    sides = SIDES * len(plan.instruments)
    match plan.desks[desk].kind:
        case DeskKind.ARBITRAGE:
            return ROUTE_ROWS * len(plan.routes)
        case DeskKind.BINARY:
            return sides * BUCKETS
        case _:
            return sides


def standing_array(plan: "Plan", standing: StandingPlan | None) -> NDArray[np.float64]:
    """Return the rows that kernels read, (desks, most rows of one, 2); without a record every claim stays as it is.

    StandingError names a row that does not fit the plan, or that could make a claim leave [0, 1].
    """
    counts = [rows_of_desk(plan, desk) for desk in range(len(plan.desks))]
    rows = np.tile(np.array(NOTHING), (max(len(counts), 1), max([*counts, 1]), 1))
    if standing is None:
        return rows
    names = [desk.name for desk in plan.desks]
    if [one.desk for one in standing.desks] != names:
        raise StandingError(f"standing of {[one.desk for one in standing.desks]}: the desks {names} are allowed")
    for desk, own in enumerate(standing.desks):
        for row, keep, add in own.rows:
            if not 0 <= row < counts[desk]:
                raise StandingError(f"standing of {own.desk}: row {row}: from 0 to {counts[desk] - 1} is allowed")
            if not (0.0 <= keep <= 1.0 and 0.0 <= add <= 1.0 and keep + add <= 1.0 + 1e-12):
                raise StandingError(
                    f"standing of {own.desk}: row {row}: keep {keep}, add {add}: fractions of at most 1 together "
                    "are allowed"
                )
            rows[desk, row, KEEP], rows[desk, row, ADD] = keep, add
    return rows
