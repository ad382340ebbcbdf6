"""Wilder's directional movement: +DI, -DI and ADX, one state for the three."""

from typing import Final

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.indicators.volatility import true_range

PLUS_DI, MINUS_DI, ADX = 0, 1, 2
DIRECTION_SIZE: Final = 11
_SEEN, _HIGH, _LOW, _CLOSE, _RANGE, _PLUS, _MINUS, _INDEX = 3, 4, 5, 6, 7, 8, 9, 10


@compiled
def direction_update(state: State, at: int, high: float, low: float, close: float, n: int) -> float:
    """Move +DI, -DI (first at bar n) and ADX (first at bar 2n - 1) by one bar; return ADX.

    +DM = rise of the high, -DM = fall of the low: the larger counts, if positive; a tie counts for neither. Sums of TR
    and DM: of bars 1 .. n - 1, then s - s / n + x. DI = 100 DM / TR. DX = 100 |+DI - -DI| / (+DI + -DI), its mean over
    n bars, then Wilder's; a bar without movement leaves it as it was. Source: TA-Lib PLUS_DI, MINUS_DI, ADX.
    """
    seen = state[at + _SEEN]
    rise = high - state[at + _HIGH]
    fall = state[at + _LOW] - low
    moved = true_range(high, low, state[at + _CLOSE])
    state[at + _HIGH], state[at + _LOW], state[at + _CLOSE] = high, low, close
    up = rise if rise > fall and rise > 0.0 else 0.0
    down = fall if fall > rise and fall > 0.0 else 0.0
    if seen < n:
        state[at + _SEEN] = seen + 1.0
        if seen > 0.0:
            state[at + _RANGE] += moved
            state[at + _PLUS] += up
            state[at + _MINUS] += down
        state[at + PLUS_DI] = state[at + MINUS_DI] = state[at + ADX] = NAN
        return NAN
    keep = 1.0 - 1.0 / n
    total = state[at + _RANGE] * keep + moved
    plus = state[at + _PLUS] * keep + up
    minus = state[at + _MINUS] * keep + down
    state[at + _RANGE], state[at + _PLUS], state[at + _MINUS] = total, plus, minus
    state[at + PLUS_DI] = 100.0 * (plus / total) if total > 0.0 else 0.0
    state[at + MINUS_DI] = 100.0 * (minus / total) if total > 0.0 else 0.0
    _average_index(state, at, plus, minus, n)
    return float(state[at + ADX])


@compiled
def _average_index(state: State, at: int, plus: float, minus: float, n: int) -> None:
    """Take this bar's DX into ADX: summed for n bars, divided at the n-th, then smoothed."""
    seen = state[at + _SEEN]
    moving = plus + minus > 0.0
    index = 100.0 * (abs(plus - minus) / (plus + minus)) if moving else 0.0
    if seen == 2 * n:
        if moving:
            state[at + ADX] += (index - state[at + ADX]) * (1.0 / n)
        return
    state[at + _SEEN] = seen + 1.0
    state[at + _INDEX] += index
    state[at + ADX] = state[at + _INDEX] / n if seen == 2 * n - 1 else NAN
