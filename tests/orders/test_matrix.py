"""A slice of the crash-point matrix, and that its oracle can find something."""

import pytest

from actors.working import WorkingOrders
from market.orders import OrderStatus
from tests.orders.crashes import Boundary, Crash
from tests.orders.matrix import run_matrix, table_of
from tests.orders.oracle import examine
from tests.orders.scenario import Run, crash_of, plan_of
from tests.orders.workload import VENUE
from venues.messages import IdRule
from venues.simulated.faults import Fault


@pytest.mark.slow
def test_no_crash_at_any_boundary_doubles_loses_or_orphans_an_order():
    told = []
    matrix = run_matrix(300, 0, told.append)
    assert not told
    assert sum(cell.crashes for cell in matrix.values()) >= 300
    crossed = {boundary: sum(matrix[boundary, fault].crashes for fault in Fault) for boundary in Boundary}
    assert all(crossed.values()), crossed
    assert " 0 duplicated, 0 lost, 0 orphaned, 0 ledger" in table_of(matrix)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_venue_that_takes_an_order_twice_gets_none_twice(fault):
    for seed in (0, 1):
        run = Run(seed, crash_of(Boundary.SEND_BEFORE_ACK, seed), plan_of(fault), IdRule.NEVER)
        assert not run.run().words


def a_run(fault=Fault.NONE, seed=3):
    return Run(seed, Crash(Boundary.MID_CANCEL, 1, 0), plan_of(fault))


def test_a_run_is_the_same_run_under_the_same_seed():
    heads = []
    for _ in range(2):
        run = a_run(Fault.DELAY)
        run.run()
        heads.append(run.journal.head)
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda exchange: exchange.orders.append(exchange.orders[0]), "duplicated"),
        (lambda exchange: setattr(exchange.orders[0], "first_id", "tri-unheardof"), "orphaned"),
        (lambda exchange: exchange.orders.remove(next(o for o in exchange.orders if o.cum)), "lost"),
        (lambda exchange: setattr(exchange.orders[0], "status", OrderStatus.ACCEPTED), "lost"),
        (lambda exchange: exchange.executions.pop(), "ledger"),
        (lambda exchange: exchange.positions.update({"EURUSD@sim": 999}), "ledger"),
    ],
)
def test_the_oracle_finds_what_is_wrong(spoil, kind):
    run = a_run()
    assert not run.run()
    spoil(run.venue.exchange)
    assert examine(run.journal, run.venue.exchange, VENUE)[kind]


def test_a_gateway_that_sends_again_without_asking_is_found(monkeypatch):
    """The matrix would catch the mistake that everybody makes: a timeout taken for "not sent"."""
    miss = WorkingOrders._miss

    def blind(self, asked, now_ns):
        miss(self, asked, now_ns)
        entry = self.entries.get(asked.about)
        if entry is not None and entry.state.status is OrderStatus.UNKNOWN:
            entry.resend = True

    monkeypatch.setattr(WorkingOrders, "_miss", blind)
    found = [Run(seed, crash_of(Boundary.SEND_BEFORE_ACK, seed), plan_of(Fault.DROP_AFTER), IdRule.NEVER).run()
             for seed in range(12)]  # fmt: skip
    assert sum(item["duplicated"] for item in found)


def test_a_gateway_that_forgets_missed_executions_is_found(monkeypatch):
    monkeypatch.setattr("actors.executions.Executions.is_missing_some", property(lambda _: False))
    monkeypatch.setattr("actors.reconciling.Upkeep.lost", lambda _: None)
    found = []
    for seed in range(6):
        run = a_run(Fault.NEWS_LOST, seed)
        run.world.run(lambda run=run: run.world.now_s > 60, 60_000)
        found.append(examine(run.journal, run.venue.exchange, VENUE))
    assert any(found)
