"""Risk's word that no group will come: it ends before the first report that risk had not taken when it gave it."""

from actors.messages import START, Verdicts
from actors.unheard import Unheard
from journal.order_records import Report


def a_report(time_ns: int) -> Report:
    return Report(
        time_ns=time_ns, venue="x", execution=0, number=0, instrument="EURUSD@x", report="FILL", reason="ENTRY", lots=1,
        price=1, fee=0, amount=0, rate_num=1, rate_den=1,
    )  # fmt: skip


def said(horizon_ns: int, done_ns: int) -> Verdicts:
    return Verdicts(1, 1, (), horizon_ns, done_ns=done_ns)


def test_a_report_takes_back_what_risk_said_until_it_has_heard_of_it() -> None:
    unheard = Unheard((), START, calls=True)
    horizon = unheard.horizon(START, said(100, 10))
    assert horizon == 100
    horizon = unheard.taken(50, horizon)
    assert horizon == 49
    assert unheard.horizon(horizon, said(100, 49)) == 49
    assert unheard.horizon(horizon, said(80, 50)) == 80


def test_a_word_of_before_the_newest_adds_nothing() -> None:
    unheard = Unheard((), START, calls=True)
    horizon = unheard.horizon(START, said(60, 50))
    horizon = unheard.taken(60, horizon)
    assert horizon == 59
    assert unheard.horizon(horizon, said(500, 40)) == 59


def test_what_a_journal_holds_of_after_the_cut_may_not_have_been_heard() -> None:
    unheard = Unheard([a_report(time_ns=30), a_report(time_ns=70)], 30, calls=True)
    assert unheard.horizon(START, said(100, 40)) == 69
    assert unheard.horizon(69, said(100, 70)) == 100


def test_where_no_report_calls_for_anything_risks_word_stands() -> None:
    unheard = Unheard([a_report(time_ns=30)], START, calls=False)
    horizon = unheard.horizon(START, said(100, START))
    assert (horizon, unheard.taken(50, horizon), unheard.horizon(horizon, said(90, START))) == (100, 100, 100)
