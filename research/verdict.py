"""The verdict on a walk-forward: what its statistics say, each held against a demand. It can say no.

A check whose number is undefined is not passed: what cannot be shown does not count as shown.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.money import MONEY_UNIT
from research.costing import charges_anything
from research.performance import ReturnMetrics, return_metrics
from research.run_metrics import days_per_year
from research.validation import (
    Estimate,
    Overfitting,
    SharpeMoments,
    combinatorial_splits,
    deflated_sharpe,
    independent_trials,
    luck_threshold,
    min_track_record,
    moments_of,
    overfitting,
    path_count,
    probabilistic_sharpe,
    reality_check,
    stationary_indices,
    superior_ability,
)
from research.walkforward import WalkForward

Floats = NDArray[np.float64]

BLOCKS: Final = 16
ROWS_PER_BLOCK: Final = 8
"""Returns in a block of the cross-validation: with fewer, a Sharpe ratio of half the blocks means nothing."""
BOOTSTRAPS: Final = 2000
MEAN_BLOCK: Final = 10.0
"""Days that a block of the bootstrap holds on average: two weeks of trading."""
PATH_FOLDS: Final = 6
PATH_TESTS: Final = 2
DAY_NS: Final = 86_400 * 10**9
NO_LIMIT: Final = 10**14
"""A loss limit of a profile from here on is none."""
FEW: Final = "insufficient_data"


class Demands(NamedTuple):
    """What a strategy must show; chosen by the house (quant notes 9), and by the user who knows better."""

    trades_min: int = 100
    dsr_min: float = 0.95
    pbo_max: float = 0.2
    p_max: float = 0.05
    confidence: float = 0.95
    cost_multiple: int = 2


class Check(NamedTuple):
    """One demand: its number, what is asked of it, and whether it is met; `reason` says why a number is undefined."""

    name: str
    value: float | None
    relation: str
    wanted: float
    passed: bool
    reason: str | None = None


class Record(NamedTuple):
    """What the tests came to: metrics, moments, and how sure they are. `threshold` is what luck alone would reach.

    It is deflated by all `trials`, though sets of one grid are much alike: `independent` is what they amount to.
    """

    metrics: ReturnMetrics
    moments: SharpeMoments | None
    trials: int
    independent: float
    variance_of_trials: float
    threshold: float
    psr: Estimate
    dsr: Estimate
    min_track_record: Estimate


class Snooping(NamedTuple):
    """Whether the best of all sets beats doing nothing, over all bars: White's p, Hansen's p."""

    reality_check: Estimate
    superior_ability: Estimate
    bootstraps: int
    mean_block_days: float


class Paths(NamedTuple):
    """Combinatorial purged cross-validation of the choice: the Sharpe ratio a year of every path of tests."""

    sharpes: tuple[float, ...]
    splits: int
    purge_days: int
    embargo_days: int
    reason: str | None


class Verdict(NamedTuple):
    """All that is known of a walk-forward, and whether every check is passed."""

    record: Record
    overfitting: Overfitting | None
    overfitting_reason: str | None
    blocks: int
    snooping: Snooping
    paths: Paths
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the answer is yes."""
        return all(check.passed for check in self.checks)


def verdict_of(walk: WalkForward, demands: Demands, tried: int = 0, seed: int = 0) -> Verdict:
    """Return the verdict; `tried` sets were tried on this data before, and count as trials too."""
    record = record_of(walk, demands, tried)
    found, reason, blocks = _overfitting(walk.returns)
    snooping = _snooping(walk.returns, seed)
    checks = _checks(walk, demands, record, snooping, Estimate(found.pbo if found else None, reason))
    return Verdict(record, found, reason, blocks, snooping, _paths(walk), checks)


def record_of(walk: WalkForward, demands: Demands, tried: int) -> Record:
    """Return what all tests together came to, deflated by every set that had a chance to be chosen."""
    returns = walk.daily.returns
    trials = walk.returns.shape[1] + tried
    ratios = [0.0 if one is None else one.sharpe for one in map(moments_of, walk.returns.T)]
    spread = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    metrics = return_metrics(returns.tolist(), days_per_year(walk.planned.plan))
    moments, none = moments_of(returns), Estimate(None, FEW if len(returns) < 2 else "zero_variance")
    threshold, independent = luck_threshold(trials, spread), independent_trials(walk.returns) + tried
    if moments is None:
        return Record(metrics, None, trials, independent, spread, threshold, none, none, none)
    return Record(
        metrics, moments, trials, independent, spread, threshold, probabilistic_sharpe(moments),
        deflated_sharpe(moments, trials, spread), min_track_record(moments, 0.0, demands.confidence),
    )  # fmt: skip


def _overfitting(returns: Floats) -> tuple[Overfitting | None, str | None, int]:
    """Return the cross-validation over as many blocks, up to 16, as the days fill."""
    blocks = min(BLOCKS, len(returns) // ROWS_PER_BLOCK // 2 * 2)
    if returns.shape[1] < 2:
        return None, "one_trial", blocks
    if blocks < 4:
        return None, FEW, blocks
    return overfitting(returns, blocks), None, blocks


def _snooping(returns: Floats, seed: int) -> Snooping:
    """Return both tests against staying out, whose returns are 0."""
    if len(returns) < 2 * MEAN_BLOCK:
        none = Estimate(None, FEW)
        return Snooping(none, none, BOOTSTRAPS, MEAN_BLOCK)
    indices = stationary_indices(len(returns), MEAN_BLOCK, BOOTSTRAPS, np.random.default_rng(seed))
    able = superior_ability(returns, indices)
    reason = "zero_variance" if able is None else None
    white = Estimate(None, reason) if reason else Estimate(reality_check(returns, indices).p_value)
    return Snooping(white, Estimate(able, reason), BOOTSTRAPS, MEAN_BLOCK)


def _paths(walk: WalkForward) -> Paths:
    """Choose on every purged train of days, by Sharpe ratio, and join the tests into paths."""
    returns, shape = walk.returns, walk.shape
    length = _day_bars(walk)
    purge, embargo = (math.ceil(bars / length) for bars in (shape.purge, shape.embargo))
    if len(returns) < PATH_FOLDS * (2 + purge + embargo):
        return Paths((), 0, purge, embargo, FEW)
    paths: list[list[Floats]] = [[] for _ in range(path_count(PATH_FOLDS, PATH_TESTS))]
    seen = [0] * PATH_FOLDS
    splits = list(combinatorial_splits(len(returns), PATH_FOLDS, PATH_TESTS, purge, embargo))
    for split in splits:
        if len(split.train) < 2:
            return Paths((), len(splits), purge, embargo, FEW)
        best = int(np.argmax(_ratios(returns[split.train])))
        size = len(returns) // PATH_FOLDS
        for fold in split.test_folds:
            rows = split.test[np.minimum(split.test // size, PATH_FOLDS - 1) == fold]
            paths[seen[fold]].append(returns[rows, best])
            seen[fold] += 1
    year = math.sqrt(days_per_year(walk.planned.plan))
    sharpes = tuple(float(_ratios(np.concatenate(path)[:, None])[0]) * year for path in paths)
    return Paths(sharpes, len(splits), purge, embargo, None)


def _day_bars(walk: WalkForward) -> float:
    """Return how many bars a day has on average."""
    return max(len(walk.bar_times) / max(len(walk.days), 1), 1e-9)


def _ratios(returns: Floats) -> Floats:
    """Return the Sharpe ratio of every column; 0 for one that lies still."""
    found = [moments_of(column) for column in returns.T]
    return np.array([0.0 if one is None else one.sharpe for one in found], np.float64)


def _checks(
    walk: WalkForward, demands: Demands, record: Record, snooping: Snooping, pbo: Estimate
) -> tuple[Check, ...]:
    """Hold every number against its demand."""
    length = record.min_track_record
    found = [
        _held("trades", Estimate(walk.trades), ">=", demands.trades_min),
        _held("net_profit", Estimate(walk.net_profit), ">", 0.0),
        _held("deflated_sharpe", record.dsr, ">=", demands.dsr_min),
        _held("min_track_record", length, "<=", record.metrics.n),
        _held("overfitting", pbo, "<=", demands.pbo_max),
        _held("reality_check", snooping.reality_check, "<=", demands.p_max),
        _held("costs", _profit_at(walk, demands.cost_multiple), ">", 0.0),
    ]
    limit = walk.planned.plan.limits.drawdown_max
    if 0 < limit < NO_LIMIT:
        found.append(_held("drawdown", _worst_fall(walk), "<", limit / MONEY_UNIT))
    return tuple(found)


def _profit_at(walk: WalkForward, multiple: int) -> Estimate:
    line = next((line for line in walk.costs if line.multiple == multiple), None)
    if not charges_anything(walk.planned.plan, walk.planned.tape):
        return Estimate(None, "no_costs")
    return Estimate(line.net_profit) if line else Estimate(None, "not_asked_for")


def _worst_fall(walk: WalkForward) -> Estimate:
    falls = [fold.out_of_sample.max_drawdown for fold in walk.folds if fold.out_of_sample]
    return Estimate(max(falls)) if falls else Estimate(None, "no_trades")


def _held(name: str, estimate: Estimate, relation: str, wanted: float) -> Check:
    value = estimate.value
    if value is None:
        return Check(name, None, relation, wanted, False, estimate.reason)
    met = {">=": value >= wanted, ">": value > wanted, "<=": value <= wanted, "<": value < wanted}[relation]
    return Check(name, value, relation, wanted, met)
