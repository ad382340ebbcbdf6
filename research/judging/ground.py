"""The ground on which candidates are judged: one plan's tape, its tests in time, and the periods that are compared.

Tests follow one another; before each lie a purge, which no position of the train can reach across, and the train. A
test is compared period by period: days where there are enough of them, else hours, quarters of an hour, or minutes.
"""

from typing import Final, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from market.tape import Int64, Role, Tape
from policies.plan import Plan
from research.daily import day_of, trades_weekends
from research.planning import Planned
from research.validation import Window, walk_forward
from research.walkforward import WalkForwardError, bars_of, shape_of

SECOND_NS: Final = 10**9
DAY_NS: Final = 86_400 * SECOND_NS
PERIODS_NS: Final = (DAY_NS, 3_600 * SECOND_NS, 900 * SECOND_NS, 60 * SECOND_NS)
PERIODS_MIN: Final = 100
"""Periods that all tests together must hold for a length to be taken: a bootstrap of fewer means little."""
SAMPLES_PER_PERIOD: Final = 8


class Sizes(NamedTuple):
    """Instants of a train and a test, None for 3/8 and 1/8 of all; `purge_ns` None: the longest a policy may hold."""

    train: int | None = None
    test: int | None = None
    purge_ns: int | None = None


class Ground(NamedTuple):
    """Where to judge: `planned` as asked, `wide` the same under limits that do not bind, for what no desk trades.

    `windows` count instants of `times`; `ends` are, per test, the last instant of every period of `period_ns`.
    """

    planned: Planned
    wide: Plan
    times: Int64
    windows: tuple[Window, ...]
    purge_ns: int
    period_ns: int
    ends: tuple[Int64, ...]

    @property
    def periods(self) -> int:
        """Periods of all tests."""
        return sum(map(len, self.ends))


def ground_of(planned: Planned, wide: Plan, sizes: Sizes, hold_ns: int, known_until_ns: int = -1) -> Ground:
    """Lay out the tests; those that begin up to `known_until_ns` are left out: something was chosen by them.

    WalkForwardError when the tape does not hold a single test.
    """
    times = bars_of(planned.tape)
    purge_ns = hold_ns if sizes.purge_ns is None else sizes.purge_ns
    purge = most_within(times, purge_ns)
    shape = shape_of(len(times), sizes.train, sizes.test, (purge, 0), anchored=False)
    train = shape.train if sizes.train is not None else max(min(shape.train, len(times) - shape.test - purge), 1)
    found = walk_forward(len(times), train, shape.test, purge)
    windows = tuple(one for one in found if times[one.test_begin] > known_until_ns)
    if not windows:
        known = f", of which {len(found)} tests lie in what was chosen by" if found else ""
        raise WalkForwardError(
            f"--train {train} --test {shape.test}, purge {purge:,}: {train + purge + shape.test:,} instants are "
            f"needed, there are {len(times):,}{known}; smaller ones, or more data, are allowed"
        )
    period_ns, ends = _periods(planned.plan, times, windows)
    sample_ns = min(planned.plan.limits.sample_ns, period_ns // SAMPLES_PER_PERIOD)
    plans = [_sampled(plan, sample_ns) for plan in (planned.plan, wide)]
    return Ground(planned._replace(plan=plans[0]), plans[1], times, windows, purge_ns, period_ns, ends)


def most_within(times: Int64, span_ns: int) -> int:
    """Return how many instants the fullest stretch of `span_ns` holds, its first not counted."""
    if span_ns <= 0 or not len(times):
        return 0
    return int((np.searchsorted(times, times + span_ns, "right") - 1 - np.arange(len(times))).max())


def rows_between(tape: Tape, times: Int64, begin: int, end: int) -> tuple[int, int]:
    """Return the rows of instants [begin, end)."""
    first = int(np.searchsorted(tape.time_ns, times[begin], "left"))
    return first, int(np.searchsorted(tape.time_ns, times[end - 1], "right"))


def viewed(plan: Plan, tape: Tape) -> NDArray[np.bool_]:
    """Tell per row whether it asks a policy, or is watched for one, and has no flaw."""
    heard = np.array([bool(feed.roles & (Role.VIEW | Role.SCAN)) for feed in plan.feeds], np.bool_)
    found: NDArray[np.bool_] = heard[tape.feed] & (tape.flaws == 0)
    return found


def _sampled(plan: Plan, sample_ns: int) -> Plan:
    return structs.replace(plan, limits=structs.replace(plan.limits, sample_ns=max(sample_ns, SECOND_NS)))


def _periods(plan: Plan, times: Int64, windows: tuple[Window, ...]) -> tuple[int, tuple[Int64, ...]]:
    """Return the longest period of which there are enough, else the shortest, and the last instants of each."""
    for period_ns in PERIODS_NS:
        ends = tuple(_ends(plan, times[one.test_begin : one.test_end], period_ns) for one in windows)
        if sum(map(len, ends)) >= PERIODS_MIN:
            break
    return period_ns, ends


def _ends(plan: Plan, times: Int64, period_ns: int) -> Int64:
    numbers = day_of(times, trades_weekends(plan)) if period_ns == DAY_NS else (times - 1) // period_ns
    return times[np.append(numbers[1:] != numbers[:-1], True)]
