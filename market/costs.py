"""What a fill costs: the fee of its venue; the spread and the slippage are in the prices already."""

from market.compiled import compiled
from market.records import Records

PPM = 1_000_000


@compiled
def fee_of(instruments: Records, instrument: int, lots: int, price: int) -> int:
    """Return the fee of one fill in quote money, rounded up: `fee_ppm` of the notional plus `fee_per_lot` a lot."""
    row = instruments[instrument]
    size = abs(lots)
    fee = size * row.fee_per_lot
    if row.fee_ppm != 0:
        notional = size * price * row.tick_value
        whole = notional // PPM
        fee += whole * row.fee_ppm - (-((notional - whole * PPM) * row.fee_ppm) // PPM)
    return fee


@compiled
def round_trip_cost_ticks(instruments: Records, instrument: int, bid: int, ask: int, rate_free_lots: int) -> float:
    """Return spread, slippage and fees of buying and selling `rate_free_lots` lots, in ticks per lot."""
    row = instruments[instrument]
    fees = fee_of(instruments, instrument, rate_free_lots, ask) + fee_of(instruments, instrument, rate_free_lots, bid)
    return ask - bid + 2 * row.slippage_ticks + fees / (rate_free_lots * row.tick_value)
