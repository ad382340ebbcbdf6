"""Regime: bull, bear or sideways by how far the price went for its noise, and whether that noise is low or high.

z = ln(C / C of n bars ago) / (deviation of the n log returns x sqrt n): the move in units of what chance alone does. A
regime begins at |z| >= enter and ends below exit, which is lower, and holds some bars at least: so it does not flicker.
The volatility is compared with quantiles of the window BEFORE it. All of it is known at the bar's close; nothing is
smoothed or fitted over what came later.

What is not known keeps the regime: a close that is NaN or not positive has no logarithm, a market that did not move
has no noise to compare with. Such a bar still counts towards the bars that a regime holds.
"""

import math
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.indicators.state import NAN, State
from market.records import Record, Records, record_type, records

Floats = NDArray[np.float64]


class Regime(IntEnum):
    """Where the market goes."""

    BEAR = -1
    SIDEWAYS = 0
    BULL = 1


class Volatility(IntEnum):
    """How the newest deviation compares with the window before it; UNKNOWN while that window fills."""

    UNKNOWN = 0
    LOW = 1
    MID = 2
    HIGH = 3


class RegimeParams(NamedTuple):
    """`lookback` returns make z and the deviation; `enter`, `exit` are bounds of |z|, `dwell` bars a regime holds.

    The volatility is low below quantile `low` and high above quantile `high` of the `window` deviations before it.
    """

    lookback: int = 20
    window: int = 240
    dwell: int = 3
    enter: float = 1.0
    exit: float = 0.5
    low: float = 1 / 3
    high: float = 2 / 3


PERIOD_MAX: Final = 10_000


def checked(params: RegimeParams) -> RegimeParams:
    """Return the parameters; ValueError names the first one that is out of its bounds and says what is allowed."""
    for name, least in (("lookback", 2), ("window", 2), ("dwell", 1)):
        value = getattr(params, name)
        if type(value) is not int or not least <= value <= PERIOD_MAX:
            raise ValueError(f"regime: {name} = {value!r}; whole numbers from {least} to {PERIOD_MAX} are allowed")
    if not 0.0 < params.exit <= params.enter < math.inf:
        raise ValueError(f"regime: exit = {params.exit!r}, enter = {params.enter!r}; 0 < exit <= enter is allowed")
    if not 0.0 <= params.low <= params.high <= 1.0:
        raise ValueError(f"regime: low = {params.low!r}, high = {params.high!r}; 0 <= low <= high <= 1 is allowed")
    return params


STILL: Final = 1e-9
"""A deviation below this share of the largest return is the rounding of equal returns."""
TIE: Final = 1e-9
"""A z this close to a bound is on it: that of a single move among still bars is 1, however its floats round."""
TREND_Z, TREND_DEVIATION = 0, 1
_BARS, _SLOT, _LAST, _RING = 2, 3, 4, 5


def trend_size(n: int) -> int:
    """Return the state floats of a trend over n returns: z, deviation, bookkeeping, ring of n returns."""
    return _RING + n


@compiled
def trend_update(state: State, close: float, n: int) -> float:
    """Move z and the sample deviation (divisor n - 1) of the last n log returns; return z. First value at bar n.

    z is NaN where nothing moved. The sums are of the window alone, oldest first: nothing older leaves a trace.
    """
    slot, bars = int(state[_SLOT]), state[_BARS]
    if bars > 0.0:
        state[_RING + slot] = _log_return(state[_LAST], close)
        slot = slot + 1 if slot + 1 < n else 0
        state[_SLOT] = slot
    state[_LAST], state[_BARS] = close, min(bars + 1.0, n + 1.0)
    if bars < n:
        state[TREND_Z] = state[TREND_DEVIATION] = NAN
        return NAN
    anchor = state[_RING + slot]
    total = squares = largest = 0.0
    for k in range(n):
        at = _RING + slot + k
        change = state[at if at < _RING + n else at - n]
        distance = change - anchor  # of near-equal returns it keeps the digits that their squares would lose
        total, squares, largest = total + distance, squares + distance * distance, max(largest, abs(change))
    deviation = math.sqrt(max(squares - total * total / n, 0.0) / (n - 1))
    total += n * anchor
    moved = deviation > STILL * largest
    state[TREND_DEVIATION] = deviation if moved else abs(0.0 * total)  # NaN stays NaN
    state[TREND_Z] = total / (deviation * math.sqrt(n)) if moved else NAN
    return float(state[TREND_Z])


@compiled
def _log_return(before: float, after: float) -> float:
    return math.log(after / before) if 0.0 < before < math.inf and 0.0 < after < math.inf else NAN


_FILLED, _OLDEST, _WINDOW = 0, 1, 2


def volatility_size(n: int) -> int:
    """Return the state floats of a volatility window: filled, oldest slot, n values as they came, the same sorted."""
    return _WINDOW + 2 * n


@compiled
def volatility_update(state: State, value: float, n: int, low: float, high: float) -> int:
    """Return how a value compares with quantiles of the n values before it, then take it in.

    A value on a quantile is MID. One that is not known is UNKNOWN and leaves the window as it is.
    """
    if math.isnan(value):
        return Volatility.UNKNOWN.value
    filled = int(state[_FILLED])
    ordered = state[_WINDOW + n : _WINDOW + 2 * n]
    found = Volatility.UNKNOWN.value
    if filled == n:
        found = Volatility.MID.value
        if value < quantile(ordered, low):
            found = Volatility.LOW.value
        elif value > quantile(ordered, high):
            found = Volatility.HIGH.value
    slot = int(state[_OLDEST])
    gone = state[_WINDOW + slot]
    state[_WINDOW + slot] = value
    state[_OLDEST] = slot + 1 if slot + 1 < n else 0
    state[_FILLED] = min(filled + 1, n)
    _replace(ordered, filled, gone, value)
    return found


@compiled
def quantile(ordered: State, share: float) -> float:
    """Return a quantile of sorted values, linear between neighbours. Source: numpy.quantile, method `linear`."""
    place = share * (len(ordered) - 1)
    below = int(place)
    if below + 1 >= len(ordered):
        return float(ordered[len(ordered) - 1])
    t = place - below
    step = ordered[below + 1] - ordered[below]
    return float(ordered[below] + step * t if t < 0.5 else ordered[below + 1] - step * (1.0 - t))


@compiled
def _replace(ordered: State, filled: int, gone: float, value: float) -> None:
    """Put a value into sorted ones; where they are full, in place of the one that is gone."""
    at = filled
    if filled == len(ordered):
        at = int(np.searchsorted(ordered, gone))
        while at + 1 < filled and ordered[at + 1] < value:
            ordered[at] = ordered[at + 1]
            at += 1
    while at > 0 and ordered[at - 1] > value:
        ordered[at] = ordered[at - 1]
        at -= 1
    ordered[at] = value


REGIME: Final = record_type("regime bound volatility", floats="z deviation")
"""The regime at a bar's close; it holds `bound` more bars at least. `deviation` is that of log returns, per bar."""


@compiled
def settle(row: Record, z: float, enter: float, leave: float, dwell: int) -> int:
    """Move a regime by the newest z; return it. Bounds: begins at |z| >= enter, ends at |z| < leave.

    The opposite regime may follow at once. NaN keeps the regime.
    """
    if row.bound > 0:
        row.bound -= 1
        return int(row.regime)
    found = row.regime
    if z >= enter - TIE:
        found = Regime.BULL.value
    elif z <= TIE - enter:
        found = Regime.BEAR.value
    elif abs(z) < leave - TIE:
        found = Regime.SIDEWAYS.value
    if found != row.regime:
        row.regime, row.bound = found, dwell - 1
    return int(row.regime)


class Regimes(NamedTuple):
    """The regimes of many views: what each is in, and the windows that it follows from."""

    rows: Records
    trend: Floats
    window: Floats


def open_regimes(count: int, params: RegimeParams) -> Regimes:
    """Return `count` regimes that have seen nothing, all sideways; ValueError for parameters out of bounds."""
    checked(params)
    rows = records(count, REGIME)
    rows.z[:] = rows.deviation[:] = NAN
    return Regimes(
        rows, np.zeros((count, trend_size(params.lookback))), np.zeros((count, volatility_size(params.window)))
    )


@compiled
def update_regime(regimes: Regimes, view: int, params: RegimeParams, close: float) -> int:
    """Take one closed bar; return the `Regime` at its close. The rest is in `regimes.rows[view]`."""
    row = regimes.rows[view]
    row.z = trend_update(regimes.trend[view], close, params.lookback)
    row.deviation = regimes.trend[view, TREND_DEVIATION]
    row.volatility = volatility_update(regimes.window[view], row.deviation, params.window, params.low, params.high)
    return settle(row, row.z, params.enter, params.exit, params.dwell)


@compiled
def run_regime(regimes: Regimes, view: int, params: RegimeParams, close: Floats, out: Records) -> None:
    """Take bars one after the other; `out[i]` is the regime at the close of bar i."""
    for i in range(len(close)):
        update_regime(regimes, view, params, close[i])
        out[i] = regimes.rows[view]


def regimes_of(close: NDArray[Any], params: RegimeParams) -> Records:
    """Return the regime at every bar of a series of closes, from a fresh state; rows of `REGIME`."""
    regimes, prices = open_regimes(1, params), np.ascontiguousarray(close, np.float64)
    out = records(len(prices), REGIME)
    run_regime(regimes, 0, params, prices, out)
    return out
