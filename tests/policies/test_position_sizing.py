"""Sizes in decimals: the loss at the stop stays within the budget, a step more would not, nothing is bumped up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.position_sizing import (
    Accepted,
    Caps,
    Refusal,
    Sized,
    Unit,
    Unsized,
    VolatilityTarget,
    fixed_fractional,
    inverse_contract_loss,
    inverse_contracts,
    leveraged_quantity,
    volatility_leverage,
)
from tests.properties import PROPERTY

D = Decimal
STEP = Accepted(step=D("0.001"))
NAN, INFINITE = D("NaN"), D("Infinity")


def a_unit(**changes: str) -> Unit:
    return Unit(**{name: D(value) for name, value in ({"entry": "100", "stop": "98"} | changes).items()})


def positive(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False)


UNITS = st.builds(
    Unit, entry=positive("0.0001", "100000", 5), stop=positive("0.0001", "100000", 5),
    multiplier=st.sampled_from([D(1), D(100000), D("0.1")]), quote_to_account=positive("0.0001", "2", 11),
    cost=positive("0", "10", 4),
)  # fmt: skip
BUDGETS = positive("0.01", "100000", 2)
STEPS = st.sampled_from([D("0.001"), D("0.01"), D(1), D("0.3"), D(1000)])


@given(BUDGETS, UNITS, STEPS, positive("0", "10", 3), positive("0", "1000", 2))
@PROPERTY
def test_the_loss_at_the_stop_is_within_the_budget_and_a_step_more_would_not_be(
    budget: Decimal, unit: Unit, step: Decimal, minimum: Decimal, notional_min: Decimal
) -> None:
    assume(unit.entry != unit.stop)
    accepted = Accepted(step=step, minimum=minimum, notional_min=notional_min)
    size = fixed_fractional(budget, unit, accepted)
    loss, notional = Fraction(unit.loss), Fraction(unit.notional)
    match size:
        case Sized():
            quantity = Fraction(size.quantity)
            assert quantity * loss <= Fraction(budget) < (quantity + Fraction(step)) * loss
            assert quantity % Fraction(step) == 0
            assert quantity >= Fraction(minimum)
            assert Fraction(size.risk) == quantity * loss
            assert Fraction(size.notional) == quantity * notional >= Fraction(notional_min)
        case Unsized(Refusal.BELOW_MIN_QTY):
            most = Fraction(budget) / loss // Fraction(step) * Fraction(step)
            assert most == 0 or most < Fraction(minimum)
        case Unsized(reason):
            assert reason is Refusal.BELOW_MIN_NOTIONAL


CAPS = st.builds(
    Caps, notional=st.none() | positive("0", "100000", 2), margin=st.none() | positive("0", "1000", 3),
    liquidity=st.none() | positive("0", "1000", 3),
)  # fmt: skip


@given(BUDGETS, UNITS, CAPS)
@PROPERTY
def test_a_cap_only_makes_smaller_and_is_named_when_it_does(budget: Decimal, unit: Unit, caps: Caps) -> None:
    assume(unit.entry != unit.stop)
    free, capped = (fixed_fractional(budget, unit, STEP, one) for one in (None, caps))
    if isinstance(capped, Sized):
        assert isinstance(free, Sized)
        assert capped.quantity <= free.quantity
        assert caps.notional is None or capped.notional <= caps.notional
        assert all(cap is None or capped.quantity <= cap for cap in (caps.margin, caps.liquidity))
        assert (capped.binding == "risk") == (capped.quantity == free.quantity) or capped.quantity == free.quantity


def test_an_exact_quotient_loses_no_step() -> None:
    size = fixed_fractional(D(500), a_unit(entry="1.1", stop="1.0975", multiplier="100000"), Accepted(step=D("0.01")))
    assert isinstance(size, Sized)
    assert size.quantity == 2


def test_a_size_below_the_venues_least_is_refused_and_never_bumped_up() -> None:
    accepted = Accepted(step=D("0.001"), minimum=D("0.001"))
    assert fixed_fractional(D("0.5"), a_unit(entry="64000", stop="62720"), accepted) == Unsized(Refusal.BELOW_MIN_QTY)
    assert fixed_fractional(D("0.5"), a_unit(entry="64000", stop="62720"), STEP) == Unsized(Refusal.BELOW_MIN_QTY)
    tight = Accepted(step=D(1), notional_min=D("100.01"))
    assert fixed_fractional(D(2), a_unit(), tight) == Unsized(Refusal.BELOW_MIN_NOTIONAL)


@pytest.mark.parametrize("budget", [D(0), D(-1)])
def test_without_a_budget_there_is_no_size(budget: Decimal) -> None:
    assert fixed_fractional(budget, a_unit(), STEP) == Unsized(Refusal.NO_BUDGET)
    assert inverse_contracts(budget, D(100), D(98), D(100), STEP) == Unsized(Refusal.NO_BUDGET)


def test_without_a_distance_there_is_no_size_even_with_costs() -> None:
    assert fixed_fractional(D(1), a_unit(stop="100", cost="1"), STEP) == Unsized(Refusal.ZERO_STOP_DISTANCE)
    assert inverse_contracts(D(1), D(100), D(100), D(100), STEP) == Unsized(Refusal.ZERO_STOP_DISTANCE)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "0", "-1"])
def test_a_number_that_no_unit_has_gives_no_size(bad: str) -> None:
    for name in ("entry", "stop", "multiplier", "quote_to_account"):
        assert fixed_fractional(D(1), a_unit(**{name: bad}), STEP) == Unsized(Refusal.INVALID_INPUT)
    if bad != "0":
        assert fixed_fractional(D(1), a_unit(cost=bad), STEP) == Unsized(Refusal.INVALID_INPUT)
        for name in ("notional", "margin", "liquidity"):
            refused = fixed_fractional(D(1), a_unit(), STEP, Caps(**{name: D(bad)}))
            assert refused == Unsized(Refusal.INVALID_INPUT)
        assert fixed_fractional(D(1), a_unit(), Accepted(step=D(1), minimum=D(bad))) == Unsized(Refusal.INVALID_INPUT)
    assert fixed_fractional(D(1), a_unit(), Accepted(step=D(bad))) == Unsized(Refusal.INVALID_INPUT)
    for prices in ((bad, 98, 100), (100, bad, 100), (100, 98, bad)):
        assert inverse_contracts(D(1), *map(D, prices), STEP) == Unsized(Refusal.INVALID_INPUT)


@pytest.mark.parametrize("budget", [NAN, INFINITE])
def test_an_unknown_budget_gives_no_size(budget: Decimal) -> None:
    assert fixed_fractional(budget, a_unit(), STEP) == Unsized(Refusal.INVALID_INPUT)
    assert inverse_contracts(budget, D(100), D(98), D(100), STEP) == Unsized(Refusal.INVALID_INPUT)


@given(positive("0.0001", "10", 4), positive("1", "100000", 1), positive("1", "100000", 1))
@PROPERTY
def test_inverse_contracts_lose_at_most_the_budget_in_coin(budget: Decimal, entry: Decimal, stop: Decimal) -> None:
    assume(entry != stop)
    size = inverse_contracts(budget, entry, stop, D(100), Accepted(step=D(1)))
    loss = inverse_contract_loss(entry, stop, D(100))
    if isinstance(size, Sized):
        assert Fraction(size.quantity) * loss <= Fraction(budget) < (Fraction(size.quantity) + 1) * loss
    else:
        assert size == Unsized(Refusal.BELOW_MIN_QTY)
        assert loss > Fraction(budget)


def test_an_inverse_contract_loses_more_on_the_way_down_than_up() -> None:
    down, up = (inverse_contract_loss(D(60000), D(stop), D(100)) for stop in (58000, 62000))
    assert down > up


TARGET = VolatilityTarget(target=0.16, floor=0.05, leverage_max=3.0)


def test_a_quiet_market_does_not_make_the_size_explode() -> None:
    found = volatility_leverage(1e-9, 365, TARGET)
    assert (found.raw, found.used) == (pytest.approx(3.2), 3.0)
    assert volatility_leverage(0.0, 365, TARGET).used == 3.0


@pytest.mark.parametrize(
    ("sigma", "target"),
    [(float("nan"), TARGET), (-0.1, TARGET), (float("inf"), TARGET),
     (0.0, VolatilityTarget(target=0.1, floor=0.0, leverage_max=1.0)),
     (0.1, VolatilityTarget(target=0.1, floor=0.0, leverage_max=float("inf")))],
)  # fmt: skip
def test_a_volatility_that_nobody_can_size_by_is_refused(sigma: float, target: VolatilityTarget) -> None:
    with pytest.raises(ValueError, match="allowed"):
        volatility_leverage(sigma, 365, target)


@given(positive("0", "1000000", 2), positive("0.01", "100000", 2), st.floats(0.0, 10.0), STEPS)
@PROPERTY
def test_a_leveraged_quantity_is_worth_at_most_its_leverage(
    equity: Decimal, price: Decimal, leverage: float, step: Decimal
) -> None:
    quantity = leveraged_quantity(equity, price, leverage, step)
    most = Fraction(repr(leverage)) * Fraction(equity)
    assert Fraction(quantity) * Fraction(price) <= most < (Fraction(quantity) + Fraction(step)) * Fraction(price)


def test_three_tenths_of_leverage_are_three_tenths_and_no_equity_is_nothing() -> None:
    assert leveraged_quantity(D(1000), D(1), 0.3, D(100)) == 300
    assert leveraged_quantity(D(-5), D(1), 1.0, D(1)) == 0


@pytest.mark.parametrize(
    "terms", [(NAN, D(1), 1.0, D(1)), (D(1), D(0), 1.0, D(1)), (D(1), D(1), float("nan"), D(1)),
              (D(1), D(1), -1.0, D(1)), (D(1), D(1), 1.0, D(0)), (D(1), NAN, 1.0, D(1))],
)  # fmt: skip
def test_a_quantity_of_what_cannot_be_is_refused(terms: tuple[Decimal, Decimal, float, Decimal]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        leveraged_quantity(*terms)
