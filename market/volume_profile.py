"""The volume profile: how much was traded at which price over a stretch of bars. A batch function, for research."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    high: Floats, low: Floats, close: Floats, volume: Floats, bins: int, value_area: float = 0.7
) -> VolumeProfile:
    """Return the profile of bars by typical price (H + L + C) / 3 over [lowest low, highest high].

    The value area grows from the POC one bin at a time to the neighbour with more volume (a tie goes up) until it holds
    `value_area` of the whole. The last bin includes its upper edge. Bars without any range make one bin of width 0.
    """
    if not len(high) or bins < 1 or not 0.0 < value_area <= 1.0:
        raise ValueError(f"need bars, bins >= 1, 0 < value_area <= 1; got {len(high)} bars, {bins}, {value_area}")
    bottom, top = float(np.min(low)), float(np.max(high))
    if top <= bottom:
        volumes, edges = np.asarray([np.sum(volume)], np.float64), np.asarray([bottom, top])
    else:
        typical = np.clip((high + low + close) / 3.0, bottom, top)
        volumes, edges = np.histogram(typical, bins, (bottom, top), weights=volume)
    width = (top - bottom) / len(volumes)
    total = float(np.sum(volumes))
    if total <= 0.0:
        return VolumeProfile(volumes, width, bottom, top, None, None, None, None)
    first, last, held = _value_area(volumes, value_area * total)
    poc = bottom + (int(np.argmax(volumes)) + 0.5) * width
    return VolumeProfile(volumes, width, bottom, top, poc, float(edges[first]), float(edges[last + 1]), held / total)


def _value_area(volumes: Floats, wanted: float) -> tuple[int, int, float]:
    """Return the first bin, the last bin and the volume of the value area."""
    first = last = int(np.argmax(volumes))
    held = float(volumes[first])
    while held < wanted and (first > 0 or last < len(volumes) - 1):
        above = float(volumes[last + 1]) if last < len(volumes) - 1 else -1.0
        below = float(volumes[first - 1]) if first > 0 else -1.0
        if above >= below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    return first, last, held
