"""What features of the catalogue declare of their warm-up: bars until a value no longer depends on its beginning.

A window forgets when it has moved past the beginning. A recursion forgets by its decay: its beginning counts for less
than FADED. A sum since the beginning never forgets. `trifecta check warmup` holds that against what is seen.
"""

import math
from collections.abc import Callable
from typing import Final

from market.feature_specs import Op, parse_feature
from research.catalogue.entry import DAY_NS

FADED: Final = 1e-10
"""Share of a first value that counts for nothing, even in a MACD's histogram, which is thousands of times smaller."""


def _fading(decay: float) -> int:
    """Return in how many bars a decay per bar comes to FADED."""
    return math.ceil(math.log(FADED) / math.log(decay)) if decay > 0.0 else 0


def _wilder(n: int) -> int:
    return _fading((n - 1) / n)


def _exponential(n: int) -> int:
    return _fading((n - 1) / (n + 1))


RECURSIONS: Final[dict[Op, Callable[..., int]]] = {
    Op.EMA: _exponential,
    Op.MACD: lambda _, slow, signal: _exponential(slow) + _exponential(signal),
    Op.RSI: _wilder,
    Op.ATR: _wilder,
    Op.NATR: _wilder,
    Op.DIRECTION: lambda n: 2 * _wilder(n),
}
ENDLESS: Final = (Op.OBV, Op.VWAP_CUMULATIVE)
"""Sums since the beginning."""

SESSIONS: Final = (Op.VWAP_SESSION,)
"""Sums since the beginning of the UTC day."""


def settled_after(feature: str, bar_ns: int) -> int | None:
    """Return the bar from which on a feature no longer depends on where data begins; None for never."""
    parsed = parse_feature(feature)
    op = parsed.spec.op
    if op in ENDLESS:
        return None
    if op in SESSIONS:
        return -(-DAY_NS // bar_ns) if bar_ns > 0 else None
    return parsed.warmup + (RECURSIONS[op](*parsed.periods) if op in RECURSIONS else 0)
