"""World: the actors in one process, journaling in memory."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from actors.settings import Settings
from actors.staging import open_session, run_world
from bench.figure import Figure
from bench.tapes import bars_plan, bars_tape, packaged_run
from journal.store import MemoryJournal
from market.tape import Tape
from policies.plan import Plan
from venues.replay import save_tape


def figures() -> Iterator[Figure]:
    """Yield market events per second through all actors: of the main job, and where every 20th bar is decided on."""
    yield _figure("World, what `trifecta run` trades", *packaged_run())
    dense = bars_plan(["EURUSD", "GBPUSD", "AUDUSD", "NZDUSD"], "trend_reversion", {}), bars_tape(4, 25_000)
    yield _figure("World, gates open, decisions everywhere", *dense)


def _figure(name: str, plan: Plan, tape: Tape) -> Figure:
    best, journal = float("inf"), MemoryJournal()
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        settings = Settings(plan=plan, tape_folder=folder, tape_hash=save_tape(Path(folder), tape))
        for _ in range(3):
            journal = MemoryJournal()
            open_session(journal, settings, (), "")
            begin = time.perf_counter()
            run_world(settings, journal)
            best = min(best, time.perf_counter() - begin)
    decisions = sum(entry.kind == "decision" for entry in journal.entries())
    note = f"{len(tape.time_ns):,} events, {decisions:,} decisions journaled in memory"
    return Figure(name, len(tape.time_ns) / best, "events/s", 50_000, note=note)
