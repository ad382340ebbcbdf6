"""Reference: indices and posteriors of bandits after a history of plays, and the greedy choice."""

import math
from typing import Any

import numpy as np
import pytest

from market.records import records
from policies.bandit_weights import arm_indices, best_arm, greedy_arm, posterior
from policies.bandits import OUTCOME, BanditRule, Learner, fold_outcomes, open_bandit
from policies.distributions import beta_quantile
from tests.reference.cases import Case, cases, check

SEED = np.uint64(1)


def bandit_indices(inputs: dict[str, Any]) -> dict[str, Any]:
    history = records(len(inputs["history_arm_reward"]), OUTCOME)
    for number, (row, (arm, reward)) in enumerate(zip(history, inputs["history_arm_reward"], strict=True), 1):
        row.sequence, row.regime, row.arm, row.reward = number, -1, arm, reward
    found: dict[str, Any] = {}
    base = BanditRule(gamma=inputs["gamma"], xi=inputs["xi"], tau=inputs["tau"])
    bandit = open_bandit(inputs["arms"], 0, base)
    fold_outcomes(bandit, history, base)
    arms = bandit.arms[0]
    for name, learner in (("ucb1", Learner.UCB1), ("d_ucb", Learner.DISCOUNTED), ("sw_ucb", Learner.SLIDING)):
        index = np.zeros(inputs["arms"])
        arm_indices(bandit, 0, SEED, 0, base._replace(learner=learner), index)
        shown = [None if math.isnan(one) else float(one) for one in index]
        found[name] = {"index": shown, "choose": int(best_arm(index))}
    found["d_ucb"]["N"] = [float(arm.faded_plays) for arm in arms]
    found["d_ucb"]["mean"] = [
        float(arm.faded_reward / arm.faded_plays) if arm.faded_plays > 0.0 else None for arm in arms
    ]
    for name, learner in (
        ("thompson_stationary", Learner.THOMPSON), ("thompson_discounted", Learner.THOMPSON_DISCOUNTED),
    ):  # fmt: skip
        shapes = [posterior(arm, base._replace(learner=learner)) for arm in arms]
        found[name] = {
            "alpha": [a for a, _ in shapes], "beta": [b for _, b in shapes], "mean": [a / (a + b) for a, b in shapes],
            "q05": [beta_quantile(0.05, a, b) for a, b in shapes],
            "q95": [beta_quantile(0.95, a, b) for a, b in shapes],
        }  # fmt: skip
    return found


def epsilon_greedy(inputs: dict[str, Any]) -> dict[str, Any]:
    means = np.array(inputs["means"], np.float64)
    pairs = zip(inputs["u"], inputs["v"], strict=True)
    return {"choices": [int(greedy_arm(means, inputs["eps"], u, v)) for u, v in pairs]}


ADAPTERS = {"bandit_indices": bandit_indices, "epsilon_greedy": epsilon_greedy}


@pytest.mark.parametrize("case", cases("learning/bandits.json"))
def test_bandits_give_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
