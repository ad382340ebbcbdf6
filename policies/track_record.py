"""Track record: what came of a desk's own trades, tallied, and what that makes of its next claim. Compiled, pure.

A tally is a sum over closed trades, so the order in which they come does not matter and nothing is forgotten. What is
learned is a straight line per setup: a claim c becomes keep c + add. It is the mean of three witnesses, weighed by how
many trades stand behind each:

    (PRIOR c + n own + POOLED m pooled) / (PRIOR + n + POOLED m)

the claim, the setup's own record (n trades), and the record of what it belongs to (m trades, of which each says less).
Without a trade keep is 1 and add is 0: the claim stays what it was, to the bit.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.gates import is_probability

PRIOR: Final = 20.0
"""Trades that a claim is worth: with as many of its own, a setup is believed as much as its policy. Chosen."""
POOLED: Final = 0.25
"""What a trade of the pair, or of other hours, says beside one of the setup's own. Chosen."""

SIDES: Final = 2
HOURS: Final = 4
BUCKETS: Final = 24 // HOURS
"""Hours of the UTC day that make one bucket of a binary setup, and how many buckets a day has."""
HOUR_NS: Final = 3_600 * 10**9

FILL, HEALTH, KEPT = 0, 1, 2
"""Rows of an arbitrage route: do both legs fill, do its venues take orders, how much of the expected profit is kept."""
ROUTE_ROWS: Final = 3

KEEP, ADD = 0, 1
"""Columns of a row."""

TALLY: Final = record_type(
    "outcomes wins losses gained lost expected realised promised entries complete legged missed answered rejected",
    floats="claimed",
)
"""Sums over closed trades: how many, gains and losses (exactly zero is neither), money gained and lost (both positive);
of those with an expected profit (`promised`) that profit and what came of it; of entries with two legs how many
filled both, one alone, or none; of orders how many were answered and rejected; and the sum of claims."""


def open_tallies(count: int) -> Records:
    """Return tallies of which nothing is known."""
    return records(count, TALLY)


@compiled
def count_outcome(tally: Record, net: int, claim: float) -> bool:
    """Take the net result (account money) of a closed trade with what was claimed of it.

    False, and nothing taken, for a claim that is no probability.
    """
    if not is_probability(claim):
        return False
    tally.outcomes += 1
    tally.claimed += claim
    if net > 0:
        tally.wins += 1
        tally.gained += net
    elif net < 0:
        tally.losses += 1
        tally.lost -= net
    return True


@compiled
def count_profit(tally: Record, expected: int, realised: int) -> bool:
    """Take what a trade was expected to bring and what it brought; False where no profit was expected."""
    if expected <= 0:
        return False
    tally.promised += 1
    tally.expected += expected
    tally.realised += realised
    return True


@compiled
def count_entry(tally: Record, filled_in_full: int, filled_at_all: int) -> None:
    """Take an entry of two legs: how many of them filled in full, and how many at all."""
    tally.entries += 1
    if filled_in_full == 2:
        tally.complete += 1
    elif filled_at_all == 0:
        tally.missed += 1
    else:
        tally.legged += 1


@compiled
def count_answer(tally: Record, rejected: bool) -> None:
    """Take a venue's final word on an order."""
    tally.answered += 1
    if rejected:
        tally.rejected += 1


@compiled
def share(part: int, whole: int) -> float:
    """Return part / whole within [0, 1]; 0 of nothing."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


@compiled
def accuracy(tally: Record) -> float:
    """Return the share of outcomes that gained; one of exactly zero counts among all and not among these."""
    return share(tally.wins, tally.outcomes)


@compiled
def hit_rate(tally: Record) -> float:
    """Return the share of wins among wins and losses: a contract that ties gives its stake back and says nothing."""
    return share(tally.wins, tally.wins + tally.losses)


@compiled
def profit_share(tally: Record) -> float:
    """Return money gained / (gained + lost): 0.5 breaks even, whatever the sizes."""
    return share(tally.gained, tally.gained + tally.lost)


@compiled
def write_blend(row: NDArray[np.float64], own_n: int, own: float, pooled_n: int, pooled: float) -> None:
    """Write keep and add of a setup: its own record in [0, 1] of so many trades, and that of what it belongs to."""
    whole = PRIOR + own_n + POOLED * pooled_n
    row[KEEP] = PRIOR / whole
    row[ADD] = (own_n * own + POOLED * pooled_n * pooled) / whole


@compiled
def write_side(row: NDArray[np.float64], own: Record, pair: Record) -> None:
    """Write the row of one side of an instrument: its accuracy, and what the pair (both sides) made of its money."""
    moved = pair.gained + pair.lost > 0
    write_blend(row, own.outcomes, accuracy(own), pair.outcomes if moved else 0, profit_share(pair))


@compiled
def write_setup(row: NDArray[np.float64], own: Record, side: Record) -> None:
    """Write the row of a binary setup: its hit rate in its hours, and that of its side in the other hours."""
    trials = own.wins + own.losses
    others = side.wins + side.losses - trials
    write_blend(row, trials, hit_rate(own), others, share(side.wins - own.wins, others))


@compiled
def write_route(rows: NDArray[np.float64], route: Record, venue_a: Record, venue_b: Record) -> None:
    """Write the three rows of a route; of its venues the worse one counts."""
    write_blend(rows[FILL], route.entries, share(route.complete, route.entries), 0, 0.0)
    healthy_a = share(venue_a.answered - venue_a.rejected, venue_a.answered)
    healthy_b = share(venue_b.answered - venue_b.rejected, venue_b.answered)
    worse_is_a = venue_b.answered == 0 or (venue_a.answered > 0 and healthy_a <= healthy_b)
    answered, healthy = (venue_a.answered, healthy_a) if worse_is_a else (venue_b.answered, healthy_b)
    write_blend(rows[HEALTH], answered, healthy, 0, 0.0)
    write_blend(rows[KEPT], route.promised, share(route.realised, route.expected), 0, 0.0)


@compiled
def evaluated(confidence: float, row: NDArray[np.float64]) -> float:
    """Return what a claim is worth by the record: keep c + add, within [0, 1]; NaN stays NaN, which passes no gate."""
    value = row[KEEP] * confidence + row[ADD]
    return 1.0 if value > 1.0 else value


@compiled
def side_row(instrument: int, lots: float) -> int:
    """Return the row of an instrument's long or short side; of lots, or of a strength, only the sign counts."""
    return SIDES * instrument + (1 if lots < 0 else 0)


@compiled
def setup_row(instrument: int, lots: float, time_ns: int) -> int:
    """Return the row of a binary setup: instrument, side, and the hours of the UTC day that hold an instant."""
    return side_row(instrument, lots) * BUCKETS + int(time_ns // HOUR_NS % 24) // HOURS


@compiled
def route_row(route: int, what: int) -> int:
    """Return the row of a route for `FILL`, `HEALTH` or `KEPT`."""
    return ROUTE_ROWS * route + what
