"""A backtest: a rollout of a plan over its tape, and what it shows."""

import time
from typing import NamedTuple

import msgspec

from envs.rollout import open_engine, roll
from market.tape import Tape
from policies.plan import Plan
from research.planning import Planned
from research.result import RunResult, result_of_rollout


class Backtest(NamedTuple):
    """A finished backtest: what it ran, what came of it, and how long the kernel took."""

    planned: Planned
    result: RunResult
    kernel_seconds: float
    events: int

    @property
    def events_per_second(self) -> float:
        """Market rows per second of kernel time."""
        return self.events / self.kernel_seconds if self.kernel_seconds > 0 else 0.0


def executing(plan: Plan) -> Plan:
    """Return the plan with every desk switched to execute: a backtest and a paper run are there to trade."""
    desks = tuple(msgspec.structs.replace(desk, auto_execute=True) for desk in plan.desks)
    return msgspec.structs.replace(plan, desks=desks)


def run_backtest(planned: Planned) -> Backtest:
    """Run a plan in this process, once and from the beginning; loading the kernels is not in its time."""
    planned = planned._replace(plan=executing(planned.plan))
    roll(open_engine(planned.plan), Tape._make(column[:1] for column in planned.tape))
    engine = open_engine(planned.plan)
    begin = time.perf_counter()
    rollout = roll(engine, planned.tape)
    seconds = time.perf_counter() - begin
    result = result_of_rollout(planned.plan, planned.tape, rollout)
    return Backtest(planned, result, seconds, len(planned.tape.time_ns))
