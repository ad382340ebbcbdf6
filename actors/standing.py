"""How the account stands: the book in plain words and numbers, for those who look on. Money in micro-units."""

from typing import Any

import numpy as np

from actors.writing import rule_names
from market.costs import PPM
from policies.bookkeeping import daily_loss_of
from policies.floors import ALERT_PERCENT
from policies.intents import TradingState
from policies.plan import Plan
from policies.risk import Book


def standing(book: Book, plan: Plan) -> dict[str, Any]:
    """Return what is held, made and lost, per instrument, per desk and in all."""
    account = book.ledger.account[0]
    positions = book.ledger.positions
    held = {plan.instruments[k].key: positions[k] for k in np.flatnonzero(positions.lots)}
    return {
        "time_ns": int(account.time_ns),
        "equity": int(account.equity),
        "cash": int(account.cash),
        "day_loss": _day_loss(book),
        "drawdown": max(int(_top(book) - account.equity_low), 0),
        "trades_today": int(account.trades_today),
        "loss_streak": int(account.loss_streak),
        "positions": {key: int(row.lots) for key, row in held.items()},
        "costs": {key: int(row.cost) for key, row in held.items()},
        "floating": {key: int(row.floating) for key, row in held.items()},
        "working": _working(book, plan),
        "desks": _desk_equity(book, plan),
        "states": {
            "account": TradingState(int(account.state)).name,
            **{desk.name: TradingState(int(row.state)).name for desk, row in zip(plan.desks, book.desks, strict=True)},
        },
        "latched": rule_names(int(account.blocks)),
        "floors": _floors(book, plan),
    }


def _floors(book: Book, plan: Plan) -> dict[str, dict[str, int]]:
    """Return per floor of the account's profiles where it lies, the room above it, and what of its amount is used.

    `used_ppm` is in parts per million, `alert_percent` the highest level that was told since the reset.
    """
    flow, equity = int(book.guard[0].flow), int(book.ledger.account[0].equity)
    found = {}
    for terms, row in zip(plan.rules.floors, book.floors, strict=True):
        floor = int(row.floor) + flow
        amount = int(row.top) * int(row.ppm) // PPM if row.of_top else int(row.amount)
        told = int(row.alerts)
        found[terms.name] = {
            "floor": floor,
            "room": equity - floor,
            "used_ppm": max(floor + amount - equity, 0) * PPM // amount,
            "alert_percent": ALERT_PERCENT[told - 1] if told else 0,
            "latched": int(row.latched),
            "waits_for_a_person": int(row.pending),
        }
    return found


def _day_loss(book: Book) -> int:
    account = book.ledger.account[0]
    lows = int(account.floating_low), int(account.equity_low)
    # The kernel is made to be inlined: called plainly it need not be compiled here, where a second would be missed.
    plain: Any = getattr(daily_loss_of, "py_func", daily_loss_of)
    return int(plain(book.limits[0], account, *lows))


def _top(book: Book) -> int:
    """Return what drawdown is counted from: see `policies.risk.LIMITS`."""
    account = book.ledger.account[0]
    return int(account.initial if book.limits[0].drawdown_basis == 0 else account.peak)


def _working(book: Book, plan: Plan) -> dict[str, tuple[int, int]]:
    """Return the lots reserved per instrument, bought and sold, where there are any."""
    long, short = book.working_long, book.working_short
    return {plan.instruments[k].key: (int(long[k]), int(short[k])) for k in np.flatnonzero((long != 0) | (short != 0))}


def _desk_equity(book: Book, plan: Plan) -> dict[str, int]:
    """Return what each desk has made so far, open positions at the price they could be closed at."""
    ledger = book.ledger
    found = {}
    for k, desk in enumerate(plan.desks):
        floating = int(ledger.positions.floating[ledger.instruments.desk == k].sum())
        found[desk.name] = int(book.desks[k].realised) + floating
    return found
