"""Two positions that are one bet: the correlation of their results, and from which one a new one is refused.

Sides count: a long and a short of two things that move apart are as much one bet as two longs of what moves together.
"""

from market.compiled import compiled, folded


@folded
def effective_correlation(correlation: float, side: int, other_side: int) -> float:
    """Return correlation x side x side: the correlation of what two positions earn; sides are 1 or -1."""
    return correlation * side * other_side


@compiled
def conflicts(effective: float, effective_max: float) -> bool:
    """Tell whether an effective correlation reaches the most that is allowed; NaN does (nobody knows)."""
    return not effective < effective_max
