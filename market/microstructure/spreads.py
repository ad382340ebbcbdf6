"""What the spread really was: effective and realised spread of trades, and Roll's estimate from prices alone."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.microstructure.book import BP
from market.microstructure.windows import window_at, window_push, window_size
from market.quality import DataQualityError

Floats = NDArray[np.float64]


class SpreadParts(NamedTuple):
    """Spread of one trade in basis points of the mid before it; effective = realised + impact."""

    effective: float
    realised: float
    impact: float


def spread_parts(side: int, price: float, mid: float, mid_later: float) -> SpreadParts:
    """Return effective = 2 d (p - m) / m, realised = 2 d (p - m') / m, impact = 2 d (m' - m) / m; d the side, 1 or -1.

    m is the mid before the trade, m' the mid some time after it. DataQualityError for prices that are not above 0.
    """
    if side not in (1, -1):
        raise ValueError(f"side {side}: 1 (the buyer took) or -1 is allowed")
    if not all(0.0 < one < math.inf for one in (price, mid, mid_later)):
        raise DataQualityError(f"price {price}, mid {mid}, mid later {mid_later}: finite prices above 0 are allowed")
    return SpreadParts(
        _part(side, price, mid, mid), _part(side, price, mid_later, mid), _part(side, mid_later, mid, mid)
    )


@compiled
def _part(side: float, price: float, against: float, mid: float) -> float:
    return 2.0 * side * (price - against) / mid * BP


_MID, _WAITING, _FIRST, _DROPPED, _PENDING = range(5)


def spread_size(n: int) -> int:
    """Return the state floats of realised spreads of n trades: mid, trades that wait (a ring of n), window of n."""
    return _PENDING + 4 * n + window_size(n, 1)


@compiled
def spread_trade(state: State, at: int, time: float, side: float, price: float, n: int) -> float:
    """Take a trade and return its effective spread in bp of the mid before it, NaN where no quote was.

    It waits for its realised spread; of more than n that wait the oldest is dropped, and counted in slot 3.
    """
    mid = state[at + _MID]
    if mid <= 0.0 or not (0.0 < price < math.inf and abs(side) == 1.0):
        return NAN
    if state[at + _WAITING] == n:
        state[at + _FIRST] = (state[at + _FIRST] + 1.0) % n
        state[at + _WAITING] -= 1.0
        state[at + _DROPPED] += 1.0
    place = at + _PENDING + 4 * int((state[at + _FIRST] + state[at + _WAITING]) % n)
    state[place], state[place + 1], state[place + 2], state[place + 3] = time, side, price, mid
    state[at + _WAITING] += 1.0
    return _part(side, price, mid, mid)


@compiled
def spread_update(state: State, at: int, time: float, bid: float, ask: float, horizon: float, n: int) -> float:
    """Take a quote and return the mean realised spread of the last n trades that have one, in bp; NaN before n.

    A trade's later mid is the last one up to `horizon` after it, so it is known at the first quote after that. Times
    and horizon share one unit that floats hold exactly, microseconds since 1970 for one. A quote that is locked,
    crossed or not finite is not counted.
    """
    if not 0.0 < bid < ask < math.inf:
        return NAN
    window = at + _PENDING + 4 * n
    while state[at + _WAITING] > 0.0:
        place = at + _PENDING + 4 * int(state[at + _FIRST])
        if not time > state[place] + horizon:
            break
        realised = _part(state[place + 1], state[place + 2], state[at + _MID], state[place + 3])
        window_push(state, window, n, 0, realised)
        state[at + _FIRST] = (state[at + _FIRST] + 1.0) % n
        state[at + _WAITING] -= 1.0
    state[at + _MID] = (bid + ask) / 2.0
    if state[window] < n:
        return NAN
    total = 0.0
    for k in range(n):
        total += window_at(state, window, n, 0, k)
    return total / n


def trade_spreads(
    trade_time: Floats, side: Floats, price: Floats, quote_time: Floats, mid: Floats, horizon: float
) -> Floats:
    """Return [trades, 4]: effective, realised, impact in bp, and the time at which the last two are known.

    Times in order, one unit. The mid before a trade is the last one strictly before it: one of the same instant may be
    its consequence. NaN without a mid before, or as long as no quote after `horizon` shows that the mid stood.
    """
    out = np.full((len(trade_time), 4), math.nan)
    if not len(quote_time):
        return out
    before = np.searchsorted(quote_time, trade_time, "left") - 1
    after = np.searchsorted(quote_time, np.asarray(trade_time) + horizon, "right")
    seen = before >= 0
    known = seen & (after < len(quote_time))
    start = mid[np.maximum(before, 0)]
    later = mid[after - 1]
    out[:, 0] = np.where(seen, 2.0 * side * (price - start) / start * BP, math.nan)
    out[:, 1] = np.where(known, 2.0 * side * (price - later) / start * BP, math.nan)
    out[:, 2] = np.where(known, 2.0 * side * (later - start) / start * BP, math.nan)
    out[:, 3] = np.where(known, quote_time[np.minimum(after, len(quote_time) - 1)], math.nan)
    return out


_ROLL_SEEN, _ROLL_PRICE, _ROLL_WINDOW = range(3)


def roll_size(n: int) -> int:
    """Return the state floats of Roll's spread over n changes: seen, price before, window."""
    return _ROLL_WINDOW + window_size(n, 1)


@compiled
def roll_update(state: State, at: int, price: float, n: int) -> float:
    """Return Roll's spread of the last n price changes, 2 sqrt(-cov(dP', dP)); NaN before n and where cov > 0; n > 2.

    The covariance is of neighbouring changes, divided by pairs less one. Source: Roll 1984.
    """
    if not 0.0 < price < math.inf:
        return NAN
    seen, change = state[at + _ROLL_SEEN] != 0.0, price - state[at + _ROLL_PRICE]
    state[at + _ROLL_SEEN], state[at + _ROLL_PRICE] = 1.0, price
    window = at + _ROLL_WINDOW
    if not seen or not window_push(state, window, n, 0, change):
        return NAN
    first = second = 0.0
    for k in range(n - 1):
        first += window_at(state, window, n, 0, k)
        second += window_at(state, window, n, 0, k + 1)
    first, second = first / (n - 1), second / (n - 1)
    products = 0.0
    for k in range(n - 1):
        products += (window_at(state, window, n, 0, k) - first) * (window_at(state, window, n, 0, k + 1) - second)
    covariance = products / (n - 2)
    return 2.0 * math.sqrt(-covariance) if covariance <= 0.0 else NAN


class RollSpread(NamedTuple):
    """Roll's spread in the unit of the prices; None where the covariance is positive or there is too little."""

    autocov: float | None
    roll_spread: float | None


def roll_spread(prices: Floats) -> RollSpread:
    """Return Roll's estimate over a whole series; DataQualityError names the first price that is not above 0."""
    series = np.asarray(prices, np.float64)
    sound = np.isfinite(series) & (series > 0.0)
    if not sound.all():
        row = int(np.argmin(sound))
        raise DataQualityError(f"price {row} is {series[row]}; finite prices above 0 are allowed")
    changes = np.diff(series)
    if len(changes) < 3:
        return RollSpread(None, None)
    covariance = float(np.cov(changes[:-1], changes[1:])[0, 1])
    return RollSpread(covariance, 2.0 * math.sqrt(-covariance) if covariance <= 0.0 else None)
