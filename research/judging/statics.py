"""Static policies: what of the catalogue anybody could have traded, the best of them chosen on each train alone."""

from typing import Final, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from policies.catalogue import POLICIES, params_of, policy_named
from policies.intents import DeskKind
from policies.plan import DeskPlan, Plan
from research.judging.ground import Ground
from research.judging.runs import Run, joined_run, play, run_of, train_score

VARIANTS: Final[dict[str, tuple[dict[str, float], ...]]] = {
    "sma_cross": ({}, {"fast": 5, "slow": 20}, {"fast": 20, "slow": 60}, {"fast": 50, "slow": 200}),
    "trend_reversion": ({}, {"candidate_min": 0.55}, {"candidate_min": 0.7}, {"fast": 50, "slow": 200, "mean": 100}),
    "confluence": ({},),
    "drifting_digital": ({}, {"candidate_edge": 0.02}, {"candidate_edge": 0.15}, {"reversion_weight": 0.0}),
    "convergence": ({}, {"limit_slack_ticks": 0}, {"limit_slack_ticks": 10}),
}
"""What is tried of each policy beside its defaults ({}). Fixed, so that every candidate meets the same."""

TEXTBOOK: Final = {
    "confidence_min": 0.0, "reward_min": -1e9, "auto_confidence": -1.0, "auto_reward": -1e9,
}  # fmt: skip
"""Gates of a policy that states neither confidence nor reward: no gate asks for them."""


class Static(NamedTuple):
    """One static policy with all of its parameters."""

    policy: str
    params: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """Policy, and what of its parameters is not the default."""
        default = dict(params_of(policy_named(self.policy), {}))
        own = [f"{name}={value:g}" for name, value in self.params if value != default[name]]
        return " ".join([self.policy, *own])


def under(plan: Plan, static: Static) -> Plan:
    """Return the plan of one desk under another of its policies, the desk's demands as they are."""
    (desk,) = plan.desks
    gates = {"top_n": max(desk.top_n, len(plan.feeds)), **TEXTBOOK} if static.policy == "sma_cross" else {}
    return structs.replace(plan, desks=(structs.replace(desk, policy=static.policy, params=static.params, **gates),))


def statics_for(desk: DeskPlan, but: Static | None = None) -> tuple[Static, ...]:
    """Return the static policies of a desk's kind, `but` left out; what the desk itself fixes stays fixed."""
    kept = {"life_bars": dict(desk.params)["life_bars"]} if desk.kind == DeskKind.BINARY else {}
    found = []
    for name, spec in POLICIES.items():
        if spec.desk == desk.kind and not spec.modelled:
            found += [Static(name, params_of(spec, {**kept, **own})) for own in VARIANTS.get(name, ())]
    return tuple(one for one in dict.fromkeys(found) if one != but)


class BestStatic(NamedTuple):
    """What choosing on the trains came to, which was chosen per test, and what every static came to [periods, K]."""

    run: Run
    chosen: tuple[int, ...]
    statics: tuple[Static, ...]
    returns: NDArray[np.float64]


def best_static(ground: Ground, statics: tuple[Static, ...]) -> BestStatic:
    """Choose per test the static of the greatest log return on its train, and play it; the first of equals."""
    plans = [under(ground.planned.plan, one) for one in statics]
    chosen = [int(np.argmax([train_score(ground, plan, window) for plan in plans])) for window in ground.windows]
    plays = [play(ground, plans[k], window) for k, window in zip(chosen, ground.windows, strict=True)]
    returns = np.column_stack([run_of(ground, plan).returns for plan in plans])
    return BestStatic(joined_run(ground, ground.planned.plan.cash, 0, plays), tuple(chosen), statics, returns)
