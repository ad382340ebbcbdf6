"""What the keeper of the journal and the gateway of a live venue tell each other about orders.

A gateway's life begins with Hello and counts once it is welcomed: nothing of an earlier life is taken after that, and
only then does the gateway fold the journal. Instructions are numbered per venue, news per life; what is not said to
have been taken is told again.
"""

from typing import TypeAlias

from msgspec import Struct

from journal.records import Adjustment, Breaks, Cancel, Order, OrderNews, Replace

Instruction: TypeAlias = Order | Cancel | Replace | Adjustment


class Hello(Struct, frozen=True):
    """Gateway to keeper: a new life begins; it knows nothing yet."""

    venue: str
    life: int


class Welcome(Struct, frozen=True):
    """Keeper to gateway: the journal holds all that will ever be taken of earlier lives."""

    epoch: int
    life: int


class Instructions(Struct, frozen=True):
    """Keeper to gateway: durable instructions, numbered from `first`; without any it says "I live"."""

    epoch: int
    first: int
    records: tuple[Instruction, ...] = ()
    news_taken: int = 0
    life: int = 0


class Told(Struct, frozen=True):
    """Gateway to keeper: news numbered on from `first`, and how many instructions it has."""

    venue: str
    life: int
    has: int
    records: tuple[OrderNews | Breaks, ...] = ()
