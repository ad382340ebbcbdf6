"""What may not be held over a time is closed ahead of it, each holding by its own times, by the engine itself."""

from market.records import records
from policies.flattening import RETRY_NS, ask_again, propose_closes, withdraw_close
from policies.intents import INTENT, Rule
from policies.risk import Book, judge
from policies.timetable import Stretch, open_timetable
from tests.builders import MINUTE, SECOND
from tests.policies.books import NOW, an_intent, hold
from tests.policies.test_flattening import CONTRACT, LOST, closes, due_ns, filled, losing, valued

WEEKEND = Stretch(NOW, NOW + MINUTE, Rule.WEEKEND.value, Rule.WEEKEND.value)
NEWS = Stretch(NOW + SECOND, NOW + MINUTE, 0, Rule.NEWS.value)


def holding(*lots: int, rows: tuple[list[Stretch], ...] = ([WEEKEND], [], []), loss: int = 0) -> Book:
    return losing(loss, *lots)._replace(timetable=open_timetable(rows))


def test_a_holding_is_closed_when_its_time_comes_and_not_before() -> None:
    book = holding(3, -4)
    assert valued(book, NOW - 1) == Rule(0)
    assert due_ns(book) == 0
    assert valued(book) == Rule.WEEKEND
    assert closes(book) == [(0, -3)], "the other one may be held"
    assert valued(book, NOW + SECOND) == Rule(0)
    assert due_ns(book) == 0, "what is being closed is not asked for again"


def test_the_reason_is_latched_until_nothing_of_it_is_held() -> None:
    book = holding(3, -4)
    valued(book)
    assert book.ledger.account[0].blocks == Rule.WEEKEND
    closes(book)
    filled(book, -3)
    assert valued(book) == Rule(0)
    assert book.ledger.account[0].blocks == 0


def test_the_latch_ends_with_its_time_even_where_nothing_could_be_closed() -> None:
    book = holding(3)
    valued(book)
    assert valued(book, NOW + MINUTE) == Rule(0)
    assert (book.ledger.account[0].blocks, due_ns(book)) == (0, 0)


def test_two_reasons_of_two_times_are_each_told_once() -> None:
    book = holding(3, -4, rows=([WEEKEND], [NEWS], []))
    assert valued(book) == Rule.WEEKEND
    assert closes(book) == [(0, -3)]
    assert valued(book, NOW + SECOND) == Rule.NEWS
    assert closes(book, NOW + SECOND) == [(1, 4)]


def test_nothing_is_opened_where_it_may_not_be_held_and_elsewhere_it_is() -> None:
    book = holding(3)
    valued(book)
    assert Rule(judge(book, an_intent(1, stop=99_900, hold_ns=SECOND))) == Rule.WEEKEND
    assert not Rule(judge(book, an_intent(1, instrument0=1, stop=99_900, hold_ns=SECOND))) & Rule.WEEKEND


def test_what_is_opened_meanwhile_is_closed_as_well_and_a_failed_close_is_asked_for_again() -> None:
    book = holding(3)
    valued(book)
    closes(book)
    filled(book, 2)
    valued(book)
    assert closes(book) == [(0, -5)]
    group = records(4, INTENT)
    filled(book, 1)
    valued(book)
    propose_closes(book, NOW, group, 0)
    ask_again(book, group[0])
    valued(book, NOW + SECOND)
    assert due_ns(book) == 0
    book.timetable.begins_ns[0, -1] = NOW + 2 * RETRY_NS
    valued(book, NOW + RETRY_NS)
    assert due_ns(book) == NOW + RETRY_NS


def test_a_close_that_was_withdrawn_is_proposed_again_at_its_instant() -> None:
    book = holding(3, -4)
    valued(book)
    group = records(4, INTENT)
    assert propose_closes(book, NOW, group, 0) == 1
    withdraw_close(book, group[0])
    assert closes(book) == [(0, -3)]


def test_where_the_account_calls_for_it_everything_is_closed_whatever_the_time() -> None:
    book = holding(3, -4, loss=LOST)
    assert valued(book) == Rule.WEEKEND | Rule.FLATTEN
    assert closes(book) == [(0, -3), (1, 4)]
    filled(book, -3)
    assert valued(book) == Rule(0)
    assert book.ledger.account[0].blocks == Rule.FLATTEN


def test_contracts_settle_and_are_not_waited_for() -> None:
    book = holding(0, rows=([], [], []))
    hold(book, 4, CONTRACT)
    assert valued(book) == Rule(0)
    assert due_ns(book) == 0
