"""Valuing: what a position, an order or its stop is worth in account money, never understated."""

from typing import TYPE_CHECKING

from market.compiled import compiled
from market.costs import PPM
from market.instruments import Kind
from market.money import multiply_divide_up
from market.quotes import rate_to_account, to_account_up
from market.records import Record

if TYPE_CHECKING:
    from policies.risk import Book


@compiled
def notional_of(book: "Book", instrument: int, lots: int) -> int:
    """Return the value of a position in account money at the ask, rounded up; a contract's is its stake."""
    row = book.ledger.instruments[instrument]
    rate_num, rate_den = rate_to_account(book.ledger.instruments, book.quotes, instrument)
    price = 1 if row.kind == Kind.BINARY else book.quotes[instrument].ask
    return to_account_up(abs(lots) * price * row.tick_value, rate_num, rate_den)


@compiled
def loss_to_stop(book: "Book", instrument: int, lots: int, mark: int, stop: int) -> int:
    """Return what `lots` would lose from a mark to their stop, or to the declared gap where they have none.

    A price may jump over a stop: it counts as no nearer than its own, smaller gap. A contract loses its stake.
    """
    row = book.ledger.instruments[instrument]
    if row.kind == Kind.BINARY:
        return notional_of(book, instrument, lots)
    if stop <= 0:
        return multiply_divide_up(notional_of(book, instrument, lots), book.guard[0].gap_ppm, PPM)
    ticks = max(mark - stop if lots > 0 else stop - mark, 0)
    rate_num, rate_den = rate_to_account(book.ledger.instruments, book.quotes, instrument)
    jumped = multiply_divide_up(notional_of(book, instrument, lots), book.guard[0].stop_gap_ppm, PPM)
    return max(to_account_up(abs(lots) * ticks * row.tick_value, rate_num, rate_den), jumped)


@compiled
def round_trip_cost(book: "Book", instrument: int, lots: int) -> int:
    """Return the fees of opening and closing, and the slippage of both; the spread lies between entry and stop."""
    row = book.ledger.instruments[instrument]
    if row.kind == Kind.BINARY:
        return 0
    rate_num, rate_den = rate_to_account(book.ledger.instruments, book.quotes, instrument)
    each = row.fee_per_lot + row.slippage_ticks * row.tick_value
    fixed = to_account_up(2 * abs(lots) * each, rate_num, rate_den)
    return fixed + multiply_divide_up(2 * notional_of(book, instrument, lots), row.fee_ppm, PPM)


@compiled
def held_risk(book: "Book", instrument: int) -> int:
    """Return what a held position would lose from its mark to its stop; an open contract is counted as lost already."""
    lots = book.ledger.positions[instrument].lots
    if lots == 0 or book.ledger.instruments[instrument].kind == Kind.BINARY:
        return 0
    quote = book.quotes[instrument]
    side, mark = (0, quote.bid) if lots > 0 else (1, quote.ask)
    return loss_to_stop(book, instrument, lots, mark, book.stops[side, instrument])


@compiled
def order_risk(book: "Book", instrument: int, lots: int, stop: int) -> int:
    """Return what an opening order would lose from its fill at the market to its stop, costs included."""
    quote = book.quotes[instrument]
    entry = quote.ask if lots > 0 else quote.bid
    return loss_to_stop(book, instrument, lots, entry, stop) + round_trip_cost(book, instrument, lots)


@compiled
def intent_risk(book: "Book", intent: Record) -> int:
    """Return what all legs of an intent would lose, each on its own: a hedge may fill on one side alone."""
    risk = order_risk(book, intent.instrument0, intent.lots0, intent.stop)
    if intent.legs > 1:
        risk += order_risk(book, intent.instrument1, intent.lots1, 0)
    return risk
