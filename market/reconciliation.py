"""Reconciliation: does what we hold agree with what the venue says we hold? Tolerance zero, in whole lots.

Any break blocks the instrument for new risk until it is explained; nothing here repairs anything.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct


class BreakKind(IntEnum):
    """How the two sides disagree."""

    POSITION_BREAK = 1  # another position at the venue
    MISSING_AT_VENUE = 2  # our working order is not there
    FILL_GAP = 3  # the venue has filled more, or less, of an order than we have booked
    QTY_MISMATCH = 4  # the order has another quantity there
    ORPHAN_AT_VENUE = 5  # an order with our prefix that we do not know
    FOREIGN_ORDER = 6  # an order that somebody else placed
    LEDGER_BREAK = 7  # our own position is not the sum of our own fills


class WorkingOrder(Struct, frozen=True, gc=False):
    """An order as one side sees it: whole lots, without sign."""

    client_id: str
    instrument: str
    lots: int
    cum: int


class Snapshot(NamedTuple):
    """One side's account: signed lots per instrument, and its working orders."""

    positions: Mapping[str, int]
    orders: Sequence[WorkingOrder]


class Break(Struct, frozen=True, gc=False):
    """One disagreement; `key` is an instrument or a client order id, the quantities are None where there is no pair."""

    kind: BreakKind
    key: str
    instrument: str
    local: int | None = None
    venue: int | None = None

    @property
    def diff(self) -> int | None:
        """Lots that the venue has beyond ours."""
        return None if self.local is None or self.venue is None else self.venue - self.local


def reconcile(local: Snapshot, venue: Snapshot, booked: Mapping[str, int], prefix: str) -> tuple[Break, ...]:
    """Return every break: positions, our orders, the venue's other orders, then our own ledger.

    `booked` is the sum of signed fills (and adjustments) per instrument; of a LEDGER_BREAK it is the `venue` side.
    """
    breaks = _pairs(BreakKind.POSITION_BREAK, local.positions, venue.positions)
    theirs = {order.client_id: order for order in venue.orders}
    ours = {order.client_id for order in local.orders}
    for order in local.orders:
        breaks += _order_breaks(order, theirs.get(order.client_id))
    for order in venue.orders:
        if order.client_id not in ours:
            own = order.client_id.startswith(f"{prefix}-")
            kind = BreakKind.ORPHAN_AT_VENUE if own else BreakKind.FOREIGN_ORDER
            breaks.append(Break(kind, order.client_id, order.instrument))
    return (*breaks, *_pairs(BreakKind.LEDGER_BREAK, local.positions, booked))


def blocked_instruments(breaks: Sequence[Break]) -> frozenset[str]:
    """Return the instruments that may take no new risk."""
    return frozenset(item.instrument for item in breaks)


def _pairs(kind: BreakKind, local: Mapping[str, int], other: Mapping[str, int]) -> list[Break]:
    """Return a break for each instrument whose lots differ; an absent one is flat."""
    return [
        Break(kind, key, key, local.get(key, 0), other.get(key, 0))
        for key in sorted({*local, *other})
        if local.get(key, 0) != other.get(key, 0)
    ]


def _order_breaks(order: WorkingOrder, theirs: WorkingOrder | None) -> list[Break]:
    if theirs is None:
        return [Break(BreakKind.MISSING_AT_VENUE, order.client_id, order.instrument)]
    breaks = []
    if theirs.cum != order.cum:
        breaks.append(Break(BreakKind.FILL_GAP, order.client_id, order.instrument, order.cum, theirs.cum))
    if theirs.lots != order.lots:
        breaks.append(Break(BreakKind.QTY_MISMATCH, order.client_id, order.instrument, order.lots, theirs.lots))
    return breaks
