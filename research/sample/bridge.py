"""The bridge: a path of prices through a bar, so that the path's open, high, low and close are exactly the bar's.

Model: a Brownian bridge in business time from open to close, of which many candidates are drawn and the one is taken
whose extremes lie nearest to the bar's high and low. That is rejection sampling of a random walk conditioned on its
open, high, low and close, so trending bars get trending paths and bars with long wicks get paths that turn. What is
left over the high or under the low (a few percent of the range) is folded back inside like light in a mirror, the
path is rounded to whole ticks, and its highest and lowest inner nodes are moved onto the high and the low.

All prices are integer ticks (the last digit of the source); all chance comes in as drawn numbers.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from market.tape import Int64
from research.sample.bars import Floats

VOLATILITY_SHARE: Final = (0.72, 0.25)
"""Volatility of a bar as a share of its range: median and sigma of a lognormal. The median of a driftless walk is
0.63; the minutes of four pairs in 2018 show 0.70 in the middle, 0.50 and 1.0 at the outer tenths."""


class Ohlc(NamedTuple):
    """The four prices of one bar, in ticks."""

    open: int
    high: int
    low: int
    close: int


class Fit(NamedTuple):
    """A path in ticks, one price per node, and which candidate it came from."""

    candidate: int
    path: Int64


def volatility_shares(rng: Generator, candidates: int) -> Floats:
    """Draw one volatility per candidate, as a share of the bar's range."""
    median, sigma = VOLATILITY_SHARE
    return np.asarray(median * np.exp(sigma * rng.standard_normal(candidates)))


def fit(bar: Ohlc, steps: Floats, variances: Floats, nodes: NDArray[np.intp], shares: Floats) -> Fit:
    """Return the candidate that fits the bar best, made to fit exactly.

    `steps[k, i]` is the increment of candidate k in slot i, of variance `variances[i]`; the path is seen at the slots
    `nodes`, rising, enough of them to show every distinct price of the bar. `shares` are `volatility_shares`.
    """
    walks = np.cumsum(steps, axis=1)[:, nodes]
    walks -= walks[:, :1]
    clock = np.cumsum(variances)[nodes]
    span = clock[-1] - clock[0]
    if span <= 0:
        return Fit(0, _pinned(bar, np.full(len(nodes), float(bar.open))))
    clock = (clock - clock[0]) / span
    bridges = (walks - clock * walks[:, -1:]) / np.sqrt(span)
    paths = bar.open + (bar.close - bar.open) * clock + (shares * (bar.high - bar.low))[:, None] * bridges
    misfit = np.abs(paths.max(axis=1) - bar.high) + np.abs(paths.min(axis=1) - bar.low)
    best = int(np.argmin(misfit))
    return Fit(best, _pinned(bar, _folded(paths[best], bar.low, bar.high)))


def _folded(path: Floats, low: int, high: int) -> Floats:
    """Mirror a path at `low` and `high` until it lies between them."""
    height = float(high - low)
    if height == 0:
        return np.full_like(path, low)
    return np.asarray(low + height - np.abs(height - np.mod(path - low, 2 * height)))


def _pinned(bar: Ohlc, path: Floats) -> Int64:
    """Round a path to ticks and put its ends and extremes exactly where the bar has them."""
    out = np.clip(np.rint(path).astype(np.int64), bar.low, bar.high)
    out[0], out[-1] = bar.open, bar.close
    inner = out[1:-1]
    heights = inner.copy()
    if bar.high > max(bar.open, bar.close):
        peak = np.argmax(inner)
        inner[peak], heights[peak] = bar.high, bar.high + 1  # one node cannot be the low as well
    if bar.low < min(bar.open, bar.close):
        inner[np.argmin(heights)] = bar.low
    return out
