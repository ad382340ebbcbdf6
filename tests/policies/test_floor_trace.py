"""Floors over time, told again from samples, are where they were in the run itself."""

import numpy as np
import pytest

from envs.rollout import open_engine, roll
from policies.assembly import guards_of, instruments_of
from policies.floor_trace import FloorTrace, floor_trace
from policies.floors import Mode
from policies.guard import apply_flow
from tests.builders import MINUTE, MONEY, START_NS, a_plan, a_tape
from tests.policies.account_books import a_calendar, a_floor, every_floor, some_rules

CASH = 100_000 * MONEY


def traced(plan, rows) -> FloorTrace:
    levels = np.array([row[1:] for row in rows], np.int64).reshape(-1, 5)
    return floor_trace(guards_of(plan, instruments_of(plan)), np.array([row[0] for row in rows], np.int64), levels)


def test_where_every_instant_is_a_sample_every_floor_and_alert_is_met_exactly() -> None:
    plan = a_plan(
        rules=some_rules(*every_floor(40 * MONEY, 500), buffer=-(10**6) * MONEY, block_ppm=10**9), sample_ns=1
    )
    engine = open_engine(plan)
    run = roll(engine, a_tape(150, 300))
    samples = [(row.time_ns, row.equity, row.low, row.cash, row.peak, 0) for row in run.samples]
    trace = traced(plan, samples)
    assert trace.floors[-1].tolist() == [int(row.floor) for row in engine.book.floors]
    assert len(run.alerts) > 5
    for alert in run.alerts:
        at = int(np.searchsorted(trace.time_ns, alert.time_ns, side="right")) - 1
        assert trace.floors[at, alert.floor] == alert.line
    assert (np.diff(trace.time_ns) >= 0).all()


def test_a_reset_is_told_twice_before_and_after_it() -> None:
    rules = some_rules(a_floor(Mode.DAILY, amount=10 * MONEY), calendars=(a_calendar(), a_calendar()))
    plan = a_plan(rules=rules)
    lost = CASH - 3 * MONEY
    trace = traced(plan, [
        (START_NS, lost, lost, lost, CASH, 0), (START_NS + 50 * MINUTE, CASH, CASH, CASH, CASH, 0),
    ])  # fmt: skip
    assert trace.time_ns.tolist() == [START_NS, START_NS + 47 * MINUTE, START_NS + 47 * MINUTE, START_NS + 50 * MINUTE]
    assert trace.resets.tolist() == [0, 0, 1, 0]
    assert [int(row[0] - CASH) // MONEY for row in trace.floors] == [-10, -10, -13, -13]


def test_a_peak_between_two_samples_raises_what_trails_it_and_no_other_floor() -> None:
    rules = some_rules(
        a_floor(Mode.PEAK, amount=10 * MONEY), a_floor(Mode.STATIC, amount=10 * MONEY),
        a_floor(Mode.PERIOD_PEAK, amount=10 * MONEY),
    )  # fmt: skip
    trace = traced(a_plan(rules=rules), [(START_NS, CASH, CASH, CASH, CASH + 4 * MONEY, 0)])
    assert ((trace.floors[0] - CASH) // MONEY).tolist() == [-6, -10, -10]


@pytest.mark.parametrize("flow", [5 * MONEY, -5 * MONEY])
def test_a_deposit_moves_every_floor_as_it_moves_the_account(flow) -> None:
    plan = a_plan(rules=some_rules(*every_floor(40 * MONEY, 500)))
    rows = [(START_NS, CASH, CASH, CASH, CASH, 0), (START_NS + 1, *(CASH + flow,) * 4, flow)]
    trace = traced(plan, rows)
    assert (trace.floors[1] - trace.floors[0]).tolist() == [flow] * len(plan.rules.floors)
    guards = guards_of(plan, instruments_of(plan))
    apply_flow(guards.guard[0], flow)
    assert (trace.floors[1] == np.array([row.floor + flow for row in guards.floors])).all()


def test_without_a_sample_there_is_nothing_to_tell() -> None:
    trace = traced(a_plan(rules=some_rules(a_floor(Mode.STATIC))), [])
    assert (len(trace.time_ns), trace.floors.shape) == (0, (0, 1))
