"""Shapes of one or two bars: doji, pin bar, engulfing. Each is known at the close of its last bar.

Ratios are compared with a millionth of a thousandth of the range to spare: equal decimals differ by an ulp as floats.
A bar without a range has no shape.
"""

from typing import Final

from market.compiled import compiled

EPSILON: Final = 1e-9
DOJI_BODY_MAX, PIN_WICK_MIN, PIN_BODY_MAX, PIN_NOSE_MAX = 0.1, 0.6, 0.3, 0.2
"""Shares of a bar's range: the body of a doji, and of a pin bar the long wick, the body, and the wick opposite."""


@compiled
def is_doji(open_: float, high: float, low: float, close: float) -> bool:
    """Tell a body of at most a tenth of the range."""
    span = high - low
    return span > 0.0 and abs(close - open_) <= (DOJI_BODY_MAX + EPSILON) * span


@compiled
def pin_direction(open_: float, high: float, low: float, close: float) -> int:
    """Return 1 for a pin bar with its long wick below, -1 with it above, 0 for none."""
    span = high - low
    if span <= 0.0 or abs(close - open_) > (PIN_BODY_MAX + EPSILON) * span:
        return 0
    below, above = min(open_, close) - low, high - max(open_, close)
    wick, nose = (PIN_WICK_MIN - EPSILON) * span, (PIN_NOSE_MAX + EPSILON) * span
    if below >= wick and above <= nose:
        return 1
    return -1 if above >= wick and below <= nose else 0


@compiled
def engulfing_direction(open_before: float, close_before: float, open_: float, close: float) -> int:
    """Return 1 where a rising body takes in the falling one before it, -1 the other way round, 0 for neither.

    Edges may coincide but the newer body is larger; bodies with one inside the other differ exactly when an edge does,
    which needs no difference of prices and so does not depend on how one rounds.
    """
    if close_before < open_before and close > open_ and open_ <= close_before and close >= open_before:
        return 1 if open_ < close_before or close > open_before else 0
    if close_before > open_before and close < open_ and open_ >= close_before and close <= open_before:
        return -1 if open_ > close_before or close < open_before else 0
    return 0
