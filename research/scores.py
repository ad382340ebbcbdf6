"""Scores: what a sweep keeps of a rollout. The numbers are those that a backtest shows, made from less."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct, structs

from envs.rollout import Rollout, open_engine, roll
from journal.records import Sample
from market.money import decimal_of
from market.tape import Tape
from policies.plan import Plan
from research.result import RunResult, trades_of
from research.run_metrics import account_end, closing_day, metrics_of

METRICS: Final = {"final_equity": 1, "net_profit": 1, "sharpe": 1, "max_drawdown": -1, "profit_factor": 1}
"""What a sweep can rank by: 1 where more is better, -1 where less is."""


class Score(Struct, frozen=True, kw_only=True):
    """One rollout in numbers: money in account currency, ratios None where they are undefined.

    `max_drawdown` is the largest fall from the highest equity, by worst prices, positive.
    """

    final_equity: float
    net_profit: float
    sharpe: float | None
    max_drawdown: float
    profit_factor: float | None
    trades: int


def with_params(plan: Plan, params: Sequence[tuple[str, float]]) -> Plan:
    """Return the plan of one desk with other parameters."""
    (desk,) = plan.desks
    return structs.replace(plan, desks=(structs.replace(desk, params=tuple(params)),))


def score_plan(plan: Plan, tape: Tape) -> Score:
    """Roll a plan over a tape from the beginning, and score it."""
    return score_of(plan, roll(open_engine(plan), tape))


def score_of(plan: Plan, rollout: Rollout) -> Score:
    """Return the score of a rollout."""
    account = {name: int(rollout.account[0][name]) for name in rollout.account.dtype.names}
    result = RunResult(
        plan=plan, decisions=(), orders=(), reports=(), samples=_last_of_days(rollout), latches=(),
        trades=trades_of(plan, rollout.trades, ()), account=account, positions={}, desks={},
    )  # fmt: skip
    metrics, end = metrics_of(result), account_end(result)
    return Score(
        final_equity=float(result.final_equity),
        net_profit=float(decimal_of(end.profit)),
        sharpe=metrics["sharpe"],
        max_drawdown=float(result.max_drawdown),
        profit_factor=metrics["profit_factor"],
        trades=len(result.trades),
    )


def _last_of_days(rollout: Rollout) -> tuple[Sample, ...]:
    """Return the last sample of every UTC day: daily returns need no other."""
    rows = rollout.samples
    days = closing_day(np.asarray(rows["time_ns"]))
    last = np.flatnonzero(np.append(days[1:] != days[:-1], len(days) > 0))
    columns = [np.asarray(rows[name])[last].tolist() for name in Sample.__struct_fields__]
    return tuple(Sample(**dict(zip(Sample.__struct_fields__, row, strict=True))) for row in zip(*columns, strict=True))


def rank(scores: Sequence[Score], metric: str) -> list[int]:
    """Return the numbers of the scores, best first; an undefined metric ranks last, equals in their order."""

    def key(number: int) -> tuple[bool, float, int]:
        value = getattr(scores[number], metric)
        return value is None, 0.0 if value is None else -METRICS[metric] * value, number

    return sorted(range(len(scores)), key=key)
