"""Order flow from the best quotes, and how fast a side fills again after it was hit."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.microstructure.windows import RING, window_at, window_push, window_size
from market.quality import DataQualityError

Floats = NDArray[np.float64]

TIE: Final = 1e-12
"""Depth closer than this share to what is wanted has reached it."""


@compiled
def order_flow_event(
    bid_before: float, bid_size_before: float, ask_before: float, ask_size_before: float,
    bid: float, bid_size: float, ask: float, ask_size: float,
) -> float:  # fmt: skip
    """Return the order-flow imbalance of one change of the best quotes, in units of size.

    e = [b >= b'] Qb - [b <= b'] Qb' - [a <= a'] Qa + [a >= a'] Qa', primes before. Source: Cont, Kukanov, Stoikov 2014.
    """
    event = 0.0
    if bid >= bid_before:
        event += bid_size
    if bid <= bid_before:
        event -= bid_size_before
    if ask <= ask_before:
        event -= ask_size
    if ask >= ask_before:
        event += ask_size_before
    return event


_SEEN, _BID, _BID_SIZE, _ASK, _ASK_SIZE, _FLOW = range(6)


def order_flow_size(n: int) -> int:
    """Return the state floats of an order flow over n events: seen, the quote before, window."""
    return _FLOW + window_size(n, 1)


@compiled
def order_flow_reset(state: State, at: int, n: int) -> None:
    """Forget everything: after a hole in the stream the next quote is the first, and old events count no more."""
    state[at : at + _FLOW + RING + n] = 0.0


@compiled
def order_flow_update(
    state: State, at: int, bid: float, bid_size: float, ask: float, ask_size: float, n: int
) -> float:  # fmt: skip
    """Return the sum of the last n events after this quote; NaN before n events.

    A quote that is locked, crossed or not finite starts everything anew: what came between cannot be known.
    """
    if not (0.0 < bid < ask < math.inf and 0.0 <= bid_size < math.inf and 0.0 <= ask_size < math.inf):
        order_flow_reset(state, at, n)
        return NAN
    seen = state[at + _SEEN] != 0.0
    event = order_flow_event(
        state[at + _BID], state[at + _BID_SIZE], state[at + _ASK], state[at + _ASK_SIZE], bid, bid_size, ask, ask_size
    )
    state[at + _SEEN] = 1.0
    state[at + _BID], state[at + _BID_SIZE], state[at + _ASK], state[at + _ASK_SIZE] = bid, bid_size, ask, ask_size
    if not seen or not window_push(state, at + _FLOW, n, 0, event):
        return NAN
    total = 0.0
    for k in range(n):
        total += window_at(state, at + _FLOW, n, 0, k)
    return total


def order_flow(quotes: Floats) -> tuple[Floats, float | None]:
    """Return (event per change, their sum) of quotes [n, 4] = bid, bid size, ask, ask size; None without a change.

    DataQualityError names the first quote that is locked, crossed or not finite.
    """
    rows = np.ascontiguousarray(quotes, np.float64).reshape(-1, 4)
    bid, bid_size, ask, ask_size = rows.T
    sound = np.isfinite(rows).all(axis=1) & (bid > 0.0) & (bid < ask) & (bid_size >= 0.0) & (ask_size >= 0.0)
    if not sound.all():
        row = int(np.argmin(sound))
        raise DataQualityError(f"quote {row}: {rows[row].tolist()}; a bid below the ask and sizes from 0 are allowed")
    events = np.array([order_flow_event(*rows[k], *rows[k + 1]) for k in range(len(rows) - 1)], np.float64)
    return events, float(events.sum()) if len(events) else None


RESILIENCY_SIZE: Final = 3  # waiting, time of the shock, depth wanted


@compiled
def resiliency_shock(state: State, at: int, time: float, depth_before: float, fraction: float) -> None:
    """Note that a side was hit at a time: from here on it is awaited that `fraction` of its depth before is back."""
    state[at], state[at + 1], state[at + 2] = 1.0, time, depth_before * fraction


@compiled
def resiliency_update(state: State, at: int, time: float, depth: float) -> float:
    """Return the time since the shock once enough depth is back, NaN before that and after it; in the times' unit."""
    if state[at] == 0.0 or time < state[at + 1] or not depth >= state[at + 2] * (1.0 - TIE):
        return NAN
    state[at] = 0.0
    return float(time - state[at + 1])


def recovery_time(times: Floats, depths: Floats, shock: float, depth_before: float, fraction: float) -> float | None:
    """Return how long a side took to hold `fraction` of its depth before a shock again; None where it never did.

    ValueError unless 0 < fraction <= 1, the depth before is above 0 and times do not fall.
    """
    if not (0.0 < fraction <= 1.0 and 0.0 < depth_before < math.inf):
        raise ValueError(f"depth {depth_before}, fraction {fraction}: a depth above 0 and a fraction to 1 are allowed")
    if (np.diff(times) < 0.0).any():
        raise ValueError("times fall; times in their order are allowed")
    state = np.zeros(RESILIENCY_SIZE)
    resiliency_shock(state, 0, float(shock), float(depth_before), float(fraction))
    for time, depth in zip(times, depths, strict=True):
        value = resiliency_update(state, 0, float(time), float(depth))
        if not math.isnan(value):
            return value
    return None
