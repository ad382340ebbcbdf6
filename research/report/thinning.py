"""Fewer points that look the same: thinning keeps every extreme that could be seen, and gaps leave a time axis."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

POINTS_MAX: Final = 4000
GAPS_MAX: Final = 40
GAP_SHARE: Final = 0.012
"""A gap is cut out where it would take more than this share of the axis: less than that is no eyesore."""
GAP_STEPS: Final = 20
"""A gap is longer than this many ordinary steps."""


def extremes(signals: list[NDArray[np.float64]], points_max: int = POINTS_MAX) -> NDArray[np.int64]:
    """Return, in order, at most `points_max` indices: ends, and per stretch where each signal is highest.

    Give a column negated to keep its lows. The highest value of every signal is always among them.
    """
    count = len(signals[0])
    if count <= points_max:
        return np.arange(count)
    stretches = (points_max - 2) // len(signals)
    width = -(-count // stretches)
    begins = np.arange(0, count, width)
    kept = [np.array([0, count - 1])]
    for signal in signals:
        rows: NDArray[Any] = np.full(len(begins) * width, -np.inf)
        rows[:count] = signal
        kept.append(begins + rows.reshape(-1, width).argmax(1))
    return np.unique(np.concatenate(kept))


def gaps_of(time_ns: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the gaps in sorted times that a time axis should leave out, oldest first: (last before, first after)."""
    steps = np.diff(time_ns)
    if len(steps) < 2:
        return []
    left = int(time_ns[-1] - time_ns[0])
    usual = GAP_STEPS * float(np.median(steps))
    found = []
    for k in np.argsort(-steps, kind="stable")[:GAPS_MAX]:
        if steps[k] <= max(GAP_SHARE * left, usual):
            break
        left -= int(steps[k])
        found.append((int(time_ns[k]), int(time_ns[k + 1])))
    return sorted(found)
