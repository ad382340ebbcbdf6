"""When to scan again: soon while markets are wild or something was found, seldom while they are calm and empty.

heat = 1 - (1 - v) x 2^-f, with v the rank of the newest volatility in [0, 1] and f the opportunities found last: each
reason to look sooner takes away a share of the calm that the others leave. interval = longest x (shortest / longest) ^
heat, so that equal steps of heat are equal factors of time, in whole minutes.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.timeframes import MINUTE_NS

Floats = NDArray[np.float64]

SHORTEST_NS: Final = 15 * MINUTE_NS
LONGEST_NS: Final = 240 * MINUTE_NS
FOUND_MAX: Final = 1_000
"""More opportunities than this change nothing: 2^-1000 is a float still."""


class Pace(NamedTuple):
    """The interval to the next scan, and what it follows from; `volatility_rank` is NaN where it is not known."""

    interval_ns: int
    heat: float
    volatility_rank: float
    found: int


@compiled
def scan_heat(volatility_rank: float, found: int) -> float:
    """Return the heat in [0, 1]; a volatility that is not known, or no rank, is taken for the wildest: look soon."""
    calm = 1.0 - volatility_rank if 0.0 <= volatility_rank <= 1.0 else 0.0
    return 1.0 - calm * 0.5 ** min(max(found, 0), FOUND_MAX)


@compiled
def scan_interval(heat: float) -> int:
    """Return the ns to the next scan for a heat, from 15 minutes to 4 hours; the shortest for a heat that is none."""
    if not 0.0 <= heat <= 1.0:
        return SHORTEST_NS
    exact = LONGEST_NS * (SHORTEST_NS / LONGEST_NS) ** heat
    return min(max(round(exact / MINUTE_NS) * MINUTE_NS, SHORTEST_NS), LONGEST_NS)


@compiled
def deviation_rank(deviations: Floats) -> float:
    """Return the share of the deviations (n,) before the newest, the last one, that lie below it, ties by half.

    NaN where the newest is not known, or none before it is.
    """
    newest, below, count = deviations[-1] if len(deviations) > 0 else math.nan, 0.0, 0
    if math.isnan(newest):
        return math.nan
    for k in range(len(deviations) - 1):
        if not math.isnan(deviations[k]):
            count += 1
            below += 1.0 if deviations[k] < newest else 0.5 if deviations[k] == newest else 0.0
    return below / count if count > 0 else math.nan


def scan_pace(volatility_rank: float, found: int) -> Pace:
    """Return the pace after a scan that saw this volatility and found so many opportunities; ValueError below 0."""
    if found < 0:
        raise ValueError(f"{found} opportunities found; 0 or more are allowed")
    heat = scan_heat(volatility_rank, found)
    return Pace(scan_interval(heat), heat, volatility_rank, found)
