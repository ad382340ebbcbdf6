"""The view: what a policy may see of one feed at one instant, and the hash that names it in the journal."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.features import update_features
from market.records import Records, record_type, records
from market.tape import Tape

VIEW: Final = record_type("bars time_ns last_side last_bar")
"""Per view: closed bars seen, the newest one's time, and the side and bar of the newest proposal (0: none)."""


class Views(NamedTuple):
    """Views of all desks, and the features of every desk in one program.

    `spans[desk]` = (first, count) is a desk's own part of it. Per view: the indicators' state, the features now and
    those of the bar before.
    """

    program: Records
    spans: NDArray[np.int64]
    views: Records
    state: NDArray[np.float64]
    features: NDArray[np.float64]
    before: NDArray[np.float64]


def open_views(program: Records, spans: NDArray[np.int64], floats: int, count: int, width: int) -> Views:
    """Return `count` views that have seen nothing; `floats` of state and `width` features each."""
    nothing = np.full((count, width), np.nan)
    return Views(program, spans, records(count, VIEW), np.zeros((count, floats)), nothing, nothing.copy())


@inlined
def update_view(views: Views, desk: int, view: int, tape: Tape, row: int) -> None:
    """Take one closed bar: prices in ticks of the bid, features in ticks."""
    first, count = views.spans[desk, 0], views.spans[desk, 1]
    for k in range(count):
        views.before[view, k] = views.features[view, k]
    update_features(
        views.program[first : first + count], views.state[view], views.features[view],
        float(tape.open[row]), float(tape.high[row]), float(tape.low[row]), float(tape.close[row]),
        tape.volume[row], tape.time_ns[row],
    )  # fmt: skip
    views.views[view].bars += 1
    views.views[view].time_ns = tape.time_ns[row]


FNV_OFFSET: Final = np.uint64(14695981039346656037)
FNV_PRIME: Final = np.uint64(1099511628211)


@compiled
def mix(state: np.uint64, value: int) -> np.uint64:
    """Fold 64 bits into a hash. Source: FNV-1a, over words instead of bytes, with a final-strength shift."""
    mixed = (state ^ np.uint64(value)) * FNV_PRIME
    return mixed ^ (mixed >> np.uint64(29))
