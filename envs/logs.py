"""The logs of an engine: what happened, in order, for whoever asks afterwards."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.records import Records

CHUNK: Final = 1024
"""Rows that agents take ahead of the account at a time: small enough for the cache, large enough to hide the switch."""


class Logs(NamedTuple):
    """One array per kind of entry; `counts` says how much of each is filled."""

    decisions: Records
    orders: Records
    reports: Records
    trades: Records
    samples: Records
    latches: Records
    changes: Records
    counts: NDArray[np.int64]


DECISIONS, ORDERS, REPORT_LOG, TRADE_LOG, SAMPLES, LATCHES, CHANGES, NUMBER = range(8)
"""Slots of `Logs.counts`: entries of each log, and the next order number."""


@inlined
def has_room(logs: Logs) -> bool:
    """Tell whether every log can take what one chunk may bring at most."""
    need = 6 * CHUNK
    return (
        logs.counts[DECISIONS] + need <= len(logs.decisions)
        and logs.counts[ORDERS] + need <= len(logs.orders)
        and logs.counts[REPORT_LOG] + need <= len(logs.reports)
        and logs.counts[TRADE_LOG] + need <= len(logs.trades)
        and logs.counts[SAMPLES] + need <= len(logs.samples)
        and logs.counts[LATCHES] + need <= len(logs.latches)
        and logs.counts[CHANGES] + need <= len(logs.changes)
    )


@inlined
def latch(logs: Logs, now: int, rules: int) -> None:
    """Log rules that this instant has set for the first time."""
    if rules != 0:
        logs.latches[logs.counts[LATCHES]].time_ns = now
        logs.latches[logs.counts[LATCHES]].rules = rules
        logs.counts[LATCHES] += 1


@compiled
def log_latch(logs: Logs, now: int, rules: int) -> None:
    """Do that from outside of the engine."""
    latch(logs, now, rules)
