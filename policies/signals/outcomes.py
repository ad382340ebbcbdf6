"""Claims and what came of them: one claim at a time, judged by the bars after it, learned when it is over.

The claim of a bar is about what follows its close. The next bar's open is where it begins; then the first bar that
reaches a barrier (claim's ATR x `barrier_atr`, up and down) or is the `horizon`-th decides, at its close. A bar that
reaches both may have done so in any order: nobody was right. So is a close exactly at the begin. The barriers are the
same on both sides, so one outcome judges all sources, whichever side each of them took, and chance alone is right half
of the time. While a claim is open no other begins: outcomes do not overlap, as the watch for drift assumes.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.bandits import ARM, OUTCOME, PLAYED, Bandit, learn_play
from policies.calibration import Calibration, calibrated, learn_outcome, open_calibration
from policies.chance import WORDS
from policies.demotion import CHANGE, Tracks, open_tracks, watch_outcome
from policies.signals.rule import ChainRule
from policies.signals.sources import GROUPS_COUNT, JUDGED_COUNT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CLAIM: Final = record_type("on age regime sequence weighed weighed_in", floats="begin distance")
"""The open claim of an instrument: whether there is one, bars since, the regime it was made in, plays of groups ever
(and at which of them, in which regime, groups were weighed), where it began and how far the barriers are, in ticks."""

OPEN: Final = 2
"""What `side_after` returns for a claim that is not over."""

CHANGES_MAX: Final = 1024
"""Changes of standing that one call may bring at most; who reads them empties them."""
WRITTEN, LOST = 0, 1
"""Slots of `control`: how many changes are written, how many found no room."""


class Learning(NamedTuple):
    """What is learned from outcomes: per instrument its open claim, and per judged source the rest.

    `said`, `worth` and `sides` (instruments, judged) are the open claims, raw, calibrated (NaN where too few outcomes
    were behind it for a watch) and with their side, 0 for none. Sources of `calibration` and `tracks` are numbered
    instrument x judged + source. `arms`, `plays`, `newest`, `rewards`, `words` make a bandit per instrument.
    """

    claims: Records
    said: Floats
    worth: Floats
    sides: Integers
    calibration: Calibration
    tracks: Tracks
    arms: Records
    plays: Records
    newest: NDArray[np.int64]
    rewards: Floats
    words: NDArray[np.uint64]
    played: Records
    changes: Records
    control: Integers


REGIMES: Final = 3


def open_learning(instruments: int, rule: ChainRule) -> Learning:
    """Return what has learned nothing yet, of a number of instruments."""
    judged, rows = (instruments, JUDGED_COUNT), REGIMES + 1
    return Learning(
        records(instruments, CLAIM), np.full(judged, math.nan), np.full(judged, math.nan), np.zeros(judged, np.int64),
        open_calibration(instruments * JUDGED_COUNT, rule.calibration),
        open_tracks(instruments * JUDGED_COUNT, rule.demotion),
        records(instruments * rows * GROUPS_COUNT, ARM).reshape(instruments, rows, GROUPS_COUNT),
        records(instruments * rows, PLAYED).reshape(instruments, rows),
        np.zeros((instruments, rows, rule.bandit.tau), np.int64), np.zeros((instruments, rows, rule.bandit.tau)),
        np.zeros(WORDS, np.uint64), records(1, OUTCOME), records(CHANGES_MAX, CHANGE), np.zeros(2, np.int64),
    )  # fmt: skip


@compiled
def bandit_of(learning: Learning, instrument: int) -> Bandit:
    """Return the bandit of an instrument: views into what all of them share."""
    return Bandit(
        learning.arms[instrument], learning.plays[instrument], learning.newest[instrument],
        learning.rewards[instrument], learning.words,
    )  # fmt: skip


@compiled
def say(learning: Learning, instrument: int, source: int, vote: float, claim: float, rule: ChainRule) -> None:
    """Note what a source says, for when the outcome is known: its side, its claim, and what that is worth now."""
    at = instrument * JUDGED_COUNT + source
    learning.sides[instrument, source] = 0 if math.isnan(vote) else int(np.sign(vote))
    learning.said[instrument, source] = claim
    proven = learning.calibration.sources[at].outcomes >= rule.outcomes_min
    worth = calibrated(learning.calibration, at, claim, rule.calibration)
    learning.worth[instrument, source] = worth if proven else math.nan


@compiled
def side_after(claim: Record, bar: Record, horizon: int) -> int:
    """Move an open claim by one bar of the first timeframe; return 1, -1, 0 for nobody, OPEN while it is not over."""
    if claim.age == 0:
        claim.begin = float(bar.open)
    claim.age += 1
    up, down = bar.high >= claim.begin + claim.distance, bar.low <= claim.begin - claim.distance
    if up or down:
        return 0 if up and down else (1 if up else -1)
    if claim.age < horizon:
        return OPEN
    return int(np.sign(float(bar.close) - claim.begin))


@compiled
def learn_side(learning: Learning, instrument: int, side: int, time_ns: int, rule: ChainRule) -> None:
    """Close an instrument's claim: every source that took a side learns whether it was right."""
    claim = learning.claims[instrument]
    claim.on = 0
    first = instrument * JUDGED_COUNT
    for j in range(JUDGED_COUNT):
        own = learning.sides[instrument, j]
        if own == 0:
            continue
        hit = 1.0 if own == side else 0.0
        learn_outcome(learning.calibration, first + j, learning.said[instrument, j], hit, rule.calibration)
        written = learning.control[WRITTEN]
        at = min(written, CHANGES_MAX - 1)
        if watch_outcome(
            learning.tracks, first + j, time_ns, learning.worth[instrument, j], hit, rule.demotion, learning.changes[at]
        ):  # fmt: skip
            learning.control[LOST if written == CHANGES_MAX else WRITTEN] += 1
        if 1 <= j <= GROUPS_COUNT:
            _play(learning, instrument, j - 1, hit, time_ns, rule)


@compiled
def _play(learning: Learning, instrument: int, arm: int, reward: float, time_ns: int, rule: ChainRule) -> None:
    claim, played = learning.claims[instrument], learning.played[0]
    claim.sequence += 1
    played.sequence, played.regime, played.arm, played.known_ns = claim.sequence, claim.regime + 1, arm, time_ns
    played.reward = reward
    learn_play(bandit_of(learning, instrument), played, rule.bandit)
