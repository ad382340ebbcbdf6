"""The score of a set on a fold: what `research.scores` says of a rollout, from its columns, without a list of trades.

A sweep makes thousands of rollouts, and naming every trade of each takes five times as long as the rollout itself. The
numbers are equal to the last bit (tests hold one against the other). The Sharpe ratio is that of the fold's own days.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.rollout import Rollout, open_engine, roll
from market.features import warmup_of
from market.money import MONEY_UNIT
from market.tape import Tape, slice_tape
from policies.catalogue import features_of, policy_named
from policies.plan import Plan
from research.daily import Daily, daily_returns
from research.run_metrics import days_per_year
from research.scores import Score
from research.validation import Window, moments_of

Floats = NDArray[np.float64]

SCORED: Final = Score.__struct_fields__
COLUMNS: Final = (*SCORED, "days", "return_sum", "return_squares")
"""A score, and what the daily Sharpe ratio over several folds is made of: days, sums of returns and of their squares.
An undefined number is NaN."""


def score_window(plan: Plan, tape: Tape, times: NDArray[np.int64], window: Window) -> tuple[Floats, Daily]:
    """Trade a plan on the test of a window, and return its columns and daily returns; money in account currency.

    `times` are the instants of the tape's bars. Bars before the test warm up what the policy reads; nothing can be
    traded on them.
    """
    begin = max(window.test_begin - _warmup(plan), 0)
    first = int(np.searchsorted(tape.time_ns, times[begin], "left"))
    last = int(np.searchsorted(tape.time_ns, times[window.test_end - 1], "right"))
    rollout = roll(open_engine(plan), slice_tape(tape, first, last))
    daily = daily_returns(plan, rollout, int(times[window.test_begin]))
    return _columns(plan, rollout, daily), daily


def _warmup(plan: Plan) -> int:
    (desk,) = plan.desks
    return warmup_of(features_of(policy_named(desk.policy), dict(desk.params)))


def _columns(plan: Plan, rollout: Rollout, daily: Daily) -> Floats:
    account = rollout.account[0]
    equity = int(account["equity"])
    return np.array(
        [
            equity / MONEY_UNIT,
            (equity - plan.cash) / MONEY_UNIT,
            _sharpe(plan, daily),
            int(account["drawdown_max"]) / MONEY_UNIT,
            _profit_factor(np.asarray(rollout.trades["pnl"], np.int64)),
            len(rollout.trades),
            len(daily.returns),
            daily.returns.sum(),
            (daily.returns**2).sum(),
        ],
        np.float64,
    )


def _sharpe(plan: Plan, daily: Daily) -> float:
    """Return the Sharpe ratio a year; NaN without variance, and for an account that was ruined."""
    moments = moments_of(daily.returns)
    if moments is None or (daily.returns <= -1.0).any():
        return math.nan
    return moments.sharpe * math.sqrt(days_per_year(plan))


def _profit_factor(results: NDArray[np.int64]) -> float:
    """Return what was won over what was lost; NaN where nothing was lost, or nothing traded."""
    lost = -int(results[results < 0].sum())
    return int(results[results > 0].sum()) / lost if lost else math.nan


def daily_sharpe(columns: Floats) -> Floats:
    """Return the Sharpe ratio per day over all folds that were run, of columns [sets, folds, COLUMNS]; 0: lies still.

    Folds that were not run are NaN in `days`, and left out.
    """
    days, total, squares = (np.nansum(columns[:, :, COLUMNS.index(name)], axis=1) for name in COLUMNS[-3:])
    counted = np.maximum(days, 2.0)
    mean = total / counted
    variance = np.maximum(squares - counted * mean**2, 0.0) / (counted - 1.0)
    moves = (days >= 2.0) & (variance > 1e-12 * squares / counted) & (variance > 0.0)
    return np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
