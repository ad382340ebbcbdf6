"""Breakers in World: from a quote to a refusal, the same as in the kernel, through kills of everybody."""

import msgspec
import pytest

from actors.restoring import newest_session
from actors.staging import has_stopped
from journal.records import Breaker, Decision, Outcome
from policies.commands import Action
from policies.plan import BreakersPlan, CostBreakerPlan, PriceBreakerPlan, VenueBreakerPlan
from tests.builders import CONTROLS, MINUTE, SECOND
from tests.simulation.test_commands import FAULTS, a_market, begin, decided_again

__all__ = ["a_market", "begin"]

BREAKERS = BreakersPlan(
    price=PriceBreakerPlan(MINUTE, 2, 2, 2 * MINUTE),
    venue=VenueBreakerPlan(10 * MINUTE, 50_000, 50_000, 0, 5, 15 * SECOND, MINUTE),
    cost=CostBreakerPlan(0, 3),
)
"""So tight that those of price and cost trip on the tape; what is free by the model stops an instrument."""


def rules_of(run):
    return {rule for decision in run.of(Decision) for rule in decision.rules}


def test_every_breaker_trips_refuses_and_is_journaled_as_the_kernel_decides(begin):
    run = begin(breakers=BREAKERS).ended()
    assert {"PRICE", "COST"} <= {breaker.breaker for breaker in run.of(Breaker)}
    assert {"PRICE_PAUSE", "COST_BREAKER"} <= rules_of(run)
    assert decided_again(run) is None


@pytest.mark.parametrize("seed", range(2))
def test_a_restart_forgets_no_breaker_and_trips_none_twice(begin, seed):
    calm = begin(breakers=BREAKERS).ended()
    run = begin(seed, FAULTS, breakers=BREAKERS).ended()
    assert run.of(Breaker) == calm.of(Breaker)
    assert decided_again(run) is None


@pytest.mark.parametrize("seed", range(2))
def test_a_desk_that_executed_too_often_is_enabled_again_by_people(begin, seed):
    run = begin(seed, FAULTS, controls=msgspec.structs.replace(CONTROLS, executions_max=3))
    run.until(lambda: any(breaker.breaker == "REPEATED" for breaker in run.of(Breaker)))
    scope = next(breaker.scope for breaker in run.of(Breaker) if breaker.breaker == "REPEATED")
    run.order(Action.ENABLE, subject=scope)
    run.ended()
    (outcome,) = run.of(Outcome)
    assert outcome.result == "DONE"
    later = [d for d in run.of(Decision) if f"desk:{d.desk}" == scope and d.time_ns >= outcome.time_ns]
    assert not later or "REPEATED_EXECUTION" not in later[0].rules
    assert decided_again(run) is None


def test_a_cost_breaker_is_ended_by_a_person_and_may_trip_again(begin):
    run = begin(breakers=BreakersPlan(cost=CostBreakerPlan(0, 3)))
    run.until(lambda: bool(run.of(Breaker)))
    scope = run.of(Breaker)[0].scope
    assert scope.startswith("instrument:")
    run.order(Action.ENABLE, subject=scope)
    run.until(lambda: bool(run.of(Outcome)) or has_stopped(run.world))
    run.ended()
    assert [outcome.result for outcome in run.of(Outcome)] == ["DONE"]
    assert decided_again(run) is None
    assert newest_session(run.journal).breakers == run.of(Breaker)
