"""What trading costs in price: Kyle's lambda and Amihud's illiquidity."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.microstructure.windows import window_at, window_push, window_set, window_size
from market.quality import DataQualityError

Floats = NDArray[np.float64]

FLAT: Final = 1e-24
"""A sum of squared deviations below this share of the sum of squares is that of equal numbers."""

_KYLE_SEEN, _KYLE_PRICE, _KYLE_WINDOW = range(3)


def kyle_size(n: int) -> int:
    """Return the state floats of Kyle's lambda over n changes: seen, price before, window of changes and volumes."""
    return _KYLE_WINDOW + window_size(n, 2)


@compiled
def kyle_update(state: State, at: int, price: float, signed_volume: float, n: int) -> float:
    """Return Kyle's lambda of the last n price changes: the slope of dp = a + lambda x signed volume.

    `signed_volume` is what buyers took less what sellers gave since the price before. NaN before n changes and where
    the volume never differs. Source: Kyle 1985, as OLS with intercept.
    """
    if not (0.0 < price < math.inf and -math.inf < signed_volume < math.inf):
        return NAN
    seen, change = state[at + _KYLE_SEEN] != 0.0, price - state[at + _KYLE_PRICE]
    state[at + _KYLE_SEEN], state[at + _KYLE_PRICE] = 1.0, price
    if not seen:
        return NAN
    window = at + _KYLE_WINDOW
    window_set(state, window, n, 0, change)
    if not window_push(state, window, n, 1, signed_volume):
        return NAN
    mean_x = mean_y = 0.0
    for k in range(n):
        mean_x += window_at(state, window, n, 1, k)
        mean_y += window_at(state, window, n, 0, k)
    mean_x, mean_y = mean_x / n, mean_y / n
    products = deviations = squares = 0.0
    for k in range(n):
        x = window_at(state, window, n, 1, k)
        products += (x - mean_x) * (window_at(state, window, n, 0, k) - mean_y)
        deviations += (x - mean_x) * (x - mean_x)
        squares += x * x
    return products / deviations if deviations > FLAT * squares else NAN


class KyleFit(NamedTuple):
    """Kyle's lambda with its fit; None where the volume never differs, r2 also where the price never does."""

    lambda_: float | None
    intercept: float | None
    r2: float | None
    lambda_no_intercept: float | None


def kyle_lambda(price_change: Floats, signed_volume: Floats) -> KyleFit:
    """Return the OLS of price changes on signed volume, with and without intercept, over equally long arrays.

    DataQualityError names the first pair that is not finite. Fewer than two pairs have no fit.
    """
    x, y = np.asarray(signed_volume, np.float64), np.asarray(price_change, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"{y.shape} changes and {x.shape} volumes; two series of one length are allowed")
    sound = np.isfinite(x) & np.isfinite(y)
    if not sound.all():
        raise DataQualityError(f"pair {int(np.argmin(sound))}: finite changes and volumes are allowed")
    squares = float(x @ x)
    through_zero = float(x @ y) / squares if squares > 0.0 else None
    deviations = x - x.mean() if len(x) else x
    spread = float(deviations @ deviations)
    if len(x) < 2 or spread <= FLAT * squares:
        return KyleFit(None, None, None, through_zero)
    heights = y - y.mean()
    slope = float(deviations @ heights) / spread
    total = float(heights @ heights)
    r2 = float(deviations @ heights) ** 2 / (spread * total) if total > FLAT * float(y @ y) else None
    return KyleFit(slope, float(y.mean()) - slope * float(x.mean()), r2, through_zero)


_AMIHUD_SEEN, _AMIHUD_CLOSE, _AMIHUD_WINDOW = range(3)


def amihud_size(n: int) -> int:
    """Return the state floats of Amihud's measure over n bars: seen, close before, window."""
    return _AMIHUD_WINDOW + window_size(n, 1)


@compiled
def _illiquidity(close_before: float, close: float, volume: float) -> float:
    """Return |r| / (P V) of one bar, -1 without volume."""
    return abs(close / close_before - 1.0) / (close * volume) if volume > 0.0 else -1.0


@compiled
def amihud_update(state: State, at: int, close: float, volume: float, n: int) -> float:
    """Return mean(|r| / (P V)) of those of the last n bars that have volume; NaN before n bars and where none has.

    r = P / P' - 1 with the close before, whether or not that bar had volume. Source: Amihud 2002.
    """
    if not (0.0 < close < math.inf and 0.0 <= volume < math.inf):
        return NAN
    seen, before = state[at + _AMIHUD_SEEN] != 0.0, state[at + _AMIHUD_CLOSE]
    state[at + _AMIHUD_SEEN], state[at + _AMIHUD_CLOSE] = 1.0, close
    if not seen or not window_push(state, at + _AMIHUD_WINDOW, n, 0, _illiquidity(before, close, volume)):
        return NAN
    total, used = 0.0, 0
    for k in range(n):
        one = window_at(state, at + _AMIHUD_WINDOW, n, 0, k)
        if one >= 0.0:
            total += one
            used += 1
    return total / used if used > 0 else NAN


def amihud(close: Floats, volume: Floats) -> tuple[float | None, int]:
    """Return (mean(|r| / (P V)), bars used) of a series; bars without volume are left out, None where all are.

    DataQualityError names the first bar whose close is not above 0 or whose volume is below 0 or not finite.
    """
    prices, volumes = np.asarray(close, np.float64), np.asarray(volume, np.float64)
    if prices.shape != volumes.shape or prices.ndim != 1:
        raise ValueError(f"{prices.shape} closes and {volumes.shape} volumes; two series of one length are allowed")
    sound = np.isfinite(prices) & np.isfinite(volumes) & (prices > 0.0) & (volumes >= 0.0)
    if not sound.all():
        bar = int(np.argmin(sound))
        raise DataQualityError(f"bar {bar}: close {prices[bar]}, volume {volumes[bar]}; above 0 and from 0 are allowed")
    each = [_illiquidity(prices[k - 1], prices[k], volumes[k]) for k in range(1, len(prices))]
    used = [one for one in each if one >= 0.0]
    return (sum(used) / len(used) if used else None), len(used)
