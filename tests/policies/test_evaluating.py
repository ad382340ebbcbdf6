"""A claim is worth what its record says, in every decision; without a record no decision is another."""

import msgspec
import pytest

from policies.opportunity import RiskWeights
from policies.standing_plan import DeskStanding, StandingPlan
from policies.track_record import FILL, HEALTH, route_row, setup_row, side_row
from tests.builders import a_plan, a_tape, roll_whole

TAPE = {"minutes": 90, "ticks": 2_500}


def a_standing(plan, **rows):
    return StandingPlan(desks=tuple(DeskStanding(desk=one.name, rows=rows.get(one.name, ())) for one in plan.desks))


@pytest.fixture(scope="module")
def plain():
    return roll_whole(a_plan(), a_tape(**TAPE)).decisions


def rolled(**rows):
    plan = a_plan()
    return roll_whole(msgspec.structs.replace(plan, standing=a_standing(plan, **rows)), a_tape(**TAPE)).decisions


def of_desk(decisions, desk):
    return decisions[(decisions.desk == desk) & (decisions.reduce == 0)]


def test_an_empty_record_changes_no_decision(plain):
    assert rolled().tobytes() == plain.tobytes()


def test_a_side_that_is_believed_less_says_so_in_every_decision(plain):
    first = of_desk(plain, 0)[0]
    row = side_row(int(first.instrument0), int(first.lots0))
    changed = of_desk(rolled(forex=((row, 0.75, 0.1),)), 0)[0]
    assert (changed.time_ns, changed.instrument0) == (first.time_ns, first.instrument0)
    assert changed.confidence == 0.75 * first.confidence + 0.1
    assert changed.strength == first.strength  # the opinion is the policy's, its worth the record's


def test_the_size_follows_from_the_worth():
    plan = a_plan()
    params = tuple((name, 0.0002 if name == "risk_fraction" else value) for name, value in plan.desks[0].params)
    plan = a_plan(forex={"params": params})  # so little that the stop decides about the lots, and not the budget
    sizes = []
    for worth in (0.0, 1.0):
        rows = tuple((row, 0.0, worth) for row in range(2 * len(plan.instruments)))
        run = roll_whole(msgspec.structs.replace(plan, standing=a_standing(plan, forex=rows)), a_tape(**TAPE))
        first = of_desk(run.decisions, 0)[0]
        assert first.confidence == worth
        sizes.append(abs(int(first.lots0)))
    assert 0 < sizes[0] < sizes[1]


def test_a_setup_that_does_not_beat_break_even_stakes_nothing(plain):
    first = of_desk(plain, 2)[0]
    row = setup_row(int(first.instrument0), int(first.lots0), int(first.time_ns))
    changed = of_desk(rolled(binary=((row, 0.5, 0.2),)), 2)[0]
    assert changed.confidence == 0.5 * first.confidence + 0.2
    refused = [one for one in of_desk(rolled(binary=((row, 0.0, 0.3),)), 2) if one.time_ns == first.time_ns]
    assert all(one.lots0 == 0 for one in refused)


def test_a_route_whose_legs_fail_is_riskier(plain):
    first = of_desk(plain, 1)[0]
    weights = RiskWeights()
    changed = of_desk(rolled(arbitrage=((route_row(0, FILL), 0.5, 0.0), (route_row(0, HEALTH), 0.5, 0.0))), 1)[0]
    params = dict(a_plan().desks[1].params)
    worse = 100.0 * 0.5 * (weights.leg * params["fill_probability"] + weights.venue * params["venue_health"])
    assert changed.risk_score == pytest.approx(first.risk_score + worse, rel=1e-12)
