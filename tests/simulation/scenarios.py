"""Scenarios: what may go wrong, in which run; `simulate` plays one under a seed and checks everything there is."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from actors.restoring import newest_session
from actors.risk import RiskManager
from actors.settings import GOVERNOR, RISK, Settings
from actors.staging import Cast, has_stopped, open_session, stage_world
from actors.world import Faults, World
from market.tape import select_feeds
from policies.intents import TradingState
from policies.plan import Plan
from research.digests import first_difference
from research.result import RunResult, result_of_session
from tests.builders import CONTROLS, MINUTE, MONEY, START_NS, a_plan, a_result, a_tape
from tests.policies.account_books import binding_rules, breached_rules, flattening_rules, portfolio_rules, timed_rules
from tests.simulation.witness import Violation, WatchedGateway, WatchedJournal, Witness, must
from venues.replay import save_tape

STEPS_MAX: Final = 60_000
TAPES: Final = 4
"""Different tapes; seeds take turns, so that a kernel rollout is shared."""


class Scenario(Struct, frozen=True, kw_only=True):
    """A run and its faults. `stop_after` interrupts it at a step drawn below; `state` is set at the tape's middle.

    `feeds` are those that speak, all when none is named: what one desk hears, another must not need.
    """

    faults: Faults
    minutes: int = 60
    ticks: int = 400
    feeds: tuple[int, ...] = ()
    plan: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    stop_after: int = 0
    state: TradingState = TradingState.ACTIVE


EVERYTHING: Final = Faults(repeat=0.1, loss=0.04, delay=0.2, kills_per_s=0.5, kills_max=8, torn=0.5, linger=0.4)
KILLS: Final = Faults(repeat=0.05, delay=0.1, kills_per_s=8.0, kills_max=14, torn=0.6, linger=0.5)
LOSSES: Final = Faults(repeat=0.2, loss=0.2, delay=0.3, kills_per_s=0.05, kills_max=3, torn=0.5)
TORN: Final = Faults(kills_per_s=20.0, kills_max=24, torn=1.0)
USURPED: Final = Faults(loss=0.1, delay=0.3, delay_s_max=2.0, kills_per_s=2.0, kills_max=24, linger=0.3)

SCENARIOS: Final = {
    "everything": Scenario(faults=EVERYTHING, minutes=75, ticks=500),
    "kills": Scenario(faults=KILLS, minutes=75, ticks=500),
    "torn": Scenario(faults=TORN, minutes=75, ticks=500),
    "usurped": Scenario(faults=USURPED),
    "losses": Scenario(faults=LOSSES),
    "shards": Scenario(faults=EVERYTHING, settings={"feed_shards": 3, "batch_rows": 16, "snapshot_groups": 3}),
    "interrupted": Scenario(faults=msgspec.structs.replace(KILLS, kills_per_s=3.0), stop_after=1200),
    "limits": Scenario(
        faults=KILLS, minutes=90,
        plan={
            "daily_loss_max": 60 * MONEY, "drawdown_max": 150 * MONEY, "trades_per_day_max": 25, "loss_streak_max": 4,
        },
    ),
    "account-rules": Scenario(faults=KILLS, minutes=90, plan={"rules": binding_rules()}),
    "account-breaches": Scenario(faults=KILLS, minutes=90, plan={"rules": breached_rules()}),
    "flattening": Scenario(faults=KILLS, minutes=90, plan={"rules": flattening_rules()}),
    "flattening-losses": Scenario(faults=LOSSES, plan={"rules": flattening_rules()}),
    "timed": Scenario(faults=KILLS, minutes=90, plan={"rules": timed_rules()}),
    "portfolio": Scenario(faults=KILLS, minutes=90, plan={"rules": portfolio_rules()}),
    "halted": Scenario(faults=EVERYTHING, state=TradingState.HALTED),
    "contracts-alone": Scenario(faults=KILLS, ticks=150, feeds=(4, 6)),
    "routes-alone": Scenario(faults=KILLS, feeds=(4, 5)),
    "bars-alone": Scenario(faults=KILLS, feeds=(0, 1, 2, 3)),
    "controls": Scenario(faults=KILLS, plan={"controls": CONTROLS}),
    "reducing": Scenario(faults=KILLS, state=TradingState.REDUCING),
}  # fmt: skip


class Outcome(Struct, frozen=True):
    """What a simulated run came to."""

    result: RunResult
    lines: tuple[str, ...]
    state: dict[str, dict[str, Any]]
    kills: int
    lives: int


class LatchedRisk(RiskManager):
    """Risk whose account is put into a trading state at a market time, as a person would."""

    def __init__(self, from_ns: int, state: int, *arguments: Any) -> None:
        self._from_ns, self._state = from_ns, state
        super().__init__(*arguments)

    def _judge(self, time_ns: int) -> None:
        self._book.ledger.account[0].state = self._state if time_ns >= self._from_ns else 0
        super()._judge(time_ns)


@cache
def run_of(name: str, turn: int) -> tuple[Plan, Any, RunResult]:
    """Return plan, tape and what the kernel makes of them."""
    scenario = SCENARIOS[name]
    plan = a_plan(**scenario.plan)
    tape = a_tape(scenario.minutes, scenario.ticks, 1 + turn, start_ns=START_NS + 90 * MINUTE)
    if scenario.feeds:
        tape = select_feeds(tape, np.isin(np.arange(len(plan.feeds)), scenario.feeds))
    return plan, tape, a_result(plan, tape)


@cache
def calm(name: str, turn: int, folder: Path) -> Outcome:
    """Return the same run without a fault."""
    return play(name, turn, folder, Faults())


def simulate(name: str, seed: int, folder: Path, cast: Callable[[Witness], Cast] | None = None) -> Outcome:
    """Play a scenario under a seed; Violation when anything is not as it must be."""
    found = play(name, seed, folder, SCENARIOS[name].faults, cast)
    still = calm(name, seed % TAPES, folder)
    kernel = run_of(name, seed % TAPES)[2] if SCENARIOS[name].state == TradingState.ACTIVE else still.result
    difference = first_difference(kernel, found.result)
    must(difference is None, f"not what the kernel decided: {difference}")
    for actor, state in still.state.items():
        wrong = [key for key, value in state.items() if not _same(value, found.state[actor][key])]
        must(not wrong, f"{actor} is not as it would be if it had lived: {', '.join(wrong)}")
    return found


def play(name: str, seed: int, folder: Path, faults: Faults, cast: Callable[[Witness], Cast] | None = None) -> Outcome:
    """Run a scenario's session to its end, watched."""
    scenario = SCENARIOS[name]
    plan, tape, _ = run_of(name, seed % TAPES)
    middle_ns = int(tape.time_ns[len(tape.time_ns) // 2])
    settings = Settings(
        plan=plan, tape_folder=str(folder), tape_hash=save_tape(folder, tape),
        **({"batch_rows": 32, "snapshot_groups": 5} | scenario.settings),
    )  # fmt: skip
    witness = Witness(plan)
    journal = WatchedJournal(witness)
    open_session(journal, settings, (), "")
    players = cast(witness) if cast else Cast()
    players = msgspec.structs.replace(
        players,
        gateway=partial(WatchedGateway, witness) if players.gateway is Cast().gateway else players.gateway,
        risk=partial(LatchedRisk, middle_ns, scenario.state.value) if scenario.state else players.risk,
    )
    world, kills = World(seed, faults), 0
    stage_world(world, settings, journal, players)
    if scenario.stop_after and faults != Faults():
        _interrupt(world, witness, 1 + seed * 7919 % scenario.stop_after)
        kills = len(world.kills)
        world = World(seed + 1, faults)
        stage_world(world, settings, journal, players)
    _run(world, witness, lambda: has_settled(world, settings))
    witness.ended(world)
    log = newest_session(journal)
    _check_state(scenario.state, middle_ns, witness)
    return Outcome(
        result=result_of_session(plan, tape, log, [0] * len(plan.desks)),
        lines=tuple(f"{entry.seq} {entry.hash}" for entry in journal.entries()),
        state=state_of(world, settings),
        kills=kills + len(world.kills),
        lives=witness.epoch,
    )


def _run(world: World, witness: Witness, until: Callable[[], bool]) -> None:
    def watched() -> bool:
        witness.step(world)
        return until()

    world.run(watched, STEPS_MAX)


def _interrupt(world: World, witness: Witness, steps: int) -> None:
    """Let a session run for some steps, then stop it as the driver does."""
    _run(world, witness, lambda: world.steps >= steps or has_stopped(world))
    _run(world, witness, lambda: world.actor(GOVERNOR) is not None)
    governor = world.actor(GOVERNOR)
    governor.on_stop("interrupted")
    governor.on_stop("interrupted")
    _run(world, witness, lambda: world.steps >= steps + 40)


def has_settled(world: World, settings: Settings) -> bool:
    """Tell whether the run has ended and every actor has come to the end of its data."""
    if not has_stopped(world):
        return False
    names = (RISK, *settings.gateways, *settings.agents)
    actors = [world.actor(name) for name in (*names, *settings.feeds)]
    return all(actor is not None for actor in actors) and all(world.actor(name)._done_ns >= 2**62 for name in names)


def _check_state(state: TradingState, from_ns: int, witness: Witness) -> None:
    """After HALTED nothing is decided any more, after REDUCING only what reduces; nothing else leaves."""
    if state == TradingState.ACTIVE:
        return
    late = [order for order in witness.orders.values() if order.time_ns >= from_ns]
    must(all(order.reduce for order in late), f"{state.name}: an opening order leaves")
    if state == TradingState.HALTED:
        must(not any(order.number in witness.decisions for order in late), "HALTED: a decision is executed")


def state_of(world: World, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what every actor holds, in comparable values: what is not named here is only on its way."""
    found: dict[str, dict[str, Any]] = {}
    book = world.actor(RISK)._book
    account = {field: int(book.ledger.account[0][field]) for field in book.ledger.account.dtype.names}
    del account["epoch"]
    found[RISK] = {
        **account, "positions": book.ledger.positions, "groups": book.ledger.groups, "quotes": book.quotes,
        "desks": book.desks, "long": book.working_long, "short": book.working_short, "live": book.counts,
        "open": sorted(book.ledger.open_list[: account["open_positions"]]),
    }  # fmt: skip
    governor = world.actor(GOVERNOR)
    found[GOVERNOR] = {
        "number": governor._number, "taken": governor.taken, "grants": sorted(governor._grants.items()),
        "watch": int(governor._watch.counts[0]), "orders": [len(route.orders) for route in governor._routes],
    }  # fmt: skip
    for name in settings.gateways:
        venue = world.actor(name).venue
        home = settings.gateways.index(name)
        found[name] = {
            "holdings": venue.holdings, "live": int(venue.control[0]), "guarded": int(venue.control[3]),
            "executions": int(venue.executions[home]), "orders": world.actor(name)._orders, "busy": venue.busy,
            "quotes": venue.quotes,
        }  # fmt: skip
    for name in settings.agents:
        kernel = world.actor(name)._kernel
        found[name] = {
            "budgets": kernel.budgets, "quotes": kernel.quotes, "heard": world.actor(name)._heard,
            "views": kernel.views.views, "view_state": _bits(kernel.views.state), "day_end": int(kernel.control[1]),
        }  # fmt: skip
    for name in settings.feeds:
        found[name] = {"rows": [(feed.rows, feed.flawed, feed.last_ns) for feed in world.actor(name).feeds]}
    return found


def _same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other)


def _bits(values: Any) -> Any:
    return np.ascontiguousarray(values).view(np.int64)


__all__ = ["SCENARIOS", "Outcome", "Scenario", "Violation", "simulate"]
