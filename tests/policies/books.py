"""Risk's book for tests: an account with quotes, one desk, and limits that let an ordinary intent pass."""

from typing import Any

import numpy as np

from market.instruments import Instrument
from market.ledger import open_ledger
from market.paper import OrderKind
from market.quotes import QUOTE
from market.records import Record, Records, records
from policies.bookkeeping import book_report
from policies.governor import rank, rule
from policies.intents import INTENT, DeskKind
from policies.risk import DESK, LIMITS, Book, open_book
from tests.builders import HOUR, MINUTE, MONEY, SECOND, an_instrument
from tests.market.floor import a_contract, a_report, a_table

CASH = 100_000 * MONEY
NOW = 1000 * SECOND
EURUSD = an_instrument("EURUSD", "x", lots_max=10_000)
USDJPY = an_instrument("USDJPY", "y", tick_size="0.001", lot_size="10", lots_max=10_000)
CONTRACT = a_contract(EURUSD)
TERMS = {
    "trades_per_day_max": 10, "daily_loss_max": 5_000 * MONEY, "drawdown_max": 10_000 * MONEY, "loss_streak_max": 4,
    "position_ppm_max": 250_000, "sample_ns": HOUR,
}  # fmt: skip


def a_book(*instruments: Instrument, **limits: int) -> Book:
    """Return the book of an account that has seen EURUSD 100000 / 100008 and USDJPY 100000 / 100010 now."""
    table = a_table(*(instruments or (EURUSD, USDJPY, CONTRACT)))
    quotes = records(len(table), QUOTE)
    for row, ask in zip(quotes, (100_008, 100_010), strict=False):
        row.bid = row.bid_low = 100_000
        row.ask = row.ask_high = ask
        row.time_ns = NOW
    terms = records(1, LIMITS)
    for name, value in (TERMS | limits).items():
        terms[0][name] = value
    ledger = open_ledger(table, len(table), CASH)
    return open_book(ledger, quotes, desks(1), terms, np.array([0, 0, 30, 60], np.int64) * SECOND)


def desks(count: int, **terms: Any) -> Records:
    """Return forex desks that demand nothing, with all of the budget, that execute."""
    table = records(count, DESK)
    table.kind, table.auto_execute, table.top_n, table.budget_ppm = DeskKind.FOREX, 1, 1, 10**6
    table.reward_min = table.auto_reward = table.auto_gross = table.auto_gain = -1e15
    table.risk_score_max, table.auto_risk_score, table.auto_confidence = 100.0, 101.0, -1.0
    table.confidence_weight, table.reward_cap, table.expiry_ns = 0.6, 3.0, MINUTE
    for name, value in terms.items():
        table[name] = value
    return table


def an_intent(*lots: int, **terms: Any) -> Record:
    """Return an intent of one leg, or two, on instruments 0 and 1, made now."""
    intent = records(1, INTENT)[0]
    intent.time_ns, intent.order_kind, intent.legs = NOW, OrderKind.MARKET, len(lots)
    intent.instrument0, intent.instrument1, intent.first_order = 0, 1 if len(lots) > 1 else -1, -1
    intent.lots0, intent.lots1 = (*lots, 0)[:2]
    intent.confidence = 0.75
    for name, value in terms.items():
        intent[name] = value
    return intent


def group(*intents: Record) -> Records:
    """Return intents as the governor takes them: side by side, with a spare slot at the end."""
    rows = records(len(intents) + 1, INTENT)
    for k, intent in enumerate(intents):
        rows[k] = intent
    return rows


def ruled(table: Records, *intents: Record) -> Records:
    """Return approved intents ranked and ruled."""
    rows = group(*intents)
    rank(table, rows, 0, len(intents))
    rule(table, rows, 0, len(intents))
    return rows[: len(intents)]


def hold(book: Book, lots: int, instrument: int = 0, price: int = 100_000) -> None:
    """Give the account a position that nobody had reserved."""
    report = a_report(lots, price, instrument=instrument, number=10**6)
    if instrument == 1:
        report.rate_num, report.rate_den = 2_000, 200_010
    book_report(book, report)


def parts_of(part: Any) -> tuple[Any, ...]:
    """Return every array of a book, or of a part of it."""
    if isinstance(part, tuple):
        return tuple(array for inner in part for array in parts_of(inner))
    return (part,)
