"""What the keeper of the journal and the gateway of a live venue tell each other about orders.

A gateway's life begins with Hello and counts once it is welcomed: nothing of an earlier life is taken after that, and
only then does the gateway fold the journal. Instructions are numbered per venue, news per life; what is not said to
have been taken is told again.
"""

from typing import Any, TypeAlias

from msgspec import Struct
from numpy.typing import NDArray

from actors.messages import START
from journal.order_records import Adjustment, Breaks, Cancel, Order, OrderNews, Replace, Stated

Instruction: TypeAlias = Order | Cancel | Replace | Adjustment
Word: TypeAlias = OrderNews | Breaks | Stated


class Hello(Struct, frozen=True):
    """Gateway to keeper: a new life begins; it knows nothing yet."""

    venue: str
    life: int


class Welcome(Struct, frozen=True):
    """Keeper to gateway: the journal holds all that will ever be taken of earlier lives."""

    epoch: int
    life: int


class Instructions(Struct, frozen=True):
    """Keeper to gateway: durable instructions, numbered from `first`; without any it says "I live".

    Over a tape, `horizon_ns` is the market time up to which no further order is to arrive.
    """

    epoch: int
    first: int
    records: tuple[Instruction, ...] = ()
    news_taken: int = 0
    life: int = 0
    horizon_ns: int = START


class Told(Struct, frozen=True):
    """Gateway to keeper: all news that is not known to have been taken, and how many instructions it has.

    Over a tape all that happened up to `upto_ns` is told, and nothing will up to `calm_ns` unless a further order
    arrives before. `reports` are packed rows of `market.paper.REPORT`, of the news with the numbers `reported`.
    `spoken` counts what a life has told, so that what comes again says nothing of how things stand.
    """

    venue: str
    life: int
    has: int
    records: tuple[Word, ...] = ()
    upto_ns: int = START
    calm_ns: int = START
    reports: NDArray[Any] | None = None
    reported: tuple[int, ...] = ()
    spoken: int = 0
