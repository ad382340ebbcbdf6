"""One run: a keeper with a workload, a gateway, a simulated venue, a moving market; crashes and faults of one seed."""

import random

from actors.budget import BudgetRules
from actors.order_rules import OrderRules
from actors.venue_gateway import Line, VenueGateway
from actors.world import Faults, World
from journal.store import MemoryJournal
from tests.orders.crashes import Boundary, Crash, CrashingJournal, CrashingSession
from tests.orders.keeping import JournalKeeper
from tests.orders.oracle import Findings, durable_ids, examine
from tests.orders.workload import INSTRUMENTS, PREFIX, VENUE, Workload
from venues.messages import IdRule, Request
from venues.simulated.faults import Fault, FaultPlan
from venues.simulated.venue import SimulatedVenue

ORDERS = 6
TICK_S = 0.1
REST_S = 30.0
STEPS_MAX = 60_000
RULES = OrderRules(prefix=PREFIX, reconcile_ns=8_000_000_000, budget=BudgetRules(per_s=50, burst=50, reserve=10))
LINES = Faults(repeat=0.03, loss=0.02, delay=0.05)
CHANCE = {
    Fault.REJECT: 0.3, Fault.DELAY: 0.25, Fault.PARTIAL_STORM: 0.7, Fault.DUPLICATE_EVENT: 0.4,
    Fault.OUT_OF_ORDER_FILL: 0.4, Fault.DROP_BEFORE: 0.2, Fault.DROP_AFTER: 0.2, Fault.NEWS_LOST: 0.4,
    Fault.ERROR_AFTER_ACCEPT: 0.2, Fault.RATE_LIMIT: 0.3, Fault.DISCONNECT: 0.1, Fault.CLOCK_SKEW: 0.8,
    Fault.MANUAL_TRADE: 0.02,
}  # fmt: skip
"""How often each fault strikes in a run that is about it."""


class Governor:
    """The keeper of orders with a workload, under a journal whose writer may die."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        journal = CrashingJournal(run.journal, run.crash)
        self.epoch = journal.claim("keeper", run.now_ns())
        self.keeper = JournalKeeper(
            journal, self.epoch, {VENUE: "gateway"}, run.world.resolver("governor"), fresh_ns=RULES.fresh_ns,
            snapshot_every=5,
        )  # fmt: skip
        self.workload = Workload(self.keeper, VENUE, run.seed, ORDERS)
        self.on_hello, self.on_told = self.keeper.on_hello, self.keeper.on_told

    @property
    def orders(self):
        return self.keeper.folds[VENUE].orders

    def on_tick(self, _now: int) -> None:
        self.keeper.on_tick(0)
        self.workload.step(self._run.now_ns(), self._run.mid, self._run.chance)


class Market:
    """Moves prices, and now and then trades on the account by hand."""

    def __init__(self, run: "Run") -> None:
        self._run = run

    def on_tick(self, _now: int) -> None:
        run = self._run
        for name in INSTRUMENTS:
            run.mid[name] += run.market.randint(-2, 2)
            run.venue.quote(name, run.mid[name] - 1, run.mid[name] + 1, run.now_ns())
        if run.market.random() < run.plan.chances.get(Fault.MANUAL_TRADE, 0.0):
            name = run.market.choice(INSTRUMENTS)
            run.venue.exchange.trade_by_hand(name, run.market.choice((3, -3)), run.mid[name], run.now_ns())
            run.venue.publish(run.now_ns())


class Run:
    """Everything of one seed; `run` goes on until all is final and has rested."""

    def __init__(self, seed: int, crash: Crash, plan: FaultPlan, id_rule: IdRule = IdRule.EVER) -> None:
        self.seed, self.crash, self.plan, self.id_rule = seed, crash, plan, id_rule
        self.chance, self.market = random.Random(f"w{seed}"), random.Random(f"m{seed}")
        self.journal = MemoryJournal()
        self.world = World(seed, LINES, tick_s=TICK_S)
        self.mid = dict.fromkeys(INSTRUMENTS, 10_000)
        self.venue = SimulatedVenue(VENUE, plan, seed, id_rule=id_rule)
        self.early: list[str] = []
        refuses = self.venue.exchange._refuses
        self.venue.exchange._refuses = lambda request: self._witness(request) or refuses(request)
        for name in INSTRUMENTS:
            self.venue.quote(name, 9_999, 10_001, 0)
        crash.also = self._take_along
        self.world.add("market", lambda: Market(self))
        self.world.add("governor", lambda: Governor(self))
        self.world.add("gateway", self._gateway)

    def now_ns(self) -> int:
        return int(self.world.now_s * 1e9)

    def _gateway(self) -> VenueGateway:
        line = Line(lambda: CrashingSession(self.venue.session(), self.crash), self.now_ns, self.chance)
        rules = RULES if self.id_rule is IdRule.EVER else _with_rule(self.id_rule)
        opener = lambda **_: self.journal  # noqa: E731
        return VenueGateway("gateway", VENUE, rules, self.world.resolver("gateway"), opener, line)

    def _witness(self, request: Request) -> str:
        """Note an order that reaches the venue before it is durable."""
        if request.client_id not in durable_ids(self.journal):
            self.early.append(request.client_id)
        return ""

    def _take_along(self) -> None:
        """Every third time the other process dies with the one that crossed the boundary."""
        if self.chance.random() < 1 / 3:
            for name in ("governor", "gateway"):
                if self.world.actor(name) is not None and self.chance.random() < 0.5:
                    self.world.kill(name)

    @property
    def is_at_rest(self) -> bool:
        governor, gateway = self.world.actor("governor"), self.world.actor("gateway")
        if governor is None or gateway is None or gateway.working is None:
            return False
        working = gateway.working
        settled = working.is_ready and not working.unsettled and not working.executions.is_missing_some
        return governor.workload.is_done and settled

    def run(self) -> Findings:
        """Go on until everything has been at rest for a while; examine."""
        rested_since: float | None = None

        def rested() -> bool:
            nonlocal rested_since
            if not self.is_at_rest:
                rested_since = None
                return False
            if rested_since is None:
                rested_since = self.world.now_s
            return self.world.now_s - rested_since >= REST_S

        self.world.run(rested, STEPS_MAX)
        found = examine(self.journal, self.venue.exchange, VENUE)
        for client_id in self.early:
            found.note("orphaned", f"{client_id} reached the venue before it was durable")
        return found


def _with_rule(id_rule: IdRule) -> OrderRules:
    return OrderRules(prefix=PREFIX, reconcile_ns=RULES.reconcile_ns, budget=RULES.budget, id_rule=id_rule)


def plan_of(fault: Fault) -> FaultPlan:
    """Return the plan of a run that is about one fault; each comes with a little of the others' delay."""
    chances = {fault: CHANCE[fault]} if fault is not Fault.NONE else {}
    return FaultPlan(chances=chances)


def crash_of(boundary: Boundary, seed: int) -> Crash:
    """Return where and how often a run's processes die."""
    chance = random.Random(f"c{seed}")
    return Crash(boundary, every=chance.randint(1, 4), times=4)
