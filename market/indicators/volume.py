"""What volume says: OBV, money flow, and volume-weighted average prices. In forex it is a count of quotes."""

from typing import Final

from market.compiled import compiled
from market.indicators.state import NAN, State

DAY_NS: Final = 86_400 * 10**9
TIE: Final = 1e-12
"""Typical prices closer than this share of the price are a tie: equal decimals differ by an ulp as floats."""

OBV_SIZE: Final = 3  # seen, close before, balance


@compiled
def obv_update(state: State, at: int, close: float, volume: float) -> float:
    """On-balance volume: + volume where the close rose, - where it fell; starts at the first volume. Source: TA-Lib."""
    if state[at] == 0.0 or close > state[at + 1]:
        state[at + 2] += volume
    elif close < state[at + 1]:
        state[at + 2] -= volume
    state[at] = 1.0
    state[at + 1] = close
    return float(state[at + 2])


_SEEN, _FULL, _SLOT, _PRICE, _IN, _OUT, _INS, _OUTS, _NEXT_IN, _NEXT_OUT, _MFI_RING = range(11)


def mfi_size(n: int) -> int:
    """Return the state floats of an MFI over n bars: seen, full, slot, price, sums and counts, ring of n flows."""
    return _MFI_RING + n


@compiled
def mfi_update(state: State, at: int, high: float, low: float, close: float, volume: float, n: int) -> float:
    """Money flow index 100 p / (p + m) of n bars: p, m = sums of typical price x volume where the price rose, fell.

    A tie (see TIE) counts for neither; 0 where nothing flowed; first at bar n. A sum of no terms is exactly 0, and
    sums start anew whenever the ring wraps, so that no rounding stays behind. Source: TA-Lib 0.8 MFI.
    """
    price = high + low + close
    change = price - state[at + _PRICE]
    state[at + _PRICE] = price
    if state[at + _SEEN] == 0.0:
        state[at + _SEEN] = 1.0
        return NAN
    flow = 0.0
    if abs(change) > TIE * abs(price):
        flow = price * volume if change > 0.0 else -price * volume
    slot = int(state[at + _SLOT])
    gone = state[at + _MFI_RING + slot]
    state[at + _MFI_RING + slot] = flow
    _add_flow(state, at, gone, -1.0)
    _add_flow(state, at, flow, 1.0)
    state[at + _NEXT_IN] += max(flow, 0.0)
    state[at + _NEXT_OUT] += max(-flow, 0.0)
    slot += 1
    if slot == n:
        slot = 0
        state[at + _FULL] = 1.0
        state[at + _IN], state[at + _OUT] = state[at + _NEXT_IN], state[at + _NEXT_OUT]
        state[at + _NEXT_IN] = state[at + _NEXT_OUT] = 0.0
    state[at + _SLOT] = slot
    if state[at + _FULL] == 0.0:
        return NAN
    total = state[at + _IN] + state[at + _OUT]
    return float(100.0 * (state[at + _IN] / total)) if total > 0.0 else 0.0


@compiled
def _add_flow(state: State, at: int, flow: float, sign: float) -> None:
    """Put one flow into (sign 1) or take it out of (sign -1) the sum and the count of its direction."""
    if flow > 0.0:
        state[at + _INS] += sign
        state[at + _IN] = state[at + _IN] + sign * flow if state[at + _INS] > 0.0 else 0.0
    elif flow < 0.0:
        state[at + _OUTS] += sign
        state[at + _OUT] = state[at + _OUT] - sign * flow if state[at + _OUTS] > 0.0 else 0.0


_VWAP_FULL, _VWAP_SLOT, _VALUE, _VOLUME, _NEXT_VALUE, _NEXT_VOLUME, _TRADED, _VWAP_RING = range(8)


def vwap_size(n: int) -> int:
    """Return the state floats of a VWAP over n bars: full, slot, sums, count, rings of n values and n volumes."""
    return _VWAP_RING + 2 * n


@compiled
def vwap_update(state: State, at: int, high: float, low: float, close: float, volume: float, n: int) -> float:
    """Volume-weighted mean of the typical price over n bars; NaN where no bar has volume; first at bar n - 1."""
    slot = int(state[at + _VWAP_SLOT])
    values = at + _VWAP_RING
    volumes = values + n
    value = (high + low + close) * volume
    value_gone, volume_gone = state[values + slot], state[volumes + slot]
    state[values + slot], state[volumes + slot] = value, volume
    state[at + _VALUE] += value - value_gone
    state[at + _VOLUME] += volume - volume_gone
    state[at + _NEXT_VALUE] += value
    state[at + _NEXT_VOLUME] += volume
    state[at + _TRADED] += (1.0 if volume > 0.0 else 0.0) - (1.0 if volume_gone > 0.0 else 0.0)
    slot += 1
    if slot == n:
        slot = 0
        state[at + _VWAP_FULL] = 1.0
        state[at + _VALUE], state[at + _VOLUME] = state[at + _NEXT_VALUE], state[at + _NEXT_VOLUME]
        state[at + _NEXT_VALUE] = state[at + _NEXT_VOLUME] = 0.0
    state[at + _VWAP_SLOT] = slot
    if state[at + _VWAP_FULL] == 0.0 or state[at + _TRADED] == 0.0:
        return NAN
    return float(state[at + _VALUE] / (3.0 * state[at + _VOLUME]))


VWAP_CUMULATIVE_SIZE: Final = 2  # sums of value and volume


@compiled
def vwap_cumulative_update(state: State, at: int, high: float, low: float, close: float, volume: float) -> float:
    """Volume-weighted mean of the typical price since the first bar; NaN until there is volume."""
    state[at] += (high + low + close) * volume
    state[at + 1] += volume
    return float(state[at] / (3.0 * state[at + 1])) if state[at + 1] > 0.0 else NAN


VWAP_SESSION_SIZE: Final = 4  # sums of value and volume, seen, day


@compiled
def vwap_session_update(
    state: State, at: int, high: float, low: float, close: float, volume: float, time_ns: int
) -> float:
    """Volume-weighted mean of the typical price since the UTC day began; NaN until the day has volume.

    `time_ns` is the close of the bar: one that closes at midnight belongs to the day that ends there. Where sessions
    are not UTC days, it is any time within the UTC day that stands for the session (`market.structure.session_stamp`).
    """
    day = (time_ns - 1) // DAY_NS
    if state[at + 2] == 0.0 or state[at + 3] != day:
        state[at] = state[at + 1] = 0.0
        state[at + 2], state[at + 3] = 1.0, day
    return vwap_cumulative_update(state, at, high, low, close, volume)
