"""The numbers of a chain: what its claims are about, what they need to be proposed, and how its weights are bounded."""

import math
from typing import Final, NamedTuple

import numpy as np

from policies.bandit_weights import Shape
from policies.bandits import BanditRule, Learner, require_learning
from policies.calibration import CalibrationRule, Method, require_calibration
from policies.confluence import ConfluenceRule, require_rule
from policies.confluence_weights import require_bounds
from policies.demotion import DemotionRule
from policies.patterns import PatternParams
from policies.regime import RegimeParams
from policies.signals.sources import GROUPS_COUNT

TILTS: Final = (
    (1.5, 0.5, 1.0, 1.0, 1.5),  # bear
    (0.5, 1.5, 1.0, 1.0, 0.5),  # sideways
    (1.5, 0.5, 1.0, 1.0, 1.5),  # bull
)
"""How much more each group weighs in a regime of its timeframe, before the bounds: trends lead while there is one."""

WINDOW_ROUNDS: Final = 5
"""A bandit remembers as many plays per group as a calibration has outcomes; this many groups share its window."""


class ChainRule(NamedTuple):
    """Everything that a chain is told.

    A claim says: within `horizon` bars of the first timeframe the price goes `barrier_atr` ATRs my way before it goes
    as far the other way, or, if it does neither, closes on my side of the first open. `probability_min` and
    `outcomes_min` are what a proposal needs; `power` is that of a timeframe's volatility in its weight; with `adaptive`
    1 a bandit per regime weighs the groups, with 0 they are equal. `network` and `language` are the shares of all
    weight that the slots have.
    """

    horizon: int = 32
    barrier_atr: float = 4.0
    probability_min: float = 0.53
    outcomes_min: int = 60
    power: float = 0.5
    adaptive: int = 1
    network: float = 0.0
    language: float = 0.0
    seed: np.uint64 = np.uint64(20_240_601)
    low: float = 0.05
    high: float = 0.6
    confluence: ConfluenceRule = ConfluenceRule()
    calibration: CalibrationRule = CalibrationRule(Method.ISOTONIC, 400, 20, 10.0, 60)
    demotion: DemotionRule = DemotionRule()
    bandit: BanditRule = BanditRule(learner=Learner.THOMPSON, tau=400 * WINDOW_ROUNDS, plays_min=150)
    shape: Shape = Shape(low=0.05, high=0.6, sharpness=20.0)
    patterns: PatternParams = PatternParams()
    regime: RegimeParams = RegimeParams()


USUAL: Final = ChainRule()


def require_chain(rule: ChainRule) -> ChainRule:
    """Return a rule that makes sense; ValueError names what does not."""
    for name, value, sound, allowed in (
        ("horizon", rule.horizon, rule.horizon >= 1, "at least 1 bar"),
        ("barrier_atr", rule.barrier_atr, 0.0 < rule.barrier_atr < math.inf, "more than 0"),
        ("probability_min", rule.probability_min, 0.5 <= rule.probability_min <= 1.0, "from 0.5 to 1"),
        ("outcomes_min", rule.outcomes_min, rule.outcomes_min >= 1, "at least 1 outcome"),
        ("power", rule.power, 0.0 <= rule.power <= 4.0, "from 0 to 4"),
        ("adaptive", rule.adaptive, rule.adaptive in (0, 1), "0 or 1"),
        ("network", rule.network, 0.0 <= rule.network <= 0.5, "from 0 to 0.5"),
        ("language", rule.language, 0.0 <= rule.language <= 0.4, "from 0 to 0.4"),
    ):
        if not sound:
            raise ValueError(f"chain: {name} = {value}: {allowed} is allowed")
    require_bounds(GROUPS_COUNT, rule.low, rule.high)
    require_bounds(GROUPS_COUNT, rule.shape.low, rule.shape.high)
    require_rule(rule.confluence)
    require_calibration(rule.calibration)
    require_learning(rule.bandit)
    return rule
