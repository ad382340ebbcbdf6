"""The plan: named by all it holds and nothing else, and it comes back from its bytes as it was."""

import msgspec
import pytest

from policies.plan import Plan, canonical, plan_hash
from tests.builders import a_plan
from tests.policies.account_books import timed_rules


def test_a_plan_comes_back_from_its_canonical_bytes() -> None:
    plan = a_plan()
    assert msgspec.json.decode(canonical(plan), type=Plan) == plan
    assert canonical({"b": 1, "a": 0.1}) == b'{"a":0.1,"b":1}'


def test_news_and_weekends_are_part_of_a_plan_and_come_back() -> None:
    plan = a_plan(rules=timed_rules())
    assert msgspec.json.decode(canonical(plan), type=Plan) == plan
    assert plan_hash(plan) != plan_hash(a_plan(rules=msgspec.structs.replace(timed_rules(), news=None)))


def test_every_change_is_another_plan() -> None:
    plans = [
        a_plan(), a_plan(cash=1), a_plan(currency="EUR"), a_plan(loss_streak_max=3), a_plan(forex={"top_n": 9}),
        a_plan(routes=()), a_plan(feeds=()), a_plan(instruments=()), a_plan(venues=()), a_plan(desks=()),
    ]  # fmt: skip
    assert len({plan_hash(plan) for plan in plans}) == len(plans)
    assert plan_hash(a_plan()) == plan_hash(a_plan())


def test_an_instrument_has_its_place_or_is_not_in_the_plan() -> None:
    plan = a_plan()
    assert [plan.index_of(instrument.key) for instrument in plan.instruments] == list(range(7))
    with pytest.raises(ValueError, match="instrument 'EURUSD@mars' is not in the plan"):
        plan.index_of("EURUSD@mars")
