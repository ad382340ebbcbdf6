"""Costs at a multiple: the ask moves away from the bid, fees rise, and nothing else changes."""

from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from market.tape import bar_tape
from research.costing import charges_anything, with_costs
from tests.builders import a_plan, a_tape


def dear(plan, **costs):
    return structs.replace(plan, instruments=tuple(structs.replace(one, **costs) for one in plan.instruments))


def test_at_one_nothing_changes():
    plan, tape = a_plan(), a_tape()
    assert with_costs(plan, tape, Decimal(1)) == (plan, tape)


def test_every_cost_is_multiplied_and_rounded_up():
    plan = dear(a_plan(), spread_ticks=3, slippage_ticks=1, fee_ppm=7, fee_per_lot="0.0000015")
    one = with_costs(plan, a_tape(), Decimal("1.5"))[0].instruments[0]
    assert (one.spread_ticks, one.slippage_ticks, one.fee_ppm, one.fee_per_lot) == (5, 2, 11, "0.000003")
    none = with_costs(plan, a_tape(), Decimal(0))[0].instruments[0]
    assert (none.spread_ticks, none.slippage_ticks, none.fee_ppm, Decimal(none.fee_per_lot)) == (0, 0, 0, 0)


def test_the_ask_moves_away_from_the_bid_which_stays():
    bid = np.array([100, 100, 100, 100], np.int64)
    ask = np.array([103, 100, 98, 101], np.int64)
    tape = bar_tape(0, np.arange(4, dtype=np.int64), (bid,) * 4, (ask,) * 4)
    wide = with_costs(a_plan(), tape, Decimal("1.5"))[1]
    assert wide.ask_close.tolist() == [105, 100, 98, 102]  # no spread stays none, a crossed row stays a flaw
    assert wide.close.tolist() == bid.tolist()
    free = with_costs(a_plan(), tape, Decimal(0))[1]
    assert free.ask_open.tolist() == [100, 100, 98, 100]


@pytest.mark.parametrize("multiple", ["-1", "100.5"])
def test_an_impossible_multiple_is_refused(multiple):
    with pytest.raises(ValueError, match="from 0 to 100 is allowed"):
        with_costs(a_plan(), a_tape(), Decimal(multiple))


def test_a_plan_without_costs_is_known():
    plan = dear(a_plan(), slippage_ticks=0, fee_ppm=0, fee_per_lot="0")
    flat = a_tape()._replace(ask_close=a_tape().close)
    assert not charges_anything(plan, flat)
    assert charges_anything(dear(plan, fee_ppm=1), flat)
    assert charges_anything(plan, a_tape()._replace(ask_close=a_tape().close + 1))
