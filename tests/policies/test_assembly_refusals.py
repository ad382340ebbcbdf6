"""From a plan to arrays: what is switched on is where kernels look for it, what could never strike is refused."""

import msgspec
import pytest

from market.instruments import Kind
from market.money import INT64_MAX
from market.tape import Role
from policies.assembly import (
    book_of,
    breakers_of,
    class_correlations,
    controls_of,
    estimator_of,
    feeds_of,
    guards_of,
    instruments_of,
    kinds_of,
    phases_of,
)
from policies.breaking import COST, PRICE, VENUE
from policies.floors import Mode
from policies.plan import (
    BreakersPlan,
    CostBreakerPlan,
    OverridePlan,
    PhasePlan,
    PortfolioPlan,
    PriceBreakerPlan,
    ProtectPlan,
    RulesPlan,
    VenueBreakerPlan,
)
from tests.builders import CONTROLS, MINUTE, MONEY, SECOND, a_plan
from tests.policies.account_books import a_floor, portfolio_rules, some_rules

PLAN = a_plan()
TABLE = instruments_of(PLAN)


@pytest.mark.parametrize(
    ("routes", "found"), [((), 0), ((PLAN.routes[0], PLAN.routes[0]), 2)],
)  # fmt: skip
def test_a_feed_that_is_scanned_belongs_to_one_route(routes, found) -> None:
    with pytest.raises(
        ValueError, match=f"EURUSD@a: its feed is scanned, so it must be in one route; it is in {found}"
    ):
        feeds_of(a_plan(routes=routes))


def test_a_view_that_trades_bars_of_another_feed_is_refused() -> None:
    other = msgspec.structs.replace(PLAN.feeds[0], roles=int(Role.VIEW), bar_ns=5 * MINUTE)
    with pytest.raises(
        ValueError, match="a view of it trades EURUSD@fx, which bars of 60 s move; only a view of those"
    ):
        instruments_of(a_plan(feeds=(*PLAN.feeds, other)))


def test_without_profiles_stops_may_be_checked_and_nothing_else_is_asked() -> None:
    plan = a_plan(rules=RulesPlan(stops=1))
    guards = guards_of(plan, TABLE)
    assert (guards.guard[0].stops, guards.guard[0].active, len(guards.floors)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (RulesPlan(flattens=1), "flattens: no profile is active"),
        (RulesPlan(phases=(PhasePlan(name="A", trades_min=0, days_min=0, volume_ppm=1),)), "phases: no profile is act"),
        (some_rules(a_floor(Mode.STATIC, amount=0)), "STATIC: its amount is 0"),
        (some_rules(a_floor(Mode.PEAK, of_top=1, ppm=0)), "PEAK: its amount is 0"),
        (some_rules(a_floor(Mode.STATIC, calendar=-1)), "its calendar -1 has no instants"),
        (some_rules(a_floor(Mode.STATIC, calendar=2)), "its calendar 2 has no instants"),
        (some_rules(a_floor(Mode.STATIC), exposure_ppm_max=1, leverage_ppm=0), "leverage_ppm = 0: a positive"),
        (portfolio_rules(step_ns=MINUTE - 1), "portfolio: a step of 60 s: more than 0, and at least the 60 s"),
        (portfolio_rules(observations_min=1), "portfolio: observations_min = 1 of a window of 40: 2 to 40 is"),
        (portfolio_rules(observations_min=41), "portfolio: observations_min = 41 of a window of 40"),
    ],
)  # fmt: skip
def test_what_could_never_strike_is_refused_at_the_start(rules, message) -> None:
    with pytest.raises(ValueError, match=message):
        book_of(a_plan(rules=rules))


def test_a_gate_over_contracts_alone_is_refused_and_what_only_learns_is_not() -> None:
    contract = PLAN.instruments[6]
    plan = a_plan(rules=portfolio_rules(), feeds=(), routes=())
    only = TABLE[6:7]
    assert contract.kind is Kind.BINARY
    with pytest.raises(ValueError, match="nothing but contracts is traded, so its limits would never strike"):
        estimator_of(plan, only)
    learning = msgspec.structs.replace(plan, rules=portfolio_rules(gate=0))
    assert estimator_of(learning, only).terms[0].gate == 0


def test_an_estimator_has_the_terms_of_the_plan_and_each_contract_is_a_class_by_itself() -> None:
    estimator = estimator_of(a_plan(rules=portfolio_rules()), TABLE)
    own = portfolio_rules().portfolio
    assert isinstance(own, PortfolioPlan)
    terms, limits = estimator.terms[0], estimator.limits[0]
    assert (terms.step_ns, terms.least, terms.gate, terms.threshold) == (MINUTE, 12, 1, 0.3)
    assert (limits.var_max, limits.cluster_ppm_max, limits.stale_after_ns) == (10 * MONEY, 600_000, 5 * MINUTE)
    assert estimator_of(PLAN, TABLE).terms[0].step_ns == 0


def test_what_is_of_one_kind_is_correlated_until_prices_say_otherwise() -> None:
    assert kinds_of(TABLE).tolist() == [Kind.FX] * 7, "a contract has the kind of what it is on"
    assert (class_correlations(TABLE) == 1.0).all()


def test_floors_keep_their_locks_and_calendars_of_different_lengths_stand_side_by_side() -> None:
    rules = some_rules(a_floor(Mode.CLOSING, lock=7 * MONEY), a_floor(Mode.STATIC, calendar=1), rho_max=0.4)
    short = msgspec.structs.replace(rules.calendars[1], resets_s=rules.calendars[1].resets_s[:3])
    rules = msgspec.structs.replace(rules, calendars=(rules.calendars[0], short), profiles=("p",))
    guards = guards_of(a_plan(rules=rules), TABLE)
    assert guards.floors.lock.tolist() == [7 * MONEY, INT64_MAX]
    assert guards.resets_ns.shape == (2, 400)
    assert (guards.resets_ns[1, :4] == INT64_MAX).tolist() == [False, False, False, True]
    assert (guards.guard[0].correlates, guards.guard[0].rho_max) == (1, 0.4)
    assert guards.guard[0].until_ns == short.resets_s[-1] * SECOND


def test_phases_and_steps_are_money_and_shares() -> None:
    rules = RulesPlan(
        profiles=("p",),
        phases=(
            PhasePlan(name="A", trades_min=0, days_min=0, volume_ppm=250_000),
            PhasePlan(name="B", trades_min=20, days_min=4, volume_ppm=500_000, profit_min=0),
        ),
        protects=(ProtectPlan(drawdown=4 * MONEY, volume_ppm=100_000),),
    )
    phases, protects = phases_of(rules)
    assert phases.profit_min.tolist() == [-INT64_MAX, 0]
    assert (phases.trades_min.tolist(), phases.volume_ppm.tolist()) == ([0, 20], [250_000, 500_000])
    assert (protects[0].drawdown, protects[0].volume_ppm) == (4 * MONEY, 100_000)


def test_controls_stand_per_instrument_with_what_people_have_set_aside() -> None:
    override = OverridePlan(
        rules=("FAT_FINGER",), people=("ann", "bob"), reason="a large order", from_ns=5, until_ns=5 + 60 * MINUTE
    )
    controls = controls_of(a_plan(controls=msgspec.structs.replace(CONTROLS, overrides=(override,))))
    assert controls is not None
    assert (controls.terms[0].on, controls.terms[0].fat_finger_factor) == (1, 3)
    assert controls.bounds.lots_max.tolist() == [40] * 7
    assert (controls.overrides[0].from_ns, controls.overrides[0].until_ns) == (5, 5 + 60 * MINUTE)
    assert controls.overrides[0].rules != 0
    assert controls_of(PLAN) is None
    few = msgspec.structs.replace(CONTROLS, instruments=CONTROLS.instruments[:3])
    with pytest.raises(ValueError, match="controls of 3 instruments in a plan of 7"):
        controls_of(a_plan(controls=few))


@pytest.mark.parametrize(
    ("breakers", "on"),
    [
        (BreakersPlan(price=PriceBreakerPlan(MINUTE, 5, 5, MINUTE)), PRICE),
        (BreakersPlan(venue=VenueBreakerPlan(MINUTE, 1, 1, 0, 5, SECOND, MINUTE)), VENUE),
        (BreakersPlan(cost=CostBreakerPlan(3, 20)), COST),
    ],
)
def test_a_breaker_that_is_configured_is_on_and_the_others_are_off(breakers, on) -> None:
    made = breakers_of(a_plan(breakers=breakers))
    assert made is not None
    assert [k for k in (PRICE, VENUE, COST) if made.on[k]] == [on]
    assert book_of(a_plan(breakers=breakers)).breakers.on[on]
    assert breakers_of(PLAN) is None


def test_a_book_takes_controls_only_where_the_plan_has_them() -> None:
    assert book_of(a_plan(controls=CONTROLS)).controls.terms[0].on == 1
    assert book_of(PLAN).controls.terms[0].on == 0
