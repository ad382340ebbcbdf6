"""Objectives: what an evaluation asks for beside its floors, and the volume that an account has earned.

Statistics, not limits: they are shown and scale sizes; no loss is compared with them.
"""

from collections.abc import Sequence
from typing import NamedTuple


class BestDay(NamedTuple):
    """The best day and its share of the profit: of the sum of winning days, and of the net total; None: undefined."""

    best: float | None
    of_winning_days: float | None
    of_net_total: float | None


def best_day(daily_profit: Sequence[float]) -> BestDay:
    """Return the best day of closed results; without a winning day there is none."""
    winning = [profit for profit in daily_profit if profit > 0]
    if not winning:
        return BestDay(None, None, None)
    best, net = max(winning), sum(daily_profit)
    return BestDay(best, best / sum(winning), best / net if net > 0 else None)


def within_best_day(ratio: float | None, limit: float) -> bool:
    """Tell whether the best day's share is at most the limit; undefined is not met, and not a failure either."""
    return ratio is not None and ratio <= limit


class Phase(NamedTuple):
    """A step of phased volume: what must all be reached, as counts and fraction of the initial capital, for its size.

    `profit_min` None asks for no profit.
    """

    name: str
    trades_min: int
    days_min: int
    profit_min: float | None
    volume: float


class Shown(NamedTuple):
    """What an account has shown: closed trades, trading days, profit and drawdown as fractions of the start."""

    trades: int
    days: int
    profit: float
    drawdown: float


PHASES = (Phase("PROBE", 0, 0, None, 0.25), Phase("BUILD", 20, 4, 0.0, 0.5), Phase("NORMAL", 60, 10, 0.02, 1.0))
"""Chosen: no source gives numbers."""
PROTECT = ((0.04, 0.25), (0.06, 0.1))
"""From which drawdown on the volume is at most what; chosen."""


def phase_of(
    shown: Shown, phases: Sequence[Phase] = PHASES, protect: Sequence[tuple[float, float]] = PROTECT
) -> tuple[str, float]:
    """Return the name and volume of the last phase all of whose conditions are met; PROTECT dominates at once."""
    name, volume = "NONE", 0.0
    for phase in phases:
        earned = phase.profit_min is None or shown.profit >= phase.profit_min
        if shown.trades >= phase.trades_min and shown.days >= phase.days_min and earned:
            name, volume = phase.name, phase.volume
    caps = [cap for drawdown, cap in protect if shown.drawdown >= drawdown]
    return ("PROTECT", min(volume, *caps)) if caps else (name, volume)
