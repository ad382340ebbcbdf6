"""Kill switches in World: between decision and send, through kills of everybody, and until they are lifted."""

from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from actors.folding import check_snapshots
from actors.gateway import Gateway
from actors.restoring import newest_session
from actors.risk import RiskManager
from actors.settings import GOVERNOR, RISK, Settings
from actors.staging import Cast, has_stopped, open_session, stage_world
from actors.switching import Act, lift, trip
from actors.world import Faults, World
from journal.order_records import Order, Report
from journal.records import Decision, Switch
from journal.store import MemoryJournal
from journal.switchboard import Switchboard
from policies.floors import Mode as LossMode
from policies.switches import ANY, Mode, Rearm, Result, Scope, Trip
from research.replay import replay_session
from tests.builders import MINUTE, MONEY, START_NS, a_plan, a_tape
from tests.policies.account_books import a_floor, some_rules
from venues.replay import save_tape

STEPS_MAX = 60_000
FAULTS = Faults(repeat=0.05, delay=0.1, kills_per_s=4.0, kills_max=10, torn=0.5, linger=0.4)
GLOBAL = (Scope.GLOBAL, ANY)


class NotingGateway(Gateway):
    """A gateway that notes which orders have left, each once: one started anew sends again what it had sent."""

    def __init__(self, left: list[Any], *arguments: Any) -> None:
        self._left = left
        super().__init__(*arguments)

    def _put(self, order, *, withheld=False):
        if not withheld and int(order["number"]) not in self._left:
            self._left.append(int(order["number"]))
        super()._put(order, withheld=withheld)


class Run(Struct):
    """A session in World with a switchboard, and what left."""

    world: World
    journal: MemoryJournal
    board: Switchboard
    left: list[int]
    folder: str

    def until(self, condition):
        self.world.run(condition, STEPS_MAX)

    def trip(self, scope=Scope.GLOBAL, key=ANY, mode=Mode.BLOCK_NEW, hard=False):
        return trip(self.board, Trip(scope, key, mode, hard), Act(who=("ann",), reason="a test", now_ns=1))

    def of(self, kind):
        return [record for record in (entry.record() for entry in self.journal.entries()) if isinstance(record, kind)]


@cache
def a_market(folder, minutes):
    tape = a_tape(minutes, 400, 1, start_ns=START_NS + 90 * MINUTE)
    return save_tape(folder, tape)


@pytest.fixture
def begin(tmp_path_factory, tmp_path):
    def make(
        seed: int = 1, faults: Faults | None = None, plan: dict[str, Any] | None = None, minutes: int = 60,
        **changes: Any,
    ) -> Run:  # fmt: skip
        folder = tmp_path_factory.getbasetemp() / "switch-tapes"
        settings = Settings(
            plan=a_plan(**(plan or {})), tape_folder=str(folder), tape_hash=a_market(folder, minutes),
            **({"batch_rows": 32, "snapshot_groups": 5, "switches_path": str(tmp_path / "switches.db")} | changes),
        )  # fmt: skip
        board = Switchboard(Path(settings.switches_path or tmp_path / "other.db"))
        journal, left = MemoryJournal(), []
        open_session(journal, settings, (), "")
        world = World(seed, faults)
        stage_world(world, settings, journal, Cast(gateway=partial(NotingGateway, left)))
        return Run(world, journal, board, left, settings.tape_folder)

    return make


def ended(run):
    run.until(lambda: has_stopped(run.world))
    return run


def bodies(run, kind):
    return [repr(record) for record in run.of(kind)]


def test_switches_that_nobody_trips_change_nothing(begin):
    with_board, without = ended(begin()), ended(begin(switches_path=""))
    assert bodies(with_board, Decision) == bodies(without, Decision)
    assert bodies(with_board, Order) == bodies(without, Order)
    assert with_board.of(Switch) == []
    assert len(with_board.left) == len(with_board.of(Order)) > 20


def decided_after(run, switch):
    """Return the decisions that the journal holds behind a switch."""
    records = [entry.record() for entry in run.journal.entries()]
    return [record for record in records[records.index(switch) :] if isinstance(record, Decision)]


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_of_everything_stops_everything_whoever_dies(begin, seed):
    run = begin(seed, FAULTS)
    run.until(lambda: len(run.left) >= 10)
    run.trip(mode=Mode.CANCEL_AND_BLOCK, hard=True)
    before = list(run.left)
    ended(run)
    assert run.left == before, "an order left after the trip was durable"
    (switch,) = run.of(Switch)
    late = decided_after(run, switch)
    assert len(late) > 5
    assert {(decision.ruling, "HALTED" in decision.rules) for decision in late} == {("REFUSED", True)}


@pytest.mark.parametrize("seed", range(4))
def test_a_desk_that_is_stopped_may_still_reduce_and_the_others_go_on(begin, seed):
    run = begin(seed, FAULTS)
    run.until(lambda: len(run.left) >= 10)
    run.trip(Scope.DESK, "arbitrage", Mode.REDUCE_ONLY)
    ended(run)
    (switch,) = run.of(Switch)
    late = decided_after(run, switch)
    own = [decision for decision in late if decision.desk == "arbitrage"]
    assert all(decision.reduce for decision in own if decision.ruling == "EXECUTE")
    assert any("HALTED" in decision.rules for decision in own)
    others = [decision for decision in late if decision.desk != "arbitrage"]
    assert not any("HALTED" in decision.rules for decision in others)
    assert any(decision.ruling == "EXECUTE" for decision in others)


def test_a_kill_between_the_decision_and_the_send_stops_the_send(begin):
    run = begin()

    def between():
        """An opening order is in the journal, and its gateway has not got it yet."""
        return any(order.number not in run.left and not order.reduce for order in run.of(Order))

    run.until(lambda: len(run.left) >= 5 and between())
    caught = {order.number for order in run.of(Order)} - set(run.left)
    run.trip()
    ended(run)
    assert not caught & set(run.left)
    canceled = {report.number for report in run.of(Report) if report.reason == "WITHHELD"}
    assert caught <= canceled


def test_a_board_that_cannot_be_read_stops_everything_until_it_can(begin):
    run = begin()
    run.until(lambda: len(run.left) >= 10)
    away = run.board.path.with_suffix(".away")
    run.board.path.rename(away)
    before = list(run.left)
    run.until(lambda: len(run.of(Switch)) == 1)
    steps = run.world.steps
    run.until(lambda: run.world.steps >= steps + 20)
    assert run.left == before
    away.rename(run.board.path)
    ended(run)
    lost, found = run.of(Switch)
    assert (lost.key, lost.mode, lost.hard, lost.who) == ("switchboard", "BLOCK_NEW", True, ("governor",))
    assert (found.key, found.mode, found.hard) == ("switchboard", "NONE", False)


def test_what_was_lifted_trades_again_and_the_journal_holds_both(begin):
    run = begin()
    run.until(lambda: len(run.left) >= 5)
    run.trip()
    run.until(lambda: len(run.of(Switch)) == 1)
    assert lift(run.board, Rearm(*GLOBAL, ("ann", "bob"), "looked at", True), 2) is Result.REARMED
    ended(run)
    tripped, lifted = run.of(Switch)
    assert (tripped.mode, lifted.mode, lifted.who) == ("BLOCK_NEW", "NONE", ("ann", "bob"))
    assert tripped.time_ns <= lifted.time_ns
    assert any(decision.ruling == "EXECUTE" for decision in decided_after(run, lifted))


def test_a_restarted_governor_and_a_restarted_risk_know_the_switches(begin):
    run = begin()
    run.until(lambda: len(run.left) >= 5)
    run.trip(Scope.VENUE, "fx", Mode.FLATTEN_AND_BLOCK)
    run.until(lambda: len(run.of(Switch)) == 1)
    for name in (GOVERNOR, RISK):
        run.world.kill(name, back_after_s=0.01)
    run.until(lambda: run.world.actor(GOVERNOR) is not None and run.world.actor(RISK) is not None)
    governor, risk = run.world.actor(GOVERNOR), run.world.actor(RISK)
    assert [trip.name for trip in governor._switches.trips] == ["venue:fx"]
    run.until(lambda: risk._postures.any() or has_stopped(run.world))
    assert risk._postures.tolist() == governor._switches.postures.tolist() == [4, 4, 4, 4, 0, 0, 0]
    assert isinstance(risk, RiskManager)
    ended(run)
    assert len(run.of(Switch)) == 1


def test_a_session_with_a_switch_is_replayed_up_to_it(begin):
    run = begin()
    run.until(lambda: len(run.left) >= 10)
    run.trip(hard=True)
    ended(run)
    log = newest_session(run.journal)
    found = replay_session(Path("x"), log, Path(run.folder), None)
    (switch,) = run.of(Switch)
    assert found.switched_ns == switch.time_ns
    assert found.first_difference is None
    assert 0 < found.decisions == found.identical < len(log.decisions)


def closures(run):
    return newest_session(run.journal).closures


def held(run):
    """Return what every venue holds in the end, contracts left out: they settle."""
    return {
        int(k): int(row.lots) for name in ("gateway-fx", "gateway-a", "gateway-b")
        for k, row in enumerate(run.world.actor(name).venue.holdings) if row.lots
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_where_a_switch_wants_all_closed_the_governor_closes_it_whoever_dies(begin, seed):
    run = begin(seed, FAULTS)
    run.until(lambda: any(report.reason == "ENTRY" for report in run.of(Report)) and len(run.left) >= 10)
    run.trip(mode=Mode.FLATTEN_AND_BLOCK)
    ended(run)
    (switch,) = run.of(Switch)
    late = decided_after(run, switch)
    assert all(decision.policy == "kill_switch" for decision in late if decision.ruling == "EXECUTE")
    assert not any(decision.reduce for decision in late if decision.ruling == "EXECUTE" and not decision.reduce)
    assert held(run) == {}
    assert not run.world.actor(RISK)._book.ledger.positions.lots[:6].any()
    assert check_snapshots(run.journal).problem is None
    closed = closures(run)
    numbers = {number for decision in closed for number in decision.orders}
    orders = [order for order in run.of(Order) if order.number in numbers]
    assert all(order.reduce and order.reason == "FLATTEN" for order in orders)
    assert len({order.order_id for order in run.of(Order)}) == len(run.of(Order))


def test_what_was_closed_by_a_switch_is_journaled_with_who_wanted_it(begin):
    run = begin()
    run.until(lambda: any(lots for lots in held(run).values()))
    assert held(run)
    run.trip(mode=Mode.FLATTEN_AND_BLOCK)
    ended(run)
    assert closures(run)
    assert {(one.policy, one.ruling, one.reduce) for one in closures(run)} == {("kill_switch", "EXECUTE", True)}
    assert all("kill_switch" in one.intent_id for one in closures(run))
    assert any(report.reason == "FLATTEN" and report.report == "FILL" for report in run.of(Report))
    found = replay_session(Path("x"), newest_session(run.journal), Path(run.folder), None)
    assert found.first_difference is None


@pytest.mark.parametrize("mode", [Mode.BLOCK_NEW, Mode.CANCEL_AND_BLOCK])
def test_the_other_modes_leave_what_is_held(begin, mode):
    run = begin()
    run.until(lambda: any(lots for lots in held(run).values()))
    run.trip(mode=mode)
    ended(run)
    assert closures(run) == []


@pytest.mark.parametrize(("mode", "cancelled"), [(Mode.BLOCK_NEW, False), (Mode.CANCEL_AND_BLOCK, True)])
def test_what_waits_to_open_is_cancelled_where_a_switch_says_so(begin, mode, cancelled):
    """An order at bars waits for the next one: it has left, so blocking new ones does not stop it.

    Where what is held may have to be closed at any row, venues go from row to row, and orders are seen to wait.
    """
    rules = some_rules(a_floor(LossMode.STATIC, amount=10**6 * MONEY), flattens=1)
    run = begin(plan={"rules": rules}, minutes=90)
    venue = lambda: run.world.actor("gateway-fx").venue  # noqa: E731
    run.until(lambda: any(row.reduce == 0 for row in venue().orders[: venue().control[0]]))
    waiting = {int(row.number) for row in venue().orders[: venue().control[0]] if row.reduce == 0}
    run.trip(mode=mode)
    ended(run)
    ends = {report.number: (report.report, report.reason) for report in run.of(Report) if report.number in waiting}
    assert waiting == set(ends)
    assert all((end == ("CANCEL", "WITHHELD")) == cancelled for end in ends.values())
