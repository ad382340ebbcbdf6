"""Which records make the story of an order, in journals small enough to see it."""

import pytest

from journal.order_records import Cancel, Order, OrderNews, Report
from journal.records import Decision, Leg, Mandate
from journal.store import MemoryJournal
from journal.story import UnknownOrderError, story_of
from tests.journal.records import a_session_record


def a_mandate(day):
    return Mandate(time_ns=day, epoch=1, day=day, budgets=(1,), states=(0,))


def a_decision(time_ns, *orders):
    leg = Leg(instrument="X@a", lots=1, limit=0, bid=1, ask=2, quote_ns=time_ns)
    return Decision(
        time_ns=time_ns, epoch=1, intent_id=f"intent-{time_ns}", desk="d", policy="p", legs=(leg,), reduce=False,
        order_kind="MARKET", stop=0, target=0, hold_ns=0, strength=1.0, confidence=1.0, reward=0.0, gross=0.0, gain=0,
        risk_score=0.0, score=0.0, votes=(), features=(), view_hash="0", rules=(), ruling="EXECUTE", equity=1,
        orders=orders,
    )  # fmt: skip


def an_order(number, time_ns):
    return Order(
        time_ns=time_ns, epoch=1, number=number, order_id=f"tri-{time_ns}-{number}", instrument="X@a", lots=1,
        order_kind="MARKET", limit=0, stop=0, target=0, hold_ns=0, reduce=False, reason="ENTRY", arrive_ns=time_ns + 1,
    )  # fmt: skip


def a_report(number, time_ns):
    return Report(
        time_ns=time_ns, venue="a", execution=time_ns, number=number, instrument="X@a", report="FILL", reason="ENTRY",
        lots=1, price=5, fee=0, amount=0, rate_num=1, rate_den=1,
    )  # fmt: skip


def a_journal_of(*records):
    journal = MemoryJournal()
    journal.append(journal.claim("me", 0), records)
    return journal


def seqs(found):
    return [noted.seq for noted in found]


JOURNAL = a_journal_of(
    a_session_record(1), a_mandate(1), a_decision(10, 0), an_order(0, 10), a_decision(10, 1), an_order(1, 10),  # 2-7
    a_report(1, 12), a_mandate(13), a_report(0, 14), an_order(2, 14), a_report(2, 15), a_report(0, 16),  # 8-13
    a_session_record(1), a_decision(20), a_report(1, 21),  # 14-16: it was continued
    a_session_record(2), a_mandate(30), a_decision(30, 0), an_order(0, 30),  # 17-20
)  # fmt: skip


def test_a_story_has_what_led_to_the_order_and_what_came_of_it():
    story = story_of(JOURNAL, "tri-10-0")
    assert story.session.number == 1
    assert (story.mandate.seq, story.decision.seq, story.cause) == (3, 4, None)
    assert (seqs(story.orders), seqs(story.reports), seqs(story.follow_ups)) == ([5], [10, 13], [11])
    assert seqs(story.history) == [8, 10, 12, 13]


def test_an_order_that_a_report_called_for_has_that_as_its_cause():
    story = story_of(JOURNAL, "2", session=1)
    assert (story.decision, story.cause.seq, story.mandate.seq) == (None, 10, 9)
    assert (seqs(story.orders), seqs(story.reports), story.follow_ups) == ([11], [12], ())


def test_a_number_is_that_of_the_newest_session_which_has_it():
    assert seqs(story_of(JOURNAL, "0").orders) == [20]
    assert seqs(story_of(JOURNAL, "1").orders) == [7]
    assert seqs(story_of(JOURNAL, "0", session=1).orders) == [5]


def test_a_session_that_was_continued_is_one():
    assert seqs(story_of(JOURNAL, "1").reports) == [8, 16]


def test_an_intent_is_found_by_its_id_also_without_orders():
    assert seqs(story_of(JOURNAL, "intent-20").orders) == []
    assert story_of(JOURNAL, "intent-20").decision.seq == 15
    assert story_of(JOURNAL, "intent-20").mandate.seq == 9


def test_what_a_live_venue_made_of_an_order_is_in_its_story():
    news = OrderNews(time_ns=11, venue="a", life=1, seq=1, number=0, event="ACK")
    other = OrderNews(time_ns=11, venue="a", life=1, seq=2, number=1, event="ACK")
    cancel = Cancel(time_ns=12, epoch=1, number=0, reason="too late")
    journal = a_journal_of(a_session_record(1), a_decision(10, 0), an_order(0, 10), news, other, cancel)
    assert [noted.record for noted in story_of(journal, "0").news] == [news, cancel]


@pytest.mark.parametrize(("name", "session"), [("nobody", None), ("7", None), ("-1", None), ("0", 3), ("", None)])
def test_what_is_not_there_is_said(name, session):
    with pytest.raises(UnknownOrderError, match="there is no order"):
        story_of(JOURNAL, name, session)
    with pytest.raises(UnknownOrderError):
        story_of(MemoryJournal(), name, session)
