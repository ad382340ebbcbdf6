"""The policy `confluence` of the forex desk: a chain over the bars of each of its views.

A view's bars are its first timeframe; the next ones of `LADDER` that are whole multiples of it, each at least three
times the one before, are the longer ones, in plain UTC. Stop, target and what moves them are those of
`policies.forex`. The share of the budget at risk follows what the claim has been worth: nothing below
`probability_min`, all of it from `probability_full` on (`policies.scaling.confidence_risk`).
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import load_row
from market.compiled import compiled
from market.records import Record, records
from market.structure import open_structure
from market.tape import Tape
from market.timeframes import DAY_NS, FRAME, MONDAY_NS, TIMEFRAMES, Grid
from policies import forex
from policies.calibration import CalibrationRule, Method
from policies.confluence import ConfluenceRule
from policies.scaling import ConfidenceScale, confidence_risk
from policies.signals.chain import open_chain
from policies.signals.listening import Listener, listen, show_interval, take_row
from policies.signals.record import Stopped
from policies.signals.rule import ChainRule
from policies.signals.sources import FEATURES

Floats = NDArray[np.float64]

FRAMES_MAX: Final = 3
LADDER: Final = ("1m", "5m", "15m", "1h", "4h", "1d", "1w")
STEP_MIN: Final = 3
"""How many times as long as the one before a timeframe is at least."""

OWN: Final = (
    "enter", "coverage_min", "horizon_bars", "barrier_atr", "calibration_window", "outcomes_min", "volatility_power",
    "adaptive", "probability_full",
)  # fmt: skip
PARAMS: Final = (*OWN, "probability_min", *forex.PARAMS[forex.P_REARM :])
"""Behind its own nine it has the forex desk's, at their places: the sizing reads both alike."""
P_ENTER, P_COVERAGE, P_HORIZON, P_BARRIER, P_WINDOW, P_OUTCOMES, P_POWER, P_ADAPTIVE, P_FULL, P_PROBABILITY = range(10)

assert P_PROBABILITY == forex.P_CANDIDATE

NEVER_NS: Final = 1 << 62
"""The length of a bar that does not end."""

RISK_LEAST: Final = 0.25
"""The share of `risk_fraction` that is at risk at `probability_min`."""


class Chains(NamedTuple):
    """The chains of all views: one listener, and per view its number there (-1: it has none)."""

    numbers: NDArray[np.int64]
    listener: Listener


def frames_of(bar_ns: int) -> tuple[int, ...]:
    """Return the lengths of a view's timeframes, shortest first; 0 where there are fewer than the most."""
    found = [bar_ns]
    for name in LADDER:
        length = TIMEFRAMES[name]
        if len(found) < FRAMES_MAX and length % found[-1] == 0 and length >= STEP_MIN * found[-1]:
            found.append(length)
    return (*found, *[0] * (FRAMES_MAX - len(found)))


def frame_names(bar_ns: int) -> tuple[str, ...]:
    """Return the names of a view's timeframes as people write them."""
    names = {length: name for name, length in TIMEFRAMES.items()}
    return tuple(names.get(length, f"{length / 1e9:g}s") if length else "-" for length in frames_of(bar_ns))


def open_chains(lengths_ns: Sequence[Sequence[int]], rule: ChainRule) -> Listener:
    """Return chains that have seen nothing, per instrument over timeframes of some lengths (0: none)."""
    count = len(lengths_ns)
    frames = records(count * FRAMES_MAX, FRAME).reshape(count, FRAMES_MAX)
    frames.bar_ns = np.array(lengths_ns, np.int64).reshape(count, FRAMES_MAX)
    frames.anchor_ns[frames.bar_ns > DAY_NS] = MONDAY_NS
    frames.bar_ns[frames.bar_ns == 0] = NEVER_NS
    empty = np.zeros(0, np.int64)
    structure = open_structure(Grid(frames, empty, empty, empty), [FEATURES] * FRAMES_MAX, range(count))
    return listen(structure, open_chain(lengths_ns, rule), rule)


def no_chains(views: int) -> Chains:
    """Return the chains of an agent whose policies need none."""
    return Chains(np.full(views, -1, np.int64), _nobody())


@cache
def _nobody() -> Listener:
    """Return the listener of no instrument: nothing is ever written to it, so all may have the same."""
    return open_chains((), ChainRule())


def rule_of(params: Sequence[float]) -> ChainRule:
    """Return a chain's rule from the parameters of the policy, in the order of `PARAMS`."""
    window, outcomes = int(params[P_WINDOW]), int(params[P_OUTCOMES])
    return ChainRule(
        horizon=int(params[P_HORIZON]),
        barrier_atr=params[P_BARRIER],
        probability_min=params[P_PROBABILITY],
        outcomes_min=outcomes,
        power=params[P_POWER],
        adaptive=int(params[P_ADAPTIVE]),
        confluence=ConfluenceRule(params[P_ENTER], params[P_COVERAGE]),
        calibration=CalibrationRule(Method.ISOTONIC, window, 20, 10.0, min(outcomes, window)),
    )


@compiled
def hear_chain(chains: Chains, view: int, bar_ns: int, tape: Tape, row: int, features: Floats, out: Record) -> bool:
    """Take a closed bar of a view; True when its opinion stands, with strength and confidence in `out`.

    `features` shows what the first timeframe's votes have read.
    """
    number, listener = chains.numbers[view], chains.listener
    load_row(tape, row, bar_ns, listener.row[0])
    if not take_row(listener, number):
        return False
    for k in range(len(FEATURES)):
        features[k] = listener.features[number, 0, k]
    signal = listener.signals[number]
    out.strength, out.confidence, out.votes_count = signal.score, signal.probability, 0
    return bool(signal.stopped == Stopped.NONE)


@compiled
def show_evidence(chains: Chains, view: int, out: Record) -> None:
    """Write to an intent what its opinion stands on: votes with weights, regime, coverage, claim, interval."""
    number, listener = chains.numbers[view], chains.listener
    show_interval(listener, number)
    signal, votes = listener.signals[number], listener.votes[number]
    out.evidence, out.outcomes = len(votes), signal.outcomes
    out.regime, out.volatility = signal.regime, signal.volatility
    out.coverage, out.agreement, out.claim = signal.coverage, signal.agreement, signal.claim
    out.low, out.high = signal.low, signal.high
    for k in range(len(votes)):
        out.said[k], out.weights[k] = votes[k], listener.weights[number, k]


@compiled
def risk_share(params: Floats, probability: float) -> float:
    """Return the share of the budget that a trade risks, by what its claim is worth."""
    most = params[forex.P_RISK]
    least, full = params[P_PROBABILITY], max(params[P_FULL], params[P_PROBABILITY] + 1e-6)
    return confidence_risk(probability, ConfidenceScale(least, full, RISK_LEAST * most, most, 1.0))
