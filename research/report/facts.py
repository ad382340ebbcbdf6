"""What a report is told besides the result: facts of the run that only its caller knows, and the prices it ran over."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.tape import Role, Tape
from policies.plan import Plan


class JournalFacts(Struct, frozen=True, kw_only=True):
    """Where the run was journaled, how many records there are, and the hash of the newest one."""

    path: str
    records: int
    head: str


class ReportFacts(Struct, frozen=True, kw_only=True):
    """How the run was made. `data` is (source, SHA-256, rows); `started_utc` is text: a report reads no clock."""

    stage: str
    command: str
    tape_hash: str
    data: tuple[tuple[str, str, int], ...] = ()
    journal: JournalFacts | None = None
    events: int = 0
    events_per_second: float = 0.0
    wall_seconds: float = 0.0
    started_utc: str = ""


class PriceSeries(NamedTuple):
    """Best prices of one instrument over time, as numbers for plots."""

    time_ns: NDArray[np.int64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]


def price_series(plan: Plan, tape: Tape) -> dict[str, PriceSeries]:
    """Return the prices of every instrument that a feed moves, in the plan's order, rows with a flaw left out."""
    sound = tape.flaws == 0
    found: dict[str, PriceSeries] = {}
    for instrument in plan.instruments:
        feeds = [
            k for k, feed in enumerate(plan.feeds) if feed.instrument == instrument.key and feed.roles & Role.MATCH
        ]
        rows = np.flatnonzero(np.isin(tape.feed, feeds) & sound)
        if feeds:
            step, digits = float(Decimal(instrument.tick_size)), instrument.price_digits
            bid, ask = (np.round(column[rows] * step, digits + 2) for column in (tape.close, tape.ask_close))
            found[instrument.key] = PriceSeries(tape.time_ns[rows], bid, ask)
    return found
