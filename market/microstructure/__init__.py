"""Microstructure: what depth and prints say about liquidity, and about who is trading.

Two kinds of functions. Those of one book (`measure_book`, `fill_from_depth`) look at arrays of levels and keep nothing.
Those of a stream keep their state in a slice of a float64 array, `state[at : at + SIZE]`, zero at the start, as
indicators do: `*_update` takes the next event and returns the value known after it, NaN while there is none. A value is
computed anew from its window, oldest first, so it depends on the window alone: live equals batch to the last bit, and
the one-shot functions (`kyle_lambda`, `amihud`, `order_flow`, ...) call the same arithmetic.

Prices and sizes are floats here, of any unit (ticks and lots in a feed): these are statistics, not money. An event that
is not finite or cannot be (a size below zero, a locked or crossed quote) has the value NaN and is not counted; one-shot
functions refuse it by place. After a hole in a stream its owner calls the `*_reset`, or zeroes the state.
"""

from market.microstructure.book import (
    BOOK_MEASURES,
    Book,
    BookFlaw,
    BookMeasures,
    DepthFill,
    book_flaw,
    book_measures,
    book_of,
    depth_fill,
    fill_from_depth,
    measure_book,
)
from market.microstructure.flow import (
    RESILIENCY_SIZE,
    order_flow,
    order_flow_event,
    order_flow_reset,
    order_flow_size,
    order_flow_update,
    recovery_time,
    resiliency_shock,
    resiliency_update,
)
from market.microstructure.impact import (
    KyleFit,
    amihud,
    amihud_size,
    amihud_update,
    kyle_lambda,
    kyle_size,
    kyle_update,
)
from market.microstructure.spreads import (
    RollSpread,
    SpreadParts,
    roll_size,
    roll_spread,
    roll_update,
    spread_parts,
    spread_size,
    spread_trade,
    spread_update,
    trade_spreads,
)
from market.microstructure.toxicity import (
    bulk_buy_volume,
    bulk_size,
    bulk_update,
    normal_cdf,
    vpin,
    vpin_size,
    vpin_update,
)

__all__ = [
    "BOOK_MEASURES", "RESILIENCY_SIZE", "Book", "BookFlaw", "BookMeasures", "DepthFill", "KyleFit", "RollSpread",
    "SpreadParts", "amihud", "amihud_size", "amihud_update", "book_flaw", "book_measures", "book_of", "bulk_buy_volume",
    "bulk_size", "bulk_update", "depth_fill", "fill_from_depth", "kyle_lambda", "kyle_size", "kyle_update",
    "measure_book", "normal_cdf", "order_flow", "order_flow_event", "order_flow_reset", "order_flow_size",
    "order_flow_update", "recovery_time", "resiliency_shock", "resiliency_update", "roll_size", "roll_spread",
    "roll_update", "spread_parts", "spread_size", "spread_trade", "spread_update", "trade_spreads", "vpin",
    "vpin_size", "vpin_update",
]  # fmt: skip
