"""What leaves is what its venue takes: whole lots within its bounds, worth its minimum, prices on the right tick."""

from typing import Any

import msgspec
import pytest

from envs.rollout import Rollout
from market.instruments import Kind
from market.tape import Tape
from policies.assembly import instruments_of
from policies.intents import Rule
from policies.plan import Plan
from tests.builders import MONEY, a_plan, a_tape, roll_whole


def a_strict_plan(**terms: Any) -> Plan:
    """Return a plan whose venues take orders within narrow bounds."""
    plan = a_plan()
    instruments = tuple(msgspec.structs.replace(one, **terms) for one in plan.instruments)
    return msgspec.structs.replace(plan, instruments=instruments)


@pytest.fixture(scope="module")
def the_tape() -> Tape:
    return a_tape(minutes=120, ticks=1_000)


def opened(run: Rollout) -> Any:
    return run.orders[run.orders.reduce == 0]


def test_lots_lie_within_the_bounds_of_the_venue_and_are_never_raised_to_them(the_tape: Tape) -> None:
    usual, strict = roll_whole(a_plan(), the_tape), roll_whole(a_strict_plan(lots_min=20, lots_max=23), the_tape)
    sizes = {abs(int(lots)) for lots in opened(strict).lots}
    assert sizes <= set(range(20, 24))
    assert len(sizes) > 1
    wanted = {abs(int(lots)) for lots in opened(usual).lots}
    assert min(wanted) < 20
    assert max(wanted) > 23


def test_what_is_worth_less_than_the_smallest_notional_is_refused(the_tape: Tape) -> None:
    """A market order is valued at the ask that stood when it was judged."""
    plan = a_strict_plan(notional_min="24500")
    run, table = roll_whole(plan, the_tape), instruments_of(plan)
    small = large = 0
    for one in run.decisions:
        spec = plan.instruments[one.instrument0]
        if spec.quote != "USD" or spec.kind is Kind.BINARY or one.reduce:
            continue
        value = abs(int(one.lots0)) * int(one.ask0) * int(table[one.instrument0].tick_value)
        refused = (int(one.rules) & Rule.ORDER_SIZE) != 0
        assert refused == (value < 24_500 * MONEY)
        small, large = small + refused, large + (not refused)
    assert small > 0
    assert large > 0


def test_stops_and_targets_stand_on_their_side_of_what_was_quoted(the_tape: Tape) -> None:
    run = roll_whole(a_plan(), the_tape)
    guarded = run.decisions[run.decisions.stop > 0]
    assert len(guarded) > 10
    for one in guarded:
        side = 1 if one.strength > 0 else -1
        mark, entry = (one.bid0, one.ask0) if side > 0 else (one.ask0, one.bid0)
        assert (mark - one.stop) * side >= 1
        assert (one.target - entry) * side >= 1
        assert one.breakeven_at >= abs(int(entry - one.stop))
        assert one.trail_by >= 1
