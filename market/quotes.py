"""The newest price of every instrument, and what money of one currency is worth in the account's."""

from typing import Final

from market.compiled import compiled, inlined
from market.instruments import Kind, RateMode
from market.money import multiply_divide, multiply_divide_up
from market.records import Records, record_type
from market.tape import Tape

QUOTE: Final = record_type("bid ask bid_low ask_high time_ns flaws bid_lots ask_lots")
"""Per instrument: best prices now, the worst ones within the newest instant (a bar's low bid and high ask), when they
were known (0: never), and the flaws of the newest row (then the prices are those of the last good row)."""


@inlined
def update_quote(quotes: Records, instrument: int, tape: Tape, row: int) -> None:
    """Take one row as the newest price of its instrument; a flawed row leaves the prices and marks them unusable."""
    quote = quotes[instrument]
    if tape.flaws[row] == 0:
        low, high = tape.low[row], tape.ask_high[row]
        if quote.time_ns == tape.time_ns[row]:  # several quotes of one instant: the worst of them all counts
            low, high = min(low, quote.bid_low), max(high, quote.ask_high)
        quote.bid_low, quote.ask_high = low, high
        quote.bid_lots, quote.ask_lots = tape.bid_lots[row], tape.ask_lots[row]
    update_price(quotes, instrument, tape, row)


@inlined
def update_price(quotes: Records, instrument: int, tape: Tape, row: int) -> None:
    """Take what an agent needs of a row: the prices now, their time and their flaws; not sizes, nor the worst of it."""
    quote = quotes[instrument]
    quote.flaws = tape.flaws[row]
    if tape.flaws[row] == 0:
        quote.bid, quote.ask, quote.time_ns = tape.close[row], tape.ask_close[row], tape.time_ns[row]


@compiled
def rate_to_account(instruments: Records, quotes: Records, instrument: int) -> tuple[int, int]:
    """Return (numerator, denominator) that turn quote money into account money; (0, 1) while no rate is known."""
    row = instruments[instrument]
    if row.rate_mode == RateMode.SAME:
        return 1, 1
    if row.rate_mode == RateMode.FIXED:
        return row.rate_fixed, row.rate_scale
    quote = quotes[row.rate_instrument]
    twice_mid = quote.bid + quote.ask
    if quote.time_ns == 0 or twice_mid <= 0:
        return 0, 1
    if row.rate_mode == RateMode.MULTIPLY:
        return twice_mid, 2 * row.rate_scale
    return 2 * row.rate_scale, twice_mid


@compiled
def notional_at(instruments: Records, quotes: Records, instrument: int, lots: int) -> int:
    """Return the value of a position in account money at the ask, rounded up; a contract's is its stake."""
    row = instruments[instrument]
    rate_num, rate_den = rate_to_account(instruments, quotes, instrument)
    price = 1 if row.kind == Kind.BINARY else quotes[instrument].ask
    return to_account_up(abs(lots) * price * row.tick_value, rate_num, rate_den)


@inlined
def to_account(money: int, rate_num: int, rate_den: int) -> int:
    """Return quote money as account money, rounded half to even."""
    if rate_num == rate_den:
        return money
    return multiply_divide(money, rate_num, rate_den)


@compiled
def to_account_up(money: int, rate_num: int, rate_den: int) -> int:
    """Return quote money as account money, rounded up: for fees and risk."""
    if rate_num == rate_den:
        return money
    return multiply_divide_up(money, rate_num, rate_den)
