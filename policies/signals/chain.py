"""The chain: from a market's structure to one calibrated opinion per closed bar. Live, in a backtest and in a series.

    closed bars -> votes per timeframe -> weights -> score, coverage, agreement -> claim -> probability, interval
                                                      outcomes of past claims --^-- weights, demotions

Weight of a group at a timeframe = timeframe's (base / volatility^power) x group's (bandit's or equal, leaning with the
regime, bounded) x the group's standing. What a demoted group or a timeframe of unknown volatility would have weighed
is missing evidence: it lowers the coverage. Votes are joined by `policies.confluence`; the claim 0.5 + 0.5 |score|
coverage is worth what such claims of this instrument have been worth (`policies.calibration`), which is what a size
may follow from; see `policies.signals.outcomes` for how one is known to be right.

A chain takes what a step of its structure has closed, each bar once, in order. It allocates nothing, and what it says
at a bar follows from the bars up to it alone; a series in one go is the same loop.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import CLOSINGS
from market.compiled import compiled, folded
from market.records import Record, Records, records
from market.structure import Structure, step
from policies.bandit_weights import bandit_weights
from policies.calibration import bucket_index, calibrated
from policies.confluence import CONFLUENCE, Direction, Panel, VoteFlaw, join_votes, panel_of
from policies.confluence_weights import regime_weights, timeframe_weights
from policies.demotion import standing_weight
from policies.distributions import beta_point
from policies.gates import is_probability
from policies.patterns import DETECTION, REFUSED, Watch, open_watch, room_of, update_patterns
from policies.regime import Regimes, open_regimes, update_regime
from policies.signals.outcomes import OPEN, REGIMES, Learning, bandit_of, learn_side, open_learning, say, side_after
from policies.signals.record import SIGNAL, Stopped
from policies.signals.rule import TILTS, ChainRule, require_chain
from policies.signals.sources import (
    ATR,
    FADE,
    FEATURES,
    GROUP_OF,
    GROUPS_COUNT,
    JUDGED_COUNT,
    PATTERNS,
    REGIME,
    SLOTS_COUNT,
    SOURCES_COUNT,
    vote_features,
    vote_regime,
)

Floats = NDArray[np.float64]

YEAR_NS = 365 * 86_400 * 10**9


class Chain(NamedTuple):
    """The memory of a chain over instruments and timeframes.

    Votes and weights are [instrument, vote], vote = timeframe x sources + source, then the slots, which belong to who
    fills them; `weights` are what each weighed in the newest score, `signals` (instruments,) the newest opinions.
    `patterns` and `regimes` have a view per instrument and timeframe. The rest is work space and constants.
    """

    signals: Records
    votes: Floats
    weights: Floats
    fading: Floats
    groups: Floats
    regimes: Regimes
    patterns: Watch
    learning: Learning
    panel: Panel
    joined: Records
    detections: Records
    base: Floats
    per_year: Floats
    volatility: Floats
    frames: Floats
    tilts: Floats
    mix: Floats


def open_chain(lengths_ns: Sequence[Sequence[int]], rule: ChainRule) -> Chain:
    """Return a chain that has seen nothing: per instrument the lengths of its timeframes, as many each, shortest first.

    A length of 0 is no timeframe: it never closes a bar, and weighs nothing. ValueError as `require_chain`, or for
    lengths that do not rise.
    """
    require_chain(rule)
    lengths = _lengths(lengths_ns)
    instruments, count = lengths.shape
    views = instruments * count
    votes = count * SOURCES_COUNT + SLOTS_COUNT
    signals = records(instruments, SIGNAL)
    for name in ("score", "agreement", "claim", "probability", "low", "high", "atr"):
        signals[name][:] = math.nan
    signals.direction[:], signals.stopped[:] = Direction.NO_SIGNAL, Stopped.WARMING
    members = [k * GROUPS_COUNT + group for k in range(count) for group in GROUP_OF]
    slots = [count * GROUPS_COUNT + slot for slot in range(SLOTS_COUNT)]
    whole = count * GROUPS_COUNT + SLOTS_COUNT
    there = lengths > 0.0
    return Chain(
        signals, np.full((instruments, votes), math.nan), np.zeros((instruments, votes)), np.zeros(views),
        np.full((instruments, GROUPS_COUNT), 1.0 / GROUPS_COUNT), open_regimes(views, rule.regime),
        open_watch(views, rule.patterns), open_learning(instruments, rule),
        panel_of([*members, *slots], np.full(whole, 1.0 / whole)), records(1, CONFLUENCE),
        records(room_of(rule.patterns), DETECTION), there.astype(np.float64),
        np.where(there, YEAR_NS / np.maximum(lengths, 1.0), 0.0), np.full(count, math.nan), np.zeros(count),
        np.array(TILTS), np.zeros(GROUPS_COUNT),
    )  # fmt: skip


def _lengths(lengths_ns: Sequence[Sequence[int]]) -> Floats:
    """Return lengths of timeframes [instrument, timeframe]; ValueError where they make no sense."""
    widths = {len(row) for row in lengths_ns}
    for row in lengths_ns:
        there = [length for length in row if length > 0]
        rising = all(one < other for one, other in pairwise(there))
        if len(widths) != 1 or not there or row[0] <= 0 or not rising:
            raise ValueError(
                f"timeframes of {list(row)} ns: one at least, the shortest first, as many each, is allowed"
            )
    return np.array(lengths_ns, np.float64).reshape(len(lengths_ns), max(widths, default=1))


def require_lists(lists: Sequence[Sequence[str]]) -> None:
    """Refuse lists of features of a structure that a chain cannot read: ValueError."""
    for k, names in enumerate(lists):
        if tuple(names[: len(FEATURES)]) != FEATURES:
            raise ValueError(f"timeframe {k}: a chain reads {', '.join(FEATURES)}; its features must begin with these")


@folded
def take_news(chain: Chain, structure: Structure, instrument: int, rule: ChainRule) -> bool:
    """Take what the newest step of the structure closed; True when there is a new opinion in `signals[instrument]`.

    Longer timeframes that close with the first one are taken before it speaks.
    """
    frames, first = structure.newest.shape[1], False
    for c in range(structure.builder.control[CLOSINGS]):
        bar = structure.builder.closed[c]
        if bar.timeframe == 0 and chain.learning.claims[instrument].on != 0:
            side = side_after(chain.learning.claims[instrument], bar, rule.horizon)
            if side != OPEN:
                learn_side(chain.learning, instrument, side, bar.close_ns, rule)
        first = first or bar.timeframe == 0
        _move(chain, instrument * frames + bar.timeframe, bar, rule)
    for c in range(structure.builder.control[CLOSINGS]):
        k = structure.builder.closed[c].timeframe
        own = chain.votes[instrument, k * SOURCES_COUNT : (k + 1) * SOURCES_COUNT]
        vote_features(structure.features[instrument, k], structure.newest[instrument, k].volume, own)
        view = instrument * frames + k
        own[PATTERNS] = chain.fading[view] if chain.patterns.head[view].atr > 0.0 else math.nan
        own[REGIME] = vote_regime(chain.regimes.rows[view])
    if first:
        _speak(chain, structure, instrument, rule)
    return first


@compiled
def forget(chain: Chain, instrument: int) -> None:
    """Take it that rows were missed for good: votes and the open claim are gone; what was learned stays."""
    chain.votes[instrument, :] = math.nan
    chain.learning.claims[instrument].on = 0
    signal = chain.signals[instrument]
    signal.direction, signal.stopped = Direction.NO_SIGNAL, Stopped.WARMING


@folded
def _move(chain: Chain, view: int, bar: Record, rule: ChainRule) -> None:
    """Let a closed bar move the patterns and the regime of its timeframe."""
    found = update_patterns(
        chain.patterns, view, rule.patterns,
        float(bar.open), float(bar.high), float(bar.low), float(bar.close), bar.volume, chain.detections,
    )  # fmt: skip
    if found == REFUSED:
        return
    vote = chain.fading[view] * FADE
    for d in range(found):
        row = chain.detections[d]
        vote += row.direction * row.confidence
    chain.fading[view] = min(max(vote, -1.0), 1.0)
    update_regime(chain.regimes, view, rule.regime, float(bar.close))


@folded
def _speak(chain: Chain, structure: Structure, instrument: int, rule: ChainRule) -> None:
    """Join the votes as they stand into the opinion of the first timeframe's newest bar, and open a claim."""
    signal, bar = chain.signals[instrument], structure.newest[instrument, 0]
    frames = structure.newest.shape[1]
    regime = chain.regimes.rows[instrument * frames]
    signal.time_ns, signal.bars = bar.close_ns, structure.seen[instrument, 0]
    signal.regime, signal.volatility = regime.regime, regime.volatility
    signal.atr = structure.features[instrument, 0, ATR]
    share = weigh(chain, instrument, frames, rule)
    joined = chain.joined[0]
    join_votes(chain.votes[instrument], chain.panel, rule.confluence, chain.weights[instrument], joined)
    signal.score, signal.agreement = joined.score, joined.agreement
    signal.coverage, signal.direction = joined.coverage * share, joined.direction
    signal.claim = 0.5 + 0.5 * abs(signal.score) * signal.coverage
    memory, source = chain.learning.calibration, instrument * JUDGED_COUNT
    signal.outcomes = memory.sources[source].outcomes
    signal.probability = calibrated(memory, source, signal.claim, rule.calibration)
    signal.low = signal.high = math.nan
    signal.stopped = _stopped(signal, joined.flaw, _has_vote(chain, instrument, frames), rule)
    if signal.stopped == Stopped.COVERAGE:
        signal.direction = Direction.NO_SIGNAL.value
    # What too few are trusted for is claimed all the same: who was demoted can only prove itself by outcomes.
    silent = signal.stopped == Stopped.WARMING or signal.stopped == Stopped.FLAWED
    if chain.learning.claims[instrument].on == 0 and signal.atr > 0.0 and not silent:
        _claim(chain, instrument, frames, rule)


@folded
def _has_vote(chain: Chain, instrument: int, frames: int) -> bool:
    """Tell whether anybody votes, demoted or not, at a timeframe whose volatility is known."""
    for k in range(frames):
        for s in range(SOURCES_COUNT):
            if chain.frames[k] > 0.0 and not math.isnan(chain.votes[instrument, k * SOURCES_COUNT + s]):
                return True
    return False


@compiled
def _claim(chain: Chain, instrument: int, frames: int, rule: ChainRule) -> None:
    """Open a claim with what everybody says now: the score, each group over all timeframes, each slot."""
    signal, learning = chain.signals[instrument], chain.learning
    claim = learning.claims[instrument]
    claim.on, claim.age, claim.regime, claim.distance = 1, 0, signal.regime, rule.barrier_atr * signal.atr
    say(learning, instrument, 0, signal.score, signal.claim, rule)
    for group in range(GROUPS_COUNT):
        vote = group_vote(chain, instrument, group, frames)
        say(learning, instrument, 1 + group, vote, 0.5 + 0.5 * abs(vote), rule)
    for slot in range(SLOTS_COUNT):
        vote = chain.votes[instrument, frames * SOURCES_COUNT + slot]
        say(learning, instrument, 1 + GROUPS_COUNT + slot, vote, 0.5 + 0.5 * abs(vote), rule)


@compiled
def group_vote(chain: Chain, instrument: int, group: int, frames: int) -> float:
    """Return the mean vote of a group, over timeframes as they weigh; NaN where nobody votes."""
    total, weight = 0.0, 0.0
    for k in range(frames):
        votes, count = 0.0, 0
        for s in range(SOURCES_COUNT):
            vote = chain.votes[instrument, k * SOURCES_COUNT + s]
            if chain.panel.groups[k * SOURCES_COUNT + s] == k * GROUPS_COUNT + group and not math.isnan(vote):
                votes += vote
                count += 1
        if count > 0:
            total += chain.frames[k] * votes / count
            weight += chain.frames[k]
    return total / weight if weight > 0.0 else math.nan


@folded
def weigh(chain: Chain, instrument: int, frames: int, rule: ChainRule) -> float:
    """Write the weights of all groups to the panel; return the share of weight that is known and trusted."""
    for k in range(frames):
        chain.volatility[k] = chain.regimes.rows[instrument * frames + k].deviation * math.sqrt(
            chain.per_year[instrument, k]
        )
    known = timeframe_weights(chain.base[instrument], chain.volatility, rule.power, chain.frames)
    if known == 0.0:
        chain.panel.weights[:], chain.frames[:] = 0.0, 0.0
        return 0.0
    learned_groups(chain, instrument, chain.regimes.rows[instrument * frames].regime, rule)
    tracks, first = chain.learning.tracks.sources, instrument * JUDGED_COUNT + 1
    given, trusted, rest = 0.0, 0.0, 1.0 - rule.network - rule.language
    for k in range(frames):
        lean = chain.tilts[chain.regimes.rows[instrument * frames + k].regime + 1]
        regime_weights(chain.groups[instrument], lean, rule.low, rule.high, chain.mix)
        for g in range(GROUPS_COUNT):
            weight = rest * chain.frames[k] * chain.mix[g]
            given += weight
            chain.panel.weights[k * GROUPS_COUNT + g] = weight * standing_weight(tracks[first + g], rule.demotion)
            trusted += chain.panel.weights[k * GROUPS_COUNT + g]
    for slot in range(SLOTS_COUNT):
        weight = rule.network if slot == 0 else rule.language
        given += weight
        at = frames * GROUPS_COUNT + slot
        chain.panel.weights[at] = weight * standing_weight(tracks[first + GROUPS_COUNT + slot], rule.demotion)
        trusted += chain.panel.weights[at]
    return known * trusted / given


@folded
def learned_groups(chain: Chain, instrument: int, regime: int, rule: ChainRule) -> None:
    """Weigh the groups by the bandit of the regime, when an outcome or another regime has come since.

    Groups weigh the same until they have been judged `outcomes_min` times on average. One that was never judged has
    nothing to vote on in this market: it keeps the same share, for a bandit would try it above all others.
    """
    claim = chain.learning.claims[instrument]
    if rule.adaptive == 0 or claim.sequence < rule.outcomes_min * GROUPS_COUNT:
        return
    if claim.weighed == claim.sequence and claim.weighed_in == regime:
        return
    claim.weighed, claim.weighed_in = claim.sequence, regime
    bandit_weights(
        bandit_of(chain.learning, instrument), regime + 1, rule.seed + np.uint64(instrument), claim.sequence,
        rule.bandit, rule.shape, chain.groups[instrument],
    )  # fmt: skip
    arms = chain.learning.arms[instrument, REGIMES]
    judged, silent = 0.0, 0.0
    for g in range(GROUPS_COUNT):
        if arms[g].plays > 0:
            judged += chain.groups[instrument, g]
        else:
            silent += 1.0 / GROUPS_COUNT
    for g in range(GROUPS_COUNT):
        if arms[g].plays > 0:
            chain.groups[instrument, g] *= (1.0 - silent) / judged
        else:
            chain.groups[instrument, g] = 1.0 / GROUPS_COUNT


@folded
def _stopped(signal: Record, flaw: int, voted: bool, rule: ChainRule) -> int:
    """Return the first rule that an opinion does not pass."""
    if flaw != VoteFlaw.NONE:
        return Stopped.FLAWED.value
    if not voted:
        return Stopped.WARMING.value
    if math.isnan(signal.score) or signal.coverage < rule.confluence.coverage_min:
        return Stopped.COVERAGE.value
    if signal.direction != Direction.LONG and signal.direction != Direction.SHORT:
        return Stopped.FLAT.value
    if signal.outcomes < rule.outcomes_min:
        return Stopped.UNPROVEN.value
    return Stopped.NONE.value if signal.probability >= rule.probability_min else Stopped.UNLIKELY.value


@compiled
def write_interval(chain: Chain, instrument: int, rule: ChainRule) -> None:
    """Write the 95 % interval of the newest opinion's probability: of its bucket's Beta posterior, as `interval_of`.

    It takes as long as a few hundred bars, so it is written for opinions that somebody looks at.
    """
    signal, memory = chain.signals[instrument], chain.learning.calibration
    if not is_probability(signal.claim):
        return
    bucket = bucket_index(signal.claim, rule.calibration.buckets)
    kept = memory.buckets[instrument * JUDGED_COUNT, bucket]
    strength, middle = rule.calibration.prior_strength, (bucket + 0.5) / rule.calibration.buckets
    a, b = strength * middle + kept[1], strength * (1.0 - middle) + kept[0] - kept[1]
    signal.low = min(beta_point(0.025, a, b), signal.probability)
    signal.high = max(beta_point(0.975, a, b), signal.probability)


@folded
def step_chain(chain: Chain, structure: Structure, instrument: int, row: Record, rule: ChainRule) -> bool:
    """Take one row of an instrument into its structure and the chain; True when there is a new opinion."""
    step(structure, instrument, row)
    return take_news(chain, structure, instrument, rule)
