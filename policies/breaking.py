"""Circuit breakers in the path of decisions: fed by quotes and reports, asked by `policies.risk.judge`.

The state machines are those of `policies.breakers`; here is one of each per instrument or venue of a book, what they
hear, and what they object to. A price breaker (CB-02) hears every quote, a venue breaker (CB-03) every answer to an
order, a cost breaker (CB-04) every fill of an opening order, held against the middle that was seen when it was decided:
the model says half the spread and the slippage of its instrument. What only reduces passes. Where none is configured
nothing is kept and nothing asked.
"""

from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.instruments import Kind as InstrumentKind
from market.paper import Reason, ReportKind
from market.records import Record, Records, record_type, records
from market.tape import Role, Tape
from policies.breakers import (
    GATE,
    PAUSE_NS,
    RETRY_NS,
    UNTIL_NS,
    Answer,
    CostTerms,
    Gate,
    PriceTerms,
    VenueTerms,
    hear_answer,
    note_cost,
    open_cost_breaker,
    open_price_breaker,
    open_venue_breaker,
    probe_sent,
    venue_gate,
    watch_price,
)
from policies.intents import Rule


class Kind(IntEnum):
    """Which breaker tripped."""

    PRICE = 0  # CB-02, an instrument, until its pause is over
    VENUE = 1  # CB-03, a venue, until a probe is answered
    COST = 2  # CB-04, an instrument, until a person lifts it
    REPEATED = 3  # PT-05, a desk, until a person lifts it


TRIP: Final = record_type("time_ns kind number until_ns")
"""A breaker that tripped: its `Kind`, the number of the instrument, venue or desk, when it ends (0: a person says)."""
TRIPS_MAX: Final = 16384

EXPECTED: Final = record_type("number instrument twice_middle spread")
"""An opening order: twice the middle, and the spread, that were seen when it was decided; ticks."""

Number = TypeVar("Number", np.float64, np.int64)

PRICE: Final = Kind.PRICE.value
VENUE: Final = Kind.VENUE.value
COST: Final = Kind.COST.value
"""Places in `on`."""

TRIPS, ORDERS = 0, 1
"""Slots of `counts`: trips that wait to be told, opening orders ever noted."""


class Breakers(NamedTuple):
    """Terms, which kinds are on, a row of state per instrument or venue, the newest orders, trips to be told."""

    price: PriceTerms
    venue: VenueTerms
    cost: CostTerms
    on: NDArray[np.int64]
    prices: NDArray[np.float64]
    venues: NDArray[np.int64]
    costs: NDArray[np.int64]
    orders: Records
    trips: Records
    counts: NDArray[np.int64]


KEPT: Final = ("prices", "venues", "costs", "counts")
"""The arrays that a snapshot keeps as numbers, beside `orders`."""


def no_breakers(instruments: int) -> Breakers:
    """Return breakers of which none is on."""
    return open_breakers(None, None, None, instruments=instruments, venues=1)


def open_breakers(
    price: PriceTerms | None, venue: VenueTerms | None, cost: CostTerms | None, *, instruments: int, venues: int
) -> Breakers:
    """Return breakers that have heard nothing; one without terms is off, and has no state."""
    own = cost or CostTerms()
    any_on = price is not None or venue is not None or cost is not None
    return Breakers(
        price or PriceTerms(), venue or VenueTerms(), own,
        np.array([price is not None, venue is not None, cost is not None], np.int64),
        _rows(open_price_breaker(), instruments if price else 0),
        _rows(open_venue_breaker(), venues if venue else 0),
        _rows(open_cost_breaker(own), instruments if cost else 0),
        records(256 + 8 * instruments if cost else 0, EXPECTED), records(TRIPS_MAX if any_on else 0, TRIP),
        np.zeros(2, np.int64),
    )  # fmt: skip


def _rows(fresh: NDArray[Number], count: int) -> NDArray[Number]:
    return np.ascontiguousarray(np.broadcast_to(fresh, (count, len(fresh)))).copy()


@compiled
def trips_are_full(breakers: Breakers) -> bool:
    """Tell whether the trips must be told before another instant may bring some."""
    if len(breakers.trips) == 0:
        return False
    return bool(breakers.counts[TRIPS] + 2 * len(breakers.prices) + 2 * len(breakers.venues) >= len(breakers.trips))


@compiled
def _trip(breakers: Breakers, time_ns: int, kind: int, number: int, until_ns: int) -> None:
    """Note a trip. Nobody reads them in a backtest: there the first ones stay, and the state says the rest."""
    count = breakers.counts[TRIPS]
    if count < len(breakers.trips):
        trip = breakers.trips[count]
        trip.time_ns, trip.kind, trip.number, trip.until_ns = time_ns, kind, number, until_ns
        breakers.counts[TRIPS] = count + 1


@compiled
def hear_quote(breakers: Breakers, instrument: int, time_ns: int, bid: int, ask: int, flaws: int) -> None:
    """Let the price breaker of an instrument take a quote; one that is flawed pauses it."""
    state = breakers.prices[instrument]
    was_paused = time_ns < state[UNTIL_NS]
    is_paused = watch_price(state, breakers.price, time_ns, 0 if flaws != 0 else bid, ask)
    if is_paused and not was_paused:
        _trip(breakers, time_ns, PRICE, instrument, int(state[UNTIL_NS]))


@compiled
def hear_prices(breakers: Breakers, feeds: Records, tape: Tape, begin: int, end: int) -> None:
    """Let the price breakers take rows [begin, end) of the market: those that are prices of their instruments.

    A pass of its own, so that the loops that take rows stay as they are where no breaker is on.
    """
    for row in range(begin, end):
        feed = feeds[tape.feed[row]]
        if feed.roles & Role.MATCH.value:
            hear_quote(
                breakers, feed.instrument, tape.time_ns[row], tape.close[row], tape.ask_close[row], tape.flaws[row]
            )  # fmt: skip


@compiled
def note_leg(breakers: Breakers, number: int, intent: Record, leg: int) -> None:
    """Keep the quote that the opening order of a leg was decided on, for when it fills."""
    if len(breakers.orders) == 0:
        return
    bid, ask = (intent.bid0, intent.ask0) if leg == 0 else (intent.bid1, intent.ask1)
    order = breakers.orders[breakers.counts[ORDERS] % len(breakers.orders)]
    order.number, order.instrument = number, intent.instrument0 if leg == 0 else intent.instrument1
    order.twice_middle, order.spread = bid + ask, ask - bid
    breakers.counts[ORDERS] += 1


@compiled
def hear_report(breakers: Breakers, instruments: Records, report: Record) -> None:
    """Let the breakers of a venue and of an instrument take what was reported of an order."""
    if breakers.on[VENUE] != 0 and (report.kind == ReportKind.FILL or report.kind == ReportKind.REJECT):
        state = breakers.venues[report.venue]
        was_open = state[GATE] != Gate.CLOSED
        answer = Answer.DONE.value if report.kind == ReportKind.FILL else Answer.REJECTED.value
        gate = hear_answer(state, breakers.venue, report.time_ns, answer, 0)
        if gate != Gate.CLOSED and not was_open:
            _trip(breakers, report.time_ns, VENUE, report.venue, state[RETRY_NS])
    if breakers.on[COST] != 0 and report.kind == ReportKind.FILL and report.reason == Reason.ENTRY:
        _hear_cost(breakers, instruments, report)


@compiled
def _hear_cost(breakers: Breakers, instruments: Records, report: Record) -> None:
    """Hold a fill against the middle that was seen; twice the cost in quote money, so that half ticks stay whole."""
    row = instruments[report.instrument]
    if row.kind == InstrumentKind.BINARY:
        return
    for back in range(min(breakers.counts[ORDERS], len(breakers.orders))):
        order = breakers.orders[(breakers.counts[ORDERS] - 1 - back) % len(breakers.orders)]
        if order.number != report.number or order.instrument != report.instrument:
            continue
        state = breakers.costs[report.instrument]
        was_latched = state[0] != 0
        paid = report.lots * (2 * report.price - order.twice_middle) * row.tick_value
        modelled = abs(report.lots) * (order.spread + 2 * row.slippage_ticks) * row.tick_value
        if note_cost(state, breakers.cost, paid, modelled) and not was_latched:
            _trip(breakers, report.time_ns, COST, report.instrument, 0)
        return


@compiled
def price_pause(breakers: Breakers, instruments: Records, intent: Record) -> bool:
    """Object while the price of a leg has just jumped, or its spread torn; for a contract, that of its underlying."""
    if breakers.on[PRICE] == 0:
        return False
    for leg in range(intent.legs):
        row = instruments[intent.instrument0 if leg == 0 else intent.instrument1]
        if intent.time_ns < breakers.prices[row.underlying, UNTIL_NS]:
            return True
    return False


@compiled
def cost_breaker(breakers: Breakers, intent: Record) -> bool:
    """Object once fills of an instrument have cost more than the model says; latched until a person lifts it."""
    if breakers.on[COST] == 0:
        return False
    for leg in range(intent.legs):
        if breakers.costs[intent.instrument0 if leg == 0 else intent.instrument1, 0] != 0:
            return True
    return False


@compiled
def venue_health(breakers: Breakers, instruments: Records, intent: Record) -> bool:
    """Object while the venue of a leg is unwell; once its pause is over it may be probed."""
    if breakers.on[VENUE] == 0:
        return False
    for leg in range(intent.legs):
        row = instruments[intent.instrument0 if leg == 0 else intent.instrument1]
        if venue_gate(breakers.venues[row.venue], intent.time_ns) == Gate.OPEN:
            return True
    return False


@compiled
def breaker_bits(breakers: Breakers, instruments: Records, intent: Record, bits: int) -> int:
    """Return the `Rule` bits of the breakers that object to an intent; `bits` are those of all other rules.

    Where a venue may be probed, the first intent that nothing else stops is the probe.
    """
    found = 0
    if len(breakers.trips) == 0 or intent.reduce != 0:
        return found
    if price_pause(breakers, instruments, intent):
        found |= Rule.PRICE_PAUSE.value
    if cost_breaker(breakers, intent):
        found |= Rule.COST_BREAKER.value
    if venue_health(breakers, instruments, intent):
        found |= Rule.VENUE_HEALTH.value
    if breakers.on[VENUE] != 0 and found == 0 and bits == 0:
        for leg in range(intent.legs):
            state = breakers.venues[instruments[intent.instrument0 if leg == 0 else intent.instrument1].venue]
            if state[GATE] == Gate.HALF_OPEN:
                probe_sent(state, breakers.venue, intent.time_ns)
    return found


@compiled
def take_back_probe(breakers: Breakers, instruments: Records, intent: Record) -> None:
    """Undo the probe of an intent that was approved and does not leave after all: the next one may be it."""
    if breakers.on[VENUE] == 0 or intent.reduce != 0:
        return
    for leg in range(intent.legs):
        state = breakers.venues[instruments[intent.instrument0 if leg == 0 else intent.instrument1].venue]
        if state[GATE] == Gate.OPEN and state[RETRY_NS] == intent.time_ns + state[PAUSE_NS]:
            state[GATE], state[RETRY_NS] = Gate.HALF_OPEN.value, intent.time_ns


def lift_cost(breakers: Breakers, instrument: int) -> bool:
    """Let a person lift the cost breaker of an instrument: its fills are counted anew; tell whether it was latched."""
    if breakers.on[COST] == 0 or breakers.costs[instrument, 0] == 0:
        return False
    breakers.costs[instrument] = 0
    return True


def kept_state(breakers: Breakers) -> dict[str, tuple[int | float, ...]]:
    """Return the state of the breakers as plain numbers; nothing where none is on."""
    if not breakers.on.any():
        return {}
    found = {name: tuple(getattr(breakers, name).ravel().tolist()) for name in KEPT}
    names = EXPECTED.names or ()
    return found | {f"orders.{name}": tuple(breakers.orders[name].tolist()) for name in names}


def adopt_state(breakers: Breakers, kept: dict[str, tuple[int | float, ...]]) -> None:
    """Take over what `kept_state` has returned. ValueError where it is of other breakers."""
    for name, values in kept.items():
        whole, _, part = name.partition(".")
        array = breakers.orders[part] if part else getattr(breakers, whole)
        array[...] = np.array(values, array.dtype).reshape(array.shape)
