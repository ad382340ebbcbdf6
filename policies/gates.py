"""Gates: what a desk demands of a trade, and how much of the day's limits is used up. Scalars the kernel can call.

`gate` is anything with the fields named below: one of the tuples here, or a row of the desks' table. All bounds are
part of a rule's meaning: minimums and caps are inclusive, "automatic" is strict, counters block when they are reached.
Limits are compared as integers; `usage` and the level are for people.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.costs import PPM
from market.payoff import breakeven_probability
from market.records import Record
from policies.intents import Rule


class RiskLevel(IntEnum):
    """How close the day is to its limits."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    BLOCKED = 3


class DayLimits(NamedTuple):
    """What a day may hold: money in its smallest unit, counts; and from which usage it is called MEDIUM and HIGH."""

    trades_per_day_max: int
    daily_loss_max: int
    loss_streak_max: int
    usage_medium: float
    usage_high: float


class Day(NamedTuple):
    """What a day has held so far; `loss` is positive for a loss, the time since the newest one in ns."""

    trades: int
    loss: int
    streak: int
    since_loss_ns: int
    halted: bool = False


class DayRisk(NamedTuple):
    """Usage from 0 up, level, the `Rule` bits that block, and the rest of the pause: None where no pause ends it."""

    usage: float
    level: RiskLevel
    rules: int
    cooldown_left_ns: int | None


@compiled
def share_used(used: int, limit: int) -> float:
    """Return used / limit, at least 0; a limit of zero is used up."""
    return max(used, 0) / limit if limit > 0 else 1.0


@compiled
def usage(trades: int, loss: int, streak: int, limits: DayLimits) -> float:
    """Return the largest share of the day's trades, loss and streak of losses that is used."""
    return max(
        share_used(trades, limits.trades_per_day_max),
        share_used(loss, limits.daily_loss_max),
        share_used(streak, limits.loss_streak_max),
    )


@compiled
def limits_reached(trades: int, loss: int, streak: int, limits: DayLimits) -> int:
    """Return the `Rule` bits of the limits that are reached (>=)."""
    bits = 0
    if trades >= limits.trades_per_day_max:
        bits |= Rule.TRADES_PER_DAY.value
    if loss >= limits.daily_loss_max:
        bits |= Rule.DAILY_LOSS.value
    if streak >= limits.loss_streak_max:
        bits |= Rule.LOSS_STREAK.value
    return bits


@compiled
def cooldown_left_ns(cooldowns_ns: NDArray[np.int64], streak: int, since_loss_ns: int) -> int:
    """Return what is left of the pause that follows `streak` losses; the last entry stands for all longer streaks."""
    if streak <= 0:
        return 0
    return max(cooldowns_ns[min(streak, len(cooldowns_ns) - 1)] - since_loss_ns, 0)


@compiled
def level_of(share: float, blocked: bool, usage_medium: float, usage_high: float) -> int:
    """Return the `RiskLevel` of a usage; BLOCKED from 1 on, or when anything blocks."""
    if blocked or share >= 1.0:
        return RiskLevel.BLOCKED.value
    if share >= usage_high:
        return RiskLevel.HIGH.value
    return RiskLevel.MEDIUM.value if share >= usage_medium else RiskLevel.LOW.value


def assess_day(day: Day, limits: DayLimits, cooldowns_ns: NDArray[np.int64]) -> DayRisk:
    """Return how much risk a day has left, and why none where it has none."""
    share = usage(day.trades, day.loss, day.streak, limits)
    rules = limits_reached(day.trades, day.loss, day.streak, limits)
    streak_blocks = bool(rules & Rule.LOSS_STREAK)
    left = cooldown_left_ns(cooldowns_ns, day.streak, day.since_loss_ns)
    if left > 0 and not streak_blocks:
        rules |= Rule.COOLDOWN.value
    if day.halted:
        rules |= Rule.HALTED.value
    level = RiskLevel(level_of(share, rules != 0, limits.usage_medium, limits.usage_high))
    return DayRisk(share, level, rules, None if streak_blocks else left)


@compiled
def next_streak(streak: int, net: int) -> int:
    """Return the losses in a row after one more result: a loss adds, a win ends it, exactly zero is neither."""
    if net < 0:
        return streak + 1
    return 0 if net > 0 else streak


@compiled
def position_cap(equity: int, position_ppm_max: int) -> int:
    """Return the most a position may be worth: a share of equity, rounded down; nothing without equity."""
    whole = max(equity, 0) // PPM
    return whole * position_ppm_max + (max(equity, 0) - whole * PPM) * position_ppm_max // PPM


@compiled
def shrinks(held: int, order: int) -> bool:
    """Tell whether an order only reduces: the position keeps its side, or ends flat. A flip does not reduce."""
    after = held + order
    return 0 <= after < held or held < after <= 0


@compiled
def position_allowed(held: int, order: int, lot_value: int, cap: int) -> bool:
    """Tell whether the position after an order is within its cap (inclusive); what only reduces always is."""
    return shrinks(held, order) or abs(held + order) * lot_value <= cap


class ArbitrageGate(NamedTuple):
    """`reward_min` is the net profit in basis points, `auto_gross` the gross spread, `auto_gain` the net money."""

    reward_min: float
    risk_score_max: float
    auto_gross: float
    auto_gain: float
    auto_risk_score: float
    top_n: int


@compiled
def arbitrage_eligible(gate: Record, reward: float, risk_score: float) -> bool:
    """Tell whether a dislocation is worth showing: net profit and risk score within their bounds, inclusive."""
    return bool(reward >= gate.reward_min and risk_score <= gate.risk_score_max)


@compiled
def arbitrage_automatic(gate: Record, gross: float, gain: float, risk_score: float) -> bool:
    """Tell whether it may be traded without a person: gross, net money and risk score beyond their bounds, strictly."""
    return bool(gross > gate.auto_gross and gain > gate.auto_gain and risk_score < gate.auto_risk_score)


@compiled
def arbitrage_rank(gain: float, risk_score: float) -> float:
    """Return what dislocations are ranked by: net money x (1 - risk score / 100)."""
    return gain * (1.0 - risk_score / 100.0)


class ForexGate(NamedTuple):
    """Confidences are fractions, rewards are reward to risk after costs; weight and cap make the combined score."""

    confidence_min: float
    reward_min: float
    auto_confidence: float
    auto_reward: float
    confidence_weight: float
    reward_cap: float
    top_n: int


@compiled
def forex_eligible(gate: Record, confidence: float, reward: float) -> bool:
    """Tell whether a signal is worth showing: confidence and reward to risk at least the minimum."""
    return bool(confidence >= gate.confidence_min and reward >= gate.reward_min)


@compiled
def forex_automatic(gate: Record, confidence: float, reward: float) -> bool:
    """Tell whether it may be traded without a person: confidence and reward to risk strictly above."""
    return bool(confidence > gate.auto_confidence and reward > gate.auto_reward)


@compiled
def forex_combined(gate: Record, confidence: float, reward: float) -> float:
    """Return the score by which signals are ranked and sized: w x confidence + (1 - w) x min(reward / cap, 1)."""
    weight = gate.confidence_weight
    return float(weight * confidence + (1.0 - weight) * min(reward / gate.reward_cap, 1.0))


@compiled
def size_multiplier_ppm(table: NDArray[np.float64], combined: float) -> int:
    """Return the size, in parts per million, of the first row (least combined score, size) that a score reaches.

    Rows descend; below all of them there is no size.
    """
    for k in range(len(table)):
        if combined >= table[k, 0]:
            return int(table[k, 1] * PPM + 0.5)
    return 0


class BinaryGate(NamedTuple):
    """`confidence_min` bounds the win probability, `reward_min` its distance from break-even."""

    confidence_min: float
    reward_min: float
    expiry_ns: int
    top_n: int


@compiled
def binary_eligible(gate: Record, probability: float, payout: float, expiry_ns: int) -> bool:
    """Tell whether a contract is worth taking: likely enough, beyond break-even by the edge, of the one expiry."""
    breakeven = breakeven_probability(payout, 0.0, 0.0)
    likely = probability >= gate.confidence_min and probability > breakeven + gate.reward_min
    return bool(likely and expiry_ns == gate.expiry_ns)


@compiled
def is_probability(value: float) -> bool:
    """Tell whether a value lies in [0, 1]; NaN does not."""
    return 0.0 <= value <= 1.0


class InvalidConfidenceError(ValueError):
    """A confidence or probability is not a fraction; it is never clamped, for somebody meant something else."""


def require_probability(value: float, what: str) -> float:
    """Return the value; InvalidConfidenceError when it is no fraction of one (72 is a percent)."""
    if not is_probability(value):
        raise InvalidConfidenceError(f"{what} = {value}: a fraction from 0 to 1 is allowed")
    return value


class Candidate(NamedTuple):
    """One proposal at the gate: its name, what the gate said, and what it is ranked by (higher first, in order)."""

    name: str
    eligible: bool
    automatic: bool
    rank: tuple[float, ...]


def choose(candidates: Sequence[Candidate], top_n: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the best `top_n` eligible candidates, and of those among them that trade automatically.

    Equals are taken in order of their names.
    """
    eligible = [candidate for candidate in candidates if candidate.eligible]
    best = sorted(eligible, key=lambda one: (*(-value for value in one.rank), one.name))[:top_n]
    return tuple(one.name for one in best), tuple(one.name for one in best if one.automatic)
