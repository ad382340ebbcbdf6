"""The study itself: groups from the first part of the data, everything else walked forward over the rest.

Raw claim = 0.5 + 0.5 confidence of the confluence with equal weights. Calibrated: the same claim by what was known when
it was made. Bandit weights against equal weights: the side that each takes at the same instants, hits in pairs, and the
difference with the interval of a block bootstrap over days, for outcomes of one day are not independent.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.records import Records, records
from policies.bandit_weights import Shape, run_bandit
from policies.bandits import OUTCOME, BanditRule, Learner, open_bandit
from policies.calibration import CalibrationRule, History, Method, walk_forward
from policies.calibration_report import Reliability, reliability_of
from policies.catalogue import params_of, policy_named
from policies.confluence import CONFLUENCE, ConfluenceRule, Panel, join_rows, join_weighted, panel_of, vote_groups
from policies.demotion import DemotionRule, Results, open_tracks, watched
from research.votes.sources import SOURCES, Decisions, Series, decisions_of, files_of, merged, read_bars

Floats = NDArray[np.float64]

DAY_NS: Final = 86_400 * 10**9
RULE: Final = ConfluenceRule(enter=0.25, coverage_min=0.6)
ANY_SCORE: Final = ConfluenceRule(enter=1e-9, coverage_min=0.6)
BUCKETS: Final = 20
SHAPE: Final = Shape(low=0.02, high=0.8, sharpness=50.0)
PLAY_MIN: Final = 0.1
"""How strong a vote must be to count as a play: who says nothing cannot be right."""
REGIMES: Final = 3
SEED: Final = 20_240_601
RESAMPLES: Final = 2_000
BLOCK_DAYS: Final = 20
TRAINING_SHARE: Final = 0.2


class Claims(NamedTuple):
    """Directed decisions: claims by how they were calibrated (raw: not), hits, which are out of sample, when known."""

    by_method: dict[str, Floats]
    hit: Floats
    tested: NDArray[np.bool_]
    known_ns: NDArray[np.int64]

    def reports(self) -> dict[str, Reliability]:
        """Return the reliability of each kind of claim, out of sample."""
        hit = self.hit[self.tested]
        return {name: reliability_of(values[self.tested], hit, BUCKETS) for name, values in self.by_method.items()}


class Difference(NamedTuple):
    """Paired hit rates of learned against static weights, the difference in points with its 95 % interval."""

    learner: str
    decisions: int
    static: float
    learned: float
    points: float
    low: float
    high: float
    discordant: float


class Study(NamedTuple):
    """All that came out: reliability by whose claims and how calibrated, demotions likewise, hit-rate differences."""

    series: str
    symbols: tuple[str, ...]
    groups: tuple[int, ...]
    decisions: int
    reports: dict[str, dict[str, Reliability]]
    demotions: dict[str, dict[str, int]]
    differences: tuple[Difference, ...]


def load(data: Path, series: Series) -> tuple[tuple[str, ...], Decisions]:
    """Return the symbols of a series below a data root, and their decisions in order."""
    bars = [read_bars(path, series.bar_ns) for path in files_of(data, series)]
    parts = [decisions_of(one, number, series.horizon) for number, one in enumerate(bars)]
    return tuple(one.symbol for one in bars), merged(parts)


def panel_from(decisions: Decisions, training: int) -> tuple[Panel, tuple[int, ...]]:
    """Return the panel with one equal weight per group of sources that vote alike in the first `training` rows."""
    groups = vote_groups(decisions.votes[:training])
    count = max(groups) + 1
    return panel_of(groups, np.full(count, 1.0 / count)), groups


def confluence_strength(decisions: Decisions, panel: Panel) -> Floats:
    """Return direction x confidence of the confluence; NaN where it is flat or gives no signal."""
    out, effective = records(len(decisions.move), CONFLUENCE), np.zeros(decisions.votes.shape)
    join_rows(decisions.votes, panel, RULE, effective, out)
    return np.where(np.abs(out.direction) == 1, np.asarray(out.direction) * np.asarray(out.confidence), math.nan)


def desk_candidates(decisions: Decisions) -> Floats:
    """Return the forex desk's strength where its claim is a candidate at its defaults; NaN elsewhere."""
    least = dict(params_of(policy_named("trend_reversion"), {}))["candidate_min"]
    return np.where(0.5 + 0.5 * np.abs(decisions.desk) >= least, decisions.desk, math.nan)


def claims_of(decisions: Decisions, strength: Floats, training: int) -> Claims:
    """Return the claims 0.5 + 0.5 |strength| of decisions that have one (not NaN, not 0), raw and calibrated.

    Decisions before row `training` only teach.
    """
    directed = np.flatnonzero(np.nan_to_num(strength) != 0.0)
    raw = 0.5 + 0.5 * np.abs(strength[directed])
    hit = (np.sign(strength[directed]) * decisions.move[directed] > 0.0).astype(np.float64)
    known_ns = decisions.known_ns[directed]
    history = History(np.zeros(len(directed), np.int64), decisions.time_ns[directed], known_ns, raw, hit)
    by_method = {name: walk_forward(history, 1, rule) for name, rule in calibration_rules().items()}
    return Claims({"raw": raw, **by_method}, hit, directed >= training, known_ns)


def calibration_rules() -> dict[str, CalibrationRule]:
    """Return the ways in which claims are calibrated here."""
    return {
        "beta buckets": CalibrationRule(method=Method.BETA, window=3000, buckets=BUCKETS),
        "isotonic": CalibrationRule(method=Method.ISOTONIC, window=3000, buckets=BUCKETS),
    }


def demotions_of(claims: Claims, values: Floats) -> int:
    """Return how often a source with these claims is demoted over all decisions."""
    rule = DemotionRule()
    order = np.argsort(claims.known_ns, kind="stable")
    results = Results(np.zeros(len(order), np.int64), claims.known_ns[order], values[order], claims.hit[order])
    changes = watched(open_tracks(1, rule), results, rule)
    return int((np.asarray(changes.after) == 1).sum())


def group_votes(votes: Floats, panel: Panel) -> Floats:
    """Return the mean vote of each group, (n, groups); NaN where none of its members votes."""
    out = np.full((len(votes), len(panel.weights)), np.nan)
    for group in range(len(panel.weights)):
        own = votes[:, panel.groups == group]
        some = np.isfinite(own).any(axis=1)
        out[some, group] = np.nanmean(own[some], axis=1)
    return out


def outcomes_of(decisions: Decisions, votes: Floats) -> Records:
    """Return every group's outcomes in the order they were known: reward 1 where its vote had the right sign."""
    decision, group = np.nonzero(np.abs(votes) >= PLAY_MIN)
    order = np.argsort(decisions.known_ns[decision], kind="stable")
    decision, group = decision[order], group[order]
    out = records(len(decision), OUTCOME)
    out.sequence, out.regime, out.arm = np.arange(1, len(decision) + 1), decisions.regime[decision], group
    out.known_ns = decisions.known_ns[decision]
    out.reward = (np.sign(votes[decision, group]) * decisions.move[decision] > 0.0).astype(np.float64)
    return out


def learned_scores(decisions: Decisions, votes: Floats, rule: BanditRule) -> Floats:
    """Return the score of every decision under weights learned from outcomes known by then; NaN without a score."""
    arms = votes.shape[1]
    bandit, weights = open_bandit(arms, REGIMES, rule), np.zeros(votes.shape)
    outcomes = outcomes_of(decisions, votes)
    run_bandit(bandit, outcomes, decisions.time_ns, decisions.regime, np.uint64(SEED), rule, SHAPE, weights)
    out, effective = records(len(votes), CONFLUENCE), np.zeros(votes.shape)
    panel = panel_of(range(arms), np.full(arms, 1.0 / arms))
    join_weighted(votes, weights, panel, ANY_SCORE, effective, out)
    return np.array(out.score)


def static_scores(votes: Floats) -> Floats:
    """Return the score of every decision under equal weights; NaN without one."""
    arms = votes.shape[1]
    out, effective = records(len(votes), CONFLUENCE), np.zeros(votes.shape)
    join_rows(votes, panel_of(range(arms), np.full(arms, 1.0 / arms)), ANY_SCORE, effective, out)
    return np.array(out.score)


def difference_of(learner: str, decisions: Decisions, static: Floats, learned: Floats, training: int) -> Difference:
    """Return paired hit rates where both weights give a side, after the first `training` rows."""
    both = (np.nan_to_num(static) != 0.0) & (np.nan_to_num(learned) != 0.0)
    both[:training] = False
    one, other = (np.sign(scores[both]) * decisions.move[both] > 0.0 for scores in (static, learned))
    gains = other.astype(np.float64) - one.astype(np.float64)
    low, high = bootstrap_interval(gains, decisions.time_ns[both] // DAY_NS)
    return Difference(
        learner, len(gains), float(one.mean()), float(other.mean()), 100.0 * float(gains.mean()), low, high,
        float((gains != 0.0).mean()),
    )  # fmt: skip


def bootstrap_interval(gains: Floats, days: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 95 % interval of the mean gain in points, by circular blocks of days resampled with a fixed seed."""
    _, which = np.unique(days, return_inverse=True)
    totals, counts = np.bincount(which, gains), np.bincount(which).astype(np.float64)
    length = len(totals)
    blocks = -(-length // BLOCK_DAYS)
    rng = np.random.default_rng(SEED)
    starts = rng.integers(0, length, (RESAMPLES, blocks))
    at = ((starts[:, :, None] + np.arange(BLOCK_DAYS)) % length).reshape(RESAMPLES, -1)[:, :length]
    means = totals[at].sum(axis=1) / counts[at].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return 100.0 * float(low), 100.0 * float(high)


def run_study(data: Path, series: Series) -> Study:
    """Run everything over one series of bars below a data root."""
    symbols, decisions = load(data, series)
    training = int(len(decisions.move) * TRAINING_SHARE)
    panel, groups = panel_from(decisions, training)
    strengths = {"confluence": confluence_strength(decisions, panel), "forex desk": desk_candidates(decisions)}
    claims = {name: claims_of(decisions, strength, training) for name, strength in strengths.items()}
    return Study(
        series=series.name,
        symbols=symbols,
        groups=groups,
        decisions=len(decisions.move),
        reports={name: one.reports() for name, one in claims.items()},
        demotions={
            name: {method: demotions_of(one, values) for method, values in one.by_method.items()}
            for name, one in claims.items()
        },
        differences=differences_of(decisions, group_votes(decisions.votes, panel), training),
    )


def differences_of(decisions: Decisions, votes: Floats, training: int) -> tuple[Difference, ...]:
    """Return what each learner's weights of groups (n, groups) add to equal ones."""
    static = static_scores(votes)
    return tuple(
        difference_of(
            learner.name.lower(), decisions, static, learned_scores(decisions, votes, learning_rule(learner)), training
        )
        for learner in Learner
    )


def learning_rule(learner: Learner) -> BanditRule:
    """Return a learner that remembers 5,000 to 10,000 plays: an edge of a point or two needs as many to be seen."""
    return BanditRule(learner=learner, gamma=0.9999, tau=5_000, plays_min=1_000)


def grouped_names(groups: Sequence[int]) -> str:
    """Return the sources by group, for people."""
    members = [[name for name, own in zip(SOURCES, groups, strict=True) if own == group] for group in sorted({*groups})]
    return "; ".join(" + ".join(names) for names in members)
