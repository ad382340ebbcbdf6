"""What pre-trade controls are made of: the account's terms, the bounds of each instrument, and what is remembered.

An approved intent counts at once, before its orders leave (`note_sent`), and is taken back when it does not leave after
all (`take_back`): two intents of one instant cannot pass a limit together. `observe` learns from every judged intent.
All that is remembered is a fold of the decisions in the journal, so a restart forgets nothing.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record, Records, record_type, records
from policies.intents import Rule
from policies.pretrade import TAKEN_BACK_MAX, open_windows, window_forget, window_note

TERMS: Final = record_type(
    "on value_max value_ppm_max gross_ppm_max messages_max venue_messages_max message_ns executions_max executions_ns "
    "same_max same_ns duplicate_ns drift_ns fat_finger_factor jump_sigma self_trade locked"
)
"""The account's controls; 0 is a limit of zero. `value_*`: of one order, in money and as a share of equity, the smaller
counts. `messages_max` of a desk and `venue_messages_max` of a venue within `message_ns`. `executions_max` of a desk
within `executions_ns`, or `same_max` of one instrument, side and size within `same_ns`: the next one disables it."""

BOUNDS: Final = record_type("collar_ppm drift_ppm lots_max reference_ns_max permitted")
"""What one order of an instrument may be."""

OVERRIDE: Final = record_type("rules from_ns until_ns")
"""Rules that people have set aside for a while; `until_ns` is the first instant at which they hold again."""

SENT: Final = record_type("time_ns desk instrument lots price_twice")
"""An opening order, newest last; the price is its limit, or the middle that was seen."""

SENT_MAX: Final = 4096
SIZES: Final = 31
"""Orders of an instrument that the median is taken of, and from how many on there is one."""
SIZES_MIN: Final = 5
MOVES_MIN: Final = 30
"""Moves of a price that it takes to know what is usual."""
MEMORY: Final = 0.06
"""Weight of the newest move."""
MID, AT_NS, VARIANCE, MOVES = 0, 1, 2, 3


class Controls(NamedTuple):
    """Limits, and what is remembered: windows of messages and executions, newest orders, sizes, moves, the disabled."""

    terms: Records
    bounds: Records
    overrides: Records
    messages: NDArray[np.int64]
    venue_messages: NDArray[np.int64]
    executions: NDArray[np.int64]
    sent: Records
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    moves: NDArray[np.float64]
    disabled: NDArray[np.int64]


def open_controls(terms: Records, bounds: Records, overrides: Records, desks: int, venues: int) -> Controls:
    """Return controls that have seen nothing; `counts` holds the orders in `sent`, then those in rows of `sizes`."""
    count, own = len(bounds), terms[0]
    return Controls(
        terms, bounds, overrides,
        open_windows(desks, int(own.messages_max)), open_windows(venues, int(own.venue_messages_max)),
        open_windows(desks, int(own.executions_max)),
        records(SENT_MAX, SENT), np.zeros(1 + count, np.int64),
        np.zeros((count, SIZES + TAKEN_BACK_MAX), np.int64), np.zeros((count, 4)), np.zeros(max(desks, 1), np.int64),
    )  # fmt: skip


def no_controls(instruments: int, desks: int) -> Controls:
    """Return the controls of a plan that has none: they object to nothing and remember nothing."""
    return open_controls(records(1, TERMS), records(instruments, BOUNDS), records(0, OVERRIDE), desks, 1)


@compiled
def instrument_of(intent: Record, leg: int) -> int:
    """Return the instrument of a leg."""
    return int(intent.instrument0 if leg == 0 else intent.instrument1)


@compiled
def lots_of(intent: Record, leg: int) -> int:
    """Return the signed lots of a leg."""
    return int(intent.lots0 if leg == 0 else intent.lots1)


@compiled
def limit_of(intent: Record, leg: int) -> int:
    """Return the limit of a leg in ticks; 0: none."""
    return int(intent.limit0 if leg == 0 else intent.limit1)


@compiled
def price_twice_of(intent: Record, leg: int) -> int:
    """Return twice the price that a leg stands for: its limit, or the middle that was seen."""
    limit = limit_of(intent, leg)
    middle = intent.bid0 + intent.ask0 if leg == 0 else intent.bid1 + intent.ask1
    return 2 * limit if limit != 0 else middle


@compiled
def move_of(seen: NDArray[np.float64], intent: Record, leg: int) -> tuple[float, float]:
    """Return the squared log move of a leg's price since it was last looked at, and the seconds in between (>= 1)."""
    middle = intent.bid0 + intent.ask0 if leg == 0 else intent.bid1 + intent.ask1
    time_ns = intent.quote0_ns if leg == 0 else intent.quote1_ns
    if seen[MID] <= 0.0 or middle <= 0:
        return 0.0, 1.0
    move = math.log(float(middle) / seen[MID])
    return move * move, max((float(time_ns) - seen[AT_NS]) * 1e-9, 1.0)


@compiled
def note_sent(controls: Controls, instruments: Records, intent: Record) -> None:
    """Count an approved intent as if its orders had left."""
    if controls.terms[0].on == 0:
        return
    for leg in range(intent.legs):
        instrument, lots = instrument_of(intent, leg), lots_of(intent, leg)
        if lots == 0:
            continue
        window_note(controls.messages[intent.desk], intent.time_ns)
        window_note(controls.venue_messages[instruments[instrument].venue], intent.time_ns)
        if intent.reduce == 0:
            _keep_sent(controls, intent, leg)
            _keep_size(controls, instrument, abs(lots))
    if intent.reduce == 0:
        window_note(controls.executions[intent.desk], intent.time_ns)


@compiled
def _keep_sent(controls: Controls, intent: Record, leg: int) -> None:
    count = controls.counts[0]
    if count == len(controls.sent):  # the older half is older than any window that asks for it
        half = count // 2
        for k in range(half):
            controls.sent[k] = controls.sent[k + half]
        count = half
    sent = controls.sent[count]
    sent.time_ns, sent.desk, sent.instrument = intent.time_ns, intent.desk, instrument_of(intent, leg)
    sent.lots, sent.price_twice = lots_of(intent, leg), price_twice_of(intent, leg)
    controls.counts[0] = count + 1


@compiled
def _keep_size(controls: Controls, instrument: int, lots: int) -> None:
    count = controls.counts[1 + instrument]
    if count == controls.sizes.shape[1]:
        for k in range(SIZES):
            controls.sizes[instrument, k] = controls.sizes[instrument, count - SIZES + k]
        count = SIZES
    controls.sizes[instrument, count] = lots
    controls.counts[1 + instrument] = count + 1


@compiled
def take_back(controls: Controls, instruments: Records, intent: Record) -> None:
    """Undo `note_sent` for an intent of the newest group: it was withheld, so nothing has left."""
    if controls.terms[0].on == 0:
        return
    for leg in range(intent.legs):
        instrument, lots = instrument_of(intent, leg), lots_of(intent, leg)
        if lots == 0:
            continue
        window_forget(controls.messages[intent.desk])
        window_forget(controls.venue_messages[instruments[instrument].venue])
        if intent.reduce == 0:
            _drop_sent(controls, intent, leg)
            _drop_size(controls, instrument, abs(lots))
    if intent.reduce == 0:
        window_forget(controls.executions[intent.desk])


@compiled
def _drop_sent(controls: Controls, intent: Record, leg: int) -> None:
    """Drop the newest order that is this leg's; those behind it move up."""
    last = controls.counts[0] - 1
    for k in range(last, -1, -1):
        sent = controls.sent[k]
        if sent.instrument == instrument_of(intent, leg) and sent.lots == lots_of(intent, leg):
            for j in range(k, last):
                controls.sent[j] = controls.sent[j + 1]
            controls.counts[0] = last
            return


@compiled
def _drop_size(controls: Controls, instrument: int, lots: int) -> None:
    last = controls.counts[1 + instrument] - 1
    for k in range(last, -1, -1):
        if controls.sizes[instrument, k] == lots:
            for j in range(k, last):
                controls.sizes[instrument, j] = controls.sizes[instrument, j + 1]
            controls.counts[1 + instrument] = last
            return


@compiled
def observe(controls: Controls, intent: Record) -> None:
    """Learn from a judged intent, approved or not: what its prices did, and whether its desk is now disabled."""
    if controls.terms[0].on == 0:
        return
    if intent.rules & Rule.REPEATED_EXECUTION.value:
        controls.disabled[intent.desk] = 1
    for leg in range(intent.legs):
        _learn_move(controls.moves[instrument_of(intent, leg)], controls.terms[0].jump_sigma, intent, leg)


@compiled
def _learn_move(seen: NDArray[np.float64], jump_sigma: int, intent: Record, leg: int) -> None:
    """Take a price; a move beyond the limit counts as one at the limit, so that one bad price widens little."""
    middle = intent.bid0 + intent.ask0 if leg == 0 else intent.bid1 + intent.ask1
    time_ns = intent.quote0_ns if leg == 0 else intent.quote1_ns
    if middle <= 0 or float(time_ns) <= seen[AT_NS]:
        return
    if seen[MID] > 0.0:
        squared, seconds = move_of(seen, intent, leg)
        if seen[MOVES] >= MOVES_MIN and seen[VARIANCE] > 0.0:
            squared = min(squared, jump_sigma**2 * seen[VARIANCE] * seconds)
        seen[VARIANCE] += (squared / seconds - seen[VARIANCE]) / min(seen[MOVES] + 1.0, 1.0 / MEMORY)
        seen[MOVES] += 1.0
    seen[MID], seen[AT_NS] = float(middle), float(time_ns)
