"""Circuit breakers: what stops trading in an instrument or at a venue by itself, and what lets it go on.

Pure state machines, an array of state per breaker, time as an argument; nothing here reads a clock. Drawdown and losing
streaks break in `policies.risk` (CB-01, CB-05), because they are limits of the account. Here are the others: the price
breaker pauses an instrument whose price jumps or whose spread tears (CB-02), the venue breaker opens when a venue
rejects, fails or dawdles, and probes it before it closes again (CB-03), the slippage breaker latches when fills cost
more than the model says (CB-04), and every break of a reconciliation blocks its instrument until a person has resolved
it (CB-06). What latches becomes a trip of a kill switch, so that it is durable and lifted like any other.
"""

import math
from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.reconciliation import Break
from policies.switches import Mode, Scope, Trip

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS


# -- CB-02: the price of an instrument --------------------------------------------------------------------------------


class PriceTerms(NamedTuple):
    """`sigmas` of the moves over `window_ns`, `spreads` times the median spread; a pause ends `pause_ns` after calm."""

    window_ns: int = MINUTE_NS
    sigmas: int = 5
    spreads: int = 5
    pause_ns: int = MINUTE_NS


SPREADS: Final = 61
"""Spreads that the median is taken of."""
SPREADS_MIN: Final = 20
MOVES_MIN: Final = 20
"""Windows that have to pass before a move can be unusual."""
MEMORY: Final = 0.05

ANCHOR, ANCHOR_NS, VARIANCE, MOVES, UNTIL_NS, SPREAD_COUNT, SPREAD_FIRST = 0, 1, 2, 3, 4, 5, 6
"""Slots of a price breaker: the middle at the window's begin, when that was, variance and number of whole windows'
moves, when the pause ends, how many spreads are known, and behind them the newest ones."""


def open_price_breaker() -> NDArray[np.float64]:
    """Return a price breaker that has seen nothing."""
    return np.zeros(SPREAD_FIRST + SPREADS)


@compiled
def watch_price(state: NDArray[np.float64], terms: PriceTerms, time_ns: int, bid: int, ask: int) -> bool:
    """Take a quote; return whether the instrument is paused. A quote that is none (crossed, zero) pauses it as well.

    A move is held against the window's begin at once, not only when the window ends; what pauses is not learnt from.
    """
    if bid <= 0 or ask < bid:
        state[UNTIL_NS] = float(time_ns + terms.pause_ns)
        return True
    middle = 0.5 * (bid + ask)
    if state[ANCHOR] == 0.0:
        state[ANCHOR], state[ANCHOR_NS] = middle, float(time_ns)
    move = math.log(middle / state[ANCHOR])
    torn = spread_torn(state, terms.spreads, ask - bid)
    if torn or (state[MOVES] >= MOVES_MIN and move * move > terms.sigmas * terms.sigmas * state[VARIANCE]):
        state[UNTIL_NS] = float(time_ns + terms.pause_ns)
    if not torn:
        state[SPREAD_FIRST + int(state[SPREAD_COUNT]) % SPREADS] = float(ask - bid)
        state[SPREAD_COUNT] += 1.0
    if time_ns - state[ANCHOR_NS] >= terms.window_ns:
        _end_window(state, terms, move)
        state[ANCHOR], state[ANCHOR_NS] = middle, float(time_ns)
    return bool(time_ns < state[UNTIL_NS])


@compiled
def spread_torn(state: NDArray[np.float64], spreads: int, spread: int) -> bool:
    """Tell whether a spread is more than so many times the median of the newest ones."""
    count = min(int(state[SPREAD_COUNT]), SPREADS)
    narrower = 0
    for k in range(count):
        narrower += spreads * state[SPREAD_FIRST + k] < spread
    return bool(count >= SPREADS_MIN and 2 * narrower > count)


@compiled
def _end_window(state: NDArray[np.float64], terms: PriceTerms, move: float) -> None:
    """Learn the move of a whole window, at most as large as one that would pause."""
    squared = move * move
    if state[MOVES] >= MOVES_MIN:
        squared = min(squared, terms.sigmas * terms.sigmas * state[VARIANCE])
    state[VARIANCE] += (squared - state[VARIANCE]) / min(state[MOVES] + 1.0, 1.0 / MEMORY)
    state[MOVES] += 1.0


# -- CB-03: the health of a venue -------------------------------------------------------------------------------------


class Answer(IntEnum):
    """How a venue answered a request."""

    DONE = 0
    REJECTED = 1
    FAILED = 2  # an error, a timeout, a lost connection


class Gate(IntEnum):
    """What may be sent to a venue."""

    CLOSED = 0  # the circuit is closed: everything flows
    OPEN = 1  # nothing that opens a position
    HALF_OPEN = 2  # one probe of the smallest size, then wait for its answer


class VenueTerms(NamedTuple):
    """A share of rejects or failures (parts per million) or of slow answers above which a venue is avoided."""

    window_ns: int = MINUTE_NS
    rejects_ppm_max: int = 50_000
    failures_ppm_max: int = 50_000
    latency_ns_max: int = 2 * SECOND_NS
    answers_min: int = 20
    pause_ns: int = 15 * SECOND_NS
    pause_ns_max: int = 60 * SECOND_NS


ANSWERS_MAX: Final = 512
"""The newest answers that are judged by: one of a hundred is still several."""
PPM: Final = 10**6
SLOW_PPM_MAX: Final = 10_000
"""The 99th percentile is above a bound when more than one of a hundred answers is."""

GATE, RETRY_NS, PAUSE_NS, ANSWERS, ANSWER_FIRST = 0, 1, 2, 3, 4
"""Slots of a venue breaker: its gate, when it may be probed, how long it pauses, the number of answers ever, and behind
them the newest ones: time, kind, latency."""


def open_venue_breaker() -> NDArray[np.int64]:
    """Return a venue breaker that is closed and has heard nothing."""
    return np.zeros(ANSWER_FIRST + 3 * ANSWERS_MAX, np.int64)


@compiled
def venue_gate(state: NDArray[np.int64], time_ns: int) -> int:
    """Return what may be sent now (`Gate`); once the pause is over it is a probe, until `probe_sent` says it left."""
    if state[GATE] == Gate.OPEN and time_ns >= state[RETRY_NS]:
        state[GATE] = Gate.HALF_OPEN.value
    return int(state[GATE])


@compiled
def probe_sent(state: NDArray[np.int64], terms: VenueTerms, time_ns: int) -> None:
    """Note that the probe has left: nothing follows it until it is answered, or a pause without an answer is over."""
    state[GATE] = Gate.OPEN.value
    state[RETRY_NS] = time_ns + state[PAUSE_NS]


@compiled
def hear_answer(state: NDArray[np.int64], terms: VenueTerms, time_ns: int, answer: int, latency_ns: int) -> int:
    """Take a venue's answer; return its gate. While it is not closed, one good answer closes it and a bad one waits on.

    Each pause after a failed probe is twice the one before, up to the longest.
    """
    good = answer == Answer.DONE and latency_ns <= terms.latency_ns_max
    if state[GATE] != Gate.CLOSED:
        if good:
            state[GATE], state[PAUSE_NS], state[ANSWERS] = Gate.CLOSED.value, 0, 0
        else:
            _open(state, terms, time_ns)
        return int(state[GATE])
    slot = ANSWER_FIRST + 3 * (state[ANSWERS] % ANSWERS_MAX)
    state[slot], state[slot + 1], state[slot + 2] = time_ns, answer, latency_ns
    state[ANSWERS] += 1
    if is_unwell(state, terms, time_ns):
        _open(state, terms, time_ns)
    return int(state[GATE])


@compiled
def is_unwell(state: NDArray[np.int64], terms: VenueTerms, time_ns: int) -> bool:
    """Tell whether too many answers within the window were rejects, failures or slow; a few say nothing."""
    count = rejected = failed = slow = 0
    for k in range(min(state[ANSWERS], ANSWERS_MAX)):
        slot = ANSWER_FIRST + 3 * k
        if time_ns - state[slot] < terms.window_ns:
            count += 1
            rejected += state[slot + 1] == Answer.REJECTED
            failed += state[slot + 1] == Answer.FAILED
            slow += state[slot + 2] > terms.latency_ns_max
    return bool(
        count >= terms.answers_min
        and (
            rejected * PPM > terms.rejects_ppm_max * count
            or failed * PPM > terms.failures_ppm_max * count
            or slow * PPM > SLOW_PPM_MAX * count
        )
    )


@compiled
def _open(state: NDArray[np.int64], terms: VenueTerms, time_ns: int) -> None:
    state[GATE] = Gate.OPEN.value
    state[PAUSE_NS] = min(max(2 * state[PAUSE_NS], terms.pause_ns), terms.pause_ns_max)
    state[RETRY_NS] = time_ns + state[PAUSE_NS]


# -- CB-04: what fills cost -------------------------------------------------------------------------------------------


class CostTerms(NamedTuple):
    """More than `times` the modelled cost, summed over the newest `fills`."""

    times: int = 3
    fills: int = 20


def open_cost_breaker(terms: CostTerms) -> NDArray[np.int64]:
    """Return a cost breaker: whether it is latched, the number of fills, then paid and modelled cost of the newest."""
    return np.zeros(2 + 2 * terms.fills, np.int64)


@compiled
def note_cost(state: NDArray[np.int64], terms: CostTerms, paid: int, modelled: int) -> bool:
    """Take a fill's slippage and what the model said it would be (money); return whether the breaker is latched.

    A model that says nothing is free (0) leaves no room: then any cost on the whole is too much.
    """
    slot = 2 + 2 * (state[1] % terms.fills)
    state[slot], state[slot + 1] = paid, max(modelled, 0)
    state[1] += 1
    if state[1] >= terms.fills:
        all_paid = all_modelled = 0
        for k in range(terms.fills):
            all_paid += state[2 + 2 * k]
            all_modelled += state[3 + 2 * k]
        if all_paid > terms.times * all_modelled:
            state[0] = 1
    return bool(state[0] != 0)


# -- CB-06: reconciliation --------------------------------------------------------------------------------------------


def trips_of_breaks(breaks: Iterable[Break]) -> tuple[Trip, ...]:
    """Return the kill switches that the breaks of a reconciliation trip: one per instrument, any break will do."""
    keys = sorted({found.instrument for found in breaks})
    return tuple(Trip(Scope.INSTRUMENT, key, Mode.BLOCK_NEW) for key in keys)


def may_lift(instrument: str, breaks: Iterable[Break]) -> bool:
    """Tell whether the newest reconciliation found nothing wrong with an instrument."""
    return all(found.instrument != instrument for found in breaks)
