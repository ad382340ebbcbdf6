"""Runs: what one contender came to over all tests, costs on, period by period."""

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.money import MONEY_UNIT
from market.tape import slice_tape
from policies.plan import Plan
from research.judging.ground import Ground, rows_between
from research.judging.staging import Played, Stage, equity_at
from research.performance import return_metrics
from research.validation import Window

Floats = NDArray[np.float64]
EQUITY_MIN: Final = 1.0
"""Smallest money unit: an account that is gone counts as having one left, so that its log return is a number."""
HOUR_NS: Final = 3_600 * 10**9

Actor = Callable[[Stage, int], None]
"""Drives a stage from the first row of its test on, instead of its desks."""


class Run(NamedTuple):
    """One contender under one seed. `returns` are log returns per period of all tests, one after the other.

    Money in account currency; `turnover` is the sum of what was paid for all closed trades, in ticks x lots of each
    instrument. `plays` are the tests as they were played, for whoever wants to trade as often.
    """

    seed: int
    returns: Floats
    net_profit: float
    fees: float
    trades: int
    opened: int
    hold_hours: float | None
    turnover: float
    max_drawdown: float | None
    plays: tuple[Played, ...] = ()

    @property
    def mean(self) -> float:
        """Mean log return per period."""
        return float(self.returns.mean())


def run_of(ground: Ground, plan: Plan, seed: int = 0, actor_of: Callable[[int], Actor] | None = None) -> Run:
    """Play every test with a plan's own desks, or with an actor made per test, and join what came of them."""
    plays = [
        play(ground, plan, window, actor_of(number) if actor_of else None)
        for number, window in enumerate(ground.windows)
    ]
    return joined_run(ground, plan.cash, seed, plays)


def play(ground: Ground, plan: Plan, window: Window, actor: Actor | None = None) -> Played:
    """Play one test; the train and the purge before it only warm up what is read."""
    tape = ground.planned.tape
    begin, end = rows_between(tape, ground.times, window.train_begin, window.test_end)
    first, _ = rows_between(tape, ground.times, window.test_begin, window.test_end)
    return _played(Stage(plan, slice_tape(tape, begin, end)), first - begin, actor)


def train_score(ground: Ground, plan: Plan, window: Window) -> float:
    """Return the log return of a plan's desks over a train; warming up is part of it."""
    begin, end = rows_between(ground.planned.tape, ground.times, window.train_begin, window.train_end)
    played = _played(Stage(plan, slice_tape(ground.planned.tape, begin, end)), 0, None)
    return math.log(max(float(played.account["equity"]), EQUITY_MIN) / plan.cash)


def _played(stage: Stage, first: int, actor: Actor | None) -> Played:
    stage.run_to(first)
    if actor is None:
        stage.switch(executing=True)
    else:
        actor(stage, first)
    return stage.finish()


def log_returns(equity: Floats, cash: int) -> Floats:
    """Return ln(equity / equity a period before); the first period begins with the cash."""
    levels = np.maximum(np.concatenate([[float(cash)], equity]), EQUITY_MIN)
    return np.diff(np.log(levels))


def joined_run(ground: Ground, cash: int, seed: int, plays: Sequence[Played]) -> Run:
    """Join the tests of one contender, each begun with the plan's cash."""
    parts = [log_returns(equity_at(one, cash, ends), cash) for one, ends in zip(plays, ground.ends, strict=True)]
    returns = np.concatenate(parts)
    trades = sum(len(one.trades) for one in plays)
    held = sum(float((one.trades["exit_ns"] - one.trades["entry_ns"]).sum()) for one in plays)
    metrics = return_metrics(np.expm1(returns).tolist(), 1.0, nan_policy="drop")
    return Run(
        seed=seed,
        returns=returns,
        net_profit=sum(int(one.account["equity"]) - cash for one in plays) / MONEY_UNIT,
        fees=sum(int(one.account["fees"]) for one in plays) / MONEY_UNIT,
        trades=trades,
        opened=sum(len(one.opened) for one in plays),
        hold_hours=held / trades / HOUR_NS if trades else None,
        turnover=sum(float(np.abs(one.trades["cost"]).sum()) for one in plays),
        max_drawdown=metrics.max_drawdown,
        plays=tuple(plays),
    )
