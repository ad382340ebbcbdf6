"""The timetable: stretches of time and their bits, looked up as they were written down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.intents import Rule
from policies.risk import judge
from policies.timetable import (
    FIRST_NS,
    Stretch,
    called_to_close,
    closes_at,
    no_timetable,
    open_timetable,
    refuses_at,
    timetable_bits,
)
from tests.builders import MINUTE, SECOND
from tests.policies.books import NOW, a_book, an_intent, hold
from tests.policies.test_account_rules import guarded
from tests.properties import FEW

NEAR = Stretch(NOW - SECOND, NOW + 1, Rule.NEWS.value, Rule.NEWS.value)
FAR = Stretch(NOW + MINUTE, NOW + 2 * MINUTE, Rule.WEEKEND.value, Rule.WEEKEND.value)

stretches = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 30), st.sampled_from(list(Rule)), st.sampled_from(list(Rule))),
    max_size=6,
).map(lambda items: [Stretch(begin, begin + width, one.value, two.value) for begin, width, one, two in items])


def joined(row: list[Stretch], now: int, name: str) -> int:
    bits = 0
    for stretch in row:
        bits |= getattr(stretch, name) if stretch.from_ns <= now < stretch.until_ns else 0
    return bits


@FEW
@given(st.lists(stretches, min_size=1, max_size=3), st.integers(-5, 100))
def test_at_every_instant_the_bits_of_all_stretches_over_it_join(rows, now) -> None:
    table = open_timetable(rows)
    for instrument, row in enumerate(rows):
        assert refuses_at(table, instrument, now) == joined(row, now, "refuses")
        assert closes_at(table, instrument, now) == joined(row, now, "closes")


def test_a_stretch_may_reach_beyond_all_time() -> None:
    table = open_timetable([[Stretch(-(2**63), 2**63 - 1, 4, 8)], []])
    assert [refuses_at(table, 0, now) for now in (FIRST_NS, 0, 2**62)] == [4, 4, 4]
    assert [refuses_at(table, 1, now) for now in (FIRST_NS, 0, 2**62)] == [0, 0, 0]


def test_without_a_timetable_nothing_is_refused_or_closed() -> None:
    book = a_book()
    hold(book, 5)
    assert (timetable_bits(book, an_intent(1)), called_to_close(book, NOW)) == (0, 0)
    assert closes_at(no_timetable(), 0, NOW) == 0


@pytest.mark.parametrize(("lots", "first"), [((1,), NEAR), ((1, -1), NEAR), ((1, -1), FAR)])
def test_an_intent_is_refused_where_one_of_its_legs_may_not_be_opened(lots, first) -> None:
    other = NEAR if first is FAR else FAR
    book = guarded()._replace(timetable=open_timetable([[first], [other], []]))
    expected = Rule.NEWS if len(lots) > 1 or first is NEAR else Rule(0)
    assert Rule(judge(book, an_intent(*lots, stop=99_900, hold_ns=SECOND))) & (Rule.NEWS | Rule.WEEKEND) == expected


def test_the_verdict_names_every_rule_of_the_time_and_never_refuses_what_reduces() -> None:
    bits = Rule.NEWS.value | Rule.WEEKEND.value | Rule.NO_NEWS.value | Rule.NO_CALENDAR.value
    book = guarded()._replace(timetable=open_timetable([[Stretch(0, 2 * NOW, bits)], [], []]))
    hold(book, 5)
    assert Rule(judge(book, an_intent(1, stop=99_900, hold_ns=SECOND))) == Rule(bits)
    assert Rule(judge(book, an_intent(-5, reduce=1))) == Rule(0)


def test_what_is_held_names_the_rules_that_call_for_its_close() -> None:
    book = guarded()._replace(timetable=open_timetable([[NEAR], [FAR], []]))
    assert called_to_close(book, NOW) == 0
    hold(book, 5)
    hold(book, 5, instrument=1)
    assert called_to_close(book, NOW) == Rule.NEWS
    assert called_to_close(book, NOW + MINUTE) == Rule.WEEKEND
    assert called_to_close(book, NOW + 10 * MINUTE) == 0
    assert book.timetable.begins_ns.dtype == np.int64
