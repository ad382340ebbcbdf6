"""A small market of hourly bars, a run over it, and scores that are quick to make, for tests of evolution."""

import os
import signal
from pathlib import Path

import numpy as np

from research.asking import Request, plan_for
from research.evolving.objectives import Terms
from research.evolving.run import Evolver, Settings
from research.evolving.scoring import PartScore
from research.evolving.search import Breeding
from research.evolving.workers import Scored
from research.genome import genome_hash, size_of
from research.home import Home
from research.planning import Planned
from tests.cli.markets import walk
from tests.research.files import write

HOUR = 3600 * 10**9
BARS = 900
BREEDING = Breeding(seed=5, population=20, generations=3)
TERMS = Terms(trades_min=1)


def a_planned(folder: Path, seed: int = 11) -> Planned:
    """Return the plan of a genome over hourly bars of a pair, positions held for at most 20 of them."""
    table = walk(np.random.default_rng(seed), BARS, 1.1, 5, HOUR, 0.001)
    write(folder / "data", "fx/EURUSD_H1_histdata.parquet", table)
    return plan_for(
        Request(
            data=folder / "data", home=folder / "home", symbols=("EURUSD",), policy="genome", cash="100000",
            params={"hold_bars": 20.0},
        )
    )  # fmt: skip


def an_evolver(planned: Planned, home: Path, breeding: Breeding = BREEDING, terms: Terms = TERMS) -> Evolver:
    """Return a run over a plan."""
    return Evolver(planned, Settings(breeding, terms, {}), Home(home))


def quick_score(_, genome) -> Scored:
    """Make numbers of a genome's hash and size alone."""
    luck = int(genome_hash(genome)[:6], 16) / 16**6
    part = PartScore(
        sharpe=luck - 0.01 * size_of(genome).nodes, sharpe_day=luck / 16, trades=40, net_profit=luck, days=90
    )
    return Scored(fit=part, test=part)


def score_with_deaths(folder: Path, market, genome) -> Scored:
    """Kill the worker that scores one genome in 24 for the first time."""
    name = genome_hash(genome)
    if int(name[:2], 16) % 24 == 0:
        try:
            (folder / name).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return quick_score(market, genome)
