"""The volume profile: how much was traded at which price over a stretch of bars."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.indicators.profile import BINS, HIGH, LOW, POC, VALUE_AREA, fill_profile

Floats = NDArray[np.float64]


class VolumeProfile(NamedTuple):
    """Volume per price bin of equal width from `low` to `high`; prices are in the unit of the bars.

    `poc` is the middle of the bin with most volume (the lowest of equals); `val` and `vah` are the edges of the value
    area around it and `value_area_volume_fraction` is what it holds. The last four are None where nothing was traded.
    """

    bins: Floats
    bin_width: float
    low: float
    high: float
    poc: float | None
    val: float | None
    vah: float | None
    value_area_volume_fraction: float | None


def volume_profile(
    high: Floats, low: Floats, close: Floats, volume: Floats, bins: int, value_area: float = VALUE_AREA
) -> VolumeProfile:
    """Return the profile of bars by typical price (H + L + C) / 3 over [lowest low, highest high].

    The value area grows from the POC one bin at a time to the neighbour with more volume (a tie goes up) until it holds
    `value_area` of the whole. The last bin includes its upper edge. Bars without any range make one bin of width 0.
    ValueError without bars or bins, and of columns of different length or that are not finite.
    """
    columns = [np.ascontiguousarray(column, np.float64) for column in (high, low, close, volume)]
    if not len(high) or bins < 1 or not 0.0 < value_area <= 1.0:
        raise ValueError(f"need bars, bins >= 1, 0 < value_area <= 1; got {len(high)} bars, {bins}, {value_area}")
    if any(column.shape != (len(high),) or not np.isfinite(column).all() for column in columns):
        raise ValueError(f"need columns of one length, {len(high)}, whose values are all finite")
    bins = bins if float(np.max(columns[0])) > float(np.min(columns[1])) else 1
    out = np.zeros(BINS + bins)
    typical = (columns[0] + columns[1] + columns[2]) / 3.0
    fill_profile(columns[0], columns[1], typical, columns[3], 0, value_area, out)
    bottom, top = float(out[LOW]), float(out[HIGH])
    found = [None if np.isnan(value) else float(value) for value in out[POC:BINS]]
    return VolumeProfile(out[BINS:], (top - bottom) / bins, bottom, top, *found)
