"""What risk has learnt from prices, as a Snapshot record keeps it."""

from msgspec import Struct


class Learnt(Struct, frozen=True, kw_only=True):
    """What risk has learnt from prices: twice the middle of every instrument at the newest boundary, and log returns.

    `returns` are rows of instruments one after the other, as they lie in the ring of the newest; None is unknown.
    """

    next_ns: int
    count: int
    estimated_ns: int
    prices: tuple[float | None, ...]
    returns: tuple[float | None, ...]
