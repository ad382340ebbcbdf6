"""Calibration: what a claim of confidence is worth, by what came of the newest claims of the same source.

A source is anything that claims a probability: the confluence, a pattern, one timeframe, a network, a language model.
Per source the last `window` outcomes are kept. `calibrated` reads them in one of two ways: by bucket, as the mean of a
Beta posterior whose prior is the claim's bucket itself (`prior_strength` pretended outcomes at its middle); or by a
rising curve through all of them (`policies.isotonic`), once there are `isotonic_min`. The curve's ends are kept away
from 0 and 1 by the rule of succession: no number of outcomes shows certainty, and a size follows from this.

Only what is known counts: an outcome is learned when it is known, and a claim is calibrated by what was learned before.
Nothing is refitted from a later point of view. NaN, or a claim in percent, is refused, never clipped.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Records, record_type, records
from policies.distributions import beta_quantile
from policies.gates import is_probability
from policies.isotonic import COUNT, ROWS, SUM, fit_isotonic, isotonic_value

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WINDOW_MAX: Final = 100_000
BUCKETS_MAX: Final = 1_000


class Method(IntEnum):
    """How claims are calibrated: as claimed, by Beta buckets, by the rising curve once there is enough for it."""

    IDENTITY = 0
    BETA = 1
    ISOTONIC = 2


class CalibrationRule(NamedTuple):
    """The method, how many outcomes count, and what the methods need."""

    method: Method = Method.ISOTONIC
    window: int = 1000
    buckets: int = 20
    prior_strength: float = 10.0
    isotonic_min: int = 50


SOURCE: Final = record_type("outcomes count slot blocks")
"""Per source: outcomes learned ever and kept now, the ring's next slot, blocks of the curve."""


class Calibration(NamedTuple):
    """The memory of all sources: rings and sorted copies of the newest outcomes, buckets (n, wins), curves."""

    sources: Records
    claims: Floats
    hits: Floats
    sorted_claims: Floats
    sorted_hits: Floats
    buckets: Integers
    curves: Floats


class Interval(NamedTuple):
    """A calibrated probability with the 95 % interval of its bucket's Beta posterior, and the outcomes behind that."""

    probability: float
    low: float
    high: float
    outcomes: int


def require_calibration(rule: CalibrationRule) -> CalibrationRule:
    """Return a rule that makes sense; ValueError names what does not."""
    if not 1 <= rule.window <= WINDOW_MAX:
        raise ValueError(f"window {rule.window}: from 1 to {WINDOW_MAX} outcomes is allowed")
    if not 1 <= rule.buckets <= BUCKETS_MAX:
        raise ValueError(f"buckets {rule.buckets}: from 1 to {BUCKETS_MAX} is allowed")
    if not 0.0 < rule.prior_strength < math.inf:
        raise ValueError(f"prior_strength {rule.prior_strength}: more than 0 is allowed")
    if rule.isotonic_min < 2:
        raise ValueError(f"isotonic_min {rule.isotonic_min}: at least 2 outcomes is allowed")
    return rule


def open_calibration(sources: int, rule: CalibrationRule) -> Calibration:
    """Return the memory of `sources` sources of which nothing is known."""
    window = require_calibration(rule).window
    claims, hits, sorted_claims, sorted_hits = (np.zeros((sources, window)) for _ in range(4))
    buckets = np.zeros((sources, rule.buckets, 2), np.int64)
    curves = np.zeros((sources, ROWS, window))
    return Calibration(records(sources, SOURCE), claims, hits, sorted_claims, sorted_hits, buckets, curves)


@compiled
def bucket_index(claim: float, buckets: int) -> int:
    """Return the bucket (i/M, (i+1)/M] of a claim; 0 belongs to the first, an edge to the lower one."""
    index = min(max(math.ceil(claim * buckets) - 1, 0), buckets - 1)
    while index > 0 and claim <= index / buckets:
        index -= 1
    while index < buckets - 1 and claim > (index + 1) / buckets:
        index += 1
    return index


@compiled
def beta_mean(wins: int, count: int, middle: float, strength: float) -> float:
    """Return the mean of Beta(s m + wins, s (1 - m) + losses): the prior is the middle m of the bucket."""
    return (strength * middle + wins) / (strength + count)


@compiled
def learn_outcome(memory: Calibration, source: int, claim: float, hit: float, rule: CalibrationRule) -> bool:
    """Take what came of a claim (1 or 0) into a source's memory; the oldest leaves when the window is full.

    False, and nothing learned, unless the claim is a probability and the outcome 0 or 1.
    """
    if not is_probability(claim) or not (hit == 0.0 or hit == 1.0):
        return False
    row = memory.sources[source]
    claims, hits = memory.sorted_claims[source], memory.sorted_hits[source]
    slot = row.slot
    if row.count == rule.window:
        gone, came = memory.claims[source, slot], memory.hits[source, slot]
        _take_out(claims, hits, row.count, gone, came)
        old = memory.buckets[source, bucket_index(gone, rule.buckets)]
        old[0] -= 1
        old[1] -= int(came)
        row.count -= 1
    memory.claims[source, slot], memory.hits[source, slot] = claim, hit
    _put_in(claims, hits, row.count, claim, hit)
    new = memory.buckets[source, bucket_index(claim, rule.buckets)]
    new[0] += 1
    new[1] += int(hit)
    row.count += 1
    row.outcomes += 1
    row.slot = (slot + 1) % rule.window
    if rule.method == Method.ISOTONIC and row.count >= rule.isotonic_min:
        row.blocks = fit_isotonic(claims, hits, row.count, memory.curves[source])
        _keep_from_certainty(memory.curves[source], row.blocks)
    else:
        row.blocks = 0
    return True


@compiled
def _put_in(claims: Floats, hits: Floats, count: int, claim: float, hit: float) -> None:
    """Put an outcome into its place among `count` sorted ones."""
    place = count
    while place > 0 and claims[place - 1] > claim:
        claims[place], hits[place] = claims[place - 1], hits[place - 1]
        place -= 1
    claims[place], hits[place] = claim, hit


@compiled
def _take_out(claims: Floats, hits: Floats, count: int, claim: float, hit: float) -> None:
    """Take one outcome that is equal to this one out of `count` sorted ones; equals cannot be told apart."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if claims[middle] < claim:
            low = middle + 1
        else:
            high = middle
    while hits[low] != hit:
        low += 1
    for place in range(low, count - 1):
        claims[place], hits[place] = claims[place + 1], hits[place + 1]


@compiled
def _keep_from_certainty(curve: Floats, blocks: int) -> None:
    """Move a first block without hits and a last block without misses to (hits + 1) / (n + 2), or to its neighbour."""
    last = blocks - 1
    if curve[SUM, 0] == 0.0:
        least = 1.0 / (curve[COUNT, 0] + 2.0)
        if blocks > 1:
            least = min(least, curve[SUM, 1] / curve[COUNT, 1])
        curve[SUM, 0] = least * curve[COUNT, 0]
    if curve[SUM, last] == curve[COUNT, last]:
        most = (curve[COUNT, last] + 1.0) / (curve[COUNT, last] + 2.0)
        if blocks > 1:
            most = max(most, curve[SUM, last - 1] / curve[COUNT, last - 1])
        curve[SUM, last] = most * curve[COUNT, last]


@compiled
def calibrated(memory: Calibration, source: int, claim: float, rule: CalibrationRule) -> float:
    """Return the probability that a source's claim is worth now; NaN for a claim that is no probability."""
    if not is_probability(claim):
        return math.nan
    if rule.method == Method.IDENTITY:
        return claim
    row = memory.sources[source]
    if row.blocks > 0:
        return isotonic_value(memory.curves[source], row.blocks, claim)
    bucket = bucket_index(claim, rule.buckets)
    kept = memory.buckets[source, bucket]
    return beta_mean(kept[1], kept[0], (bucket + 0.5) / rule.buckets, rule.prior_strength)


class History(NamedTuple):
    """Claims of the past (n,) in the order made: source, when made, when the outcome was known, claim, hit."""

    source: Integers
    time_ns: Integers
    known_ns: Integers
    claim: Floats
    hit: Floats


@compiled
def run_calibration(
    memory: Calibration, history: History, order: Integers, rule: CalibrationRule, out: Floats
) -> None:  # fmt: skip
    """Calibrate one claim after the other, each by the outcomes known by then; `out[i]` is the i-th's.

    `order` sorts the outcomes by when they were known (stable). An outcome known at the instant of a claim counts.
    """
    learned = 0
    for i in range(len(history.claim)):
        while learned < len(order) and history.known_ns[order[learned]] <= history.time_ns[i]:
            k = order[learned]
            learn_outcome(memory, history.source[k], history.claim[k], history.hit[k], rule)
            learned += 1
        out[i] = calibrated(memory, history.source[i], history.claim[i], rule)


def walk_forward(history: History, sources: int, rule: CalibrationRule) -> Floats:
    """Return every claim's calibrated probability (n,), by nothing but what was known when it was made.

    ValueError for claims out of order, or an outcome known at or before its claim.
    """
    if (np.diff(history.time_ns) < 0).any():
        raise ValueError("claims must be in the order in which they were made")
    if (history.known_ns <= history.time_ns).any():
        bad = int(np.argmax(history.known_ns <= history.time_ns))
        raise ValueError(f"claim {bad}: its outcome is known after it is made, not at {history.known_ns[bad]}")
    out = np.full(len(history.claim), math.nan)
    order = np.argsort(history.known_ns, kind="stable").astype(np.int64)
    run_calibration(open_calibration(sources, rule), history, order, rule, out)
    return out


def interval_of(memory: Calibration, source: int, claim: float, rule: CalibrationRule) -> Interval:
    """Return what a claim is worth with its interval, for explanations; ValueError for a claim out of [0, 1]."""
    if not is_probability(claim):
        raise ValueError(f"claim {claim}: a probability from 0 to 1 is allowed")
    bucket = bucket_index(claim, rule.buckets)
    count, wins = (int(value) for value in memory.buckets[source, bucket])
    middle = (bucket + 0.5) / rule.buckets
    a, b = rule.prior_strength * middle + wins, rule.prior_strength * (1.0 - middle) + count - wins
    low, high = beta_quantile(0.025, a, b), beta_quantile(0.975, a, b)
    worth = float(calibrated(memory, source, claim, rule))
    return Interval(worth, min(low, worth), max(high, worth), count)
