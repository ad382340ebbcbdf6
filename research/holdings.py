"""What an account held at one instant, what it was worth, and how its instruments moved until then.

Positions are the fold of the reports that were known by then; prices and rates are the newest of the tape. Whatever was
known later is not looked at.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from actors.writing import Writer
from journal.order_records import Report
from market.instruments import Kind
from market.ledger import apply_report, open_ledger
from market.money import MONEY_DIGITS, decimal_of
from market.paper import REPORT
from market.quality import DataQualityError
from market.quotes import QUOTE, rate_to_account, to_account, update_price
from market.records import Records, records
from market.tape import Role, Tape, newest_rows
from policies.assembly import instruments_of
from policies.plan import Plan

Floats = NDArray[np.float64]

ROWS_MAX: Final = 5_000
"""Periods that returns are taken from: the newest ones."""


class Holding(Struct, frozen=True, kw_only=True):
    """One open position: signed lots and signed notional in account money; of a contract the stake, always positive."""

    number: int
    instrument: str
    symbol: str
    lots: int
    notional: int
    is_contract: bool


class Moves(NamedTuple):
    """Simple returns per period of the instruments with prices: numbers (n,), returns (rows, n) with NaN for none."""

    numbers: tuple[int, ...]
    returns: Floats


def held_at(plan: Plan, reports: Sequence[Report], at_ns: int) -> Records:
    """Return the positions of all instruments after the reports up to an instant."""
    instruments = instruments_of(plan)
    ledger = open_ledger(instruments, int(instruments.group.max(initial=-1)) + 1, plan.cash)
    writer, row = Writer(plan, 1), records(1, REPORT)
    for report in sorted(reports, key=lambda report: report.time_ns):
        if report.time_ns > at_ns:
            break
        writer.report_row(report, row[0])
        apply_report(ledger, row[0])
        ledger.control[:] = 0
    return ledger.positions


def value_holdings(plan: Plan, tape: Tape, positions: Records, at_ns: int) -> list[Holding]:
    """Return the open positions at their newest price, longs at the bid, shorts at the ask.

    DataQualityError names a position that has no price or no rate then.
    """
    instruments, quotes = instruments_of(plan), quotes_at(plan, tape, at_ns)
    found = []
    for k, instrument in enumerate(plan.instruments):
        lots, is_contract = int(positions[k].lots), instrument.kind is Kind.BINARY
        if lots == 0:
            continue
        rate_num, rate_den = rate_to_account(instruments, quotes, k)
        quote = quotes[instruments[k].underlying]
        if rate_num == 0 or quote.time_ns == 0:
            raise DataQualityError(f"{instrument.key}: {lots} lots are held and no price or rate is known")
        price = int(quote.bid if lots > 0 else quote.ask)
        worth = int(to_account(lots * price * int(instruments[k].tick_value), rate_num, rate_den))
        found.append(
            Holding(
                number=k, instrument=instrument.key, symbol=instrument.symbol, lots=lots,
                notional=int(positions[k].cost) if is_contract else worth, is_contract=is_contract,
            )
        )  # fmt: skip
    return found


def quotes_at(plan: Plan, tape: Tape, at_ns: int) -> Records:
    """Return the newest sound price of every instrument up to an instant."""
    quotes = records(len(plan.instruments), QUOTE)
    end = int(np.searchsorted(tape.time_ns, at_ns, side="right"))
    for row in newest_rows(tape, end, len(plan.feeds)):
        feed = plan.feeds[int(tape.feed[row])]
        if feed.roles & Role.MATCH:
            update_price(quotes, plan.index_of(feed.instrument), tape, int(row))
    return quotes


def moves_until(plan: Plan, tape: Tape, period_ns: int, at_ns: int) -> Moves:
    """Return the returns of every priced instrument over periods that end at multiples of `period_ns`, newest last.

    A price known at the end of a period belongs to it. A return needs a price in its own period and the one before:
    over a closed market there is none. Only the newest `ROWS_MAX` periods are looked at.
    """
    end = int(np.searchsorted(tape.time_ns, at_ns, side="right"))
    feeds = [k for k, feed in enumerate(plan.feeds) if feed.roles & Role.MATCH]
    numbers = tuple(plan.index_of(plan.feeds[k].instrument) for k in feeds)
    last = (at_ns - 1) // period_ns
    first = max(last - ROWS_MAX, int((tape.time_ns[0] - 1) // period_ns) if end else last)
    prices = np.full((last - first + 1, len(feeds)), np.nan)
    buckets = (tape.time_ns[:end] - 1) // period_ns - first
    for column, feed in enumerate(feeds):
        rows = np.flatnonzero((tape.feed[:end] == feed) & (tape.flaws[:end] == 0) & (buckets >= 0))
        # Rows are in the order of time: of several in one period the last assignment stays.
        prices[buckets[rows], column] = (tape.close[rows] + tape.ask_close[rows]) / 2.0
    with np.errstate(invalid="ignore"):
        returns = prices[1:] / prices[:-1] - 1.0
    return Moves(numbers, returns[np.isfinite(returns).any(axis=1)])


def money_text(money: int) -> str:
    """Return integer money as decimal text, with all its digits."""
    return f"{decimal_of(money):.{MONEY_DIGITS}f}"
