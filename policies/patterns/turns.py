"""What a new pivot makes with the one before it of its kind: divergences of price and RSI, regular and hidden."""

from typing import Final

from market.compiled import compiled
from market.records import Record
from policies.patterns.kinds import Pattern

RSI_TIE: Final = 1e-9
"""Strengths closer than this are equal: closes that stand still keep an RSI, but for the last bits of its floats."""


@compiled
def take_pivot(turn: Record, bar: int, price: float, rsi: float) -> None:
    """Make a pivot the newest of its kind."""
    turn.first_bar, turn.first_price, turn.first_rsi = turn.bar, turn.price, turn.rsi
    turn.bar, turn.price, turn.rsi = bar, price, rsi
    turn.count = min(turn.count + 1, 2)
    turn.armed = 0


@compiled
def divergence_of_highs(turn: Record) -> int:
    """Return REGULAR_BEAR for a higher high with a lower RSI, HIDDEN_BEAR for the opposite, 0 for neither."""
    if turn.price > turn.first_price and turn.rsi < turn.first_rsi - RSI_TIE:
        return Pattern.REGULAR_BEAR.value
    if turn.price < turn.first_price and turn.rsi > turn.first_rsi + RSI_TIE:
        return Pattern.HIDDEN_BEAR.value
    return 0


@compiled
def divergence_of_lows(turn: Record) -> int:
    """Return REGULAR_BULL for a lower low with a higher RSI, HIDDEN_BULL for the opposite, 0 for neither."""
    if turn.price < turn.first_price and turn.rsi > turn.first_rsi + RSI_TIE:
        return Pattern.REGULAR_BULL.value
    if turn.price > turn.first_price and turn.rsi < turn.first_rsi - RSI_TIE:
        return Pattern.HIDDEN_BULL.value
    return 0
