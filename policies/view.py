"""The view: what a policy may see of one feed at one instant, and the hash that names it in the journal."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.features import update_features
from market.records import Records, record_type, records
from market.tape import Tape

VIEW: Final = record_type("bars time_ns last_side last_bar stop target life adds")
"""Per view: closed bars seen, the newest one's time, and the side and bar of the newest proposal (0: none); of a
policy that follows a side, the side it is on. Of a learnt model's stance (`policies.stance`) the stop, the target, the
bars it lives (0: without end) and how often it was added to."""


class Views(NamedTuple):
    """Views of all desks, and the features of every desk in one program.

    `spans[desk]` = (first, count) is a desk's own part of it. Per view: the indicators' state and the features now.
    `ahead` is room for the features of a stretch of bars, [feature, bar].
    """

    program: Records
    spans: NDArray[np.int64]
    views: Records
    state: NDArray[np.float64]
    features: NDArray[np.float64]
    ahead: NDArray[np.float64]


STRETCH: Final = 1024
"""Bars that a view takes ahead at most."""


def open_views(program: Records, spans: NDArray[np.int64], floats: int, count: int, width: int) -> Views:
    """Return `count` views that have seen nothing; `floats` of state and `width` features each."""
    nothing = np.full((count, width), np.nan)
    ahead = np.full((max(width, 2), STRETCH), np.nan)
    return Views(program, spans, records(count, VIEW), np.zeros((count, floats)), nothing, ahead)


@inlined
def update_view(views: Views, desk: int, view: int, tape: Tape, row: int) -> None:
    """Take one closed bar: prices in ticks of the bid, features in ticks."""
    first, count = views.spans[desk, 0], views.spans[desk, 1]
    update_features(
        views.program[first : first + count], views.state[view], views.features[view],
        float(tape.open[row]), float(tape.high[row]), float(tape.low[row]), float(tape.close[row]),
        tape.volume[row], tape.time_ns[row],
    )  # fmt: skip
    views.views[view].bars += 1
    views.views[view].time_ns = tape.time_ns[row]


HASH_START: Final = np.uint64(14695981039346656037)
HALF: Final = np.uint64(0xFFFFFFFF)
LOW_FACTOR: Final = np.uint64(2654435761)
HIGH_FACTOR: Final = np.uint64(2246822519)


@compiled
def mix(state: np.uint64, value: int) -> np.uint64:
    """Fold 64 bits into a hash: halves times odd constants, no product of which overflows, then rotated and joined.

    Constants: the primes of xxHash32. It names views within one journal; SHA-256 guards the journal itself.
    """
    mixed = state ^ np.uint64(np.int64(value))
    low, high = (mixed & HALF) * LOW_FACTOR, (mixed >> np.uint64(32)) * HIGH_FACTOR
    joined = low ^ ((high << np.uint64(31)) | (high >> np.uint64(33)))
    return joined ^ (joined >> np.uint64(29))
