"""Daily returns of a rollout: what statistics of validation are made of."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.rollout import Rollout
from policies.plan import Plan
from research.performance import periods_per_year
from research.run_metrics import closing_day, days_per_year

WEEK: Final = 7
SATURDAY: Final = 5
EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday


class Daily(NamedTuple):
    """Days, counted from 1970 and rising, and the return of each, a fraction of the equity before it."""

    days: NDArray[np.int64]
    returns: NDArray[np.float64]


def day_of(time_ns: NDArray[np.int64], weekends: bool) -> NDArray[np.int64]:
    """Return the day that each instant belongs to; without `weekends`, Saturday and Sunday are part of Monday."""
    days = np.asarray(closing_day(time_ns), np.int64)
    weekday = (days + EPOCH_WEEKDAY) % WEEK
    return days if weekends else np.where(weekday >= SATURDAY, days + WEEK - weekday, days)


def trades_weekends(plan: Plan) -> bool:
    """Tell whether every day of the week is one of trading for a plan."""
    return days_per_year(plan) >= periods_per_year("crypto", "1d")


def daily_returns(plan: Plan, rollout: Rollout, from_ns: int = 0) -> Daily:
    """Return the returns of the days from an instant on; the account's end is the last close.

    Before `from_ns` nothing may have been traded: the first return starts from the plan's cash. An account whose equity
    is gone loses everything that day, and stays at 0 from then on.
    """
    times = np.asarray(rollout.samples["time_ns"], np.int64)
    equity = np.asarray(rollout.samples["equity"], np.int64)
    keep = times >= from_ns
    days, equity = day_of(times[keep], trades_weekends(plan)), equity[keep]
    last = np.flatnonzero(np.append(days[1:] != days[:-1], len(days) > 0))
    closes = equity[last].astype(np.float64)
    if len(closes):
        closes[-1] = float(rollout.account[0]["equity"])
    closes[np.cumsum(closes <= 0.0) > 0] = 0.0
    before = np.concatenate([[float(plan.cash)], closes[:-1]])[: len(closes)]
    return Daily(days[last], np.where(before > 0.0, closes / np.where(before > 0.0, before, 1.0) - 1.0, 0.0))


def joined_days(parts: list[Daily]) -> Daily:
    """Join stretches one after the other; a day that two of them share has the compound of both."""
    if not parts:
        return Daily(np.zeros(0, np.int64), np.zeros(0, np.float64))
    days = np.concatenate([part.days for part in parts])
    growth = np.concatenate([part.returns for part in parts]) + 1.0
    found, places = np.unique(days, return_inverse=True)
    compound = np.ones(len(found))
    np.multiply.at(compound, places, growth)
    return Daily(found.astype(np.int64), compound - 1.0)
