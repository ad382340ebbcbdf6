"""Walk-forward: choose parameters on one stretch of the past, trade them on the next, step on, and look at the whole.

Every rollout is one of its own: an account that begins with the plan's cash and knows no row after its last. A train
ends `purge` bars before its test, so that nothing held when it ended reaches in. A test is given as many bars before
its first as its indicators need, and cannot trade on them. Beside the walk, every set runs once over all bars: these
returns say how many tries the choice had, and how alike they were.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from envs.rollout import Rollout, open_engine, roll
from market.features import warmup_of
from market.money import MONEY_DIGITS
from market.tape import Tape, slice_tape
from policies.model_plans import features_of_desk
from policies.plan import Plan
from research.backtest import executing
from research.costing import with_costs
from research.daily import Daily, daily_returns, day_of, joined_days, trades_weekends
from research.grid import Sets
from research.performance import return_metrics
from research.planning import Planned
from research.run_metrics import days_per_year
from research.scores import Score, rank, score_of, with_params
from research.validation import Window, walk_forward

Watch = Callable[[int, int], None]

TESTS: Final = 8
"""Parts of the bars of which one is a test when no size is asked for; a train is three of them."""
TRAIN_TESTS: Final = 3
COSTS: Final = tuple(Decimal(multiple) for multiple in ("0", "1", "2", "3"))


class WalkForwardError(ValueError):
    """A walk-forward is not possible; the message names the option and what is allowed."""


class Shape(NamedTuple):
    """Bars of a train, of a test, and left out between them; anchored trains all begin with the first bar.

    `embargo` is for cross-validation, where trains lie after tests too: bars after a test that none of them may use.
    """

    train: int
    test: int
    purge: int
    embargo: int
    anchored: bool


class Fold(NamedTuple):
    """One step: its bars, the set that was chosen (None: the metric was undefined for all), and what it came to."""

    window: Window
    chosen: int | None
    in_sample: Score | None
    out_of_sample: Score | None
    daily: Daily


class CostLine(NamedTuple):
    """What all tests together came to at a multiple of the costs, money in account currency."""

    multiple: Decimal
    net_profit: float
    trades: int
    daily: Daily


class WalkForward(NamedTuple):
    """A finished walk: folds, costs, and the daily returns of every set over all bars, [days, sets]."""

    planned: Planned
    sets: Sets
    metric: str
    shape: Shape
    bar_times: NDArray[np.int64]
    folds: tuple[Fold, ...]
    costs: tuple[CostLine, ...]
    days: NDArray[np.int64]
    returns: NDArray[np.float64]

    @property
    def daily(self) -> Daily:
        """The returns of all tests, one after the other."""
        return joined_days([fold.daily for fold in self.folds])

    @property
    def trades(self) -> int:
        """Trades of all tests."""
        return sum(fold.out_of_sample.trades for fold in self.folds if fold.out_of_sample)

    @property
    def net_profit(self) -> float:
        """Profit of all tests, each begun with the plan's cash."""
        return _total([fold.out_of_sample.net_profit for fold in self.folds if fold.out_of_sample])


def shape_of(bars: int, train: int | None, test: int | None, gaps: tuple[int, int], anchored: bool) -> Shape:
    """Return the shape of a walk over some bars, sizes that are not asked for filled in; `gaps` purge and embargo."""
    own_test = test if test is not None else max(bars // TESTS, 1)
    return Shape(train if train is not None else TRAIN_TESTS * own_test, own_test, *gaps, anchored)


def longest_hold(sets: Sets) -> int:
    """Return the most bars that any of the sets may hold a position, where the policy says so; else 0."""
    if "hold_bars" not in sets.names or not len(sets.rows):
        return 0
    return int(sets.rows[:, sets.names.index("hold_bars")].max())


def bars_of(tape: Tape) -> NDArray[np.int64]:
    """Return the instants of a tape: bars of several symbols that close together are one."""
    return np.unique(tape.time_ns)


def run_walk_forward(
    planned: Planned,
    sets: Sets,
    metric: str,
    shape: Shape,
    costs: Sequence[Decimal] = COSTS,
    watch: Watch | None = None,
) -> WalkForward:
    """Walk over the bars of a plan; `watch` hears (rollouts done, rollouts at most).

    WalkForwardError when the bars do not hold a single fold.
    """
    planned = planned._replace(plan=executing(planned.plan))
    walker = _Walker(planned, sets, metric, watch)
    windows = walk_forward(len(walker.times), shape.train, shape.test, shape.purge, shape.anchored)
    if not windows:
        needed = shape.train + shape.purge + shape.test
        raise WalkForwardError(
            f"--train {shape.train} --purge {shape.purge} --test {shape.test}: {needed:,} bars are needed, there are "
            f"{len(walker.times):,}; smaller ones are allowed"
        )
    walker.planned_rollouts = len(sets.rows) * (len(windows) + 1) + len(windows) * (len(costs) + 1)
    folds = tuple(walker.fold(window) for window in windows)
    lines = tuple(walker.cost_line(folds, multiple) for multiple in costs)
    whole = [walker.whole(number) for number in range(len(sets.rows))]
    table = np.column_stack([one.returns for one in whole])
    return WalkForward(planned, sets, metric, shape, walker.times, folds, lines, whole[0].days, table)


class _Walker:
    """Runs rollouts over stretches of one tape, and counts them."""

    def __init__(self, planned: Planned, sets: Sets, metric: str, watch: Watch | None) -> None:
        self.planned, self.sets, self.metric, self._watch = planned, sets, metric, watch
        self.times = bars_of(planned.tape)
        self.planned_rollouts = self.done = 0

    def fold(self, window: Window) -> Fold:
        """Choose on the train, trade on the test."""
        tape = self._rows(self.planned.tape, window.train_begin, window.train_end)
        scores = [score_of(plan, self._roll(plan, tape)) for plan in map(self.plan_of, range(len(self.sets.rows)))]
        chosen = rank(scores, self.metric)[0]
        if getattr(scores[chosen], self.metric) is None:
            return Fold(window, None, None, None, self._idle(window))
        score, daily = self.test(self.plan_of(chosen), self.planned.tape, window)
        return Fold(window, chosen, scores[chosen], score, daily)

    def test(self, plan: Plan, tape: Tape, window: Window) -> tuple[Score, Daily]:
        """Trade a plan on a test; the bars before it only warm up what it reads."""
        begin = max(window.test_begin - _warmup(plan), 0)
        rollout = self._roll(plan, self._rows(tape, begin, window.test_end))
        daily = daily_returns(plan, rollout, int(self.times[window.test_begin]))
        sharpe = return_metrics(daily.returns.tolist(), days_per_year(plan)).sharpe  # of the test, not its warm-up
        return structs.replace(score_of(plan, rollout), sharpe=sharpe), daily

    def _idle(self, window: Window) -> Daily:
        """Return the days of a test without a choice: the account stays as it is."""
        times = self.times[window.test_begin : window.test_end]
        days = np.unique(day_of(times, trades_weekends(self.planned.plan)))
        return Daily(days, np.zeros(len(days)))

    def cost_line(self, folds: Sequence[Fold], multiple: Decimal) -> CostLine:
        """Trade every choice again, at a multiple of the costs."""
        found = []
        for fold in folds:
            if fold.chosen is not None:
                plan, tape = with_costs(self.plan_of(fold.chosen), self.planned.tape, multiple)
                found.append(self.test(plan, tape, fold.window))
        profit = _total([score.net_profit for score, _ in found])
        trades = sum(score.trades for score, _ in found)
        return CostLine(multiple, profit, trades, joined_days([daily for _, daily in found]))

    def whole(self, number: int) -> Daily:
        """Return the daily returns of a set over all bars."""
        plan = self.plan_of(number)
        return daily_returns(plan, self._roll(plan, self.planned.tape))

    def plan_of(self, number: int) -> Plan:
        """Return the plan under a set."""
        return with_params(self.planned.plan, tuple(self.sets.named(number).items()))

    def _rows(self, tape: Tape, begin: int, end: int) -> Tape:
        first = int(np.searchsorted(tape.time_ns, self.times[begin], "left"))
        last = int(np.searchsorted(tape.time_ns, self.times[end - 1], "right"))
        return slice_tape(tape, first, last)

    def _roll(self, plan: Plan, tape: Tape) -> Rollout:
        rollout = roll(open_engine(plan), tape)
        self.done += 1
        if self._watch is not None:
            self._watch(self.done, self.planned_rollouts)
        return rollout


def _total(amounts: Sequence[float]) -> float:
    """Return the sum of amounts that are exact to the money unit, exact to it again."""
    return round(sum(amounts), MONEY_DIGITS)


def _warmup(plan: Plan) -> int:
    """Return the bars before the first at which the desk's policy has all of its features."""
    return warmup_of(features_of_desk(plan, 0))
