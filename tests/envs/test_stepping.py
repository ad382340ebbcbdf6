"""An episode in which the actions are a model's is the rollout of that model's plan, to the bit."""

from typing import Any

import numpy as np
import pytest
from msgspec import structs

from envs.made_markets import made_markets
from envs.rollout import open_engine, roll
from envs.stepping import GOES_ON
from envs.vector import Market, Markets, Terms, plan_with
from policies.intents import DeskKind
from policies.masks import masked_argmax
from policies.models import ACTIONS_OF
from policies.network import Activation, forward, network_of
from policies.observing import width_of
from policies.plan import ModelPlan

MADE: dict[DeskKind, dict[str, Any]] = {
    DeskKind.FOREX: {"steps": 700},
    DeskKind.BINARY: {"steps": 900},
    DeskKind.ARBITRAGE: {"steps": 2000, "episode_chance": 0.08},
}


def modelled(kind: DeskKind, seed: int) -> Market:
    """Return a made market whose desk decides by a network of random weights, with every gate open."""
    market = made_markets(kind, 1, seed, **MADE[kind])[0]
    asked = market.plan.models[0]
    width, rng = width_of(np.array(asked.observer)), np.random.default_rng(seed)
    shapes = [(width, 12), (12, 8), (8, ACTIONS_OF[kind])]
    layers = [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in shapes]
    model = ModelPlan(
        desk=0, sha256="ab" * 32, features=asked.features, observer=asked.observer,
        numbers=tuple(network_of(layers, Activation.TANH)),
    )  # fmt: skip
    plan = plan_with(market.plan, model)
    desk = structs.replace(plan.desks[0], params=tuple({**dict(plan.desks[0].params), **own(kind)}.items()))
    return market._replace(plan=structs.replace(plan, desks=(desk,)))


def own(kind: DeskKind) -> dict[str, float]:
    if kind is DeskKind.FOREX:
        return {"adds_max": 2.0, "hold_bars": 20.0, "stop_atr": 1.5, "target_atr": 2.0}
    return {}


def played(market: Market) -> tuple[Any, int]:
    """Play an episode by the model's own choice of action; return what the engine has logged, and the steps."""
    markets = Markets([market], Terms(keep=True, warm=0))
    network, scratch = np.array(market.plan.models[0].numbers), np.zeros((4, 256))
    markets.begin_all()
    logs = markets.engines[0].logs
    models, count = markets.engines[0].agent.models, markets.actions
    while markets.states[0] == GOES_ON:
        scratch[0, : markets.inputs] = models.scratch[0, : markets.inputs]
        forward(network, scratch)
        markets.step(np.array([masked_argmax(scratch[3, :count], models.mask[:count])]))
    return logs, int(markets.steps[0])


@pytest.mark.parametrize("kind", list(DeskKind))
@pytest.mark.parametrize("seed", [1, 2])
def test_an_episode_of_a_model_is_its_rollout(kind: DeskKind, seed: int) -> None:
    market = modelled(kind, seed)
    logs, steps = played(market)
    rolled = roll(open_engine(market.plan), market.tape, int(market.tape.time_ns[-1]))
    counts = [int(count) for count in logs.counts[:7]]
    assert steps > 20
    assert counts[0] > 10
    assert counts[1] > 3  # what is asked for is also done
    for count, log, kept in zip(counts, logs[:7], rolled[:7], strict=True):
        np.testing.assert_array_equal(log[:count], kept[:count])
    assert counts[0] == len(rolled.decisions)
    assert counts[1] == len(rolled.orders)
