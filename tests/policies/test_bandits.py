"""Bandits: a fold of outcomes in any batches, indices by their formulas, bounded weights, chance from a seed."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.records import records
from policies.bandit_weights import Shape, arm_indices, bandit_weights, choose_arm, greedy_arm, run_bandit
from policies.bandits import (
    OUTCOME,
    BanditRule,
    Learner,
    fold_outcomes,
    learn_play,
    open_bandit,
    require_learning,
    reward_of_net,
    reward_of_r,
    row_of,
)
from tests.properties import FEW

ARMS, REGIMES = 3, 2
KEY = np.uint64(7)
RULE = BanditRule(gamma=0.95, tau=20, plays_min=10)
SHAPE = Shape(0.05, 0.8, 10.0)


def outcomes_of(count: int, seed: int = 1, rates=(0.3, 0.5, 0.7)):
    """Return outcomes of arms that are right at different rates, known one instant after another."""
    rng = np.random.default_rng(seed)
    out = records(count, OUTCOME)
    out.sequence, out.known_ns = np.arange(1, count + 1), np.arange(count) * 10
    out.regime, out.arm = rng.integers(-1, REGIMES, count), rng.integers(0, ARMS, count)
    out.reward = (rng.random(count) < np.array(rates)[out.arm]).astype(np.float64)
    return out


def bytes_of(bandit) -> list[bytes]:
    return [part.tobytes() for part in bandit[:4]]


def folded(outcomes, rule: BanditRule = RULE):
    bandit = open_bandit(ARMS, REGIMES, rule)
    fold_outcomes(bandit, outcomes, rule)
    return bandit


def indices_of(bandit, row: int, rule: BanditRule, counter: int = 0):
    out = np.zeros(ARMS)
    arm_indices(bandit, row, KEY, counter, rule, out)
    return out


@FEW
@given(st.lists(st.integers(0, 120), max_size=6), st.integers(0, 99))
def test_the_same_outcomes_in_any_batches_give_the_same_state(cuts, seed) -> None:
    outcomes = outcomes_of(120, seed)
    bandit = open_bandit(ARMS, REGIMES, RULE)
    borders = [0, *sorted(cuts), 120]
    for begin, end in pairwise(borders):
        fold_outcomes(bandit, outcomes[begin:end], RULE)
    assert bytes_of(bandit) == bytes_of(folded(outcomes))


def test_an_outcome_that_comes_twice_or_late_is_taken_once_and_counted() -> None:
    outcomes = outcomes_of(60)
    bandit = open_bandit(ARMS, REGIMES, RULE)
    assert fold_outcomes(bandit, outcomes, RULE) == 60
    before = bytes_of(bandit)
    assert fold_outcomes(bandit, outcomes[20:], RULE) == 0
    assert bandit.regimes[REGIMES].late == 40
    bandit.regimes[REGIMES].late = 0
    assert bytes_of(bandit) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("arm", -1), ("arm", ARMS), ("regime", -2), ("regime", REGIMES),
        ("reward", math.nan), ("reward", 1.1), ("reward", -0.1), ("reward", math.inf),
    ],
)  # fmt: skip
def test_an_outcome_that_makes_no_sense_is_left_out_and_counted(name: str, value: float) -> None:
    bandit, outcome = open_bandit(ARMS, REGIMES, RULE), outcomes_of(1)[0]
    outcome[name] = value
    assert not learn_play(bandit, outcome, RULE)
    assert (bandit.regimes[REGIMES].invalid, bandit.regimes[REGIMES].plays) == (1, 0)


def test_indices_are_those_of_the_formulas() -> None:
    outcomes = outcomes_of(80)
    bandit, whole = folded(outcomes), REGIMES
    plays = [(int(row.arm), float(row.reward)) for row in outcomes]
    fades = [0.95 ** (79 - s) for s in range(80)]
    for arm in range(ARMS):
        own = [r for a, r in plays if a == arm]
        recent = [r for a, r in plays[-20:] if a == arm]
        faded = [(f, f * r) for f, (a, r) in zip(fades, plays, strict=True) if a == arm]
        weight = sum(f for f, _ in faded)
        expected = {
            Learner.GREEDY: np.mean(own),
            Learner.UCB1: np.mean(own) + math.sqrt(2.0 * math.log(80) / len(own)),
            Learner.SLIDING: np.mean(recent) + math.sqrt(0.6 * math.log(20) / len(recent)),
            Learner.DISCOUNTED: sum(fr for _, fr in faded) / weight
            + 2.0 * math.sqrt(0.6 * math.log(sum(fades)) / weight),
        }
        for learner, index in expected.items():
            found = indices_of(bandit, whole, RULE._replace(learner=learner))[arm]
            assert found == pytest.approx(float(index), rel=1e-12), learner


def test_an_arm_without_a_play_comes_first_and_the_lowest_of_equals() -> None:
    outcomes = outcomes_of(4)
    outcomes.arm[:], outcomes.reward[:] = [0, 0, 2, 2], 0.5
    room = np.zeros(ARMS)
    rule = RULE._replace(learner=Learner.UCB1)
    assert choose_arm(folded(outcomes, rule), -1, KEY, 0, rule, room) == 1
    assert np.isnan(room).tolist() == [False, True, False]
    outcomes.arm[:] = [0, 1, 2, 0]
    greedy = RULE._replace(learner=Learner.GREEDY, epsilon=0.0)
    assert choose_arm(folded(outcomes, greedy), -1, KEY, 0, greedy, room) == 0


def test_a_regime_is_judged_by_all_outcomes_until_it_has_enough_of_its_own() -> None:
    outcomes = outcomes_of(12)
    outcomes.regime[:] = [0] * 10 + [1] * 2
    bandit = folded(outcomes)
    assert [int(row_of(bandit, regime, RULE)) for regime in (0, 1, -1, 9)] == [0, REGIMES, REGIMES, REGIMES]


def test_regimes_learn_apart() -> None:
    outcomes = outcomes_of(400)
    right = outcomes.arm == np.where(outcomes.regime == 0, 0, 2)
    outcomes.reward = right.astype(np.float64)
    bandit, weights = folded(outcomes), np.zeros(ARMS)
    for regime, best in ((0, 0), (1, 2)):
        assert bandit_weights(bandit, regime, KEY, 0, RULE, SHAPE, weights)
        assert weights.argmax() == best


@pytest.mark.parametrize("learner", Learner)
def test_weights_add_up_within_their_bounds_from_the_first_decision_on(learner: Learner) -> None:
    rule = RULE._replace(learner=learner)
    outcomes, bandit, weights = outcomes_of(100), open_bandit(ARMS, REGIMES, rule), np.zeros(ARMS)
    for k in range(0, 100, 5):
        assert bandit_weights(bandit, k % 3 - 1, KEY, k, rule, SHAPE, weights)
        assert weights.sum() == pytest.approx(1.0, abs=1e-12)
        assert ((weights >= SHAPE.low) & (weights <= SHAPE.high)).all()
        fold_outcomes(bandit, outcomes[k : k + 5], rule)


@pytest.mark.parametrize("learner", Learner)
def test_every_learner_finds_the_better_arm(learner: Learner) -> None:
    rule = BanditRule(learner=learner, gamma=0.995, tau=300, plays_min=0)
    bandit, weights = open_bandit(ARMS, REGIMES, rule), np.zeros(ARMS)
    fold_outcomes(bandit, outcomes_of(600, rates=(0.2, 0.3, 0.9)), rule)
    assert bandit_weights(bandit, -1, KEY, 0, rule, SHAPE, weights)
    assert weights.argmax() == 2


def test_bounds_that_cannot_hold_leave_the_weights() -> None:
    weights = np.array([0.2, 0.3, 0.5])
    assert not bandit_weights(folded(outcomes_of(50)), 0, KEY, 0, RULE, Shape(0.5, 0.9, 1.0), weights)
    assert weights.tolist() == [0.2, 0.3, 0.5]
    out = np.zeros((2, ARMS))
    stamps = np.arange(2)
    run_bandit(
        folded(outcomes_of(50)), records(0, OUTCOME), stamps, stamps * 0, KEY, RULE, Shape(0.5, 0.9, 1.0), out
    )  # fmt: skip
    assert np.isnan(out).all()


def test_the_same_seed_and_counter_give_the_same_draw_and_others_another() -> None:
    rule, bandit = RULE._replace(learner=Learner.THOMPSON), folded(outcomes_of(50))
    first = indices_of(bandit, REGIMES, rule, 3)
    assert first.tobytes() == indices_of(bandit, REGIMES, rule, 3).tobytes()
    assert first.tobytes() != indices_of(bandit, REGIMES, rule, 4).tobytes()


@pytest.mark.parametrize("learner", [Learner.SLIDING, Learner.THOMPSON_DISCOUNTED, Learner.GREEDY])
@pytest.mark.parametrize("cut", [1, 37, 90])
def test_weights_know_nothing_of_outcomes_that_come_later_and_live_is_the_batch(learner: Learner, cut: int) -> None:
    rule, outcomes = RULE._replace(learner=learner), outcomes_of(100)
    stamps = np.arange(100, dtype=np.int64) * 10 + 35
    stamps -= stamps[0] % 10
    regimes = np.arange(100, dtype=np.int64) % 3 - 1
    whole, early, live = (np.zeros((100, ARMS)) for _ in range(3))
    run_bandit(open_bandit(ARMS, REGIMES, rule), outcomes, stamps - 60, regimes, KEY, rule, SHAPE, whole)
    known = outcomes[outcomes.known_ns <= stamps[cut - 1] - 60]
    run_bandit(
        open_bandit(ARMS, REGIMES, rule), known, stamps[:cut] - 60, regimes[:cut], KEY, rule, SHAPE, early[:cut]
    )  # fmt: skip
    assert early[:cut].tobytes() == whole[:cut].tobytes()
    bandit, learned = open_bandit(ARMS, REGIMES, rule), 0
    for i in range(100):
        ready = int((outcomes.known_ns <= stamps[i] - 60).sum())
        fold_outcomes(bandit, outcomes[learned:ready], rule)
        learned = ready
        bandit_weights(bandit, int(regimes[i]), KEY, i, rule, SHAPE, live[i])
    assert live.tobytes() == whole.tobytes()


def test_exploring_is_strict_and_any_pick_is_an_arm() -> None:
    means = np.array([0.2, 0.9, 0.9])
    assert [int(greedy_arm(means, 0.1, 0.1, pick)) for pick in (0.0, 0.99)] == [1, 1]
    assert [int(greedy_arm(means, 0.1, 0.09, pick)) for pick in (0.0, 0.5, 1.0)] == [0, 1, 2]


def test_rewards_lie_between_nothing_and_one() -> None:
    assert [float(reward_of_r(r)) for r in (-5.0, -1.0, 1.0, 3.0, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert math.isnan(reward_of_r(math.nan))
    assert [float(reward_of_net(net)) for net in (-1, 0, 1)] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "rule",
    [
        BanditRule(gamma=0.0), BanditRule(gamma=1.1), BanditRule(xi=-1.0), BanditRule(tau=0), BanditRule(epsilon=2.0),
        BanditRule(prior_wins=0.0), BanditRule(prior_losses=math.nan), BanditRule(plays_min=-1),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(rule: BanditRule) -> None:
    with pytest.raises(ValueError, match="is allowed"):
        require_learning(rule)


def test_a_bandit_needs_an_arm() -> None:
    with pytest.raises(ValueError, match="0 arms"):
        open_bandit(0, 1, RULE)
