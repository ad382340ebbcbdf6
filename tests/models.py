"""Models for tests: networks of random weights, and a small genome, in the seat of a desk."""

import numpy as np
from msgspec import structs

from envs.made_markets import FEATURES
from policies.catalogue import POLICIES, params_of
from policies.models import ACTIONS_OF
from policies.network import Activation, network_of
from policies.observing import observer_of, width_of
from policies.plan import ModelPlan, Plan
from research.evolving.scoring import model_plan
from research.learning.artefact import Artefact
from research.learning.spec import TrainSpec
from tests.policies.test_genome import EMA, RSI, SLOW, a_genome, const, op


def a_network(policy: str, desk: int = 0, seed: int = 5) -> ModelPlan:
    """Return a network of random weights for the desk of a policy."""
    kind, rng = POLICIES[policy].desk, np.random.default_rng(seed)
    observer = observer_of(FEATURES[kind])
    shapes = [(width_of(np.array(observer)), 8), (8, ACTIONS_OF[kind])]
    layers = [(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in shapes]
    numbers = tuple(network_of(layers, Activation.TANH).tolist())
    return ModelPlan(desk=desk, sha256="ab" * 32, features=FEATURES[kind], observer=observer, numbers=numbers)


def an_artefact(policy: str, **params: float) -> Artefact:
    """Return a network of random weights as training would have left it."""
    spec, model = POLICIES[policy], a_network(policy)
    desk = spec.desk.name.lower()
    return Artefact(
        desk=desk, policy=policy, features=model.features, observer=model.observer, numbers=model.numbers,
        params=dict(params_of(spec, params)), spec=TrainSpec(desk=desk), seed=1, chunk=0, data=(), plans={},
        revision="", libraries={}, validation=(), test=(),
    )  # fmt: skip


def with_a_model(plan: Plan, policy: str) -> Plan:
    """Return a plan whose desk of a policy decides by a model of some kind."""
    desk = next(number for number, desk in enumerate(plan.desks) if desk.policy == policy)
    if policy != "genome":
        return structs.replace(plan, models=(a_network(policy, desk),))
    genome = a_genome(
        entry=op("and", op("lt", RSI, const(55)), op("lt", EMA, SLOW)), exit=op("gt", RSI, const(52)),
        short={"entry": op("gt", RSI, const(55)), "exit": op("lt", RSI, const(48))},
    )  # fmt: skip
    return structs.replace(plan, models=(model_plan(genome, desk),))
