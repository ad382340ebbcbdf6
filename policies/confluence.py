"""Confluence: votes of many sources become one score, with what of the evidence was there and how far it agrees.

    score = sum(W_g s_g) / sum(W_g), over groups with a vote        coverage = sum(W_g with a vote) / sum(W_g)

s_g is the mean of a group's votes by their shares: sources that say the same thing (RSI, stochastics, CCI) are one
group with ONE weight, so that three names for one observation do not count three times. A group is there as soon as
one of its members votes. A vote is in [-1, 1]; NaN is a source without an opinion now, anything else is a flaw, and
with a flaw, or with too little coverage, there is no signal: never a clipped vote, never a zero in its place.
"""

import math
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.quality import DataQualityError
from market.records import Record, Records, record_type, records
from policies.clusters import cluster_labels

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROUNDING: Final = 1e-12
"""By how much sums of weights may miss a bound that they reach on paper; bounds are inclusive."""


class Direction(IntEnum):
    """What a score says; NO_SIGNAL where there is no score."""

    SHORT = -1
    FLAT = 0
    LONG = 1
    NO_SIGNAL = 2


class VoteFlaw(IntEnum):
    """Why votes cannot be joined."""

    NONE = 0
    VOTE_OUT_OF_RANGE = 1
    WEIGHT_OUT_OF_RANGE = 2


class ConfluenceRule(NamedTuple):
    """The score from which there is a direction, and the least coverage for a score at all; both inclusive."""

    enter: float = 0.25
    coverage_min: float = 0.6


USUAL: Final = ConfluenceRule()

CONFLUENCE: Final = record_type("direction flaw", floats="score coverage agreement confidence")
"""Score in [-1, 1] and agreement (the share of weight with the score's sign): NaN without a signal. Coverage and
confidence = |score| x coverage lie in [0, 1]."""


class Panel(NamedTuple):
    """The sources that vote: per vote its group and its share within it (n,), per group its weight (g,)."""

    groups: Integers
    shares: Floats
    weights: Floats


def panel_of(groups: Any, weights: Any, shares: Any = None) -> Panel:
    """Return a panel that makes sense; shares are equal where none are given. ValueError names what does not."""
    members, heavy = np.asarray(groups, np.int64), np.asarray(weights, np.float64)
    parts = np.ones(len(members)) if shares is None else np.asarray(shares, np.float64)
    if parts.shape != members.shape or members.ndim != 1 or heavy.ndim != 1:
        raise ValueError(f"{members.shape} groups, {parts.shape} shares: one of each per vote is allowed")
    if sorted(set(members.tolist())) != list(range(len(heavy))):
        raise ValueError(f"groups {sorted(set(members.tolist()))}: each of 0 to {len(heavy) - 1} once or more")
    for name, values, least in (("share", parts, 0.0), ("weight", heavy, -ROUNDING)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values > least)))
        if len(bad):
            allowed = "more than 0" if least == 0.0 else "at least 0"
            raise ValueError(f"{name} {bad[0]} is {values[bad[0]]}: finite and {allowed} is allowed")
    return Panel(members, parts, np.maximum(heavy, 0.0))


def require_rule(rule: ConfluenceRule) -> ConfluenceRule:
    """Return a rule that makes sense; ValueError names what does not."""
    if not 0.0 < rule.enter <= 1.0:
        raise ValueError(f"enter {rule.enter}: more than 0 up to 1 is allowed")
    if not 0.0 <= rule.coverage_min <= 1.0:
        raise ValueError(f"coverage_min {rule.coverage_min}: from 0 to 1 is allowed")
    return rule


@compiled
def join_votes(votes: Floats, panel: Panel, rule: ConfluenceRule, effective: Floats, out: Record) -> None:
    """Join votes (n,) to one score in `out`; `effective` (n,) is what each vote weighs in it.

    Effective weights are 0 for absent votes and else add up to 1: effective[i] x votes[i] add up to the score.
    """
    effective[:] = 0.0
    out.flaw = _flaw_of(votes, panel)
    out.direction, out.score, out.agreement = Direction.NO_SIGNAL, math.nan, math.nan
    out.coverage = out.confidence = 0.0
    if out.flaw != VoteFlaw.NONE:
        return
    total, present = 0.0, 0.0
    for g in range(len(panel.weights)):
        total += panel.weights[g]
        present += _spread(votes, panel, g, effective)
    if present <= 0.0:
        return
    out.coverage = min(present / total, 1.0)
    if out.coverage < rule.coverage_min - ROUNDING:
        return
    score = 0.0
    for i in range(len(votes)):
        effective[i] /= present
        score += effective[i] * (0.0 if math.isnan(votes[i]) else votes[i])
    score = min(max(score, -1.0), 1.0)
    out.score, out.agreement = score, _agreement(votes, effective, score)
    out.confidence = abs(score) * out.coverage
    out.direction = _direction(score, rule.enter)


@compiled
def _flaw_of(votes: Floats, panel: Panel) -> int:
    for i in range(len(votes)):
        if votes[i] < -1.0 or votes[i] > 1.0:
            return VoteFlaw.VOTE_OUT_OF_RANGE
    for g in range(len(panel.weights)):
        if not 0.0 <= panel.weights[g] < math.inf:
            return VoteFlaw.WEIGHT_OUT_OF_RANGE
    return VoteFlaw.NONE


@compiled
def _spread(votes: Floats, panel: Panel, group: int, effective: Floats) -> float:
    """Give a group's weight to those of its members that vote, by their shares; return what was given."""
    share = 0.0
    for i in range(len(votes)):
        if panel.groups[i] == group and not math.isnan(votes[i]):
            share += panel.shares[i]
    if share == 0.0:
        return 0.0
    for i in range(len(votes)):
        if panel.groups[i] == group and not math.isnan(votes[i]):
            effective[i] = panel.weights[group] * (panel.shares[i] / share)
    return float(panel.weights[group])


@compiled
def _agreement(votes: Floats, effective: Floats, score: float) -> float:
    agreeing = 0.0
    for i in range(len(votes)):
        if not math.isnan(votes[i]) and np.sign(votes[i]) == np.sign(score):
            agreeing += effective[i]
    return min(agreeing, 1.0)


@compiled
def _direction(score: float, enter: float) -> int:
    if score >= enter - ROUNDING:
        return Direction.LONG
    return Direction.SHORT if score <= -enter + ROUNDING else Direction.FLAT


@compiled
def join_rows(votes: Floats, panel: Panel, rule: ConfluenceRule, effective: Floats, out: Records) -> None:
    """Join every row of votes (rows, n); row t of `effective` and `out` is row t's."""
    for t in range(len(votes)):
        join_votes(votes[t], panel, rule, effective[t], out[t])


@compiled
def join_weighted(
    votes: Floats, weights: Floats, panel: Panel, rule: ConfluenceRule, effective: Floats, out: Records
) -> None:  # fmt: skip
    """Join every row of votes (rows, n) under its own row of weights (rows, g), which `panel.weights` takes on."""
    for t in range(len(votes)):
        for g in range(len(panel.weights)):
            panel.weights[g] = weights[t, g]
        join_votes(votes[t], panel, rule, effective[t], out[t])


def joined_votes(votes: Any, panel: Panel, rule: ConfluenceRule = USUAL) -> tuple[Record, Floats]:
    """Return the confluence of one row of votes, and what each vote weighs; DataQualityError names a flaw."""
    given = np.asarray(votes, np.float64)
    if given.shape != panel.groups.shape:
        raise ValueError(f"{given.shape} votes: {panel.groups.shape} are allowed")
    effective, out = np.zeros(len(given)), records(1, CONFLUENCE)[0]
    join_votes(given, panel, require_rule(rule), effective, out)
    if out.flaw == VoteFlaw.VOTE_OUT_OF_RANGE:
        bad = int(np.argmax(np.abs(np.nan_to_num(given, nan=0.0)) > 1.0))
        raise DataQualityError(f"vote {bad} is {given[bad]}: from -1 to 1, or NaN for no opinion, is allowed")
    if out.flaw != VoteFlaw.NONE:
        raise DataQualityError(f"weights {panel.weights.tolist()}: finite and at least 0 is allowed")
    return out, effective


def vote_groups(history: Floats, threshold: float = 0.7, least: int = 30) -> tuple[int, ...]:
    """Return the group of each source by its past votes (rows, n): those that say the same are one group.

    Two that say the opposite are two groups: which of them to believe is for the weights to learn. Of rows in which
    both voted; with fewer than `least`, or with a source that never changed its mind, they count as different.
    """
    count = history.shape[1]
    alike = np.eye(count)
    for i in range(count):
        for j in range(i):
            both = np.isfinite(history[:, i]) & np.isfinite(history[:, j])
            one, other = history[both, i], history[both, j]
            if len(one) >= least and np.ptp(one) > 0.0 and np.ptp(other) > 0.0:
                alike[i, j] = alike[j, i] = np.clip(np.corrcoef(one, other)[0, 1], -1.0, 1.0)
    return cluster_labels(alike, threshold)
