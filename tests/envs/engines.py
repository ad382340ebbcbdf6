"""Runs of the engine for tests: in one piece or many, and the logs it leaves."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import pytest

from envs.engine import Engine, run_dues, run_rows
from envs.rollout import open_engine
from market.money import INT64_MAX
from market.paper import END_NS
from market.records import Records, joined
from market.tape import Tape
from policies.plan import Plan

PLAIN = bool(numba.config.DISABLE_JIT)
"""Kernels run as plain Python, hundreds of times slower: long runs are left to the compiled ones."""

compiled_only = pytest.mark.skipif(PLAIN, reason="takes minutes in plain Python, or compares it with itself")

LOGS = ("decisions", "orders", "reports", "trades", "samples", "latches")


class Run(NamedTuple):
    """An engine at the end of its tape, and all that it logged."""

    engine: Engine
    logs: dict[str, Records]

    def bytes_of(self) -> dict[str, bytes]:
        """Return the logs, the account and the positions as bytes: two runs are one when these are equal."""
        ledger = self.engine.book.ledger
        state = {"account": ledger.account.tobytes(), "positions": ledger.positions.tobytes()}
        return {name: log.tobytes() for name, log in self.logs.items()} | state


def instants(tape: Tape) -> list[int]:
    """Return the first row of every instant, and the end."""
    return [0, *(int(row) + 1 for row in np.flatnonzero(np.diff(tape.time_ns))), len(tape.time_ns)]


def run_in_pieces(plan: Plan, tape: Tape, edges: Iterable[int]) -> Run:
    """Run a plan over a tape in pieces that begin and end at the given rows, each the begin of an instant."""
    engine = open_engine(plan)
    engine.venue.control[END_NS] = tape.time_ns[-1]
    parts: dict[str, list[Records]] = {name: [] for name in LOGS}

    def drain() -> None:
        for slot, name in enumerate(LOGS):
            log = getattr(engine.logs, name)
            parts[name].append(log[: engine.logs.counts[slot]].copy())
            engine.logs.counts[slot] = 0

    for begin, end in pairwise(sorted({0, *edges, len(tape.time_ns)})):
        row = begin
        while row < end:
            row = run_rows(engine, tape, row, end)
            drain()
    run_dues(engine, INT64_MAX - 1)
    drain()
    return Run(engine, {name: joined(found, getattr(engine.logs, name).dtype) for name, found in parts.items()})


def run_whole(plan: Plan, tape: Tape) -> Run:
    """Run a plan over a tape in one piece."""
    return run_in_pieces(plan, tape, [])
