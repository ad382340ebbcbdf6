"""Strictness: which of two values of a profile's key is the tighter one. Profiles combine by it, and extend by it.

A key has a direction (less or more is tighter), an order of words, or none: then only an equal value is as tight. What
is absent asks for nothing, so any value is tighter than none.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

Tighter = Callable[[Any, Any], bool]
"""Tell whether the first value is at least as tight as the second."""


def _less(one: Any, other: Any) -> bool:
    return Decimal(str(one)) <= Decimal(str(other))


def _more(one: Any, other: Any) -> bool:
    return Decimal(str(one)) >= Decimal(str(other))


def _same(one: Any, other: Any) -> bool:
    return bool(one == other)


def _subset(one: Any, other: Any) -> bool:
    return set(one) <= set(other)


def _words(*loosest_first: str) -> Tighter:
    return lambda one, other: loosest_first.index(one) >= loosest_first.index(other)


def _pauses(one: Any, other: Any) -> bool:
    """Pauses after so many losses; the last entry stands for all longer streaks."""
    longest = max(len(one), len(other))
    return all(one[min(k, len(one) - 1)] >= other[min(k, len(other) - 1)] for k in range(longest))


def _sizes(one: Any, other: Any) -> bool:
    """Sizes by least score, highest score first; below all of them there is no size."""

    def size(table: Any, score: float) -> float:
        return next((float(share) for least, share in table if score >= float(least)), 0.0)

    scores = [float(least) for table in (one, other) for least, _ in table]
    return all(size(one, score) <= size(other, score) for score in scores)


def _anchors(one: Any, other: Any) -> bool:
    return bool(one in (other, "max_balance_equity"))


def _any_or_same(one: Any, other: Any) -> bool:
    """Steps of volume: any are tighter than none, and of two neither can be said to be."""
    return bool(not other or one == other)


def _bases(one: Any, other: Any) -> bool:
    return bool(one == other or (one, other) == ("gross_notional", "initial_margin"))


LESS: Final = (
    "limits.trades_per_day_max limits.daily_loss_max limits.drawdown_max limits.loss_streak_max "
    "limits.position_fraction_max levels.usage_medium levels.usage_high arbitrage.risk_score_max "
    "arbitrage.auto_risk_score arbitrage.top_n forex.top_n binary.top_n firm.daily_fraction firm.total_fraction "
    "objectives.best_day_fraction_max guard.halve_at guard.no_new_risk_at guard.flatten_at guard.daily_room_share "
    "guard.total_room_share crypto.risk.fraction_min crypto.risk.fraction_max crypto.exposure.fraction_max "
    "crypto.leverage.default crypto.leverage.max crypto.correlation.effective_rho_max "
    "crypto.correlation.cluster_fraction_max crypto.safe_mode.daily_fraction crypto.safe_mode.monthly_fraction "
    "portfolio.var_fraction_max portfolio.cluster_fraction_max portfolio.correlation_max portfolio.stale_after_s"
)
MORE: Final = (
    "arbitrage.net_profit_percent_min arbitrage.auto_gross_spread_percent arbitrage.auto_net_profit "
    "forex.confidence_min forex.reward_to_risk_min forex.auto_confidence forex.auto_reward_to_risk "
    "binary.probability_min binary.edge_min objectives.trading_days_min objectives.news_minutes "
    "guard.exit_minutes guard.buffer_fraction guard.overnight_buffer_multiple guard.gap_fraction "
    "guard.stop_gap_fraction crypto.risk.confidence_floor "
    "crypto.risk.confidence_cap crypto.risk.gamma crypto.correlation.observations_min "
    "portfolio.observations_min portfolio.var_confidence"
)
DIRECTIONS: Final[Mapping[str, tuple[Tighter, str]]] = {
    **dict.fromkeys(LESS.split(), (_less, "at most {}")),
    **dict.fromkeys(MORE.split(), (_more, "at least {}")),
    "controls": (_words("wide", "configured"), '{} or "configured"'),
    "limits.drawdown_basis": (_words("initial", "peak"), "{} or a tighter one"),
    "limits.cooldown_seconds": (_pauses, "pauses of at least {}"),
    "forex.size_multipliers": (_sizes, "sizes of at most {}"),
    "binary.expiry_seconds": (_subset, "some of {}"),
    "firm.daily_anchor": (_anchors, '{} or "max_balance_equity"'),
    "firm.total_mode": (
        _words("static", "trailing_eod_balance", "trailing_intraday_equity"), "{} or one that trails more closely",
    ),
    "firm.lock_at": (_words("initial", "none"), '{} or "none"'),
    "firm.breach": (_words("below", "at_or_below"), '{} or "at_or_below"'),
    "firm.clears": (_words("acknowledged", "never"), '{} or "never"'),
    "objectives.weekend_hold": (lambda one, other: one <= other, "{} or false"),
    "guard.exit_before_news": (lambda one, other: one >= other, "{} or true"),
    "guard.phases": (_any_or_same, "{}"),
    "guard.protect": (_any_or_same, "{}"),
    "crypto.exposure.basis": (_bases, '{} or "gross_notional"'),
    "crypto.safe_mode.reference": (_words("period_start_equity", "period_peak_equity"), "{} or a tighter one"),
}  # fmt: skip
FREE: Final = frozenset({"name", "extends", "objectives.profit_target_fraction"})
"""Keys that are no limits."""


def direction_of(key: str) -> tuple[Tighter, str]:
    """Return how values of a key compare, and the words for what is allowed beside one of them."""
    return DIRECTIONS.get(key, (_same, "{}"))


def is_tighter(key: str, one: Any, other: Any) -> bool:
    """Tell whether a value of a key is at least as tight as another; None asks for nothing."""
    if other is None or key in FREE:
        return True
    return one is not None and direction_of(key)[0](one, other)
