"""Circuit breakers in the path of decisions: from a quote or a report to the refusal of an intent, and back."""

from typing import Any

import numpy as np
import pytest

from market.paper import REPORT, Reason, ReportKind
from market.records import records
from policies.bookkeeping import book_report
from policies.breakers import CostTerms, Gate, PriceTerms, VenueTerms
from policies.breaking import (
    COST,
    PRICE,
    TRIPS,
    VENUE,
    Kind,
    adopt_state,
    breaker_bits,
    hear_quote,
    kept_state,
    lift_cost,
    no_breakers,
    note_leg,
    open_breakers,
    take_back_probe,
    trips_are_full,
)
from policies.intents import Rule
from policies.risk import Book, judge
from tests.builders import MINUTE, SECOND
from tests.policies.books import NOW, a_book, an_intent

BID, ASK = 100_000, 100_008


def guarded(**terms: Any) -> Book:
    """Return a book with the breakers of these terms."""
    own = open_breakers(terms.get("price"), terms.get("venue"), terms.get("cost"), instruments=3, venues=2)
    return a_book(position_ppm_max=10**9)._replace(breakers=own)


def says(book: Book, *lots: int, **terms: Any) -> Rule:
    return Rule(judge(book, an_intent(*(lots or (5,)), **terms)))


def trips(book: Book) -> list[tuple[int, int, int, int]]:
    return [tuple(int(value) for value in row) for row in book.breakers.trips[: book.breakers.counts[TRIPS]]]


def a_calm_price(book: Book, minutes: int = 30) -> None:
    """Let EURUSD have been quoted every second up to now."""
    rng = np.random.default_rng(1)
    for second in range(60 * minutes, 0, -1):
        middle = BID + round(rng.normal(0, 3))
        hear_quote(book.breakers, 0, NOW - second * SECOND, middle, middle + 8, 0)


def report(number: int, kind: ReportKind, time_ns: int, **terms: Any) -> Any:
    row = records(1, REPORT)[0]
    row.number, row.kind, row.time_ns, row.rate_num, row.rate_den = number, kind, time_ns, 1, 1
    row.reason = Reason.ENTRY if kind is ReportKind.FILL else Reason.STALE
    for name, value in terms.items():
        row[name] = value
    return row


# -- CB-02


def test_a_price_that_jumps_pauses_its_instrument_and_no_other() -> None:
    book = guarded(price=PriceTerms())
    a_calm_price(book)
    assert says(book) == Rule(0)
    hear_quote(book.breakers, 0, NOW, BID - 900, ASK - 900, 0)
    assert says(book) == Rule.PRICE_PAUSE
    assert says(book, 5, instrument0=1) == Rule(0)
    assert trips(book) == [(NOW, Kind.PRICE, 0, NOW + MINUTE)]
    assert says(book, 0, reduce=1) == Rule.NO_POSITION, "what reduces is not asked"


def test_a_contract_is_paused_with_its_underlying_and_a_pair_with_one_leg() -> None:
    book = guarded(price=PriceTerms())
    a_calm_price(book)
    hear_quote(book.breakers, 0, NOW, BID, BID + 80, 0)
    table = book.ledger.instruments
    assert breaker_bits(book.breakers, table, an_intent(5, instrument0=2), 0) == Rule.PRICE_PAUSE
    assert breaker_bits(book.breakers, table, an_intent(5, 5, instrument0=1, instrument1=0), 0) == Rule.PRICE_PAUSE


def test_a_pause_ends_by_itself_and_a_second_cause_only_prolongs_it() -> None:
    book = guarded(price=PriceTerms())
    a_calm_price(book)
    for second in (0, 30):
        hear_quote(book.breakers, 0, NOW + second * SECOND, BID, BID + 80, 0)
    table = book.ledger.instruments
    assert breaker_bits(book.breakers, table, an_intent(5, time_ns=NOW + 89 * SECOND), 0) == Rule.PRICE_PAUSE
    assert len(trips(book)) == 1
    assert breaker_bits(book.breakers, table, an_intent(5, time_ns=NOW + 4 * MINUTE), 0) == 0


@pytest.mark.parametrize(("bid", "ask", "flaws"), [(0, 0, 0), (ASK, BID, 0), (BID, ASK, 4)])
def test_a_quote_that_is_none_pauses(bid: int, ask: int, flaws: int) -> None:
    book = guarded(price=PriceTerms())
    hear_quote(book.breakers, 0, NOW, bid, ask, flaws)
    assert says(book) == Rule.PRICE_PAUSE


# -- CB-03


def unwell(book: Book, rejects: int = 20) -> None:
    for number in range(rejects):
        book_report(book, report(number, ReportKind.REJECT, NOW - SECOND))


def test_a_venue_that_rejects_is_left_alone_then_probed_by_one_intent() -> None:
    book = guarded(venue=VenueTerms())
    unwell(book, 19)
    assert says(book) == Rule(0)
    unwell(book, 1)
    assert says(book) == Rule.VENUE_HEALTH
    assert says(book, 5, instrument0=1) == Rule(0), "another venue"
    assert trips(book) == [(NOW - SECOND, Kind.VENUE, 0, NOW + 14 * SECOND)]
    later = {"time_ns": NOW + 14 * SECOND}
    table = book.ledger.instruments
    assert breaker_bits(book.breakers, table, an_intent(5, **later), Rule.COOLDOWN.value) == 0
    assert breaker_bits(book.breakers, table, an_intent(5, **later), 0) == 0, "this is the probe"
    assert breaker_bits(book.breakers, table, an_intent(5, **later), 0) == Rule.VENUE_HEALTH
    book_report(book, report(99, ReportKind.FILL, NOW + 15 * SECOND, lots=5, price=ASK))
    assert breaker_bits(book.breakers, table, an_intent(5, time_ns=NOW + 15 * SECOND), 0) == 0
    assert len(trips(book)) == 1


def test_a_probe_that_did_not_leave_is_given_back() -> None:
    book = guarded(venue=VenueTerms())
    unwell(book)
    probe, table = an_intent(5, time_ns=NOW + MINUTE), book.ledger.instruments
    assert breaker_bits(book.breakers, table, probe, 0) == 0
    take_back_probe(book.breakers, table, probe)
    assert book.breakers.venues[0, 0] == Gate.HALF_OPEN
    assert breaker_bits(book.breakers, table, probe, 0) == 0
    take_back_probe(no_breakers(3), table, probe)


# -- CB-04


def filled(book: Book, count: int, price: int, lots: int = 5, first: int = 0) -> None:
    for number in range(first, first + count):
        note_leg(book.breakers, number, an_intent(lots, bid0=BID, ask0=ASK), 0)
        book_report(book, report(number, ReportKind.FILL, NOW, lots=lots, price=price))


def test_fills_that_cost_three_times_the_model_stop_the_instrument_until_a_person_lifts_it() -> None:
    book = guarded(cost=CostTerms())
    filled(book, 20, BID + 4 + 12)  # the model says half the spread: 4
    assert says(book) == Rule(0), "three times is not more than three times"
    filled(book, 1, BID + 4 + 13, first=20)
    assert says(book) & Rule.COST_BREAKER
    assert trips(book) == [(NOW, Kind.COST, 0, 0)]
    assert lift_cost(book.breakers, 0)
    assert not says(book) & Rule.COST_BREAKER
    assert not lift_cost(book.breakers, 0)


def test_sales_cost_what_they_are_filled_below_the_middle() -> None:
    dear, cheap = guarded(cost=CostTerms()), guarded(cost=CostTerms())
    filled(dear, 20, BID + 4 - 13, lots=-5)
    filled(cheap, 20, BID + 4 + 13, lots=-5)
    assert dear.breakers.costs[0, 0] == 1
    assert cheap.breakers.costs[0, 0] == 0


def test_fills_of_others_and_of_protections_are_not_held_against_the_model() -> None:
    book = guarded(cost=CostTerms(fills=1))
    book_report(book, report(7, ReportKind.FILL, NOW, lots=5, price=2 * BID))
    note_leg(book.breakers, 8, an_intent(5, bid0=BID, ask0=ASK), 0)
    book_report(book, report(8, ReportKind.FILL, NOW, lots=-5, price=1, reason=Reason.STOP))
    assert not book.breakers.costs.any()


# -- all of them


def test_without_breakers_nothing_is_kept_and_nothing_refused() -> None:
    book = a_book()
    assert kept_state(book.breakers) == {}
    assert not trips_are_full(book.breakers)
    assert [part.size for part in book.breakers[4:9]] == [0] * 5
    note_leg(book.breakers, 1, an_intent(5), 0)
    assert breaker_bits(book.breakers, book.ledger.instruments, an_intent(5), 0) == 0


def test_the_state_of_breakers_survives_a_snapshot_bit_by_bit() -> None:
    terms = {"price": PriceTerms(), "venue": VenueTerms(), "cost": CostTerms()}
    book, other = guarded(**terms), guarded(**terms)
    a_calm_price(book, 2)
    unwell(book)
    filled(book, 3, ASK)
    adopt_state(other.breakers, kept_state(book.breakers))
    for name in ("prices", "venues", "costs", "orders", "counts"):
        assert getattr(other.breakers, name).tobytes() == getattr(book.breakers, name).tobytes(), name


def test_trips_that_find_no_room_say_so_before() -> None:
    book = guarded(price=PriceTerms())
    book.breakers.counts[TRIPS] = len(book.breakers.trips) - 7
    assert not trips_are_full(book.breakers)
    book.breakers.counts[TRIPS] += 1
    assert trips_are_full(book.breakers)
    book.breakers.counts[TRIPS] = len(book.breakers.trips)
    hear_quote(book.breakers, 0, NOW, 0, 0, 0)
    assert book.breakers.counts[TRIPS] == len(book.breakers.trips)
    assert (PRICE, VENUE, COST) == (0, 1, 2)
