"""A sweep through Ray Tune beside the bare loops: 1,000 sets of parameters over 100,000 bars, in one run.

The bare compiled loop rolls the engine, one rollout per set over the same bars, in as many processes and with nothing
around it: no Ray, no scores, no log. The naked numba loop has not even risk, matching, or a ledger (bench.kernels says
what those cost). Start-up is what a sweep of one set per worker takes: Ray, workers, kernels, and their end.
"""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numba
import numpy as np

from actors.local import ENVIRONMENT
from bench.figure import Figure
from bench.kernels import bare_loop_body
from bench.tapes import MONEY, bars_plan, bars_tape
from envs.rollout import open_engine, roll
from market.tape import Tape, slice_tape
from policies.plan import Plan
from research.grid import Axis, Grid
from research.planning import Planned
from research.scores import with_params
from research.search import Asked
from research.search_folds import Shape
from research.tune import Study, Workers, run_search, study_of

BARS = 100_000
FOLDS = 2
"""Folds of the search: each costs an account that is opened, a millisecond, and these are short."""
FAST = tuple(map(float, range(10, 50)))
SLOW = tuple(map(float, range(100, 200, 4)))
LEAD = int(SLOW[-1]) - 1
BATCH = 100
ROUNDS = 2
TIMES_MAX = 3.0
SCALING_MIN = 0.85
CORES = os.cpu_count() or 1


def figures() -> Iterator[Figure]:
    """Yield rates, the ratio to the bare loop, start-up, and scaling from one worker to two."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    study = _study(FAST, SLOW)
    sets = study.grid.total
    with ExitStack() as stack:
        context = multiprocessing.get_context("spawn")
        pools = [stack.enter_context(ProcessPoolExecutor(1, context)) for _ in range(CORES)]
        for one in [pool.submit(_ready) for pool in pools]:
            one.result()
        naked_s, bare_s = (min(_spread(pools, work) for _ in range(3)) for work in (_naked, _bare))
    start_s, _ = _search(_study(FAST[:CORES], SLOW[:1]), CORES, 1)
    rounds = [(_search(study, CORES, BATCH), _search(study, 1, BATCH)) for _ in range(ROUNDS)]
    sweep_s = min(seconds for (seconds, _), _ in rounds)
    both, alone = (max(pair[k][1] for pair in rounds) for k in range(2))
    note = f"{sets:,} sets x {BARS:,} bars, {CORES} processes"
    yield Figure("bare compiled loop", sets / bare_s, "backtests/s", note=f"{note}: the engine alone, {bare_s:.1f} s")
    yield Figure("sweep: start-up", start_s, "s", note="Ray, workers, kernels, one set per worker, and its end")
    yield Figure("sweep through Ray Tune", sets / sweep_s, "backtests/s",
                 note=f"{sweep_s:.1f} s with start-up, {FOLDS} folds scored, every trial logged")  # fmt: skip
    yield Figure("sweep less start-up / bare loop", max(sweep_s - start_s, 0.0) / bare_s, "times", TIMES_MAX,
                 at_most=True, note="same bars, same cores")  # fmt: skip
    yield Figure("sweep less start-up / naked numba loop", max(sweep_s - start_s, 0.0) / naked_s, "times", TIMES_MAX,
                 at_most=True, note=f"a loop without risk, matching, ledger: {sets / naked_s:,.0f}/s")  # fmt: skip
    if CORES > 1:
        yield Figure("sweep, scaling from 1 worker to 2", both / alone / min(CORES, 2), "of it", SCALING_MIN,
                     note=f"{alone:,.0f} and {both:,.0f} sets/s between the first batches and the last")  # fmt: skip


def _market() -> tuple[Plan, Tape]:
    """Return plan and tape: a lead, the folds of the search with all the bars that count, and a holdout."""
    plan = bars_plan(["EURUSD"], "sma_cross", {"fast": FAST[0], "slow": SLOW[0]}, 0)
    return plan, bars_tape(1, LEAD + BARS // FOLDS * (FOLDS + 1), 7, 0)


def _study(fast: tuple[float, ...], slow: tuple[float, ...]) -> Study:
    plan, tape = _market()
    planned = Planned(plan, tape, (), ())
    grid = Grid(plan.desks[0].params, (Axis("fast", fast), Axis("slow", slow)))
    return study_of(planned, grid, Asked("grid", None, 0), Shape(FOLDS, 1, 0, 0), "sharpe", {})


def _search(study: Study, workers: int, batch: int) -> tuple[float, float]:
    """Return the seconds of a search, and the sets per second after every worker's first batch."""
    stamps: list[float] = []
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        begin = time.perf_counter()
        run_search(study, Path(folder), Workers(batch, workers), lambda *_: stamps.append(time.perf_counter()))
        seconds = time.perf_counter() - begin
    counted = len(stamps) - workers
    return seconds, counted * batch / (stamps[-1] - stamps[workers - 1]) if counted > 0 else 0.0


_held: dict[str, Any] = {}
"""What a process of the bare loops keeps: plan, tape, the compiled loop."""


def _ready() -> int:
    plan, tape = _market()
    bars = slice_tape(tape, LEAD, LEAD + BARS)
    _held.update(plan=plan, tape=bars, loop=numba.njit(error_model="numpy")(bare_loop_body))
    _naked(((FAST[0], SLOW[0]),))
    _bare(((FAST[0], SLOW[0]),))
    return os.getpid()


def _spread(pools: Sequence[ProcessPoolExecutor], work: Any) -> float:
    """Return the seconds of all sets, an equal share per process."""
    every = [(fast, slow) for fast in FAST for slow in SLOW]
    begin = time.perf_counter()
    for one in [pool.submit(work, tuple(every[k :: len(pools)])) for k, pool in enumerate(pools)]:
        one.result()
    return time.perf_counter() - begin


def _bare(share: tuple[tuple[float, float], ...]) -> None:
    for fast, slow in share:
        roll(open_engine(with_params(_held["plan"], (("fast", fast), ("slow", slow), ("lots", 1.0)))), _held["tape"])


def _naked(share: tuple[tuple[float, float], ...]) -> None:
    tape = _held["tape"]
    open_, close = (np.ascontiguousarray(column) for column in (tape.open, tape.close))
    for fast, slow in share:
        _held["loop"](open_, close, int(fast), int(slow), 1_000_000 * MONEY)
