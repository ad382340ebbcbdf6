"""Conformal bands: how far a prediction may miss, by how far the newest ones did, without a model of the errors.

Split conformal: the band is the ceil((n + 1)(1 - alpha))-th smallest |residual|; if that rank is above n the band has
no bound, and says so, instead of passing the largest residual off as one. Markets are not exchangeable, so residuals
are the newest `window` ones, and alpha adapts: a_{t+1} = a_t + gain (alpha - miss). Source: Gibbs, Candes (2021).
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.quality import DataQualityError
from market.records import Records, record_type, records

Floats = NDArray[np.float64]

ROUNDING: Final = 1e-9
"""By how much (n + 1)(1 - alpha) may be above a whole number and still be it."""


class BandRule(NamedTuple):
    """The share of misses wished for, how fast alpha adapts (0: never), and how many residuals count."""

    alpha: float = 0.1
    gain: float = 0.01
    window: int = 500


BAND: Final = record_type("outcomes count slot misses", floats="alpha")
"""Per source: residuals seen ever and kept now, the ring's next slot, bands that were missed, alpha now."""


class Bands(NamedTuple):
    """The memory of all sources: the ring of |residuals| and the same sorted, both (sources, window)."""

    sources: Records
    residuals: Floats
    ordered: Floats


class Band(NamedTuple):
    """A split conformal band: the rank, and the half width and interval; None where the band has no bound."""

    rank: int
    quantile: float | None
    interval: tuple[float, float] | None


def open_bands(sources: int, rule: BandRule) -> Bands:
    """Return the memory of `sources` sources; ValueError for a rule that makes no sense."""
    if not 0.0 < rule.alpha < 1.0:
        raise ValueError(f"alpha {rule.alpha}: more than 0 and less than 1 is allowed")
    if not 0.0 <= rule.gain < 1.0:
        raise ValueError(f"gain {rule.gain}: from 0 to less than 1 is allowed")
    if rule.window < 1:
        raise ValueError(f"window {rule.window}: at least 1 residual is allowed")
    rows = records(sources, BAND)
    rows.alpha[:] = rule.alpha
    return Bands(rows, np.zeros((sources, rule.window)), np.zeros((sources, rule.window)))


@compiled
def conformal_rank(count: int, alpha: float) -> int:
    """Return ceil((n + 1)(1 - alpha)): which of n residuals, sorted, is the band; above n there is none."""
    return math.ceil((count + 1) * (1.0 - alpha) - ROUNDING)


@compiled
def ranked(ordered: Floats, count: int, alpha: float) -> float:
    """Return the half width of the band from `count` sorted |residuals|: infinite without a bound, 0 for alpha >= 1."""
    rank = conformal_rank(count, alpha)
    if rank > count:
        return math.inf
    return float(ordered[rank - 1]) if rank > 0 else 0.0


@compiled
def band_width(bands: Bands, source: int) -> float:
    """Return the half width of a source's band now; infinite while it has no bound."""
    row = bands.sources[source]
    return ranked(bands.ordered[source], row.count, row.alpha)


@compiled
def learn_residual(bands: Bands, source: int, residual: float, width: float, rule: BandRule) -> bool:
    """Take an outcome's residual (outcome - prediction) and the half width that its prediction was given.

    False, and nothing learned, for a residual that is not finite or a width that is no width. Alpha rests while there
    are too few residuals for the band that is wished for: nothing can miss a band without a bound.
    """
    if not math.isfinite(residual) or not width >= 0.0:
        return False
    row, ordered = bands.sources[source], bands.ordered[source]
    size = abs(residual)
    if conformal_rank(row.count, rule.alpha) <= row.count:
        missed = 1 if size > width else 0
        row.misses += missed
        row.alpha += rule.gain * (rule.alpha - missed)
    if row.count == rule.window:
        _take_out(ordered, row.count, bands.residuals[source, row.slot])
        row.count -= 1
    bands.residuals[source, row.slot] = size
    _put_in(ordered, row.count, size)
    row.count += 1
    row.outcomes += 1
    row.slot = (row.slot + 1) % rule.window
    return True


@compiled
def _put_in(ordered: Floats, count: int, size: float) -> None:
    place = count
    while place > 0 and ordered[place - 1] > size:
        ordered[place] = ordered[place - 1]
        place -= 1
    ordered[place] = size


@compiled
def _take_out(ordered: Floats, count: int, size: float) -> None:
    place = 0
    while ordered[place] != size:
        place += 1
    for k in range(place, count - 1):
        ordered[k] = ordered[k + 1]


@compiled
def run_bands(bands: Bands, source: int, residuals: Floats, rule: BandRule, out: Floats) -> None:
    """Write the band before each residual, then learn it: `out[i]` is the half width that residual i met."""
    for i in range(len(residuals)):
        out[i] = band_width(bands, source)
        learn_residual(bands, source, residuals[i], out[i], rule)


def split_conformal(residuals: Any, alpha: float, prediction: float) -> Band:
    """Return the band around a prediction from |residuals| of a calibration set; ValueError, DataQualityError."""
    ordered = np.sort(np.abs(np.asarray(residuals, np.float64)))
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha {alpha}: more than 0 and less than 1 is allowed")
    if not np.isfinite(ordered).all() or not math.isfinite(prediction):
        raise DataQualityError("residuals and prediction must be finite")
    width = float(ranked(ordered, len(ordered), alpha))
    rank = int(conformal_rank(len(ordered), alpha))
    if math.isinf(width):
        return Band(rank, None, None)
    return Band(rank, width, (prediction - width, prediction + width))
