"""Scoring: what a genome comes to on parts of the bars, by the rollout that a backtest is, costs and risk included.

The bars are cut into four parts that follow each other: what evolution fits (`fit`) and is scored on (`test`), what its
front is chosen on (`choice`), and the `holdout`, which is looked at once. Between two parts lie as many bars as a
position may be held. A part begins with the plan's cash, after as many bars as the features need to warm up.

With a regime named, a score counts the days of that regime alone: of each day, what was known before its first bar.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from envs.rollout import open_engine, roll
from market.features import warmup_of
from market.tape import Tape, slice_tape
from policies.catalogue import params_of, policy_named
from policies.model_plans import with_model
from policies.observing import observer_of
from policies.plan import ModelPlan, Plan
from research.daily import Daily, daily_returns, day_of, trades_weekends
from research.evolving.regimes import regime_of_days
from research.genome import ANY, Genome, genome_hash
from research.genome_code import compile_genome
from research.performance import return_metrics
from research.run_metrics import days_per_year
from research.validation import moments_of
from research.walkforward import bars_of

PARTS: Final = ("fit", "test", "choice", "holdout")
SHARES: Final = (0.35, 0.25, 0.2, 0.2)
POLICY: Final = "genome"
REWARD_LEAST: Final = 2.75
"""Target over stop at least: profiles ask for a reward, and it is the exit condition that closes."""


class PartScore(Struct, frozen=True, kw_only=True):
    """A genome on one part: Sharpe ratio of daily returns, a year and a day (0 where nothing moved), trades, money."""

    sharpe: float | None
    sharpe_day: float
    trades: int
    net_profit: float
    days: int


class Span(NamedTuple):
    """The bars [begin, end) of one part."""

    begin: int
    end: int


class Market(NamedTuple):
    """What genomes are scored on: a plan of one desk that decides by a genome, its bars, the parts, and the regime."""

    plan: Plan
    tape: Tape
    spans: dict[str, Span]
    regime: str = ANY


def model_plan(genome: Genome, desk: int = 0) -> ModelPlan:
    """Return what a plan carries of a genome, for one of its desks."""
    compiled = compile_genome(genome)
    return ModelPlan(
        desk=desk, sha256=genome_hash(genome), features=compiled.features, observer=observer_of(compiled.features),
        numbers=compiled.numbers,
    )  # fmt: skip


def params_for(genome: Genome, given: Mapping[str, float]) -> dict[str, float]:
    """Return the parameters that a desk has with a genome: those given, with its stop and a target that allows it."""
    stop, spec = float(genome["risk"]["atr_k"]), policy_named(POLICY)
    least = next(bound.default for bound in spec.params if bound.name == "target_atr")
    target = max(given.get("target_atr", least), REWARD_LEAST * stop)
    return dict(params_of(spec, {**given, "stop_atr": stop, "target_atr": target}))


def with_genome(plan: Plan, genome: Genome, desk: int = 0, params: Mapping[str, float] | None = None) -> Plan:
    """Return the plan with a desk that decides by a genome: its stop is the genome's, the rest as given or as it was.

    Without `params`, a desk that decides by a genome already keeps its own; any other gets the defaults.
    """
    own = plan.desks[desk]
    before = dict(own.params) if own.policy == POLICY else {}
    return with_model(plan, model_plan(genome, desk), POLICY, params_for(genome, before if params is None else params))


def spans_of(bars: int, gap: int) -> dict[str, Span]:
    """Return the parts of so many bars, `gap` bars between them; ValueError where a part would be empty."""
    usable = bars - gap * (len(PARTS) - 1)
    lengths = [int(usable * share) for share in SHARES]
    if min(lengths) < 1:
        raise ValueError(f"{bars:,} bars: too few for {len(PARTS)} parts with {gap:,} bars between them")
    lengths[-1] = usable - sum(lengths[:-1])
    found, begin = {}, 0
    for name, length in zip(PARTS, lengths, strict=True):
        found[name] = Span(begin, begin + length)
        begin += length + gap
    return found


def gap_of(plan: Plan) -> int:
    """Return the bars that a position may be held at most: what lies between two parts."""
    return int(dict(plan.desks[0].params).get("hold_bars", 0.0))


def score_part(market: Market, genome: Genome, part: str) -> tuple[PartScore, Daily]:
    """Roll a genome over a part; return its score and the daily returns that this counts."""
    plan = with_genome(market.plan, genome)
    times, span = bars_of(market.tape), market.spans[part]
    begin = max(span.begin - warmup_of(plan.models[0].features), 0)
    rollout = roll(open_engine(plan), _rows(market.tape, times, begin, span.end))
    daily = daily_returns(plan, rollout, int(times[span.begin]))
    entries, results = np.asarray(rollout.trades["entry_ns"]), np.asarray(rollout.trades["pnl"], np.int64)
    counted = np.ones(len(entries), np.bool_)
    if market.regime != ANY:
        own = regime_of_days(plan, market.tape)
        daily = _days_of(daily, own, market.regime)
        counted = np.isin(day_of(entries, trades_weekends(plan)), daily.days)
    moments = moments_of(daily.returns)
    return (
        PartScore(
            sharpe=return_metrics(daily.returns.tolist(), days_per_year(plan)).sharpe if len(daily.days) else None,
            sharpe_day=0.0 if moments is None else moments.sharpe,
            trades=int(counted.sum()),
            net_profit=int(results[counted].sum()) / 1e6,
            days=len(daily.days),
        ),
        daily,
    )


def _rows(tape: Tape, times: NDArray[np.int64], begin: int, end: int) -> Tape:
    first = int(np.searchsorted(tape.time_ns, times[begin], "left"))
    last = int(np.searchsorted(tape.time_ns, times[end - 1], "right"))
    return slice_tape(tape, first, last)


def _days_of(daily: Daily, regimes: dict[int, str], regime: str) -> Daily:
    """Return the days of one regime."""
    keep = np.array([regimes.get(int(day)) == regime for day in daily.days], np.bool_)
    return Daily(daily.days[keep], daily.returns[keep])
