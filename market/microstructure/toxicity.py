"""How one-sided trading is: VPIN over buckets of volume, and the share of buyers where trades carry no side."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.microstructure.windows import window_at, window_push, window_size
from market.quality import DataQualityError

Floats = NDArray[np.float64]

FULL: Final = 1e-9
"""A bucket that lacks less than this share of its volume is full: sizes add up to it only nearly as floats."""
ROOT_HALF: Final = math.sqrt(0.5)

_SEEN, _PRICE, _SIGN, _BUY, _SELL, _BUCKETS = range(6)


def vpin_size(n: int) -> int:
    """Return the state floats of a VPIN over n buckets: seen, price, sign, bought, sold, window of buckets."""
    return _BUCKETS + window_size(n, 1)


@compiled
def _sign(state: State, at: int, price: float) -> float:
    """Return the side of a trade by the tick rule: 1 up, -1 down, else that of the trade before; the first is 1."""
    if state[at + _SEEN] == 0.0 or price > state[at + _PRICE]:
        state[at + _SIGN] = 1.0
    elif price < state[at + _PRICE]:
        state[at + _SIGN] = -1.0
    state[at + _SEEN], state[at + _PRICE] = 1.0, price
    return float(state[at + _SIGN])


@compiled
def _pour(state: State, at: int, sign: float, size: float, volume: float) -> float:
    """Fill the bucket of a volume from a trade; return what is left of the trade, -1 while the bucket is not full."""
    room = volume - state[at + _BUY] - state[at + _SELL]
    full = size >= room - FULL * volume
    take = min(size, room)
    if sign > 0.0:
        state[at + _BUY] += take
    else:
        state[at + _SELL] += take
    return max(size - take, 0.0) if full else -1.0


@compiled
def vpin_update(state: State, at: int, price: float, size: float, volume: float, n: int) -> float:
    """Return VPIN of the last n full buckets of a volume: sum |bought - sold| / (n volume); NaN before n.

    Sides by the tick rule; a trade may span buckets; the bucket that is not full yet does not count. Source: Easley,
    Lopez de Prado, O'Hara 2012.
    """
    if not (0.0 < price < math.inf and 0.0 < size < math.inf):
        return NAN
    sign = _sign(state, at, price)
    left = _pour(state, at, sign, size, volume)
    if left > (n + 1) * volume:  # of equal buckets only the last n can ever count
        left -= math.floor(left / volume - n) * volume
    while left >= 0.0:
        window_push(state, at + _BUCKETS, n, 0, abs(state[at + _BUY] - state[at + _SELL]))
        state[at + _BUY] = state[at + _SELL] = 0.0
        left = _pour(state, at, sign, left, volume) if left > FULL * volume else -1.0
    if state[at + _BUCKETS] < n:
        return NAN
    total = 0.0
    for k in range(n):
        total += window_at(state, at + _BUCKETS, n, 0, k)
    return total / (n * volume)


@compiled
def _buckets(state: State, prices: Floats, sizes: Floats, volume: float, out: Floats) -> int:
    """Write (bought, sold) of every full bucket to `out`; return how many."""
    count = 0
    for k in range(len(prices)):
        sign = _sign(state, 0, prices[k])
        left = _pour(state, 0, sign, sizes[k], volume)
        while left >= 0.0:
            out[count, 0], out[count, 1] = state[_BUY], state[_SELL]
            count += 1
            state[_BUY] = state[_SELL] = 0.0
            left = _pour(state, 0, sign, left, volume) if left > FULL * volume else -1.0
    return count


def vpin(trades: Floats, volume: float, n: int) -> tuple[Floats, Floats]:
    """Return (bought and sold per full bucket [buckets, 2], VPIN at every bucket from the n-th on) of trades [k, 2].

    A trade is (price, size). DataQualityError names the first that is not finite or not above 0; ValueError for a
    bucket volume or a window that is none.
    """
    if not 0.0 < volume < math.inf or n < 1:
        raise ValueError(f"bucket volume {volume}, window {n}: a volume above 0 and a window from 1 are allowed")
    rows = np.ascontiguousarray(trades, np.float64).reshape(-1, 2)
    sound = (np.isfinite(rows) & (rows > 0.0)).all(axis=1)
    if not sound.all():
        row = int(np.argmin(sound))
        raise DataQualityError(f"trade {row}: {rows[row].tolist()}; a price and a size above 0 are allowed")
    room = np.zeros((int(rows[:, 1].sum() / volume * (1.0 + FULL)) + 2, 2))
    prices, sizes = (np.ascontiguousarray(rows[:, k]) for k in (0, 1))
    buckets = room[: _buckets(np.zeros(vpin_size(1)), prices, sizes, float(volume), room)]
    gaps = np.abs(buckets[:, 0] - buckets[:, 1])
    values = [float(gaps[k - n : k].sum()) / (n * volume) for k in range(n, len(gaps) + 1)]
    return buckets, np.array(values, np.float64)


@compiled
def normal_cdf(z: float) -> float:
    """Return P(Z <= z) of the standard normal."""
    return 0.5 * math.erfc(-z * ROOT_HALF)


_BULK_SEEN, _BULK_PRICE, _BULK_WINDOW = range(3)


def bulk_size(n: int) -> int:
    """Return the state floats of bulk classification over n changes: seen, price before, window."""
    return _BULK_WINDOW + window_size(n, 1)


@compiled
def bulk_update(state: State, at: int, price: float, volume: float, n: int) -> float:
    """Return what buyers took of a bar's volume, V Phi(dp / sigma), sigma that of the last n changes, this one's too.

    NaN before n changes and where all are equal. Source: Easley, Lopez de Prado, O'Hara 2012, bulk classification.
    """
    if not (0.0 < price < math.inf and 0.0 <= volume < math.inf):
        return NAN
    seen, change = state[at + _BULK_SEEN] != 0.0, price - state[at + _BULK_PRICE]
    state[at + _BULK_SEEN], state[at + _BULK_PRICE] = 1.0, price
    window = at + _BULK_WINDOW
    if not seen or not window_push(state, window, n, 0, change):
        return NAN
    mean = squares = 0.0
    for k in range(n):
        mean += window_at(state, window, n, 0, k)
    mean /= n
    for k in range(n):
        one = window_at(state, window, n, 0, k) - mean
        squares += one * one
    sigma = math.sqrt(squares / (n - 1)) if n > 1 else 0.0
    return volume * normal_cdf(change / sigma) if sigma > FULL * abs(mean) else NAN


def bulk_buy_volume(price_change: Floats, volume: Floats) -> tuple[float | None, Floats | None]:
    """Return (sigma, bought volume per bar) with the deviation of the whole series: for research, it looks ahead.

    None where changes never differ or there are fewer than two. DataQualityError names the first bar that is not sound.
    """
    changes, volumes = np.asarray(price_change, np.float64), np.asarray(volume, np.float64)
    if changes.shape != volumes.shape or changes.ndim != 1:
        raise ValueError(f"{changes.shape} changes, {volumes.shape} volumes; two series of one length are allowed")
    sound = np.isfinite(changes) & np.isfinite(volumes) & (volumes >= 0.0)
    if not sound.all():
        raise DataQualityError(f"bar {int(np.argmin(sound))}: finite changes and volumes from 0 are allowed")
    sigma = float(np.std(changes, ddof=1)) if len(changes) > 1 else 0.0
    if sigma <= FULL * abs(float(np.mean(changes))) if len(changes) else True:
        return None, None
    bought = [bulk * normal_cdf(change / sigma) for change, bulk in zip(changes, volumes, strict=True)]
    return sigma, np.array(bought, np.float64)
