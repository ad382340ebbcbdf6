"""Sizing: how many lots a proposal may have, in integers from the budget to the lot. Never rounded up."""

import math

from market.compiled import compiled
from market.costs import PPM, fee_of
from market.instruments import Kind
from market.money import multiply_divide
from market.quotes import rate_to_account, to_account_up
from market.records import Records
from market.rounding import floor_lots


@compiled
def fixed_fraction_lots(
    instruments: Records, quotes: Records, instrument: int, stop_ticks: int, risk: int, notional_max: int
) -> int:
    """Return the most lots whose loss at the stop, costs included, stays within `risk` account money.

    lots = floor(risk / (stop distance x tick value + spread + slippage + fees of a round trip)), cut to
    `notional_max`, the depth and the venue's maximum; 0 below the venue's minimum, without a stop or without a rate.
    Source: notes on position sizing, fixed fractional.
    """
    row = instruments[instrument]
    quote = quotes[instrument]
    rate_num, rate_den = rate_to_account(instruments, quotes, instrument)
    if stop_ticks <= 0 or rate_num <= 0 or quote.time_ns == 0:
        return 0
    dearest = quote.ask + stop_ticks + row.slippage_ticks  # where a short is closed at its stop
    fees = fee_of(instruments, instrument, 1, quote.ask) + fee_of(instruments, instrument, 1, dearest)
    loss_ticks = stop_ticks + quote.ask - quote.bid + 2 * row.slippage_ticks
    loss = to_account_up(loss_ticks * row.tick_value + fees, rate_num, rate_den)
    lots = min(
        max(risk, 0) // max(loss, 1), row.depth_lots, notional_lots(instruments, quotes, instrument, notional_max)
    )
    return floor_lots(lots, row.lots_min, row.lots_max)


@compiled
def notional_lots(instruments: Records, quotes: Records, instrument: int, notional_max: int) -> int:
    """Return how many lots at the ask are worth at most `notional_max` account money; 0 without a rate."""
    row = instruments[instrument]
    rate_num, rate_den = rate_to_account(instruments, quotes, instrument)
    price = 1 if row.kind == Kind.BINARY else quotes[instrument].ask
    if rate_num <= 0 or price <= 0:
        return 0
    return max(notional_max, 0) // max(to_account_up(price * row.tick_value, rate_num, rate_den), 1)


@compiled
def share_of(money: int, fraction: float) -> int:
    """Return a fraction of money, the fraction taken to parts per million."""
    return multiply_divide(money, math.floor(fraction * PPM + 0.5), PPM)
