"""Kill switches of a run at simulated venues: what works is cancelled, what is held is closed, once, whoever dies."""

from pathlib import Path

import pytest

from actors.folding import check_snapshots
from actors.settings import GOVERNOR, RISK
from actors.staging import has_stopped
from actors.switching import Act, trip
from journal.order_records import Cancel, Order, Report
from journal.switchboard import Switchboard
from market.orders import OrderStatus
from policies.floors import Mode as LossMode
from policies.switches import ANY, Mode, Scope, Trip
from research.replay import replay_session
from tests.builders import MONEY, a_plan
from tests.policies.account_books import a_floor, some_rules
from tests.simulation.live import CALM, EVERYTHING, KILLS, Staged, plan_of, problems, settings_for
from venues.simulated.faults import Fault, FaultPlan

GATEWAYS = ("gateway-fx", "gateway-a", "gateway-b")
ACTORS = (GOVERNOR, RISK, *GATEWAYS)
BARS = {"EURUSD@fx", "GBPUSD@fx", "USDJPY@fx", "AUDUSD@fx"}
CONTRACTS = {"EURUSD.60s@a"}
"""Those settle, nothing closes them."""
TURNING = {"rules": some_rules(a_floor(LossMode.STATIC, amount=10**6 * MONEY), flattens=1)}
"""Rules under which venues go from row to row, so that orders at bars are seen to wait."""


@pytest.fixture(scope="module")
def tapes(tmp_path_factory):
    return tmp_path_factory.mktemp("tapes")


class Run(Staged):
    """A session at simulated venues, with a switchboard."""

    def __init__(self, folder, board, seed=1, faults=CALM, fault=Fault.NONE, **changes):
        settings = settings_for(folder, switches_path=str(board), **changes)
        self.board = Switchboard(board)
        plan = fault if isinstance(fault, FaultPlan) else plan_of(fault)
        super().__init__(settings, seed, faults, plan)

    def until(self, condition):
        self.run(lambda: condition() or has_stopped(self.world))
        assert not has_stopped(self.world), "the run was over before"

    def trip(self, mode, scope=Scope.GLOBAL, key=ANY, hard=False):
        return trip(self.board, Trip(scope, key, mode, hard), Act(who=("ann",), reason="a test", now_ns=1))

    def of(self, kind):
        return [record for record in (entry.record() for entry in self.journal.entries()) if isinstance(record, kind)]

    def held(self):
        """What the venues hold, contracts left out."""
        return {
            name: lots for venue in self.venues.values() for name, lots in venue.exchange.positions.items()
            if lots and name not in CONTRACTS
        }  # fmt: skip

    def there(self):
        """Ids of all orders that have come to the venues."""
        return {order.first_id for venue in self.venues.values() for order in venue.exchange.orders}

    def working(self):
        """Orders that may still trade at the venues."""
        return [
            order for venue in self.venues.values() for order in venue.exchange.orders
            if order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
        ]  # fmt: skip


def opened(run):
    return any(report.reason == "ENTRY" and report.instrument not in CONTRACTS for report in run.of(Report))


def after_the_switch(outcome):
    """Return the decisions that were ruled on under a switch: those of its instant and later."""
    (switch,) = outcome.log.switches
    return [one for one in outcome.log.decisions if one.time_ns > switch.time_ns], outcome.log.closures


def is_closed_once(run, outcome):
    """Nothing is held any more, and every close was decided, ordered and taken once."""
    later, closures = after_the_switch(outcome)
    assert not any(one.ruling == "EXECUTE" for one in later)
    assert run.held() == {}
    assert run.working() == []
    assert all(order.reduce and order.reason == "FLATTEN" for order in outcome.log.orders if order.number in {
        number for one in closures for number in one.orders
    })  # fmt: skip
    ids = [order.order_id for order in outcome.log.orders]
    assert len(set(ids)) == len(ids)
    assert not run.world.actor(RISK)._book.ledger.positions.lots[:6].any()
    assert check_snapshots(run.journal).problem is None


FLATTENED = ((0, Fault.NONE), (1, Fault.NONE), (2, Fault.DELAY), (3, Fault.DROP_AFTER))


@pytest.mark.parametrize(("seed", "fault"), FLATTENED)
def test_where_a_switch_wants_all_closed_it_is_closed_at_the_venue_whoever_dies(seed, fault, tapes, tmp_path):
    run = Run(tapes, tmp_path / "switches.db", seed, (KILLS, EVERYTHING)[seed % 2], fault)
    run.until(run.held)
    run.trip(Mode.FLATTEN_AND_BLOCK)
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    assert outcome.kills > 0
    assert outcome.log.closures
    is_closed_once(run, outcome)


def killed_at(tapes, board, name, step, mode):
    """Play a run in which one actor is killed so many steps after a switch was tripped."""
    run = Run(tapes, board, 2)
    run.until(lambda: run.held() and run.of(Order)[-1].reduce is False)
    run.trip(mode)
    begin = run.world.steps
    run.run(lambda: run.world.steps >= begin + step)
    run.world.kill(name)
    return run, run.end()


@pytest.mark.parametrize("name", ACTORS)
@pytest.mark.parametrize("step", [1, 4, 9, 16, pytest.param(25, marks=pytest.mark.slow)])
def test_a_kill_at_any_step_after_the_switch_closes_all_once(name, step, tapes, tmp_path):
    run, outcome = killed_at(tapes, tmp_path / "switches.db", name, step, Mode.FLATTEN_AND_BLOCK)
    assert problems(outcome, Fault.NONE) == []
    is_closed_once(run, outcome)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTORS)
def test_a_kill_at_every_step_after_the_switch_closes_all_once(name, tapes, tmp_path):
    for step in range(60):
        run, outcome = killed_at(tapes, tmp_path / f"{step}.db", name, step, Mode.FLATTEN_AND_BLOCK)
        assert problems(outcome, Fault.NONE) == [], step
        is_closed_once(run, outcome)


def test_what_was_closed_at_a_venue_is_journaled_as_a_decision_and_replays_up_to_the_switch(tapes, tmp_path):
    run = Run(tapes, tmp_path / "switches.db")
    run.until(run.held)
    run.trip(Mode.FLATTEN_AND_BLOCK)
    outcome = run.end()
    is_closed_once(run, outcome)
    closures = outcome.log.closures
    assert {(one.policy, one.ruling, one.reduce) for one in closures} == {("kill_switch", "EXECUTE", True)}
    fills = [one for one in outcome.log.reports if one.report == "FILL" and one.reason == "FLATTEN"]
    assert {one.number for one in fills} == {number for one in closures for number in one.orders}
    found = replay_session(Path("x"), outcome.log, tapes, None)
    assert found.first_difference is None
    assert found.decisions > 0


def test_a_hard_switch_lets_nothing_leave_not_even_what_would_close(tapes, tmp_path):
    run = Run(tapes, tmp_path / "switches.db")
    run.until(run.held)
    run.trip(Mode.FLATTEN_AND_BLOCK, hard=True)
    there = run.there()
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    assert (outcome.log.closures, run.there()) == ([], there)


def test_a_desk_that_is_flattened_leaves_the_other_desks_alone(tapes, tmp_path):
    run = Run(tapes, tmp_path / "switches.db")
    run.until(run.held)
    run.trip(Mode.FLATTEN_AND_BLOCK, Scope.DESK, "arbitrage")
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    assert {one.desk for one in outcome.log.closures} <= {"arbitrage"}
    later, _ = after_the_switch(outcome)
    assert {one.desk for one in later if one.ruling == "EXECUTE"} >= {"binary"}


@pytest.mark.parametrize(("mode", "cancelled"), [(Mode.BLOCK_NEW, False), (Mode.CANCEL_AND_BLOCK, True)])
@pytest.mark.parametrize("faults", [CALM, KILLS])
def test_what_waits_to_open_at_a_venue_is_cancelled_where_a_switch_says_so(mode, cancelled, faults, tapes, tmp_path):
    """An order at bars waits there for the next one; the wish to cancel it is durable before its gateway hears it."""
    run = Run(tapes, tmp_path / "switches.db", 1, faults, plan=a_plan(**TURNING), minutes=90)
    waiting = lambda: [one for one in run.working() if one.instrument in BARS and not one.reduce]  # noqa: E731
    run.until(waiting)
    ids = {one.first_id for one in waiting()}
    run.trip(mode)
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    numbers = {order.number for order in outcome.log.orders if order.order_id in ids}
    ends = {one.number: (one.report, one.reason) for one in outcome.log.reports if one.number in numbers}
    if cancelled:
        assert numbers <= {one.number for one in run.of(Cancel)}
    else:
        assert run.of(Cancel) == []
    if faults is CALM:
        assert {end == ("CANCEL", "WITHHELD") for end in ends.values()} == {cancelled}


class Emergency(Run):
    """A run that an emergency stop interrupts at its venues."""

    def stop(self, *, flatten):
        self.trip(Mode.CANCEL_AND_BLOCK, hard=True)
        return {name: venue.empty(flatten=flatten) for name, venue in self.venues.items()}


@pytest.mark.parametrize(("seed", "fault"), FLATTENED)
def test_what_an_emergency_stop_did_at_the_venues_is_heard_and_booked_once(seed, fault, tapes, tmp_path):
    run = Emergency(tapes, tmp_path / "switches.db", seed, (KILLS, EVERYTHING)[seed % 2], fault)
    run.until(run.held)
    held = run.held()
    under_way = {one.request.client_id for venue in run.venues.values() for one in venue._requests}
    done = run.stop(flatten=True)
    assert {name: -lots for one in done.values() for name, lots in one.closed.items()} == held
    assert run.held() == {}
    there = run.there()
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    assert run.there() - there <= under_way, "an order left after the stop"
    assert outcome.log.closures == []
    closed = [(one.instrument, one.lots) for one in outcome.log.reports if one.reason == "EMERGENCY"]
    assert sorted(closed) == sorted((name, -lots) for name, lots in held.items())
    assert not run.world.actor(RISK)._book.ledger.positions.lots[:6].any()
    assert check_snapshots(run.journal).problem is None


def test_an_emergency_stop_at_a_venue_whose_market_has_ended_says_so(tapes, tmp_path):
    run = Run(tapes, tmp_path / "switches.db")
    outcome = run.end()
    assert problems(outcome, Fault.NONE) == []
    for venue in run.venues.values():
        found = venue.empty(flatten=True)
        assert (found.orders, found.closed) == (0, {})
        assert ("has ended" in found.problem) == any(venue.exchange.positions.values())
