"""The portfolio gate in the path of every intent: what is held and works, valued, and what opening legs would add."""

from typing import TYPE_CHECKING

from market.compiled import compiled
from market.instruments import Kind
from market.quotes import rate_to_account
from market.records import Record
from policies.intents import PORTFOLIO_SHIFT
from policies.portfolio_gate import UNKNOWN, expose, objections
from policies.valuing import notional_of

if TYPE_CHECKING:
    from policies.risk import Book


@compiled
def portfolio_bits(book: "Book", intent: Record) -> int:
    """Return the `Rule` bits of the portfolio's limits that opening legs would break.

    Contracts are stakes that may be lost as a whole: they are in no value at risk and in no cluster.
    """
    if book.estimator.terms[0].gate == 0 or intent.reduce != 0:
        return 0
    if book.ledger.instruments[intent.instrument0].kind == Kind.BINARY:
        return 0
    for instrument in range(len(book.ledger.instruments)):
        expose_one(book, instrument, intent.time_ns)
    second = intent.instrument1 if intent.legs > 1 else -1
    added = signed_notional(book, second, intent.lots1) if second >= 0 else 0
    legs = (intent.instrument0, signed_notional(book, intent.instrument0, intent.lots0), second, added)
    account = book.ledger.account[0]
    found = objections(book.estimator.portfolio, book.estimator.limits[0], account.equity, intent.time_ns, legs)
    return found << PORTFOLIO_SHIFT


@compiled
def signed_notional(book: "Book", instrument: int, lots: int) -> int:
    """Return what lots are worth in account money, signed as they are."""
    worth = notional_of(book, instrument, lots)
    return worth if lots > 0 else -worth


@compiled
def expose_one(book: "Book", instrument: int, time_ns: int) -> None:
    """Write what an instrument may come to; UNKNOWN where what is held or works has no fresh price, or no rate."""
    held, portfolio = book.ledger.positions[instrument].lots, book.estimator.portfolio
    buying, selling = book.working_long[instrument], book.working_short[instrument]
    row, quote = book.ledger.instruments[instrument], book.quotes[instrument]
    if row.kind == Kind.BINARY or (held == 0 and buying == 0 and selling == 0):
        expose(portfolio, instrument, 0, 0, 0)
        return
    fresh = quote.time_ns > 0 and quote.flaws == 0 and time_ns - quote.time_ns <= row.stale_after_ns
    if not fresh or rate_to_account(book.ledger.instruments, book.quotes, instrument)[0] <= 0:
        portfolio.net[instrument] = portfolio.gross[instrument] = UNKNOWN
        return
    expose(
        portfolio, instrument, signed_notional(book, instrument, held), notional_of(book, instrument, buying),
        notional_of(book, instrument, selling),
    )  # fmt: skip
