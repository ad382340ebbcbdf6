"""Floors over time: where every floor of an account lay, told again from the samples of its equity. For people.

The floors are moved by what moves them in a run (`policies.guard`), at the samples and at every reset between two of
them, with what the newest sample knew: an equity or a balance that came and went between two samples is not seen, the
highest equity ever is, for every sample carries it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.ledger import ACCOUNT
from market.records import Record, Records, records
from policies.floors import Mode, place_floor
from policies.guard import apply_flow, roll_floors, watch_floors
from policies.risk import Guards

EQUITY, LOW, CASH, PEAK, FLOW = 0, 1, 2, 3, 4


class FloorTrace(NamedTuple):
    """Instants in order, and where each floor lay behind each of them, in money. A reset is there twice: before, after.

    `resets` tells which instants are the second of a reset.
    """

    time_ns: NDArray[np.int64]
    floors: NDArray[np.int64]
    resets: NDArray[np.int64]


def floor_trace(guards: Guards, times_ns: NDArray[np.int64], levels: NDArray[np.int64]) -> FloorTrace:
    """Return where the floors of a fresh account lay at samples: rows of equity, low, cash, peak and flow, in money."""
    assert levels.shape == (len(times_ns), 5)
    last = int(times_ns[-1]) if len(times_ns) else 0
    room = len(times_ns) + 2 * int((guards.resets_ns <= last).sum())
    trace = FloorTrace(
        np.zeros(room, np.int64), np.zeros((room, len(guards.floors)), np.int64), np.zeros(room, np.int64)
    )
    floors, guard, alerts = guards.floors.copy(), guards.guard.copy(), guards.alerts.copy()
    count = trace_floors(floors, guard[0], guards.resets_ns, alerts, records(1, ACCOUNT)[0], times_ns, levels, trace)
    return FloorTrace(*(column[:count] for column in trace))


@compiled
def trace_floors(
    floors: Records, guard: Record, resets_ns: NDArray[np.int64], alerts: Records, account: Record,
    times_ns: NDArray[np.int64], levels: NDArray[np.int64], trace: FloorTrace,
) -> int:  # fmt: skip
    """Move floors through samples; return the number of instants written."""
    count, equity = 0, guard.balance
    for i in range(len(times_ns)):
        while guard.next_ns <= times_ns[i]:
            now = guard.next_ns
            count = note_floors(floors, guard, now, trace, count)
            roll_floors(floors, guard, resets_ns, equity, now, alerts)
            trace.resets[count] = 1
            count = note_floors(floors, guard, now, trace, count)
        moved = levels[i, FLOW] - guard.flow
        if moved != 0:
            apply_flow(guard, moved)
        raise_peaks(floors, levels[i, PEAK] - guard.flow)
        equity, account.cash = levels[i, EQUITY], levels[i, CASH]
        account.equity, account.equity_low = equity, levels[i, LOW]
        watch_floors(floors, guard, account, times_ns[i], alerts)
        count = note_floors(floors, guard, times_ns[i], trace, count)
    return count


@compiled
def raise_peaks(floors: Records, peak: int) -> None:
    """Raise what trails the highest equity ever, seen in a sample or between two."""
    for k in range(len(floors)):
        row = floors[k]
        if row.mode == Mode.PEAK and row.top < peak:
            row.top = peak
            place_floor(row)


@compiled
def note_floors(floors: Records, guard: Record, time_ns: int, trace: FloorTrace, count: int) -> int:
    """Write where the floors lie; return the count with that."""
    trace.time_ns[count] = time_ns
    for k in range(len(floors)):
        trace.floors[count, k] = floors[k].floor + guard.flow
    return count + 1
