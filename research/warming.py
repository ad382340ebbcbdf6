"""Warming: compile every kernel once, before anything waits for it.

Kernels compile on their first call and are kept on disk (`market.compiled`), which takes a minute or two on a fresh
checkout. A rollout of each desk, a short session of all actors in World, a scan and a stepped market call all of them;
the last two do it in a process of their own beside the rest, with which they have little in common.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np

from actors.settings import Settings
from actors.staging import open_session, run_world
from envs.made_markets import made_markets
from envs.rollout import open_engine, roll
from envs.vector import Markets, Terms
from journal.store import MemoryJournal
from market.compiled import ROOT, sources_hash
from market.tape import Tape, slice_tape
from policies.intents import DeskKind
from policies.plan import Plan
from research.asking import Request, plan_for
from research.backtest import executing
from research.catalogue import build
from research.scan.scanning import Request as ScanRequest
from research.scan.scanning import scan
from venues.replay import save_tape

DATA: Final = ROOT / "data"
BESIDE: Final = "beside"
HOURS_NS: Final = 6 * 3_600 * 10**9
GENERATIONS: Final = 3
"""Folders of kernels that are kept: of this code, and of what was run last."""

_config: Any = numba.config


def ensure_warm(say: Callable[[str], None]) -> float:
    """Compile what is not compiled yet; return the seconds that took (0: nothing to do). `say` is told before."""
    folder = Path(_config.CACHE_DIR)
    marker = folder / f"warm-{sources_hash()}"
    if marker.is_file():
        return 0.0
    say("compiling the kernels, once for this version of the code (a minute or two)")
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="trifecta-warm-") as work, _beside(BESIDE):
        warm(Path(work))
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    prune(folder)
    return time.perf_counter() - begin


def warm(work: Path) -> None:
    """Run a few hours of the packaged sample through the kernel and through World."""
    for request in (
        Request(data=DATA, home=work),
        Request(data=DATA, home=work, symbols=("GBPUSD",), timeframe="1m", policy="sma_cross"),
    ):
        planned = plan_for(request)
        plan, tape = executing(planned.plan), _first_hours(planned.tape)
        roll(open_engine(plan), tape)
        if plan.routes:
            _session(plan, tape, work)


def warm_beside() -> None:
    """Scan one instrument of the packaged sample; then step a made market, by when most of an engine is compiled."""
    scan(DATA, build(DATA), ScanRequest(("GBPUSD",), ("1h",), None, 0))
    markets = Markets(made_markets(DeskKind.FOREX, 1, 0, steps=400), Terms())
    markets.begin_all()
    markets.step(np.zeros(1, np.int64))


@contextmanager
def _beside(word: str) -> Iterator[None]:
    """Let another process warm something meanwhile; CalledProcessError: it could not."""
    words = [sys.executable, "-m", "research.warming", word]
    with subprocess.Popen(words) as process:  # noqa: S603 - this program itself
        try:
            yield
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, words)


def _first_hours(tape: Tape) -> Tape:
    end = int((tape.time_ns < tape.time_ns[0] + HOURS_NS).sum())
    return slice_tape(tape, 0, end)


def _session(plan: Plan, tape: Tape, work: Path) -> None:
    settings = Settings(plan=plan, tape_folder=str(work), tape_hash=save_tape(work, tape))
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    run_world(settings, journal)


def prune(folder: Path) -> None:
    """Forget kernels of old versions of the code, beside the folder of this one."""
    if folder.parent != ROOT / ".kernels":
        return  # somebody else's folder: NUMBA_CACHE_DIR
    others = sorted(
        (found for found in folder.parent.iterdir() if found != folder), key=lambda one: one.stat().st_mtime
    )
    for old in others[: -(GENERATIONS - 1)]:
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == [BESIDE]:
        warm_beside()
    else:
        seconds = ensure_warm(print)
        print(f"kernels are compiled ({seconds:.0f} s)" if seconds else "kernels are compiled")  # noqa: T201 - a command
