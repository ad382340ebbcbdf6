"""What a bandit says now: an index per arm, the arm to play, and bounded weights of all arms.

Chance is an argument: a key (the seed) and a counter (the decision's number). The same key, counter and outcomes give
the same choice and the same weights, in research, live and in replay.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records
from policies.bandits import Bandit, BanditRule, Learner, learn_play, row_of
from policies.chance import beta_number, fraction, philox
from policies.confluence_weights import feasible, project

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Shape(NamedTuple):
    """Bounds of a weight, and how much more a better index weighs: exp(sharpness x difference) before the bounds."""

    low: float = 0.05
    high: float = 0.5
    sharpness: float = 20.0


@compiled
def arm_indices(bandit: Bandit, row: int, key: np.uint64, counter: int, rule: BanditRule, out: Floats) -> None:
    """Write each arm's index (arms,) by the rule's learner; NaN for an arm that it has no play of.

    Of the greedy learner it is the mean reward; of Thompson's a number drawn at (key, counter), which every arm has.
    """
    table, played = bandit.arms[row], bandit.regimes[row]
    faded = 0.0
    for k in range(len(table)):
        faded += table[k].faded_plays
    for k in range(len(table)):
        arm = table[k]
        if rule.learner == Learner.THOMPSON:
            losses = arm.plays - arm.reward
            out[k] = _drawn(bandit, key, counter, k, rule.prior_wins + arm.reward, rule.prior_losses + losses)
        elif rule.learner == Learner.THOMPSON_DISCOUNTED:
            wins, losses = arm.faded_reward, max(arm.faded_plays - arm.faded_reward, 0.0)
            out[k] = _drawn(bandit, key, counter, k, rule.prior_wins + wins, rule.prior_losses + losses)
        elif rule.learner == Learner.SLIDING:
            out[k] = _bounded(
                arm.recent_reward, float(arm.recent_plays), 1.0, rule.xi, math.log(max(min(played.plays, rule.tau), 1))
            )
        elif rule.learner == Learner.DISCOUNTED:
            spread = math.log(faded) if faded > 1.0 else 0.0
            out[k] = _bounded(arm.faded_reward, arm.faded_plays, 2.0, rule.xi, spread)
        else:
            factor = 2.0 if rule.learner == Learner.UCB1 else 0.0
            out[k] = _bounded(arm.reward, float(arm.plays), 1.0, factor, math.log(max(played.plays, 1)))


@compiled
def _bounded(total: float, plays: float, factor: float, xi: float, spread: float) -> float:
    """Return mean + factor sqrt(xi spread / plays); NaN without a play."""
    if plays <= 0.0:
        return math.nan
    return total / plays + factor * math.sqrt(xi * spread / plays)


@compiled
def _drawn(bandit: Bandit, key: np.uint64, counter: int, arm: int, a: float, b: float) -> float:
    return beta_number(key, counter, 1 + arm, a, b, bandit.words)


@compiled
def best_arm(indices: Floats) -> int:
    """Return the first arm without an index, else the first of those with the highest."""
    best = 0
    for k in range(len(indices)):
        if math.isnan(indices[k]):
            return k
        if indices[k] > indices[best]:
            best = k
    return best


@compiled
def greedy_arm(means: Floats, epsilon: float, explore: float, pick: float) -> int:
    """Return arm floor(pick x arms) if explore < epsilon (strict), else the best; both are uniform in [0, 1)."""
    if explore < epsilon:
        return min(int(pick * len(means)), len(means) - 1)
    return best_arm(means)


@compiled
def choose_arm(
    bandit: Bandit, regime: int, key: np.uint64, counter: int, rule: BanditRule, indices: Floats
) -> int:  # fmt: skip
    """Return the arm to play in a regime, and leave the indices in `indices` (arms,)."""
    arm_indices(bandit, row_of(bandit, regime, rule), key, counter, rule, indices)
    if rule.learner != Learner.GREEDY:
        return best_arm(indices)
    philox(key, counter, 0, 0, bandit.words)
    return greedy_arm(indices, rule.epsilon, fraction(bandit.words[0]), fraction(bandit.words[1]))


@compiled
def bandit_weights(
    bandit: Bandit, regime: int, key: np.uint64, counter: int, rule: BanditRule, shape: Shape, out: Floats
) -> bool:  # fmt: skip
    """Write weights (arms,) that add up to 1 within bounds: exp(sharpness x index), normalised, then projected.

    An arm without a play counts as the best one: it is tried, within its bound. The greedy learner spreads `epsilon`
    over all arms instead of leaving one vote to chance. False, and nothing written, for bounds that cannot hold.
    """
    if not feasible(len(out), shape.low, shape.high):
        return False
    arm_indices(bandit, row_of(bandit, regime, rule), key, counter, rule, out)
    best = -math.inf
    for k in range(len(out)):
        if not math.isnan(out[k]):
            best = max(best, out[k])
    if math.isinf(best):
        best = 0.0
    total = 0.0
    for k in range(len(out)):
        out[k] = 1.0 if math.isnan(out[k]) else math.exp(shape.sharpness * (out[k] - best))
        total += out[k]
    spread = rule.epsilon if rule.learner == Learner.GREEDY else 0.0
    for k in range(len(out)):
        out[k] = (1.0 - spread) * (out[k] / total) + spread / len(out)
    return project(out, shape.low, shape.high, out)


@compiled
def run_bandit(
    bandit: Bandit, outcomes: Records, time_ns: Integers, regimes: Integers,
    key: np.uint64, rule: BanditRule, shape: Shape, out: Floats,
) -> None:  # fmt: skip
    """Write the weights (n, arms) of decisions (n,) in their order, each from the outcomes known by then.

    Outcomes are in the order in which they were known; the counter of decision i is i. The same as `fold_outcomes` and
    `bandit_weights` one by one. Bounds that cannot hold give NaN.
    """
    learned = 0
    for i in range(len(time_ns)):
        while learned < len(outcomes) and outcomes[learned].known_ns <= time_ns[i]:
            learn_play(bandit, outcomes[learned], rule)
            learned += 1
        if not bandit_weights(bandit, regimes[i], key, i, rule, shape, out[i]):
            out[i, :] = math.nan


def posterior(arm: Record, rule: BanditRule) -> tuple[float, float]:
    """Return the shapes (a, b) of an arm's Beta posterior, discounted where the learner discounts."""
    faded = rule.learner == Learner.THOMPSON_DISCOUNTED
    plays, reward = (arm.faded_plays, arm.faded_reward) if faded else (float(arm.plays), arm.reward)
    return rule.prior_wins + float(reward), rule.prior_losses + float(plays - reward)
