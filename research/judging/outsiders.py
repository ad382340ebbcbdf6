"""Outsiders: traders without a policy, through the same engine. One buys and holds; one trades at random.

The random trader does what the candidate did in the same test - as often, as much, as sure of itself, each trade to be
held as long - but at random instants and on random sides: only the choice of when and which way is taken away. Stops
and targets are those of the candidate's own policy at its instant, limits and costs are the same; the desk's demands
are waived, because they would ask for what it does not claim to have. What risk refuses is tried again at a later
random instant. A stop may end a trade before its time, so holding times come out shorter: the table shows by how much.
"""

import heapq
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs

from envs.engine import Engine
from market.records import records
from market.tape import Role
from policies.arbitrage import PARAMS as PAIR_PARAMS
from policies.intents import DeskKind, Reduce
from policies.plan import DeskPlan, Plan
from policies.proposals import draft_pair, propose_bar
from policies.routes import CANDIDATE, Scan, write_candidate
from policies.sizing import notional_lots
from research.judging.runs import Actor
from research.judging.staging import Played, Stage

TRIES: Final = 20
"""Random instants that a trade is tried at before it is given up."""
CLOSE_AGAIN_NS: Final = 10**9
CLOSE_TRIES: Final = 300
FILLED_TRIES: Final = 3
"""A route's close is tried once a second, for five minutes; who is flat after three has nothing to close."""
SILENT: Final = {"candidate_min": 1.0, "candidate_edge": 0.5}
"""Parameters under which a policy never finds itself sure enough, where it has them."""
NEVER_TICKS: Final = 1 << 40
OPEN: Final = {
    "top_n": 1_000_000, "confidence_min": 0.0, "reward_min": -1e9, "risk_score_max": 1e9, "auto_confidence": -1.0,
    "auto_reward": -1e9, "auto_gross": -1e9, "auto_gain": -1e15, "auto_risk_score": 1e9,
}  # fmt: skip
"""A desk that demands nothing of a trade."""

assert "notional_fraction" in PAIR_PARAMS


class Deal(NamedTuple):
    """One trade to be made: what (view or route), how sure, which side, how much, how long (0: to the end)."""

    place: int
    confidence: float
    side: int
    lots: int
    hold_ns: int


def waived(plan: Plan) -> Plan:
    """Return the plan with desks that demand nothing of a trade and, where their policy allows it, say nothing."""
    return structs.replace(
        plan,
        desks=tuple(_open(desk) for desk in plan.desks),
        routes=tuple(structs.replace(route, enter_ticks=NEVER_TICKS) for route in plan.routes),
    )


def _open(desk: DeskPlan) -> DeskPlan:
    params = tuple((name, SILENT.get(name, value)) for name, value in desk.params)
    return structs.replace(desk, params=params, **OPEN)


def holding(plan: Plan) -> tuple[Plan, Actor]:
    """Return plan and actor of who buys what the desk trades with its whole budget, in equal parts, and holds it."""
    (desk,) = plan.desks
    textbook = structs.replace(desk, policy="sma_cross", params=(("fast", 10.0), ("slow", 30.0), ("lots", 1.0)))
    part = int(plan.cash * desk.budget_fraction) // max(len(plan.feeds), 1)

    def act(stage: Stage, first: int) -> None:
        tape, engine = stage.tape, stage.engine
        bought: set[int] = set()
        rows = np.flatnonzero(tape.flaws[first:] == 0) + first
        for row in rows:
            feed = int(tape.feed[row])
            if feed in bought or int(engine.agent.feeds[feed].roles) & Role.VIEW == 0:
                continue
            bought.add(feed)
            stage.run_to(_behind(stage, int(row)))
            intent = engine.intents[0]
            intent.strength, intent.votes_count = 1.0, 0
            propose_bar(engine.agent, tape, int(row), intent)
            instrument = engine.agent.instruments[intent.instrument0]
            lots = notional_lots(engine.agent.instruments, engine.agent.quotes, intent.instrument0, part)
            intent.lots0 = min(lots, int(instrument.lots_max))
            stage.propose()
            if len(bought) == len(engine.agent.feeds):
                return

    return structs.replace(waived(plan), desks=(structs.replace(textbook, **OPEN),)), act


def at_random(like: Played, seed: int, number: int) -> Actor:
    """Return an actor that trades as often as a played test, by chance; every test of a seed has chances of its own."""
    generator = np.random.default_rng((seed, number))

    def act(stage: Stage, first: int) -> None:
        _Chance(stage, first, generator).trade(deals_of(like, stage.engine, generator))

    return act


def deals_of(like: Played, engine: Engine, generator: np.random.Generator) -> list[Deal]:
    """Return the trades of a played test with their sides drawn anew and their holding times shuffled."""
    count = len(like.opened)
    held = np.asarray(like.trades["exit_ns"] - like.trades["entry_ns"], np.int64)
    own = np.asarray(like.trades["instrument"], np.int64)
    sides = generator.integers(0, 2, count) * 2 - 1
    times = {int(one): generator.permutation(held[own == one]) for one in np.unique(own)}
    deals = []
    for k in range(count):
        opened = like.opened[k]
        mine = times.get(int(opened["instrument0"]))
        hold_ns = 0 if mine is None else int(mine[k % len(mine)])
        place, confidence, lots = int(opened["view_number"]), float(opened["confidence"]), abs(int(opened["lots0"]))
        deals.append(Deal(place, confidence, int(sides[k]), lots, hold_ns))
    return deals


class _Chance:
    """Makes trades at random instants of a test."""

    def __init__(self, stage: Stage, first: int, generator: np.random.Generator) -> None:
        self.stage, self.generator = stage, generator
        agent, tape = stage.engine.agent, stage.tape
        numbers = np.array([int(feed.view_number) for feed in agent.feeds])
        self._route_of = {int(route.view_number): k for k, route in enumerate(stage.engine.scanner.routes)}
        routes = np.array([int(feed.route) for feed in agent.feeds])
        feeds = {int(number): np.flatnonzero(numbers == number) for number in np.unique(numbers[numbers >= 0])}
        feeds |= {number: np.flatnonzero(routes == k) for number, k in self._route_of.items()}
        sound = tape.flaws[first:] == 0
        self._rows = {
            number: np.flatnonzero(np.isin(tape.feed[first:], own) & sound) + first for number, own in feeds.items()
        }
        self._queue: list[tuple[int, int, int, Deal]] = []

    def trade(self, deals: list[Deal]) -> None:
        """Make all deals; what is refused is tried again later."""
        for deal in deals:
            self._draw(deal, 0, 0)
        while self._queue:
            row, _, tries, deal = heapq.heappop(self._queue)
            self.stage.run_to(_behind(self.stage, row))
            if tries < 0:
                self._close_pair(deal, row, tries)
            elif not self._open(deal, row) and tries < TRIES:
                self._draw(deal, row + 1, tries + 1)

    def _draw(self, deal: Deal, after: int, tries: int) -> None:
        rows = self._rows[deal.place]
        begin = int(np.searchsorted(rows, after))
        if begin < len(rows):
            row = int(rows[self.generator.integers(begin, len(rows))])
            heapq.heappush(self._queue, (row, len(self._queue), tries, deal))

    def _open(self, deal: Deal, row: int) -> bool:
        if deal.place in self._route_of:
            return self._open_pair(deal, row)
        engine, tape = self.stage.engine, self.stage.tape
        intent = engine.intents[0]
        intent.strength, intent.confidence, intent.votes_count = deal.side * deal.confidence, deal.confidence, 0
        if not propose_bar(engine.agent, tape, row, intent):
            return False
        intent.reduce, intent.lots0 = Reduce.NO, deal.side * deal.lots  # also where a policy knows no shorts
        if engine.book.desks[intent.desk].kind != DeskKind.BINARY and deal.hold_ns:
            intent.hold_ns = deal.hold_ns
        return self.stage.propose()

    def _pair(self, deal: Deal, row: int, kind: Scan) -> bool:
        engine = self.stage.engine
        number = self._route_of[deal.place]
        route, candidate = engine.scanner.routes[number], records(1, CANDIDATE)
        now, quotes = int(self.stage.tape.time_ns[row]), engine.scanner.quotes
        route.direction = 1 if deal.side > 0 else 2
        write_candidate(route, number, engine.scanner.instruments, quotes, now, kind.value, candidate[0])
        route.direction = 0
        intent = engine.intents[0]
        if not draft_pair(engine.agent, candidate[0], intent):
            return False
        if kind == Scan.ENTER:
            intent.lots0, intent.lots1 = deal.side * deal.lots, -deal.side * deal.lots
        return self.stage.propose()

    def _open_pair(self, deal: Deal, row: int) -> bool:
        if not self._pair(deal, row, Scan.ENTER):
            return False
        if deal.hold_ns:
            self._close_from(deal, int(self.stage.tape.time_ns[row]) + deal.hold_ns, -1)
        return True

    def _close_from(self, deal: Deal, until_ns: int, tries: int) -> None:
        rows = self._rows[deal.place]
        later = int(np.searchsorted(self.stage.tape.time_ns[rows], until_ns))
        if later < len(rows):
            heapq.heappush(self._queue, (int(rows[later]), len(self._queue), tries, deal))

    def _close_pair(self, deal: Deal, row: int, tries: int) -> None:
        """Close both legs; a quote that is too old, or a fill that is still under way, is waited for."""
        engine, route = self.stage.engine, self.stage.engine.scanner.routes[self._route_of[deal.place]]
        done = self._pair(deal, row, Scan.EXIT)
        lots = [int(engine.book.ledger.positions[leg].lots) for leg in (route.instrument_a, route.instrument_b)]
        flat = not any(lots) and tries < -FILLED_TRIES
        if not done and not flat and tries > -CLOSE_TRIES:
            self._close_from(deal, int(self.stage.tape.time_ns[row]) + CLOSE_AGAIN_NS, tries - 1)


def _behind(stage: Stage, row: int) -> int:
    """Return the first row after the instant of a row."""
    return int(np.searchsorted(stage.tape.time_ns, stage.tape.time_ns[row], "right"))
