"""Breakouts: closes beyond the range of the bars before, or beyond a trend line through the newest two pivots."""

from market.compiled import compiled
from market.indicators.oscillators import RANGE_HIGH, RANGE_LOW
from market.indicators.state import State
from market.records import Record


@compiled
def range_breakout(extremes: State, close: float, distance: float) -> int:
    """Return 1 for a close above highest + distance, -1 for one below lowest - distance, else 0.

    `extremes` is the range of the bars BEFORE this one; a distance of NaN (no ATR yet) breaks nothing.
    """
    if close > extremes[RANGE_HIGH] + distance:
        return 1
    return -1 if close < extremes[RANGE_LOW] - distance else 0


@compiled
def line_at(turn: Record, bar: int) -> float:
    """Return the price at a bar of the line through the newest two pivots of a kind."""
    slope = (turn.price - turn.first_price) / (turn.bar - turn.first_bar)
    return float(turn.price + slope * (bar - turn.bar))


@compiled
def apart(turn: Record, least: int, most: int) -> bool:
    """Tell whether there are two pivots of a kind and as far from each other as a pair must be, in bars."""
    return turn.count >= 2 and least <= turn.bar - turn.first_bar <= most


@compiled
def arm_line(turn: Record, side: int, bar: int, close: float, distance: float) -> None:
    """Watch the line of a new pair: falling highs (side 1) from below, rising lows (side -1) from above.

    A line that the close is beyond already, when it becomes known, is not one to break; nor is one without ATR.
    """
    turn.armed = 0
    if side * (turn.price - turn.first_price) < 0.0 and side * (close - line_at(turn, bar)) <= distance:
        turn.armed = 1


@compiled
def line_broken(turn: Record, side: int, bar: int, close: float, distance: float) -> bool:
    """Tell whether a close is more than the distance beyond the watched line; a line breaks once."""
    if turn.armed == 0 or not side * (close - line_at(turn, bar)) > distance:
        return False
    turn.armed = 0
    return True
