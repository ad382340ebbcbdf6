"""Windows: rings of the last n observations of some columns, in a slice of a state, read oldest first.

Layout: count (at most n), slot of the next one, then a ring of n floats per column. Zero is empty.
"""

from typing import Final

from market.compiled import compiled
from market.indicators.state import State

RING: Final = 2
"""Floats of a window in front of its rings."""


def window_size(n: int, columns: int) -> int:
    """Return the state floats of a window of n observations of some columns."""
    return RING + n * columns


@compiled
def window_push(state: State, at: int, n: int, column: int, value: float) -> bool:
    """Put the last column of an observation in, those before it being set; tell whether the window is full."""
    slot = int(state[at + 1])
    state[at + RING + column * n + slot] = value
    state[at + 1] = slot + 1 if slot + 1 < n else 0
    if state[at] < n:
        state[at] += 1.0
    return bool(state[at] >= n)


@compiled
def window_set(state: State, at: int, n: int, column: int, value: float) -> None:
    """Set a column of the observation that the next push completes."""
    state[at + RING + column * n + int(state[at + 1])] = value


@compiled
def window_at(state: State, at: int, n: int, column: int, k: int) -> float:
    """Return a column of observation k of a full window, 0 the oldest."""
    slot = int(state[at + 1]) + k
    return float(state[at + RING + column * n + (slot if slot < n else slot - n)])
