"""The governor: one epoch, one numbered order of things, durable before anybody hears of it."""

import pytest

from actors.messages import END, START, Grant, Pull, Rulings, Verdicts
from actors.settings import GOVERNOR, RISK
from journal.order_records import Order, Report
from journal.records import Decision, Latch, Mandate, Sample, Stop
from journal.store import Fenced
from market.paper import ORDER, Reason, ReportKind
from market.records import unpacked
from policies.bookkeeping import DAY_NS
from policies.intents import Ruling
from tests.actors.bench import (
    PAIR,
    QUOTED_A,
    QUOTED_B,
    Finding,
    a_fill,
    a_governor,
    a_group,
    a_journal,
    an_intent,
    at,
    reports_of,
    settings_of,
)

ROLL = Finding(at(0), budgets=(1, 2, 3))
SAMPLE = Finding(at(1), sample=(10, 9, 8, 11))
DAY = at(0) // DAY_NS


@pytest.fixture
def settings(tmp_path):
    return settings_of(tmp_path)


@pytest.fixture
def journal(settings):
    return a_journal(settings)


def verdicts(first, *findings, horizon=None, epoch=2, complete=False):
    last = findings[-1].time_ns if findings else START
    return Verdicts(epoch, first, findings, last if horizon is None else horizon, complete)


def kept(journal):
    """Return the records after those of the session's beginning and the claim."""
    return [entry.record() for entry in journal.entries(after=3)]


def kinds(journal):
    return [type(record) for record in kept(journal)]


def pair(seconds, lots=5, **fields):
    """Return an intent of two legs: buy at a, sell at b."""
    both = {"legs": 2, "instrument1": QUOTED_B, "lots1": -lots, "group": 0}
    return an_intent(seconds, QUOTED_A, lots, **both, **fields)


def numbers(batch):
    return [int(row.number) for row in unpacked(batch.orders, ORDER)]


# --- its epoch


def test_every_life_claims_an_epoch_of_its_own(settings, journal):
    assert [a_governor(settings, journal)[0].epoch for _ in range(3)] == [2, 3, 4]
    assert journal.head[0] == 2 + 3


def test_a_tick_makes_the_epoch_known_to_risk_and_agents(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_tick(0)
    grants = [(told.receiver, told.message) for told in recorder.told if told.method == "on_grant"]
    assert grants == [(name, Grant(2, -1, ())) for name in (RISK, *settings.agents)]
    governor.on_verdicts(verdicts(1, ROLL))
    recorder.take()
    governor.on_tick(0)
    assert recorder.take(RISK, "on_grant") == [Grant(2, DAY, (1, 2, 3))]


def test_a_tick_asks_a_gateway_that_has_work_and_is_silent(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2))))
    for upto, asks in ((2.05, 1), (2.06, 0), (2.06, 1)):
        governor.on_reports(reports_of(at(upto), calm_ns=at(2.1) - 1, orders=1))
        recorder.take()
        governor.on_tick(0)
        pulls = [told.message for told in recorder.told if told.receiver == "gateway-a" and told.method == "on_pull"]
        assert pulls == [Pull(GOVERNOR, at(upto), again=True)] * asks


def test_what_risk_found_under_another_epoch_is_left(settings, journal):
    governor, recorder = a_governor(settings, journal)
    for epoch in (1, 3):
        governor.on_verdicts(verdicts(1, ROLL, epoch=epoch))
    assert (kept(journal), recorder.told, governor.taken) == ([], [], 0)


def test_a_fenced_governor_writes_nothing_tells_nothing_and_ends(settings, journal):
    ended = []
    governor, recorder = a_governor(settings, journal, lambda: ended.append(True))
    a_governor(settings, journal)
    before = journal.head
    with pytest.raises(Fenced):
        governor.on_verdicts(verdicts(1, ROLL, a_group(1, an_intent(1))))
    assert (ended, journal.head, recorder.told) == ([True], before, [])


# --- one numbered stream


def test_findings_are_taken_once_and_in_order(settings, journal):
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE))
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE))
    governor.on_verdicts(verdicts(2, SAMPLE, Finding(at(2), rules=64 | 128)))
    assert kept(journal) == [
        Mandate(time_ns=at(0), epoch=2, day=DAY, budgets=(1, 2, 3), states=(0, 0, 0)),
        Sample(time_ns=at(1), equity=10, low=9, cash=8, peak=11),
        Latch(time_ns=at(2), rules=("DAILY_LOSS", "TOTAL_DRAWDOWN")),
    ]
    assert governor.taken == 3


def test_a_gap_in_the_findings_is_not_taken_and_its_horizon_not_believed(settings, journal):
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(2, SAMPLE, horizon=END, complete=True))
    assert (kept(journal), governor.taken, governor.horizon_ns, governor.stopped) == ([], 0, START, False)
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE))
    assert (governor.taken, governor.horizon_ns) == (2, at(1))


def test_what_one_message_brings_is_one_transaction(settings, journal, monkeypatch):
    groups = []
    append = journal.append
    monkeypatch.setattr(journal, "append", lambda epoch, records: groups.append(len(records)) or append(epoch, records))
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE, a_group(2, pair(2))))
    assert groups == [1, 5]  # the claim; then mandate, sample, decision and two orders


def test_nobody_is_told_of_anything_that_the_journal_has_not(settings, journal):
    governor, recorder = a_governor(settings, journal)
    heads = []
    recorder.before = lambda: heads.append(journal.head[0])
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2)), horizon=at(3)))
    assert kinds(journal) == [Mandate, Decision, Order, Order]
    assert heads
    assert set(heads) == {journal.head[0]}


# --- rulings and orders


def test_an_executed_pair_is_journaled_and_ordered_at_both_venues(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2))))
    (decision,) = [record for record in kept(journal) if isinstance(record, Decision)]
    orders = [record for record in kept(journal) if isinstance(record, Order)]
    assert (decision.ruling, decision.orders, decision.epoch) == ("EXECUTE", (0, 1), 2)
    assert [(order.number, order.instrument, order.lots, order.arrive_ns) for order in orders] == [
        (0, "EURUSD@a", 5, at(2.1)), (1, "EURUSD@b", -5, at(2.15)),
    ]  # fmt: skip
    assert len({order.order_id for order in orders}) == 2
    sent = {told.receiver: told.message for told in recorder.told if told.method == "on_orders"}
    assert {name: numbers(batch) for name, batch in sent.items()} == {"gateway-a": [0], "gateway-b": [1]}
    assert recorder.take(RISK, "on_rulings") == [(Rulings(2, at(2), (int(Ruling.EXECUTE),), (0,)), None)]


def test_a_refused_intent_is_journaled_with_its_rules_and_ordered_nowhere(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2, rules=32 | 1024))))
    (decision,) = [record for record in kept(journal) if isinstance(record, Decision)]
    assert (decision.ruling, decision.rules, decision.orders) == ("REFUSED", ("POSITION_LIMIT", "COOLDOWN"), ())
    assert [told.receiver for told in recorder.told if told.method == "on_orders"] == []
    assert recorder.take(RISK, "on_rulings") == [(Rulings(2, at(2), (int(Ruling.REFUSED),), (-1,)), None)]


def test_risk_is_told_rulings_and_reports_in_one_message(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_pull(Pull(RISK, START, again=True))
    recorder.take()
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2, rules=32))))
    ((answer, reports),) = recorder.take(RISK)
    assert (answer.time_ns, reports.findings, len(reports.reports)) == (at(2), 2, 0)


def test_a_group_that_risk_tells_again_is_answered_and_not_ruled_again(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2))))
    (answer,) = recorder.take(RISK, "on_rulings")
    before = journal.head
    governor.on_verdicts(verdicts(2, a_group(2, pair(2))))
    assert recorder.take(RISK, "on_rulings") == [answer]
    assert journal.head == before


def test_a_successor_answers_for_its_predecessor_and_numbers_on(settings, journal):
    first, heard = a_governor(settings, journal)
    first.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2))))
    ((answer, _),) = heard.take(RISK, "on_rulings")
    governor, recorder = a_governor(settings, journal)
    assert governor.taken == 2
    governor.on_verdicts(verdicts(2, a_group(2, pair(2, epoch=3)), epoch=3))
    assert recorder.take(RISK, "on_rulings") == [
        (Rulings(3, *[getattr(answer, name) for name in answer.__struct_fields__[1:]]), None)
    ]
    governor.on_verdicts(verdicts(3, a_group(9, pair(9, epoch=3)), epoch=3))
    orders = [record for record in kept(journal) if isinstance(record, Order)]
    assert [order.number for order in orders] == [0, 1, 2, 3]
    assert [order.epoch for order in orders] == [2, 2, 3, 3]


def test_a_gateway_that_has_lost_orders_is_sent_them_again(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2)), a_group(4, pair(4))))
    recorder.take()
    governor.on_pull(Pull("gateway-a", 1, again=True))
    (batch,) = recorder.take("gateway-a")
    assert (batch.first, numbers(batch), batch.epoch) == (1, [2], 2)
    governor.on_pull(Pull("gateway-a", 99, again=True))
    (batch,) = recorder.take("gateway-a")
    assert (batch.first, numbers(batch)) == (2, [])


# --- promises


def promise_of(recorder, name):
    return [batch.horizon_ns for batch in recorder.take(name, "on_orders")][-1]


def test_a_promise_is_the_horizon_and_the_way_to_the_venue(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, an_intent(2, PAIR, desk=1)), horizon=at(9)))
    assert promise_of(recorder, "gateway-fx") == at(9.05)


def test_while_a_report_may_call_for_an_order_a_promise_ends_with_what_is_reported(settings, journal):
    """Leg a arrives at 2.1 and leg b at 2.15: before that no report can come, nor an unwind 50 ms (the least) after."""
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2)), horizon=at(9)))
    assert promise_of(recorder, "gateway-a") == at(2.15) - 1
    governor.on_reports(reports_of(at(2.15) - 1, a_fill(0, 2.1), calm_ns=at(7) - 1, orders=1))
    assert promise_of(recorder, "gateway-b") == at(2.2) - 1
    filled = a_fill(1, 2.15, instrument=QUOTED_B, lots=-5, venue=2)
    governor.on_reports(reports_of(at(2.2) - 1, filled, calm_ns=END, orders=1, source="gateway-b"))
    assert promise_of(recorder, "gateway-a") == at(9.1)  # the pair is complete: no report calls for anything


def test_a_report_of_an_order_that_overtakes_another_one_is_not_lost(settings, journal):
    """A closing order waits a second to be tried again; an order decided meanwhile arrives before it."""
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, an_intent(2, lots=-5, reduce=1)), horizon=at(2.05)))
    unfilled = {"kind": ReportKind.CANCEL, "reason": Reason.UNFILLED, "lots": -5}
    governor.on_reports(reports_of(at(2.12), a_fill(0, 2.1, **unfilled), calm_ns=END, orders=1))
    governor.on_verdicts(verdicts(3, horizon=at(2.15)))
    assert [order.arrive_ns for order in kept(journal) if isinstance(order, Order)] == [at(2.1), at(3.1)]
    governor.on_verdicts(verdicts(3, a_group(2.2, an_intent(2.2)), horizon=at(2.6)))
    assert [order.arrive_ns for order in kept(journal) if isinstance(order, Order)] == [at(2.1), at(3.1), at(2.3)]
    governor.on_reports(reports_of(at(2.4), a_fill(2, 2.3, 1), after_ns=at(2.12), calm_ns=at(3.1) - 1, orders=3))
    assert [report.number for report in kept(journal) if isinstance(report, Report)] == [0, 2]


def test_a_report_waits_for_intents_before_it(settings, journal):
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, an_intent(2)), horizon=at(2)))
    governor.on_reports(reports_of(at(2.2), a_fill(0, 2.1), calm_ns=END, orders=1))
    assert Report not in kinds(journal)
    governor.on_verdicts(verdicts(3, horizon=at(3)))
    assert kinds(journal)[-1] is Report


# --- reports


def taken(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, an_intent(2)), horizon=at(9)))
    governor.on_pull(Pull(RISK, START, again=True))
    recorder.take()
    return governor, recorder


def test_a_report_is_journaled_and_then_told_to_risk(settings, journal):
    governor, recorder = taken(settings, journal)
    heads = []
    recorder.before = lambda: heads.append(kinds(journal)[-1])
    governor.on_reports(reports_of(at(5), a_fill(0, 2.1), calm_ns=END, orders=1))
    (told,) = recorder.take(RISK, "on_reports")
    assert (told.upto_ns, len(told.reports), told.findings) == (at(9.05), 1, 2)  # all routes are quiet: the fx promise
    assert set(heads) == {Report}


def test_a_report_is_taken_once_however_often_it_is_told(settings, journal):
    governor, _ = taken(settings, journal)
    batch = reports_of(at(5), a_fill(0, 2.1), calm_ns=END, orders=1)
    for _ in range(3):
        governor.on_reports(batch)
    assert kinds(journal).count(Report) == 1


def test_a_gap_in_the_reports_is_asked_for(settings, journal):
    governor, recorder = taken(settings, journal)
    governor.on_reports(reports_of(at(6), a_fill(0, 5.5), after_ns=at(5), calm_ns=END, orders=1))
    assert recorder.take("gateway-a") == [Pull("governor", START, again=True)]
    assert Report not in kinds(journal)


def test_reports_of_another_epoch_or_of_a_stranger_are_left(settings, journal):
    governor, recorder = taken(settings, journal)
    governor.on_reports(reports_of(at(5), a_fill(0, 2.1), epoch=1))
    governor.on_reports(reports_of(at(5), a_fill(0, 2.1), source="gateway-x"))
    assert (kinds(journal).count(Report), recorder.told) == (0, [])


def test_risk_is_told_from_where_it_has_lost_the_thread(settings, journal):
    governor, recorder = taken(settings, journal)
    governor.on_reports(
        reports_of(at(5), a_fill(0, 2.1), a_fill(0, 2.2, 1, reason=Reason.TIME, lots=-5), calm_ns=END, orders=1)
    )
    recorder.take()
    for after, count in ((START, 2), (at(2.1), 1), (at(5), 0)):
        governor.on_pull(Pull(RISK, after, again=True))
        (told,) = recorder.take(RISK, "on_reports")
        assert (told.after_ns, len(told.reports)) == (after, count)


def test_a_naked_leg_is_unwound(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, a_group(2, pair(2)), horizon=at(9)))
    governor.on_reports(reports_of(at(2.15) - 1, a_fill(0, 2.1), calm_ns=END, orders=1))
    unfilled = {"kind": ReportKind.CANCEL, "reason": Reason.UNFILLED, "lots": -5, "instrument": QUOTED_B, "venue": 2}
    recorder.take()
    governor.on_reports(reports_of(at(2.15), a_fill(1, 2.15, **unfilled), calm_ns=END, orders=1, source="gateway-b"))
    order = kept(journal)[-1]
    assert isinstance(order, Order)
    assert (order.instrument, order.lots, order.reduce, order.reason, order.arrive_ns) == (
        "EURUSD@a", -5, True, "UNWIND", at(2.25),
    )  # fmt: skip
    assert [numbers(batch) for batch in recorder.take("gateway-a", "on_orders")] == [[2]]


# --- the end


def test_a_complete_run_is_ended_once(settings, journal):
    governor, _ = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE, horizon=END, complete=True))
    assert kept(journal)[-1] == Stop(time_ns=END, number=1, complete=True, reason="end")
    head = journal.head
    governor.on_verdicts(verdicts(3, horizon=END, complete=True))
    governor.on_stop("too late")
    assert (journal.head, governor.stopped) == (head, True)


def test_a_successor_of_a_complete_run_does_not_end_it_again(settings, journal):
    first, _ = a_governor(settings, journal)
    first.on_verdicts(verdicts(1, ROLL, horizon=END, complete=True))
    governor, _ = a_governor(settings, journal)
    assert governor.stopped
    governor.on_verdicts(verdicts(2, horizon=END, complete=True, epoch=3))
    assert kinds(journal).count(Stop) == 1


def test_a_stopped_run_takes_nothing_more_and_says_so_once(settings, journal):
    governor, recorder = a_governor(settings, journal)
    governor.on_verdicts(verdicts(1, ROLL, SAMPLE))
    for _ in range(2):
        governor.on_stop("interrupted")
    recorder.take()
    governor.on_verdicts(verdicts(3, a_group(2, pair(2))))
    governor.on_reports(reports_of(at(5), a_fill(0, 2.1)))
    assert kept(journal)[-1] == Stop(time_ns=at(1), number=1, complete=False, reason="interrupted")
    assert kinds(journal).count(Stop) == 1
    told = [told.message for told in recorder.told if told.method in ("on_orders", "on_rulings")]
    assert [numbers(batch) for batch in told if numbers(batch)] == []


def test_a_successor_of_an_interrupted_run_goes_on(settings, journal):
    first, _ = a_governor(settings, journal)
    first.on_verdicts(verdicts(1, ROLL, SAMPLE))
    first.on_stop("interrupted")
    governor, _ = a_governor(settings, journal)
    assert (governor.stopped, governor.taken) == (False, 2)
    governor.on_verdicts(verdicts(3, a_group(2, pair(2)), epoch=3))
    assert kinds(journal)[-1] is Order
