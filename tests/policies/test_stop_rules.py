"""Stops at the gate: an opening intent with a stop passes only where that is a sound one."""

from typing import Any

import pytest

from market.stop_invariants import StopFlaw
from policies.intents import STOP_SHIFT, Reduce, Rule
from policies.risk import Book, judge
from policies.stop_rules import liquidation_of, stop_bits
from tests.policies.books import a_book, an_intent


def a_strict_book(**guard: Any) -> Book:
    """Return a book with EURUSD at 100000 / 100008 in which stops must be sound."""
    book = a_book()
    for name, value in ({"stops": 1} | guard).items():
        book.guard[0][name] = value
    return book


def says(book: Book, lots: int, stop: int, **terms: Any) -> Rule:
    found = Rule(judge(book, an_intent(lots, stop=stop, **terms)))
    assert int(found) == stop_bits(book, an_intent(lots, stop=stop, **terms))
    return found


@pytest.mark.parametrize(
    ("lots", "stop", "rules"),
    [
        (5, 99_984, Rule(0)), (5, 99_985, Rule.STOP_TOO_TIGHT), (-5, 100_024, Rule(0)),
        (-5, 100_023, Rule.STOP_TOO_TIGHT), (5, 100_000, Rule.STOP_TOO_TIGHT | Rule.STOP_THROUGH_MARKET),
        (-5, 99_000, Rule.STOP_TOO_TIGHT | Rule.STOP_THROUGH_MARKET), (5, -1, Rule.MISSING_STOP), (5, 1, Rule(0)),
    ],
)  # fmt: skip
def test_a_stop_stands_on_the_loss_side_two_spreads_away_or_the_intent_is_refused(
    lots: int, stop: int, rules: Rule
) -> None:
    assert says(a_strict_book(), lots, stop) == rules


def test_an_intent_without_a_stop_and_one_that_reduces_are_not_asked() -> None:
    book = a_strict_book()
    assert says(book, 5, 0) == Rule(0)
    assert stop_bits(book, an_intent(5, stop=100_000, reduce=Reduce.POLICY)) == 0


def test_plans_of_before_decide_as_they_did() -> None:
    assert says(a_strict_book(stops=0), 5, 100_000) == Rule(0)


def test_a_fifth_of_the_way_from_liquidation_to_entry_is_kept() -> None:
    book = a_strict_book(leverage_ppm=10_000_000)
    assert liquidation_of(100_008, 5, 10_000_000) == 90_008
    assert liquidation_of(100_000, -5, 10_000_000) == 110_000
    assert says(book, 5, 92_008) == Rule(0)
    assert says(book, 5, 92_007) == Rule.STOP_TOO_CLOSE_TO_LIQUIDATION
    assert says(book, -5, 108_000) == Rule(0)
    assert says(book, -5, 108_001) == Rule.STOP_TOO_CLOSE_TO_LIQUIDATION


def test_without_leverage_there_is_no_liquidation() -> None:
    assert liquidation_of(100_000, 5, 1_000_000) == 0


def test_flaws_stand_among_the_rules_in_their_order() -> None:
    for flaw in StopFlaw:
        assert Rule(flaw.value << STOP_SHIFT).name == flaw.name
