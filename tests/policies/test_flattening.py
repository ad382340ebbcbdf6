"""Flattening: what account rules call for is closed by the engine itself, once, and nothing is opened meanwhile."""

from typing import Any

import pytest

from market.instruments import Kind
from market.paper import Reason, ReportKind
from market.records import Records, records
from policies.bookkeeping import book_report, close_instant, place, reserve
from policies.flattening import RETRY_NS, ask_again, is_due, may_coast, propose_closes, withdraw_close
from policies.floors import Clears
from policies.intents import INTENT, Reduce, Rule
from policies.judgement import judge_group
from policies.risk import Book, judge
from policies.switches import HARD, Mode, switched_off
from tests.builders import MONEY, SECOND
from tests.market.floor import a_report
from tests.policies.books import CASH, NOW, an_intent, hold
from tests.policies.test_account_rules import FLOOR, guarded

CONTRACT = 2
LOST = 8_500


def losing(loss: int = LOST, *lots: int, flattens: int = 1, **terms: Any) -> Book:
    """Return a book that holds lots of its instruments and has lost so much of the 10,000 that it may lose."""
    book = guarded(FLOOR | terms.pop("floor", {}), gap_ppm=1, flattens=flattens, **terms)
    for instrument, size in enumerate(lots or (1,)):
        if size:
            hold(book, size, instrument)
    book.ledger.account[0].cash = CASH - loss * MONEY
    return book


def valued(book: Book, time_ns: int = NOW) -> Rule:
    """Value the account; return what is latched for the first time."""
    book.ledger.account[0].floating = 0
    return Rule(int(close_instant(book, time_ns)))


def closes(book: Book, time_ns: int = NOW) -> list[tuple[int, int]]:
    """Judge what is proposed to be closed; return (instrument, lots) of what passes."""
    group = records(len(book.closing) + 1, INTENT)
    count = propose_closes(book, time_ns, group, 0)
    judge_group(book, group, count)
    assert all(intent.reduce == Reduce.GUARD and intent.time_ns == time_ns for intent in group[:count])
    return [(int(intent.instrument0), int(intent.lots0)) for intent in group[:count] if intent.rules == 0]


def due_ns(book: Book) -> int:
    return int(book.guard[0].due_ns)


def filled(book: Book, lots: int, instrument: int = 0, **terms: int) -> None:
    book_report(book, a_report(lots, 100_000, instrument=instrument, number=77, **terms))


def test_at_the_share_of_a_limit_every_holding_is_closed_and_that_is_latched() -> None:
    book = losing(LOST, 3, -4)
    assert valued(book) == Rule.FLATTEN
    assert due_ns(book) == NOW
    assert closes(book) == [(0, -3), (1, 4)]
    assert due_ns(book) == 0
    assert valued(book, NOW + SECOND) == Rule(0)
    assert due_ns(book) == 0, "what is being closed is not asked for again"


def test_a_millionth_below_the_share_nothing_happens() -> None:
    book = losing(LOST)
    book.ledger.account[0].cash += 10_000  # a millionth of the amount: shares are counted in these
    assert valued(book) == Rule(0)
    assert due_ns(book) == 0


def test_plans_of_before_decide_as_they_did() -> None:
    book = losing(LOST, flattens=0)
    assert valued(book) == Rule(0)
    assert due_ns(book) == 0
    assert may_coast(book)


def test_nothing_is_opened_until_everything_is_closed_and_then_it_may_be() -> None:
    book = losing(LOST)
    book.guard[0].block_ppm = 10**9
    valued(book)
    assert Rule(judge(book, an_intent(1, stop=99_900, hold_ns=SECOND))) == Rule.FLATTEN
    closes(book)
    assert Rule(judge(book, an_intent(1, stop=99_900, hold_ns=SECOND))) == Rule.FLATTEN
    filled(book, -1)
    assert valued(book) == Rule(0)
    assert Rule(judge(book, an_intent(1, stop=99_900, hold_ns=SECOND))) == Rule(0)


def test_it_stays_latched_while_an_opening_order_works_and_closes_what_that_brings() -> None:
    book = losing(LOST)
    reserve(book, an_intent(5), 1)
    place(book, 9, 0, 5)
    valued(book)
    assert closes(book) == [(0, -1)]
    filled(book, -1)
    valued(book)
    assert book.ledger.account[0].blocks & Rule.FLATTEN
    book_report(book, a_report(5, 100_000, number=9))
    assert valued(book) == Rule(0)
    assert closes(book) == [(0, -5)]
    filled(book, -5)
    valued(book)
    assert not book.ledger.account[0].blocks & Rule.FLATTEN


def test_more_of_what_is_being_closed_is_asked_for_again_and_less_is_not() -> None:
    book = losing(LOST, 5)
    valued(book)
    closes(book)
    filled(book, -2)
    valued(book)
    assert due_ns(book) == 0
    filled(book, 4)
    valued(book)
    assert closes(book) == [(0, -7)]
    filled(book, -9)
    valued(book)
    assert closes(book) == [(0, 2)]


@pytest.mark.parametrize(
    ("kind", "reason", "again"),
    [
        (ReportKind.CANCEL, Reason.WITHHELD, True), (ReportKind.REJECT, Reason.NO_POSITION, True),
        (ReportKind.CANCEL, Reason.END, True), (ReportKind.CANCEL, Reason.UNFILLED, False),
        (ReportKind.AMEND, Reason.TRAIL, False),
    ],
)  # fmt: skip
def test_a_close_that_came_to_nothing_is_asked_for_again_unless_it_is_followed_up(
    kind: ReportKind, reason: Reason, again: bool
) -> None:
    book = losing(LOST, 5)
    valued(book)
    closes(book)
    filled(book, -5, kind=kind, reason=reason)
    valued(book, NOW + SECOND)
    assert (due_ns(book) != 0) == again


def test_a_close_that_is_not_executed_is_asked_for_again_after_a_while() -> None:
    book = losing(LOST, 5)
    valued(book)
    group = records(4, INTENT)
    propose_closes(book, NOW, group, 0)
    ask_again(book, group[0])
    valued(book, NOW + RETRY_NS - 1)
    assert due_ns(book) == 0
    valued(book, NOW + RETRY_NS)
    assert due_ns(book) == NOW + RETRY_NS


def test_what_was_proposed_and_withdrawn_is_proposed_again_at_its_instant() -> None:
    book = losing(LOST, 5)
    valued(book)
    group = records(4, INTENT)
    propose_closes(book, NOW, group, 0)
    withdraw_close(book, group[0])
    assert due_ns(book) == NOW
    assert closes(book) == [(0, -5)]


def test_contracts_settle_and_cannot_be_closed() -> None:
    book = losing(LOST, 0)
    hold(book, 4, CONTRACT)
    book.ledger.account[0].cash = CASH - LOST * MONEY
    assert book.ledger.instruments[CONTRACT].kind == Kind.BINARY
    assert valued(book) == Rule.FLATTEN
    assert due_ns(book) == 0
    assert not is_due(book, CONTRACT, NOW)


def test_safe_mode_stops_new_risk_and_leaves_what_is_held_to_its_stops() -> None:
    safe = {"rule": Rule.SAFE_MODE, "clears": Clears.ACKNOWLEDGED}
    assert valued(losing(9_999, floor=safe)) == Rule(0)
    assert valued(losing(9_999)) == Rule.FLATTEN


def test_the_worst_price_of_an_instant_counts() -> None:
    book = losing(LOST - 1)
    book.ledger.account[0].dip = -MONEY
    assert valued(book) == Rule.FLATTEN


def test_an_account_without_a_position_is_not_closed() -> None:
    book = losing(LOST, 0)
    assert valued(book) == Rule(0)


def test_a_close_says_what_it_saw_and_goes_before_what_a_policy_wants() -> None:
    book = losing(LOST, 3)
    valued(book)
    group = records(4, INTENT)
    group[0] = an_intent(0, reduce=Reduce.POLICY)
    assert propose_closes(book, NOW, group, 1) == 2
    judge_group(book, group, 2)
    first, second = group[0], group[1]
    assert (int(first.reduce), int(second.reduce)) == (Reduce.GUARD, Reduce.POLICY)
    quote = book.quotes[0]
    assert (first.bid0, first.ask0, first.quote0_ns) == (quote.bid, quote.ask, quote.time_ns)
    assert (first.epoch, first.first_order, first.confidence) == (book.ledger.account[0].epoch, -1, 1.0)


@pytest.mark.parametrize(
    ("mode", "reduce", "stopped"),
    [
        (Mode.FLATTEN_AND_BLOCK, Reduce.POLICY, True), (Mode.FLATTEN_AND_BLOCK, Reduce.GUARD, False),
        (Mode.FLATTEN_AND_BLOCK, Reduce.SWITCH, False), (Mode.FLATTEN_AND_BLOCK + HARD, Reduce.GUARD, True),
        (Mode.CANCEL_AND_BLOCK, Reduce.POLICY, False), (Mode.CANCEL_AND_BLOCK, Reduce.NO, True),
    ],
)  # fmt: skip
def test_where_a_switch_wants_all_closed_the_engine_alone_may_close(mode: int, reduce: Reduce, stopped: bool) -> None:
    assert switched_off(postures(mode), an_intent(0, reduce=reduce)) == stopped


def postures(mode: int) -> Records:
    found: Records = records(3, INTENT)["time_ns"]
    found[:] = mode
    return found


def test_what_is_held_is_looked_at_instant_by_instant() -> None:
    assert not may_coast(losing(0))
    assert may_coast(losing(0, 0))
