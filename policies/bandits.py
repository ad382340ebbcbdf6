"""Bandits: which sources to trust more, learned from outcomes that come late, apart for each regime.

An arm is a source; a play is an outcome of one of its votes, a reward in [0, 1]. What is kept is a fold of outcomes in
the order in which they were known: the same outcomes in any batches give the same state, and one that arrives twice is
taken once. Per regime, and once over all regimes, which serves a regime until it has `plays_min` outcomes of its own:

    UCB1         mean + sqrt(2 ln t / n)                                       Auer et al. (2002)
    discounted   X_i + 2 B sqrt(xi ln(sum_j N_j) / N_i), N_i = sum gamma^(t-s)  Garivier, Moulines (2011)
    sliding      X_i + B sqrt(xi ln(min(t, tau)) / N_i), of the last tau plays   the same
    Thompson     a number of Beta(a0 + sum r, b0 + sum(1 - r)), also with the discounted sums
    greedy       the best mean, but with the chance epsilon any arm

An arm without a play has no index (NaN) and comes first, the lowest number before the others; so do equals.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.chance import WORDS, Words

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Learner(IntEnum):
    """How an arm is judged."""

    GREEDY = 0
    UCB1 = 1
    DISCOUNTED = 2
    SLIDING = 3
    THOMPSON = 4
    THOMPSON_DISCOUNTED = 5


class BanditRule(NamedTuple):
    """The learner and its numbers: discount, exploration, window, chance of exploring, prior, own plays of a regime."""

    learner: Learner = Learner.THOMPSON
    gamma: float = 0.999
    xi: float = 0.6
    tau: int = 200
    epsilon: float = 0.1
    prior_wins: float = 1.0
    prior_losses: float = 1.0
    plays_min: int = 100


ARM: Final = record_type("plays recent_plays", floats="reward faded_plays faded_reward recent_reward fresh_reward")
"""Per regime and arm: plays and summed reward, plain, discounted to the newest play of the regime, and of the regime's
last tau plays. `fresh_reward` starts from zero whenever the ring of those wraps and then replaces `recent_reward`:
rounding never lives longer than 2 tau plays."""

PLAYED: Final = record_type("sequence plays slot late invalid")
"""Per regime: plays and the ring's next slot; of the row over all regimes also the newest sequence number, and how many
outcomes were left out because they came again or made no sense."""

OUTCOME: Final = record_type("sequence regime arm known_ns", floats="reward")
"""One outcome: its number in the journal (rising), the regime of the DECISION, the arm, when known, the reward."""


class Bandit(NamedTuple):
    """The state: arms (regimes + 1, arms), regimes (regimes + 1), rings of the last tau plays, room for chance.

    The last row of each is over all regimes. `newest` holds the arm, `rewards` the reward of a play.
    """

    arms: Records
    regimes: Records
    newest: Integers
    rewards: Floats
    words: Words


def require_learning(rule: BanditRule) -> BanditRule:
    """Return a rule that makes sense; ValueError names what does not."""
    for name, value, sound, allowed in (
        ("gamma", rule.gamma, 0.0 < rule.gamma <= 1.0, "more than 0 up to 1"),
        ("xi", rule.xi, 0.0 <= rule.xi < math.inf, "at least 0"),
        ("tau", rule.tau, rule.tau >= 1, "at least 1 play"),
        ("epsilon", rule.epsilon, 0.0 <= rule.epsilon <= 1.0, "from 0 to 1"),
        ("prior_wins", rule.prior_wins, 0.0 < rule.prior_wins < math.inf, "more than 0"),
        ("prior_losses", rule.prior_losses, 0.0 < rule.prior_losses < math.inf, "more than 0"),
        ("plays_min", rule.plays_min, rule.plays_min >= 0, "at least 0"),
    ):
        if not sound:
            raise ValueError(f"{name} {value}: {allowed} is allowed")
    return rule


def open_bandit(arms: int, regimes: int, rule: BanditRule) -> Bandit:
    """Return a bandit that has seen nothing; ValueError for no arms or a rule that makes no sense."""
    if arms < 1 or regimes < 0:
        raise ValueError(f"{arms} arms, {regimes} regimes: at least 1 and 0 are allowed")
    rows = regimes + 1
    table = records(rows * arms, ARM).reshape(rows, arms)
    ring = (rows, require_learning(rule).tau)
    return Bandit(table, records(rows, PLAYED), np.zeros(ring, np.int64), np.zeros(ring), np.zeros(WORDS, np.uint64))


@compiled
def reward_of_r(r: float) -> float:
    """Return clip((R + 1) / 4, 0, 1) of a result in units of its risk: -1 R is 0, +3 R is 1; NaN stays NaN."""
    if math.isnan(r):
        return math.nan
    return min(max((r + 1.0) / 4.0, 0.0), 1.0)


@compiled
def reward_of_net(net: int) -> float:
    """Return 1 for a gain, 0 for none: for results whose risk was not known."""
    return 1.0 if net > 0 else 0.0


@compiled
def learn_play(bandit: Bandit, outcome: Record, rule: BanditRule) -> bool:
    """Fold one outcome: into its regime, and into all of them. A regime of -1 (not known) is of all of them alone.

    False, and only counted, for a sequence number that is not above the newest, an arm or regime that there is not, or
    a reward outside [0, 1].
    """
    rows, arms = bandit.arms.shape
    whole = bandit.regimes[rows - 1]
    if outcome.sequence <= whole.sequence:
        whole.late += 1
        return False
    whole.sequence = outcome.sequence
    sound = 0 <= outcome.arm < arms and -1 <= outcome.regime < rows - 1 and 0.0 <= outcome.reward <= 1.0
    if not sound:
        whole.invalid += 1
        return False
    if outcome.regime >= 0:
        _play(bandit, outcome.regime, outcome.arm, outcome.reward, rule)
    _play(bandit, rows - 1, outcome.arm, outcome.reward, rule)
    return True


@compiled
def _play(bandit: Bandit, row: int, arm: int, reward: float, rule: BanditRule) -> None:
    table = bandit.arms[row]
    for k in range(len(table)):
        table[k].faded_plays *= rule.gamma
        table[k].faded_reward *= rule.gamma
    one = table[arm]
    one.plays += 1
    one.reward += reward
    one.faded_plays += 1.0
    one.faded_reward += reward
    _slide(bandit, row, arm, reward, rule)
    bandit.regimes[row].plays += 1


@compiled
def _slide(bandit: Bandit, row: int, arm: int, reward: float, rule: BanditRule) -> None:
    """Put a play into the ring of the last tau, and take the one out that it replaces."""
    table, played = bandit.arms[row], bandit.regimes[row]
    slot = played.slot
    if played.plays >= rule.tau:
        gone = table[bandit.newest[row, slot]]
        gone.recent_plays -= 1
        gone.recent_reward -= bandit.rewards[row, slot]
    bandit.newest[row, slot], bandit.rewards[row, slot] = arm, reward
    table[arm].recent_plays += 1
    table[arm].recent_reward += reward
    table[arm].fresh_reward += reward
    played.slot = (slot + 1) % rule.tau
    if played.slot == 0:
        for k in range(len(table)):
            table[k].recent_reward, table[k].fresh_reward = table[k].fresh_reward, 0.0


@compiled
def fold_outcomes(bandit: Bandit, outcomes: Records, rule: BanditRule) -> int:
    """Fold outcomes in their order; return how many counted."""
    counted = 0
    for i in range(len(outcomes)):
        if learn_play(bandit, outcomes[i], rule):
            counted += 1
    return counted


@compiled
def row_of(bandit: Bandit, regime: int, rule: BanditRule) -> int:
    """Return the row that judges a regime: its own when it has `plays_min` plays, else that over all regimes."""
    rows = len(bandit.regimes)
    if 0 <= regime < rows - 1 and bandit.regimes[regime].plays >= rule.plays_min:
        return regime
    return rows - 1
