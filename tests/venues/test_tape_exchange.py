"""An exchange over a tape has one net holding per instrument, whoever has traded it, and an emergency empties it."""

import pytest

from actors.settings import Settings
from actors.simulated import open_venues
from tests.builders import MINUTE, START_NS, a_plan, a_tape
from venues.messages import Request, RequestKind
from venues.replay import save_tape
from venues.simulated.faults import FaultPlan

AT_NS = START_NS + 95 * MINUTE
EUR = "EURUSD@a"


@pytest.fixture
def venue(tmp_path):
    """The venue of quotes of a small run, some minutes into its tape."""
    tape = a_tape(30, 400, start_ns=START_NS + 90 * MINUTE)
    settings = Settings(plan=a_plan(), tape_folder=str(tmp_path), tape_hash=save_tape(tmp_path, tape))
    found = open_venues(settings, FaultPlan(latency_ns=0), 0)["a"]
    found.exchange._reach(AT_NS)
    return found


def trade(venue, name, lots, *, reduce=False):
    """Send an order, and let it meet the market."""
    now_ns = venue.exchange.now_ns + 1
    request = Request(
        number=1, kind=RequestKind.SUBMIT, client_id=name, instrument=EUR, lots=lots, order_kind="MARKET",
        reduce=reduce, reason="EXIT" if reduce else "ENTRY", sent_ns=now_ns,
    )  # fmt: skip
    venue.exchange.answer(request, now_ns)
    venue.exchange._reach(now_ns)


def lots_of(venue):
    return {item.client_id: item.lots for item in venue.exchange.executions if item.item == "FILL"}


@pytest.mark.parametrize(("by_hand", "closed"), [(4, -9), (-2, -3), (-5, None), (-8, None)])
def test_what_reduces_closes_all_that_is_held_whoever_has_traded_it(venue, by_hand, closed):
    trade(venue, "ours", 5)
    venue.exchange.trade_by_hand(EUR, by_hand, venue.exchange.now_ns)
    trade(venue, "close", -9, reduce=True)
    assert lots_of(venue).get("close") == closed
    assert venue.exchange.positions[EUR] == 5 + by_hand + (closed or 0)


def test_an_emergency_closes_ours_as_of_our_order_and_what_was_never_ours_as_somebody_elses(venue):
    exchange = venue.exchange
    trade(venue, "ours", 5)
    found = venue.empty(flatten=True)
    assert (found.orders, found.closed, found.problem) == (0, {EUR: -5}, "")
    last = exchange.executions[-1]
    assert (last.client_id, last.reason, last.lots, last.is_of_order) == ("ours", "EMERGENCY", -5, False)
    exchange.trade_by_hand(EUR, 3, exchange.now_ns)
    assert venue.empty(flatten=True).closed == {EUR: -3}
    last = exchange.executions[-1]
    assert (last.client_id.startswith("manual"), last.reason, last.lots) == (True, "EMERGENCY", -3)
    assert exchange.positions[EUR] == 0
    assert [item.number for item in exchange.executions] == list(range(1, len(exchange.executions) + 1))


def test_an_emergency_that_only_cancels_leaves_what_is_held(venue):
    trade(venue, "ours", 5)
    assert (venue.empty(flatten=False).closed, venue.exchange.positions[EUR]) == ({}, 5)


def test_an_emergency_comes_after_all_that_was_said_to_be_calm(venue):
    trade(venue, "ours", 5)
    session = venue.session()
    assert session.open(venue.exchange.now_ns)
    calm_ns = session.calm_ns()
    assert calm_ns > venue.exchange.now_ns
    venue.empty(flatten=True)
    assert venue.exchange.executions[-1].time_ns == calm_ns + 1
    assert venue.empty(flatten=True).closed == {}, "what is empty is left alone, and no time passes"
    assert venue.exchange.now_ns == calm_ns + 1
