"""Market events as values: what a feed says, one message each. Prices are ticks, quantities lots, times ns UTC."""

from typing import TypeAlias

from msgspec import Struct


class Quote(Struct, frozen=True, gc=False):
    """Best bid and ask of one instrument; `bid_lots` and `ask_lots` are 0 where the source states no size."""

    instrument: int
    sequence: int
    time_ns: int
    bid: int
    ask: int
    bid_lots: int = 0
    ask_lots: int = 0


class Trade(Struct, frozen=True, gc=False):
    """A public print."""

    instrument: int
    sequence: int
    time_ns: int
    price: int
    lots: int
    buyer_is_maker: bool


class Depth(Struct, frozen=True, gc=False):
    """Order book levels, best first: (price, lots) pairs per side."""

    instrument: int
    sequence: int
    time_ns: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class Bar(Struct, frozen=True, gc=False):
    """Open, high, low, close of the bid with the ask's beside it, known at `time_ns`, the close of the bar."""

    instrument: int
    sequence: int
    time_ns: int
    open: int
    high: int
    low: int
    close: int
    ask_open: int
    ask_high: int
    ask_low: int
    ask_close: int
    volume: float


Event: TypeAlias = Quote | Trade | Depth | Bar
