"""Protective stops at the gate: an opening intent with a stop passes only where that is a sound one."""

from typing import TYPE_CHECKING

from market.compiled import compiled
from market.costs import PPM
from market.records import Record
from market.stop_invariants import StopChange, distance_min, stop_flaws
from policies.intents import STOP_SHIFT

if TYPE_CHECKING:
    from policies.risk import Book


@compiled
def stop_bits(book: "Book", intent: Record) -> int:
    """Return the `Rule` bits of what is wrong with the stop of an opening intent; 0 where it has none.

    A stop that is added to a holding is not compared with the one that stands: of the two the tighter one stays.
    """
    if intent.reduce != 0 or intent.stop == 0 or book.guard[0].stops == 0:
        return 0
    quote, lots = book.quotes[intent.instrument0], intent.lots0
    entry, mark = (quote.ask, quote.bid) if lots > 0 else (quote.bid, quote.ask)
    liquidation = liquidation_of(entry, lots, book.guard[0].leverage_ppm)
    least = distance_min(quote.ask - quote.bid)
    change = StopChange(lots, entry, mark, 0, intent.stop, liquidation, least, 1, abs(lots), True)
    return stop_flaws(change) << STOP_SHIFT


@compiled
def liquidation_of(entry: int, lots: int, leverage_ppm: int) -> int:
    """Return the price at which an isolated position has lost its margin; 0 without leverage.

    entry (1 - side / leverage), toward the entry; the maintenance margin of a venue, which is not known, is left out.
    """
    if leverage_ppm <= PPM:
        return 0
    way = entry * PPM // leverage_ppm
    return entry - way if lots > 0 else entry + way
