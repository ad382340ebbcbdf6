"""Evaluation: every candidate against what anybody could have done instead, and a verdict that can say no.

A candidate is a name and a maker of plans, one plan per seed: a static policy has one seed, a trained model one plan
per training seed. Baselines: flat; buy and hold, where the desk trades something that can be held; random of equal
turnover; the best static policy, chosen on the trains. A candidate is judged by its median seed, its worst is shown.
Losing to a baseline, and not being sure, are the same answer: it does not beat it.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.intents import DeskKind
from policies.plan import Plan
from research.judging.ground import Ground
from research.judging.outsiders import at_random, holding, waived
from research.judging.paired import BOOTSTRAPS, Comparison, block_length, compare
from research.judging.runs import Actor, Run, run_of
from research.judging.statics import BestStatic, Static, best_static, statics_for
from research.validation import Estimate, deflated_sharpe, luck_threshold, moments_of, multiple_tests

SEEDS_MIN: Final = 5
"""Seeds of what has seeds, at least."""
FLAT, HOLD, RANDOM, STATIC = "flat", "buy_and_hold", "random", "best_static"
NO_HOLD: Final = {
    DeskKind.ARBITRAGE: "buy and hold is left out: both legs of a route together are no investment",
    DeskKind.BINARY: "buy and hold is left out: a contract ends by itself and cannot be held",
}


class Candidate(NamedTuple):
    """Who is judged: `plan_of` makes the plan of a seed. `policy` names what it stands on, for people."""

    name: str
    plan_of: Callable[[int], Plan]
    seeds: tuple[int, ...] = (0,)
    static: Static | None = None


class Terms(NamedTuple):
    """How to judge: seeds of the random trader, bootstraps and mean block (None: n^(1/3)), alpha, trials before."""

    seeds: int = SEEDS_MIN
    seed: int = 0
    bootstraps: int = BOOTSTRAPS
    block: int | None = None
    alpha: float = 0.05
    tried: int = 0


class Against(NamedTuple):
    """A baseline: its runs (one per seed), the comparison of the candidate's median seed with their mean, Holm's p."""

    name: str
    runs: tuple[Run, ...]
    comparison: Comparison
    worst: Comparison
    holm: float
    beaten: bool


class Verdict(NamedTuple):
    """One candidate: its runs, every baseline, and how sure its Sharpe ratio per period is after `trials` tries."""

    candidate: Candidate
    runs: tuple[Run, ...]
    against: tuple[Against, ...]
    trials: int
    sharpe: float | None
    threshold: float
    dsr: Estimate

    @property
    def beats_all(self) -> bool:
        """Tell whether it beats every baseline."""
        return all(one.beaten for one in self.against)


class Evaluation(NamedTuple):
    """All verdicts on one ground, the best static policy that they met, and what was left out with the reason."""

    ground: Ground
    terms: Terms
    block: int
    verdicts: tuple[Verdict, ...]
    best: BestStatic
    left_out: tuple[str, ...]


def median_of(runs: Sequence[Run]) -> Run:
    """Return the run whose mean return is the median; of an even number the lower one."""
    return sorted(runs, key=lambda run: run.mean)[(len(runs) - 1) // 2]


def worst_of(runs: Sequence[Run]) -> Run:
    """Return the run with the least mean return."""
    return min(runs, key=lambda run: run.mean)


def evaluate(ground: Ground, candidates: Sequence[Candidate], terms: Terms, say: Callable[[str], None]) -> Evaluation:
    """Judge candidates of one desk; ValueError for fewer seeds than are allowed."""
    few = [one.name for one in candidates if one.static is None and len(one.seeds) < SEEDS_MIN]
    if few or terms.seeds < SEEDS_MIN:
        raise ValueError(f"{few[0] if few else '--seeds'}: at least {SEEDS_MIN} seeds are needed")
    (desk,) = ground.planned.plan.desks
    kind = DeskKind(desk.kind)
    say(f"{len(ground.windows)} tests, {ground.periods:,} periods: static policies on their trains")
    best = best_static(ground, statics_for(desk, candidates[0].static if len(candidates) == 1 else None))
    held = None if kind in NO_HOLD else _held(ground)
    runs = []
    for one in candidates:
        say(f"{one.name}: {len(one.seeds)} seeds")
        runs.append(tuple(run_of(ground, one.plan_of(seed), seed) for seed in one.seeds))
    table = np.column_stack([best.returns, *(run.returns for own in runs for run in own)])
    block = terms.block or block_length(ground.periods)
    verdicts = []
    for one, own in zip(candidates, runs, strict=True):
        say(f"{one.name}: {terms.seeds} random traders of equal turnover")
        against = [(FLAT, (_flat(ground),)), (RANDOM, _random(ground, one, own, terms)), (STATIC, (best.run,))]
        if held is not None:
            against.insert(1, (HOLD, (held,)))
        verdicts.append(_verdict(one, own, against, table, (terms, block)))
    return Evaluation(ground, terms, block, tuple(verdicts), best, (NO_HOLD[kind],) if kind in NO_HOLD else ())


def _held(ground: Ground) -> Run:
    plan, actor = holding(ground.wide)
    return run_of(ground, plan, 0, lambda _: actor)


def _flat(ground: Ground) -> Run:
    return Run(0, np.zeros(ground.periods), 0.0, 0.0, 0, 0, None, 0.0, 0.0)


def _random(ground: Ground, candidate: Candidate, own: Sequence[Run], terms: Terms) -> tuple[Run, ...]:
    """Return random traders, each as busy as one of the candidate's seeds."""
    found = []
    for k in range(terms.seeds):
        like = own[k % len(own)]
        plan = waived(candidate.plan_of(like.seed))
        found.append(run_of(ground, plan, terms.seed + k, _as_busy(like, terms.seed + k)))
    return tuple(found)


def _as_busy(like: Run, seed: int) -> Callable[[int], Actor]:
    return lambda number: at_random(like.plays[number], seed, number)


def _verdict(
    candidate: Candidate,
    own: tuple[Run, ...],
    against: Sequence[tuple[str, tuple[Run, ...]]],
    table: NDArray[np.float64],
    how: tuple[Terms, int],
) -> Verdict:
    terms, block = how
    median, worst = median_of(own), worst_of(own)
    tests = []
    for _, runs in against:
        mean = np.mean([run.returns for run in runs], axis=0)
        tests.append([compare(one.returns, mean, block, terms.bootstraps, terms.seed) for one in (median, worst)])
    holm = multiple_tests([one.p_value for one, _ in tests], terms.alpha).holm_adjusted
    trials = table.shape[1] + terms.tried
    ratios = [0.0 if (found := moments_of(np.expm1(column))) is None else found.sharpe for column in table.T]
    spread = float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
    moments = moments_of(np.expm1(median.returns))
    dsr = Estimate(None, "zero_variance") if moments is None else deflated_sharpe(moments, trials, spread)
    return Verdict(
        candidate, own,
        tuple(
            Against(name, runs, one, bad, adjusted, adjusted <= terms.alpha and one.mean_difference > 0.0)
            for (name, runs), (one, bad), adjusted in zip(against, tests, holm, strict=True)
        ),
        trials, moments.sharpe if moments else None, luck_threshold(trials, spread), dsr,
    )  # fmt: skip
