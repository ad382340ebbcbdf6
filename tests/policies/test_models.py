"""Learnt models at decision time: what a stance leaves to do, what an action says, and refusals of what is no model."""

import math
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from envs.made_plans import arbitrage_plan, forex_plan
from envs.vector import asking_plan
from market.records import records
from policies.intents import INTENT, DeskKind
from policies.masks import Action
from policies.model_plans import models_of
from policies.models import allowed, network_action, open_models, say
from policies.network import Activation, network_of
from policies.plan import ModelPlan, Plan
from policies.view import VIEW

HOLD, LONG, SHORT, ADD, CLOSE = Action
FEATURES = ("atr:14", "rsi:14")
WIDTH = 6


def left(adds_max: float = 1.0, rearm_bars: float = 3.0, **fields: int) -> set[Action]:
    view, mask = records(1, VIEW)[0], np.zeros(5, np.bool_)
    for name, value in fields.items():
        setattr(view, name, value)
    allowed(view, adds_max, rearm_bars, mask)
    return {action for action in Action if mask[action]}


def test_who_stands_nowhere_may_take_a_side_some_bars_after_the_last_was_left() -> None:
    assert left(bars=1) == {HOLD, LONG, SHORT}
    assert left(bars=12, last_bar=10) == {HOLD}
    assert left(bars=13, last_bar=10) == {HOLD, LONG, SHORT}


def test_who_stands_somewhere_may_close_it_and_add_so_often() -> None:
    assert left(bars=12, last_bar=11, last_side=1) == {HOLD, ADD, CLOSE}
    assert left(bars=12, last_bar=11, last_side=-1, adds=1) == {HOLD, CLOSE}
    assert left(adds_max=0.0, bars=12, last_bar=11, last_side=1) == {HOLD, CLOSE}


@pytest.mark.parametrize(
    ("action", "side", "expected"),
    [
        (LONG, 0, (True, 1.0, 0.7)),
        (SHORT, 0, (True, -1.0, 0.7)),
        (ADD, 1, (True, 1.0, 0.7)),
        (ADD, -1, (True, -1.0, 0.7)),
        (CLOSE, 1, (True, 0.0, 1.0)),
    ],
)
def test_an_action_is_an_opinion_with_the_desks_claim(action: Action, side: int, expected: Any) -> None:
    view, out = records(1, VIEW)[0], records(1, INTENT)[0]
    view.last_side, out.votes_count = side, 4
    assert (say(view, int(action), 0.7, out), out.strength, out.confidence) == expected
    assert out.votes_count == 0


def test_holding_says_nothing() -> None:
    assert not say(records(1, VIEW)[0], int(HOLD), 0.7, records(1, INTENT)[0])


def a_model(bias: list[float], **changes: Any) -> ModelPlan:
    """Return a model that says the same whatever it sees."""
    numbers = network_of([(np.zeros((WIDTH, len(bias))), np.array(bias))], Activation.TANH)
    asked = asking_plan(forex_plan(), FEATURES).models[0]
    return structs.replace(asked, **({"numbers": tuple(numbers.tolist())} | changes))


def test_the_best_of_what_is_allowed_is_done() -> None:
    models = open_models([a_model([0.1, 3.0, 2.0, 1.0, 0.5])])
    mask = np.ones(5, np.bool_)
    for barred, best in (([], LONG), ([LONG], SHORT), ([LONG, SHORT], ADD), ([LONG, SHORT, ADD, CLOSE], HOLD)):
        mask[:] = True
        mask[barred] = False
        assert network_action(models, 0, mask, 5) == best


def with_model(model: ModelPlan) -> Plan:
    return structs.replace(asking_plan(forex_plan(), FEATURES), models=(model,))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (a_model([0.0] * 4), "not a network of 6 inputs and 5 actions, which its desk needs"),
        (a_model([0.0] * 5, numbers=(6.0, 1.0, 0.0)), "not a network of 6 inputs"),
        (a_model([0.0] * 5, features=("atr:14",)), "its observer does not fit its features"),
        (a_model([0.0] * 5, features=()), "0 features; a pair has none, a bar some"),
        (a_model([0.0] * 5, desk=1), "a model is for desk 1, which decides by none"),
        (a_model([0.0] * 5, numbers=(*a_model([0.0] * 5).numbers[:-1], math.nan)), "not finite"),
    ],
)
def test_a_model_that_does_not_fit_its_desk_is_refused(model: ModelPlan, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        models_of(with_model(model))


def test_a_desk_that_decides_by_a_model_must_have_one() -> None:
    with pytest.raises(ValueError, match="policy network decides by a model, and the plan has none for it"):
        models_of(forex_plan())


def test_a_pairs_model_sees_no_features() -> None:
    plan = asking_plan(arbitrage_plan(), FEATURES)
    assert plan.models[0].features == ()
    assert models_of(plan).numbers.shape[0] == 1
    assert DeskKind(plan.desks[0].kind) is DeskKind.ARBITRAGE
