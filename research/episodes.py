"""A backtest as an episode of one instrument: what its static policy wanted, held and earned at every step."""

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.episode import Episode, EpisodeError, Fills, require_episode
from journal.records import Decision
from market.instruments import Instrument, Kind
from market.money import MONEY_UNIT
from policies.plan import Plan
from research.backtest import Backtest
from research.report.facts import price_series
from research.result import RunResult, equity_curve

HOLD, BUY, SELL, CLOSE = range(4)
ACTIONS: Final = ("hold", "buy", "sell", "close")
"""What a static policy does at a step: nothing, open a long or a short (whether or not it was allowed), or close."""


def episode_of(finished: Backtest, instrument: str, seed: int | None = None) -> Episode:
    """Return the episode of an instrument (its key); the steps are the rows that move its price.

    `seed` is that of the data, where it was made. A reward is the log return of the account's equity over the step.
    EpisodeError for what the plan does not have.
    """
    plan, result = finished.planned.plan, finished.result
    keys = [one.key for one in plan.instruments]
    if instrument not in keys:
        raise EpisodeError(f"there is no instrument {instrument!r} in this run; allowed are {', '.join(keys)}")
    traded = plan.instruments[keys.index(instrument)]
    quoted = traded.underlying or traded.key if traded.kind is Kind.BINARY else traded.key
    prices = price_series(plan, finished.planned.tape)[quoted]
    equity = _equity_at(result, prices.time_ns)
    fills = _fills(plan, result, traded)
    desk = next((one for one in result.decisions if _is_of(one, instrument)), None)
    return require_episode(
        Episode(
            environment=f"{desk.desk} desk" if desk else "backtest", policy=desk.policy if desk else "none",
            instrument=instrument, data=", ".join(dict.fromkeys(path for path, _, _ in finished.planned.data)),
            seed=seed, currency=plan.currency, action_names=ACTIONS, time_ns=prices.time_ns,
            close=0.5 * (prices.bid + prices.ask), action=_actions(result, instrument, prices.time_ns),
            position=_positions(fills, prices.time_ns), equity=equity,
            drawdown=np.maximum.accumulate(equity) - equity,
            reward=np.diff(np.log(np.maximum(equity, 1.0 / MONEY_UNIT)), prepend=np.log(equity[0])),
            fills=fills,
        )
    )  # fmt: skip


def busiest(finished: Backtest) -> str:
    """Return the instrument with most closed trades; without any, the first that a feed moves."""
    counts = Counter(trade.instrument for trade in finished.result.trades)
    return counts.most_common(1)[0][0] if counts else finished.planned.plan.feeds[0].instrument


def _equity_at(result: RunResult, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the newest sample of the account at each step; before the first one, what it began with."""
    times, equity = equity_curve(result)
    known = np.concatenate([[result.plan.cash / MONEY_UNIT], equity])
    return known[np.searchsorted(times, time_ns, side="right")]


def _is_of(decision: Decision, instrument: str) -> bool:
    return any(leg.instrument == instrument for leg in decision.legs)


def _actions(result: RunResult, instrument: str, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the newest decision between each step and the one before."""
    action = np.full(len(time_ns), HOLD)
    for decision in result.decisions:
        lots = [leg.lots for leg in decision.legs if leg.instrument == instrument]
        row = int(np.searchsorted(time_ns, decision.time_ns))
        if lots and row < len(time_ns):
            action[row] = CLOSE if decision.reduce else BUY if lots[0] > 0 else SELL
    return action


def _fills(plan: Plan, result: RunResult, traded: Instrument) -> Fills:
    """Return fills and settlements; what a trade gained belongs to the first report at its instant that closed."""
    gains: dict[int, float] = {}
    for trade in result.trades:
        if trade.instrument == traded.key:
            gains[trade.exit_ns] = gains.get(trade.exit_ns, 0.0) + trade.pnl
    rows = [
        (one.time_ns, _price(plan, traded, one.price), one.lots,
         np.nan if one.reason == "ENTRY" and one.time_ns not in gains else gains.pop(one.time_ns, np.nan))
        for one in sorted(result.reports, key=lambda one: one.time_ns)
        if one.instrument == traded.key and one.report in ("FILL", "SETTLE")
    ]  # fmt: skip
    columns: list[list[float]] = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    times, lots = np.array(columns[0], np.int64), np.array(columns[2], np.int64)
    return Fills(times, np.array(columns[1], float), lots, np.array(columns[3], float))


def _positions(fills: Fills, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    held = np.concatenate([np.zeros(1, np.int64), np.cumsum(fills.lots)])
    return held[np.searchsorted(fills.time_ns, time_ns, side="right")]


def _price(plan: Plan, traded: Instrument, ticks: int) -> float:
    """Return a report's price; a contract's is in half ticks of its underlying."""
    if traded.kind is Kind.BINARY and traded.underlying is not None:
        return plan.instruments[plan.index_of(traded.underlying)].price_of(ticks / 2)
    return traded.price_of(ticks)
