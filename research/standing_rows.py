"""Standing as rows: what a plan carries of it, and what people read of it."""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.instruments import Kind
from market.money import MONEY_UNIT
from market.payoff import binomial_tail, breakeven_probability
from market.records import Record
from policies.distributions import beta_cdf
from policies.intents import DeskKind
from policies.plan import Plan
from policies.standing_plan import NOTHING, DeskStanding, StandingPlan, rows_of_desk
from policies.track_record import (
    ADD,
    BUCKETS,
    FILL,
    HEALTH,
    HOURS,
    KEEP,
    KEPT,
    ROUTE_ROWS,
    SIDES,
    accuracy,
    evaluated,
    hit_rate,
    open_tallies,
    profit_share,
    route_row,
    share,
    write_route,
    write_setup,
    write_side,
)
from research.standing import SIDE_NAMES, RouteKey, SetupKey, SideKey, Standing


class SideRow(Struct, frozen=True, kw_only=True):
    """One side of an instrument under a policy; money in account currency, shares as fractions.

    `claimed` is the mean confidence, `evaluated` what that is worth now: keep x claimed + add.
    """

    desk: str
    policy: str
    instrument: str
    side: str
    outcomes: int
    wins: int
    losses: int
    accuracy: float
    claimed: float
    net: float
    pair_outcomes: int
    pair_profit_share: float
    keep: float
    add: float
    evaluated: float


class RouteRow(Struct, frozen=True, kw_only=True):
    """One route: entries by how their legs filled, what was expected of closed trades and what came of it.

    `fill_probability` and `venue_health` are what a claim of 1 is worth now, `profit_kept` the same of a net profit.
    """

    desk: str
    instrument_a: str
    instrument_b: str
    entries: int
    complete: int
    legged: int
    missed: int
    outcomes: int
    wins: int
    losses: int
    expected: float
    realised: float
    net: float
    fill_probability: float
    venue_health: float
    profit_kept: float


class SetupRow(Struct, frozen=True, kw_only=True):
    """One binary setup: its hit rate against break-even. Ties count among the outcomes alone.

    `posterior` is the mean of Beta(1 + wins, 1 + losses), `beats` that posterior's chance of lying above break-even,
    `p_value` the exact chance of so many wins at break-even (None without a trial).
    """

    desk: str
    policy: str
    instrument: str
    side: str
    hours: str
    outcomes: int
    wins: int
    losses: int
    net: float
    hit_rate: float | None
    breakeven: float
    posterior: float
    beats: float
    p_value: float | None
    claimed: float
    keep: float
    add: float
    evaluated: float


class VenueRow(Struct, frozen=True, kw_only=True):
    """One venue: orders that it answered, and how many of them it rejected."""

    venue: str
    answered: int
    rejected: int
    health: float | None


class StandingRows(Struct, frozen=True, kw_only=True):
    """Everything that has a record, sorted by name; `trades` were taken, `refused` had a claim that is none."""

    sessions: int
    trades: int
    refused: int
    head: str
    sides: tuple[SideRow, ...]
    routes: tuple[RouteRow, ...]
    setups: tuple[SetupRow, ...]
    venues: tuple[VenueRow, ...]


def standing_rows(standing: Standing) -> StandingRows:
    """Return what people read."""
    sides = sorted(key for key in standing.sides if key.side >= 0)
    setups = sorted(key for key in standing.setups if key.bucket >= 0)
    return StandingRows(
        sessions=standing.sessions, trades=standing.trades, refused=standing.refused, head=standing.head,
        sides=tuple(_side(standing, key) for key in sides),
        routes=tuple(_route(standing, key) for key in sorted(standing.routes)),
        setups=tuple(_setup(standing, key) for key in setups),
        venues=tuple(
            VenueRow(
                venue=name, answered=int(tally.answered), rejected=int(tally.rejected),
                health=float(share(tally.answered - tally.rejected, tally.answered)) if tally.answered else None,
            )
            for name, tally in sorted(standing.venues.items())
        ),
    )  # fmt: skip


def standing_plan(standing: Standing, plan: Plan) -> StandingPlan:
    """Return what a plan carries of a standing: the rows of its own policies, instruments and routes."""
    return StandingPlan(desks=tuple(_desk(standing, plan, k) for k in range(len(plan.desks))), head=standing.head)


def _desk(standing: Standing, plan: Plan, number: int) -> DeskStanding:
    desk = plan.desks[number]
    rows = np.tile(np.array(NOTHING), (max(rows_of_desk(plan, number), 1), 1))
    if desk.kind == DeskKind.ARBITRAGE:
        for k, route in enumerate(plan.routes):
            if plan.desks[route.desk].name == desk.name:
                key = RouteKey(desk.name, route.instrument_a, route.instrument_b)
                rows[route_row(k, 0) : route_row(k, 0) + ROUTE_ROWS] = _route_lines(standing, key)
    for k, instrument in enumerate(plan.instruments):
        for side in range(SIDES):
            at, where = SIDES * k + side, (desk.name, desk.policy, instrument.key, side)
            if desk.kind == DeskKind.BINARY and instrument.kind is Kind.BINARY:
                for bucket in range(BUCKETS):
                    rows[at * BUCKETS + bucket] = _setup_line(standing, SetupKey(*where, bucket))
            elif desk.kind == DeskKind.FOREX:
                rows[at] = _side_line(standing, SideKey(*where))
    learned = [(k, float(row[KEEP]), float(row[ADD])) for k, row in enumerate(rows) if tuple(row) != NOTHING]
    return DeskStanding(desk=desk.name, rows=tuple(learned))


_NONE = open_tallies(1)[0]
"""The tally of what is not there; nobody writes to it."""


def _side_line(standing: Standing, key: SideKey) -> NDArray[np.float64]:
    row = np.array(NOTHING)
    write_side(row, standing.sides.get(key, _NONE), standing.sides.get(key._replace(side=-1), _NONE))
    return row


def _setup_line(standing: Standing, key: SetupKey) -> NDArray[np.float64]:
    row = np.array(NOTHING)
    write_setup(row, standing.setups.get(key, _NONE), standing.setups.get(key._replace(bucket=-1), _NONE))
    return row


def _route_lines(standing: Standing, key: RouteKey) -> NDArray[np.float64]:
    rows = np.tile(np.array(NOTHING), (ROUTE_ROWS, 1))
    venues = [standing.venues.get(name.partition("@")[2], _NONE) for name in key[1:]]
    write_route(rows, standing.routes.get(key, _NONE), *venues)
    return rows


def _side(standing: Standing, key: SideKey) -> SideRow:
    own, pair = standing.sides[key], standing.sides[key._replace(side=-1)]
    row = _side_line(standing, key)
    claimed = float(own.claimed) / int(own.outcomes)
    return SideRow(
        desk=key.desk, policy=key.policy, instrument=key.instrument, side=SIDE_NAMES[key.side],
        outcomes=int(own.outcomes), wins=int(own.wins), losses=int(own.losses), accuracy=float(accuracy(own)),
        claimed=claimed, net=_net(own), pair_outcomes=int(pair.outcomes), pair_profit_share=float(profit_share(pair)),
        keep=float(row[KEEP]), add=float(row[ADD]), evaluated=float(evaluated(claimed, row)),
    )  # fmt: skip


def _route(standing: Standing, key: RouteKey) -> RouteRow:
    own, rows = standing.routes[key], _route_lines(standing, key)
    return RouteRow(
        desk=key.desk, instrument_a=key.instrument_a, instrument_b=key.instrument_b, entries=int(own.entries),
        complete=int(own.complete), legged=int(own.legged), missed=int(own.missed), outcomes=int(own.outcomes),
        wins=int(own.wins), losses=int(own.losses), expected=int(own.expected) / MONEY_UNIT,
        realised=int(own.realised) / MONEY_UNIT, net=_net(own), fill_probability=float(evaluated(1.0, rows[FILL])),
        venue_health=float(evaluated(1.0, rows[HEALTH])), profit_kept=float(evaluated(1.0, rows[KEPT])),
    )  # fmt: skip


def _setup(standing: Standing, key: SetupKey) -> SetupRow:
    own, row = standing.setups[key], _setup_line(standing, key)
    wins, losses = int(own.wins), int(own.losses)
    breakeven = float(breakeven_probability(standing.payouts_ppm[key.instrument] * 1e-6, 0.0, 0.0))
    claimed = float(own.claimed) / int(own.outcomes)
    return SetupRow(
        desk=key.desk, policy=key.policy, instrument=key.instrument, side=SIDE_NAMES[key.side],
        hours=f"{key.bucket * HOURS:02d}-{(key.bucket + 1) * HOURS:02d}", outcomes=int(own.outcomes), wins=wins,
        losses=losses, net=_net(own), hit_rate=float(hit_rate(own)) if wins + losses else None, breakeven=breakeven,
        posterior=(1.0 + wins) / (2.0 + wins + losses), beats=1.0 - beta_cdf(breakeven, 1.0 + wins, 1.0 + losses),
        p_value=float(binomial_tail(wins + losses, wins, breakeven)) if wins + losses else None, claimed=claimed,
        keep=float(row[KEEP]), add=float(row[ADD]), evaluated=float(evaluated(claimed, row)),
    )  # fmt: skip


def _net(tally: Record) -> float:
    return math.fsum((int(tally.gained), -int(tally.lost))) / MONEY_UNIT
