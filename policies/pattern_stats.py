"""Pattern statistics: what a pattern was worth over the last 30 to 90 days, overall and in each regime.

Per row (a pattern, or a pattern in a regime) the newest outcomes are kept with the instant they were known, the result
in money and in R, and how long it was held. What is asked at an instant counts outcomes known within (now - window,
now]: none of later, whoever has learned it. A result of exactly 0 is neither a win nor a loss but counts; a trade
without a stop has no R and is left out of the average R alone.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAY_NS: Final = 86_400 * 10**9
DAYS_MIN: Final = 30
DAYS_MAX: Final = 90


class StatsRule(NamedTuple):
    """How many days count, how many outcomes a row keeps at most, and how many make a statistic."""

    days: int = 60
    outcomes_max: int = 1024
    outcomes_min: int = 10


RESULT: Final = record_type("pattern regime known_ns net held_ns", floats="r")
"""One outcome: pattern, regime of the decision (-1: not known), when known, net money in its smallest unit, ns held,
and the result in units of its initial risk (NaN without a stop)."""

KEPT: Final = record_type("count slot newest_ns")
"""Per row: outcomes kept, the ring's next slot, when the newest was known."""

STATS: Final = record_type("outcomes wins losses with_r full", floats="win_rate expectancy average_r held_ns")
"""Statistics of a window: counts, and where there are `outcomes_min` of them the share of wins, mean net money, mean R
and mean ns held; NaN else. `full` is 1 when the row's room, not the window, decided what the oldest outcome is."""


class PatternMemory(NamedTuple):
    """The memory: rows are patterns x (regimes + 1), the last of each pattern over all regimes; rings of outcomes."""

    rows: Records
    known_ns: Integers
    net: Integers
    held_ns: Integers
    r: Floats
    regimes: Integers


def open_patterns(patterns: int, regimes: int, rule: StatsRule) -> PatternMemory:
    """Return a memory without outcomes; ValueError for a rule out of its range."""
    if not DAYS_MIN <= rule.days <= DAYS_MAX:
        raise ValueError(f"days {rule.days}: from {DAYS_MIN} to {DAYS_MAX} is allowed")
    if not 1 <= rule.outcomes_min <= rule.outcomes_max:
        raise ValueError(
            f"outcomes {rule.outcomes_min} .. {rule.outcomes_max}: at least 1, and no more needed than kept, is allowed"
        )
    if patterns < 1 or regimes < 0:
        raise ValueError(f"{patterns} patterns, {regimes} regimes: at least 1 and 0 are allowed")
    count = patterns * (regimes + 1)
    known, net, held = (np.zeros((count, rule.outcomes_max), np.int64) for _ in range(3))
    r = np.zeros((count, rule.outcomes_max))
    return PatternMemory(records(count, KEPT), known, net, held, r, np.array([regimes], np.int64))


@compiled
def pattern_row(memory: PatternMemory, pattern: int, regime: int) -> int:
    """Return the row of a pattern in a regime; of -1, over all regimes."""
    regimes = memory.regimes[0]
    return pattern * (regimes + 1) + (regime if regime >= 0 else regimes)


@compiled
def learn_result(memory: PatternMemory, result: Record) -> bool:
    """Take an outcome into its pattern's row, and into that of its regime.

    False, and nothing taken, for a pattern or regime that there is not, an infinite R, a negative time held, or an
    outcome known before the newest one that the pattern has.
    """
    regimes = memory.regimes[0]
    if not 0 <= result.pattern < len(memory.rows) // (regimes + 1) or not -1 <= result.regime < regimes:
        return False
    whole = pattern_row(memory, result.pattern, -1)
    if math.isinf(result.r) or result.held_ns < 0:
        return False
    if memory.rows[whole].count > 0 and result.known_ns < memory.rows[whole].newest_ns:
        return False
    if result.regime >= 0:
        _keep(memory, pattern_row(memory, result.pattern, result.regime), result)
    _keep(memory, whole, result)
    return True


@compiled
def _keep(memory: PatternMemory, at: int, result: Record) -> None:
    row, slot = memory.rows[at], memory.rows[at].slot
    memory.known_ns[at, slot], memory.net[at, slot] = result.known_ns, result.net
    memory.held_ns[at, slot], memory.r[at, slot] = result.held_ns, result.r
    room = memory.known_ns.shape[1]
    row.slot = (slot + 1) % room
    row.count = min(row.count + 1, room)
    row.newest_ns = result.known_ns


@compiled
def pattern_stats(
    memory: PatternMemory, pattern: int, regime: int, now_ns: int, rule: StatsRule, out: Record
) -> None:  # fmt: skip
    """Write the statistics of a pattern in a regime (-1: over all) at an instant to `out`."""
    at = pattern_row(memory, pattern, regime)
    row, room = memory.rows[at], memory.known_ns.shape[1]
    first = row.slot if row.count == room else 0
    begin_ns = now_ns - rule.days * DAY_NS
    out.outcomes = out.wins = out.losses = out.with_r = out.full = 0
    net, held, total = 0, 0, 0.0
    for k in range(row.count):
        slot = (first + k) % room
        if begin_ns < memory.known_ns[at, slot] <= now_ns:
            if k == 0 and row.count == room:
                out.full = 1
            out.outcomes += 1
            out.wins += 1 if memory.net[at, slot] > 0 else 0
            out.losses += 1 if memory.net[at, slot] < 0 else 0
            net += memory.net[at, slot]
            held += memory.held_ns[at, slot]
            if not math.isnan(memory.r[at, slot]):
                out.with_r += 1
                total += memory.r[at, slot]
    enough = out.outcomes >= rule.outcomes_min
    out.win_rate = out.wins / out.outcomes if enough else math.nan
    out.expectancy = net / out.outcomes if enough else math.nan
    out.held_ns = held / out.outcomes if enough else math.nan
    out.average_r = total / out.with_r if enough and out.with_r > 0 else math.nan


@compiled
def fold_results(memory: PatternMemory, results: Records) -> int:
    """Take outcomes in their order; return how many were taken."""
    taken = 0
    for i in range(len(results)):
        if learn_result(memory, results[i]):
            taken += 1
    return taken


def stats_of(memory: PatternMemory, pattern: int, regime: int, now_ns: int, rule: StatsRule) -> Record:
    """Return the statistics of a pattern in a regime (-1: over all) at an instant, as a record of their own."""
    out = records(1, STATS)[0]
    pattern_stats(memory, pattern, regime, now_ns, rule, out)
    return out


def median_held_ns(memory: PatternMemory, pattern: int, regime: int, now_ns: int, rule: StatsRule) -> float | None:
    """Return the median time held in the window, for reports; None without an outcome."""
    at = pattern_row(memory, pattern, regime)
    kept = int(memory.rows[at].count)
    known, held = memory.known_ns[at, :kept], memory.held_ns[at, :kept]
    inside = held[(known > now_ns - rule.days * DAY_NS) & (known <= now_ns)]
    return float(np.median(inside)) if len(inside) else None
