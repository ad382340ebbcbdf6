"""Models of a plan: which desk decides by which, held against what the desk needs before anything is asked."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec import structs

from policies.catalogue import features_of, params_of, policy_named
from policies.genome import flaw_of
from policies.intents import DeskKind
from policies.models import ACTIONS_OF, Models, open_models
from policies.network import INPUTS, LAYERS, LAYERS_MAX, SIZES, numbers_of, outputs_of
from policies.observing import observer_of, width_of
from policies.plan import ModelPlan, Plan
from policies.proposals import PolicyKind


def models_of(plan: Plan) -> Models:
    """Return the models of a plan's desks; ValueError where a policy has none that it needs, or one it cannot read."""
    for given in plan.models:
        if not 0 <= given.desk < len(plan.desks) or not policy_named(plan.desks[given.desk].policy).modelled:
            raise ValueError(f"a model is for desk {given.desk}, which decides by none")
    models = [plan.model_of(k) for k in range(len(plan.desks))]
    for desk, model in zip(plan.desks, models, strict=True):
        spec = policy_named(desk.policy)
        if not spec.modelled:
            continue
        if model is None:
            raise ValueError(f"desk {desk.name}: policy {spec.name} decides by a model, and the plan has none for it")
        check_model(spec.kind, spec.desk, model)
    return open_models(models)


MODELLED: Final = {
    DeskKind.FOREX: "network", DeskKind.BINARY: "network_digital", DeskKind.ARBITRAGE: "network_pair",
}  # fmt: skip
"""The policy of each desk that decides by a network."""


def with_model(plan: Plan, model: ModelPlan, policy: str = "", params: Mapping[str, float] | None = None) -> Plan:
    """Return a plan in which a desk decides by a model, by a network unless a policy is named.

    Parameters are those given, else those that its policy has had already; the rest have their defaults.
    """
    desk = plan.desks[model.desk]
    spec = policy_named(policy or MODELLED[DeskKind(desk.kind)])
    before = dict(desk.params) if desk.policy == spec.name else {}
    seat = structs.replace(desk, policy=spec.name, params=params_of(spec, before if params is None else params))
    desks = tuple(seat if k == model.desk else other for k, other in enumerate(plan.desks))
    models = tuple(other for other in plan.models if other.desk != model.desk)
    return structs.replace(plan, desks=desks, models=(*models, model))


def check_model(kind: PolicyKind, desk: DeskKind, model: ModelPlan) -> None:
    """Hold a model's numbers against its features and its desk's actions; ValueError says what does not fit."""
    paired = desk is DeskKind.ARBITRAGE
    if paired != (not model.features):
        raise ValueError(f"model {model.sha256[:12]}: {len(model.features)} features; a pair has none, a bar some")
    if len(model.observer) != len(observer_of(model.features)):
        raise ValueError(f"model {model.sha256[:12]}: its observer does not fit its features")
    if kind is PolicyKind.GENOME:
        flaw = flaw_of(model.numbers, len(model.features))
        if flaw:
            raise ValueError(f"model {model.sha256[:12]}: no genome of its features, {flaw}")
        return
    numbers = np.array(model.numbers, np.float64)
    width, actions = width_of(np.array(model.observer)), ACTIONS_OF[desk]
    sound = len(numbers) > SIZES and 1 <= numbers[LAYERS] <= LAYERS_MAX + 1 and len(numbers) == numbers_of(numbers)
    if not sound or numbers[INPUTS] != width or outputs_of(numbers) != actions:
        raise ValueError(
            f"model {model.sha256[:12]}: not a network of {width} inputs and {actions} actions, which its desk needs"
        )


def features_of_desk(plan: Plan, desk: int) -> tuple[str, ...]:
    """Return the features that a desk's views have: its model's, or its policy's under its parameters."""
    own, model = plan.desks[desk], plan.model_of(desk)
    spec = policy_named(own.policy)
    return model.features if model is not None and spec.modelled else features_of(spec, dict(own.params))
