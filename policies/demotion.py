"""Demotion: a source whose claims have stopped meaning what they meant loses its weight, by rule, with a reason.

What is watched is z = (claim - hit) / sqrt(p (1 - p)) of each outcome, claim p as it was calibrated when it was made.
Two sums look for a drift: over = max(0, over + z - slack) rises while a source claims too much, under the same with -z.
One above `alarm` demotes (Page's CUSUM, 1954). With slack 0.25 and alarm 15, by simulation: a sound source is demoted
once in about 10,000 outcomes (4,000 if it always claims 0.9), one whose hit rate falls from 0.7 to 0.45 after 41 in the
median and within 90 in 95 % of cases. A demoted source still votes, but weighs
nothing: its claims and outcomes go on to be counted. When the last `proof` outcomes agree with its claims it is on
probation with a part of its weight; after `proof` more without an alarm it is trusted again.

A fold of outcomes: the same outcomes give the same changes, and each change names the number that made it.
"""

import math
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.gates import is_probability

Floats = NDArray[np.float64]

CLAIM_MIN: Final = 0.05
"""Claims count as within [0.05, 0.95] in z: one surprise must not be an alarm by itself."""


class Standing(IntEnum):
    """How far a source is trusted."""

    TRUSTED = 0
    DEMOTED = 1
    PROBATION = 2


class Why(IntEnum):
    """What changed a standing."""

    OVERCLAIMS = 1
    UNDERCLAIMS = 2
    RELIABLE_AGAIN = 3
    PROVEN = 4


class DemotionRule(NamedTuple):
    """Slack and alarm of the sums, outcomes before the first alarm, and what brings a source back.

    `gap_max` is how far mean claim and hit rate of the last `proof` outcomes may lie apart; `probation_weight` is the
    factor of a source on probation.
    """

    slack: float = 0.25
    alarm: float = 15.0
    outcomes_min: int = 30
    proof: int = 100
    gap_max: float = 0.05
    probation_weight: float = 0.5


TRACK: Final = record_type("outcomes standing since slot kept", floats="over under")
"""Per source: outcomes ever, its `Standing` and since which outcome, the ring of the newest `proof`, both sums."""

CHANGE: Final = record_type("source outcome time_ns before after why", floats="value limit")
"""One change of standing: of which source, at which of its outcomes, when that was known, from what to what, and the
number that passed its limit: a sum above the alarm, a gap within its maximum, outcomes without an alarm."""


class Tracks(NamedTuple):
    """The memory of all sources: what is watched, and rings of the newest claims and hits, (sources, proof)."""

    sources: Records
    claims: Floats
    hits: Floats


class Results(NamedTuple):
    """Outcomes in the order they were known, (n,) each: source, when known, calibrated claim, hit (1 or 0)."""

    source: NDArray[np.int64]
    known_ns: NDArray[np.int64]
    claim: Floats
    hit: Floats


def open_tracks(sources: int, rule: DemotionRule) -> Tracks:
    """Return the memory of `sources` trusted sources; ValueError for a rule that makes no sense."""
    if not (0.0 <= rule.slack < math.inf and 0.0 < rule.alarm < math.inf):
        raise ValueError(f"slack {rule.slack}, alarm {rule.alarm}: finite, from 0 and more than 0 is allowed")
    if rule.proof < 1 or rule.outcomes_min < 1:
        raise ValueError(f"proof {rule.proof}, outcomes_min {rule.outcomes_min}: at least 1 is allowed")
    if not (0.0 < rule.gap_max <= 1.0 and 0.0 <= rule.probation_weight <= 1.0):
        raise ValueError(
            f"gap_max {rule.gap_max}, probation_weight {rule.probation_weight}: fractions from 0 to 1 are allowed"
        )
    return Tracks(records(sources, TRACK), np.zeros((sources, rule.proof)), np.zeros((sources, rule.proof)))


@compiled
def standing_weight(track: Record, rule: DemotionRule) -> float:
    """Return what a source's weight is multiplied by: 1 trusted, 0 demoted, a part on probation."""
    if track.standing == Standing.DEMOTED:
        return 0.0
    return rule.probation_weight if track.standing == Standing.PROBATION else 1.0


@compiled
def watch_outcome(
    tracks: Tracks, source: int, time_ns: int, claim: float, hit: float, rule: DemotionRule, out: Record
) -> bool:  # fmt: skip
    """Take an outcome; True when it changes the source's standing, and `out` then says how.

    A claim that is no probability or an outcome that is not 0 or 1 is not counted.
    """
    if not is_probability(claim) or not (hit == 0.0 or hit == 1.0):
        return False
    track = tracks.sources[source]
    slot = track.slot
    tracks.claims[source, slot], tracks.hits[source, slot] = claim, hit
    track.slot = (slot + 1) % rule.proof
    track.kept = min(track.kept + 1, rule.proof)
    track.outcomes += 1
    bounded = min(max(claim, CLAIM_MIN), 1.0 - CLAIM_MIN)
    z = (bounded - hit) / math.sqrt(bounded * (1.0 - bounded))
    track.over = max(0.0, track.over + z - rule.slack)
    track.under = max(0.0, track.under - z - rule.slack)
    if track.standing == Standing.DEMOTED:
        return _recovered(tracks, source, time_ns, rule, out)
    if track.outcomes >= rule.outcomes_min and max(track.over, track.under) > rule.alarm:
        why = Why.OVERCLAIMS if track.over >= track.under else Why.UNDERCLAIMS
        return _change(track, Standing.DEMOTED, why, max(track.over, track.under), rule.alarm, source, time_ns, out)
    served = track.outcomes - track.since
    if track.standing == Standing.PROBATION and served >= rule.proof:
        return _change(track, Standing.TRUSTED, Why.PROVEN, float(served), float(rule.proof), source, time_ns, out)
    return False


@compiled
def _recovered(tracks: Tracks, source: int, time_ns: int, rule: DemotionRule, out: Record) -> bool:
    """Put a source on probation when `proof` outcomes since its demotion agree with its claims."""
    track = tracks.sources[source]
    if track.outcomes - track.since < rule.proof:
        return False
    claimed, hits = 0.0, 0.0
    for k in range(rule.proof):
        claimed += tracks.claims[source, k]
        hits += tracks.hits[source, k]
    gap = abs(claimed - hits) / rule.proof
    if gap > rule.gap_max:
        return False
    return _change(track, Standing.PROBATION, Why.RELIABLE_AGAIN, gap, rule.gap_max, source, time_ns, out)


@compiled
def _change(
    track: Record, after: int, why: int, value: float, limit: float, source: int, time_ns: int, out: Record
) -> bool:  # fmt: skip
    """Write the change to `out`, make it, and begin both sums anew."""
    out.source, out.outcome, out.time_ns = source, track.outcomes, time_ns
    out.before, out.after, out.why, out.value, out.limit = track.standing, after, why, value, limit
    track.standing, track.since, track.over, track.under = after, track.outcomes, 0.0, 0.0
    return True


@compiled
def run_watch(tracks: Tracks, results: Results, rule: DemotionRule, out: Records) -> int:
    """Watch one outcome after the other; the changes are the first rows of `out` (n rows or more), which are counted.

    A gap in `results` is not possible: what was not known is not in it.
    """
    changes = 0
    for i in range(len(results.claim)):
        if watch_outcome(
            tracks, results.source[i], results.known_ns[i], results.claim[i], results.hit[i], rule, out[changes]
        ):  # fmt: skip
            changes += 1
    return changes


def watched(tracks: Tracks, results: Results, rule: DemotionRule) -> Records:
    """Return the changes that outcomes make, and move `tracks`."""
    out = records(len(results.claim) + 1, CHANGE)
    return out[: run_watch(tracks, results, rule, out)]


def change_words(change: Any, name: str) -> str:
    """Return a change in one line for people: who, from what to what, why, and by which number."""
    why = {
        Why.OVERCLAIMS: "claims more than comes true: drift {value:.2f}, alarm {limit:g}",
        Why.UNDERCLAIMS: "claims less than comes true: drift {value:.2f}, alarm {limit:g}",
        Why.RELIABLE_AGAIN: "claims agree with outcomes again: gap {value:.3f}, at most {limit:g}",
        Why.PROVEN: "{value:.0f} outcomes without an alarm, {limit:.0f} needed",
    }[Why(change.why)]
    before, after = Standing(change.before).name.lower(), Standing(change.after).name.lower()
    said = why.format(value=float(change.value), limit=float(change.limit))
    return f"{name}: {before} -> {after} at outcome {change.outcome}: {said}"
