"""A small market of daily bars and a walk-forward over it, for tests."""

from functools import cache
from pathlib import Path

import numpy as np

from research.asking import Request, plan_for
from research.grid import Axis, sets_of
from research.planning import Planned
from research.walkforward import WalkForward, run_walk_forward, shape_of
from tests.cli.markets import DAY, walk
from tests.research.files import write

ROWS = 400
AXES = (Axis("fast", (2.0, 3.0, 5.0)), Axis("slow", (8.0, 13.0)))
FEE_PPM = 100


def a_planned(folder: Path, seed: int = 7, rows: int = ROWS) -> Planned:
    """Return the plan of sma_cross over daily bars of a share, with a fee."""
    table = walk(np.random.default_rng(seed), rows, 150.0, 2, DAY, 0.01)
    write(folder / "data", "equities/AAPL_daily_yahoo.parquet", table)
    request = Request(
        data=folder / "data", home=folder / "home", symbols=("AAPL",), policy="sma_cross", fee_ppm=FEE_PPM
    )  # fmt: skip
    return plan_for(request)


def a_walk(planned: Planned, **sizes: int) -> WalkForward:
    """Return a walk over a plan: train 100, test 50, unless other sizes are given."""
    given = {"train": 100, "test": 50, "purge": 0, "embargo": 0, "anchored": 0} | sizes
    shape = shape_of(
        len(planned.tape.time_ns), given["train"], given["test"], (given["purge"], given["embargo"]),
        bool(given["anchored"]),
    )  # fmt: skip
    return run_walk_forward(planned, sets_of(planned.plan.desks[0].params, AXES), "sharpe", shape)


@cache
def sets_count() -> int:
    """Return how many sets the grid makes."""
    return len(AXES[0].values) * len(AXES[1].values)
