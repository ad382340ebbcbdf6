"""Runs on simulated venues in World: actors die, lines and venues fail, and the venues' books are the oracle.

`python -m tests.simulation.live --seeds 200` plays seeds of every kind of fault and prints a table; with
`--switch FLATTEN_AND_BLOCK` everything is switched off at some step of each.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from actors.restoring import SessionLog, newest_session
from actors.settings import Settings
from actors.simulated import open_venues
from actors.staging import Cast, has_stopped, on_simulated, open_session, stage_world
from actors.switching import Act, trip
from actors.world import Faults, World
from journal.order_records import Order
from journal.switchboard import Switchboard
from policies.switches import ANY, Mode, Scope, Trip
from research.accounts import Audit, audit
from tests.builders import MINUTE, START_NS, a_plan, a_tape
from tests.simulation.witness import Violation, WatchedJournal, Witness, must
from venues.messages import Request
from venues.replay import save_tape
from venues.simulated.faults import Fault, FaultPlan

CALM: Final = Faults()
KILLS: Final = Faults(repeat=0.05, delay=0.1, kills_per_s=6.0, kills_max=14, torn=0.6, linger=0.4)
EVERYTHING: Final = Faults(repeat=0.1, loss=0.04, delay=0.2, kills_per_s=1.5, kills_max=10, torn=0.5, linger=0.4)
STEPS_MAX: Final = 80_000
CHANCE: Final = {
    Fault.REJECT: 0.2, Fault.DELAY: 0.2, Fault.PARTIAL_STORM: 0.7, Fault.DUPLICATE_EVENT: 0.4,
    Fault.OUT_OF_ORDER_FILL: 0.4, Fault.DROP_BEFORE: 0.2, Fault.DROP_AFTER: 0.2, Fault.NEWS_LOST: 0.4,
    Fault.ERROR_AFTER_ACCEPT: 0.2, Fault.RATE_LIMIT: 0.2, Fault.DISCONNECT: 0.1, Fault.CLOCK_SKEW: 0.8,
    Fault.MANUAL_TRADE: 0.3,
}  # fmt: skip
"""How often each fault strikes in a run that is about it."""


class Outcome(Struct, frozen=True):
    """What a run came to."""

    log: SessionLog
    audits: tuple[Audit, ...]
    lines: tuple[str, ...]
    kills: int


class LiveWitness(Witness):
    """Sees the journal as on paper; what leaves is held against it at the venues themselves."""

    def __init__(self, plan: Any) -> None:
        super().__init__(plan)
        self.durable: set[str] = set()

    def appended(self, epoch: int, batch: list[Any]) -> None:
        super().appended(epoch, batch)
        self.durable |= {record.order_id for record in batch if isinstance(record, Order)}

    def leaves_by(self, request: Request) -> str:
        must(request.client_id in self.durable, f"{request.client_id} reached its venue before it was durable")
        return ""

    def ended(self, world: World) -> None:
        self.left.update(dict.fromkeys(self.orders, 1))
        super().ended(world)


def settings_for(folder: Path, minutes: int = 60, ticks: int = 400, turn: int = 1, **changes: Any) -> Settings:
    """Return a run on simulated venues over a small tape."""
    tape = a_tape(minutes, ticks, turn, start_ns=START_NS + 90 * MINUTE)
    return Settings(
        tape_folder=str(folder), tape_hash=save_tape(folder, tape), venue="simulated",
        **({"plan": a_plan(), "batch_rows": 32, "snapshot_groups": 5} | changes),
    )  # fmt: skip


class Staged:
    """A run on its stage, watched, with its venues beside it."""

    def __init__(
        self, settings: Settings, seed: int, faults: Faults, plan: FaultPlan, cast: Cast | None = None
    ) -> None:  # fmt: skip
        self.settings = settings
        self.witness = LiveWitness(settings.plan)
        self.journal = WatchedJournal(self.witness)
        open_session(self.journal, settings, (), "")
        self.venues = open_venues(settings, plan, seed)
        for venue in self.venues.values():
            venue.exchange._refuses = partial(self._refuses, venue.exchange._refuses)
        self.world = World(seed, faults)
        stage_world(self.world, settings, self.journal, on_simulated(self.world, self.venues, cast))

    def _refuses(self, refuses: Callable[[Request], str], request: Request) -> str:
        return self.witness.leaves_by(request) or refuses(request)

    def run(self, until: Callable[[], bool]) -> None:
        """Let it run until something holds."""

        def holds() -> bool:
            self.witness.step(self.world)
            return until()

        self.world.run(holds, STEPS_MAX)

    def end(self) -> Outcome:
        """Let it come to its end; the venues show their books afterwards."""
        self.run(lambda: has_stopped(self.world))
        self.witness.ended(self.world)
        entries = list(self.journal.entries())
        records = [entry.record() for entry in entries]
        return Outcome(
            log=newest_session(self.journal),
            audits=tuple(audit(records, name, venue.exchange) for name, venue in self.venues.items()),
            lines=tuple(f"{entry.seq} {entry.hash}" for entry in entries),
            kills=len(self.world.kills),
        )


def play(settings: Settings, seed: int, faults: Faults, plan: FaultPlan, cast: Cast | None = None) -> Outcome:
    """Play a run to its end."""
    return Staged(settings, seed, faults, plan, cast).end()


def play_switched(settings: Settings, seed: int, faults: Faults, plan: FaultPlan, mode: Mode) -> Outcome:
    """Play a run in which everything is switched off at some step; what is held must be closed where that is wanted."""
    board = Switchboard(Path(settings.switches_path))
    staged = Staged(settings, seed, faults, plan)
    staged.run(lambda: staged.world.steps >= 300 + 97 * seed % 1500 or has_stopped(staged.world))
    trip(board, Trip(Scope.GLOBAL, ANY, mode), Act(who=("ann",), reason="a test", now_ns=1))
    board.close()
    outcome = staged.end()
    left = {name: lots for one in outcome.audits for name, lots in one.positions.items() if "." not in name}
    ours = mode is Mode.FLATTEN_AND_BLOCK and Fault.MANUAL_TRADE not in plan.chances
    must(not ours or not outcome.log.switches or not left, f"still held: {left}")
    return outcome


def plan_of(fault: Fault) -> FaultPlan:
    """Return the plan of a run that is about one fault."""
    return FaultPlan(chances={fault: CHANCE[fault]} if fault is not Fault.NONE else {}, latency_ns=0)


def problems(outcome: Outcome, fault: Fault) -> list[str]:
    """Return what is wrong at the end; a position that somebody else has traded must differ, and stand as a break."""
    found = []
    for one in outcome.audits:
        if fault is not Fault.MANUAL_TRADE:
            found += [f"{item.kind}: {item.words}" for item in one.differences]
            found += [f"break: {item}" for item in one.breaks]
        else:
            found += [f"{item.kind}: {item.words}" for item in one.differences if item.kind != "ledger"]
            if one.differences and not one.breaks:
                found.append(f"{one.venue} differs and no break stands")
    return found


def main() -> int:
    """Play and print; return 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.live")
    parser.add_argument("--seeds", type=int, default=20, help="per fault")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--fault", default=None, help="one of the faults, by name")
    parser.add_argument("--switch", choices=[mode.name for mode in Mode if mode], help="tripped at some step")
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="live-") as folder:
        for fault in [Fault(asked.fault)] if asked.fault else list(Fault):
            kills = orders = 0
            for seed in range(asked.first, asked.first + asked.seeds):
                try:
                    board = str(Path(folder) / f"{fault.name}-{seed}.db") if asked.switch else ""
                    settings = settings_for(Path(folder), turn=1 + seed % 4, switches_path=board)
                    how = settings, seed, (KILLS, EVERYTHING)[seed % 2], plan_of(fault)
                    outcome = play_switched(*how, Mode[asked.switch]) if asked.switch else play(*how)
                    found = problems(outcome, fault)
                    kills, orders = kills + outcome.kills, orders + len(outcome.log.orders)
                except (Violation, AssertionError, RuntimeError) as error:
                    found = [f"{type(error).__name__}: {error}"]
                failed += bool(found)
                for words in found:
                    print(f"  {fault.value} seed {seed}: {words}")
            print(f"{fault.value:22} {asked.seeds} runs, {kills} kills, {orders} orders", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
