"""World: the actors in one process, journaling in memory."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from actors.settings import Settings
from actors.staging import open_session, run_world
from bench.figure import Figure
from bench.tapes import bars_plan, bars_tape
from journal.store import MemoryJournal
from venues.replay import save_tape


def figures() -> Iterator[Figure]:
    """Yield market events per second through all actors."""
    plan, tape = bars_plan(["EURUSD", "GBPUSD", "AUDUSD", "NZDUSD"], "trend_reversion", {}), bars_tape(4, 50_000)
    best, records = float("inf"), 0
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        name = save_tape(Path(folder), tape)
        settings = Settings(plan=plan, tape_folder=folder, tape_hash=name)
        for _ in range(3):
            journal = MemoryJournal()
            open_session(journal, settings, (), "")
            begin = time.perf_counter()
            run_world(settings, journal, steps_max=50_000_000)
            best = min(best, time.perf_counter() - begin)
            records = journal.head[0]
    yield Figure(
        "World, all actors", len(tape.time_ns) / best, "events/s", 50_000, note=f"{records:,} records in memory"
    )
