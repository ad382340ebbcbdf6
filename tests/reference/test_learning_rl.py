"""Reference: rewards of learning, masks of actions, and the paired bootstrap against a baseline."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from policies.masks import ACTIONS, Action, Barred, action_mask, masked_argmax, masked_softmax
from policies.rewards import differential_sharpe, drawdown_memory, drawdown_penalised, log_return, sharpe_memory
from research.judging.paired import paired_bootstrap
from tests.reference.cases import Case, cases, check


def sharpe(inputs: dict[str, Any]) -> dict[str, Any]:
    memory = sharpe_memory()
    found = [differential_sharpe(memory[0], one, inputs["eta"]) for one in inputs["returns"]]
    return {"dsr": found, "A": float(memory[0].first), "B": float(memory[0].second)}


def logs(inputs: dict[str, Any]) -> dict[str, Any]:
    positions, returns = inputs["positions_chosen_at_bar_close"], inputs["bar_returns"]
    held = pairwise([0, *positions])
    cost = inputs["cost_per_unit_turnover"]
    rewards = [
        log_return(float(before), float(after), one, cost) for (before, after), one in zip(held, returns, strict=True)
    ]
    return {"rewards": rewards, "total": sum(rewards)}


def penalised(inputs: dict[str, Any]) -> dict[str, Any]:
    first, *rest = map(float, inputs["equity"])
    memory = drawdown_memory(first)
    return {"rewards": [drawdown_penalised(memory[0], one, inputs["kappa"]) for one in rest]}


BARS = {
    "safe_mode": Barred.SAFE_MODE, "kill": Barred.KILL, "news": Barred.NEWS, "data_stale": Barred.STALE_DATA,
}  # fmt: skip


def mask(inputs: dict[str, Any]) -> dict[str, Any]:
    out = np.zeros(ACTIONS, np.bool_)
    barred = sum(int(bit) for name, bit in BARS.items() if inputs[name])
    position, exposure, cap = (float(inputs[name]) for name in ("position", "exposure", "cap"))
    action_mask(position, exposure, cap, inputs["short_allowed"], barred, out)
    return {"mask": {action.name: bool(out[action]) for action in Action}}


def softmax(inputs: dict[str, Any]) -> dict[str, Any]:
    logits, allowed = np.array(inputs["logits"], np.float64), np.array(inputs["mask"], np.bool_)
    out = np.zeros(len(logits))
    chosen = masked_softmax(logits, allowed, out)
    fallback = {} if chosen else {"fallback": Action(masked_argmax(logits, allowed)).name}
    return {"probs": out.tolist() if chosen else None, **fallback}


def bootstrap(inputs: dict[str, Any]) -> dict[str, Any]:
    policy, baseline = (np.array(inputs[name]) for name in ("policy", "baseline"))
    found = paired_bootstrap(policy, baseline, np.array(inputs["bootstrap_indices"]))
    return {"mean_diff": found.mean_difference, "p_value": found.p_value, "ci95": [found.low, found.high]}


ADAPTERS = {
    "differential_sharpe": sharpe,
    "log_reward": logs,
    "drawdown_penalised_reward": penalised,
    "action_mask": mask,
    "masked_softmax": softmax,
    "paired_bootstrap": bootstrap,
}


@pytest.mark.parametrize("case", cases("learning/rl.json"))
def test_learning_gives_the_reference_value(case: Case) -> None:
    check(case, ADAPTERS)
