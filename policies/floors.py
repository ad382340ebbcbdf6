"""Floors: the equity below which an account rule is broken. One record per rule of a profile, one engine for all.

A floor has a top and an amount below it. What moves the top is its mode: the anchor of the last reset, the initial
capital, the highest balance at any reset, the highest equity ever, or the highest of the period. Resets fall on the
instants of the floor's own calendar (`policies.calendars`); nothing here knows a time zone.

Everything is counted without deposits and withdrawals: they are neither profit nor loss, so the account's equity less
its flow is compared, and floors are shown with the flow added. Within one instant the top moves before the same equity
is tested. A breach latches. Money is whole micro-units, and no test rounds in the account's favour.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, inlined
from market.costs import PPM
from market.money import INT64_MAX
from market.records import Record, Records, record_type, records
from policies.gates import position_cap


class Mode(IntEnum):
    """What moves the top of a floor."""

    DAILY = 0  # the anchor, as it stood at the last reset
    STATIC = 1  # nothing: the initial capital
    CLOSING = 2  # the highest balance at a reset; never falls
    PEAK = 3  # the highest equity or balance; never falls
    PERIOD_PEAK = 4  # the highest equity since the last reset, which starts from the equity before it


class Anchor(IntEnum):
    """What a DAILY floor takes at its reset."""

    BALANCE = 0
    EQUITY = 1
    MAX_BALANCE_EQUITY = 2


class Clears(IntEnum):
    """What ends a latched breach."""

    NEVER = 0
    ACKNOWLEDGED = 1  # a reset, and then a person's word


FLOOR: Final = record_type(
    "mode anchor of_top inclusive rule clears calendar initial amount ppm lock share_ppm "
    "top floor bar mark alerts latched pending breached_ns next_reset"
)
"""One floor: its terms, then its state.

`of_top` 1: the amount is `ppm` of the top, else `amount`; `lock` is the most that the floor may be (INT64_MAX: none),
`share_ppm` what one trade may risk of the room above it. `bar` is the highest equity that is a breach, `mark` the
highest at which anything is told (an alert, or the breach), `alerts` how many levels were told since the reset,
`pending` 1 after the reset of a latched floor that waits for a person; `next_reset` counts the instants of its calendar
that have passed."""

ALERT_PERCENT: Final = (50, 70, 80, 90, 100)
"""Used shares of an amount that are told, inclusive, each once per reset period."""


def open_floor(row: Record, initial: int) -> None:
    """Start a floor whose terms are set with a fresh account of `initial` money."""
    row.initial = row.top = initial
    row.alerts = row.latched = row.pending = row.breached_ns = row.next_reset = 0
    place_floor(row)


@compiled
def amount_of(row: Record, top: int) -> int:
    """Return what may be lost below a top, rounded down."""
    return position_cap(top, row.ppm) if row.of_top != 0 else int(row.amount)


@compiled
def floor_at(row: Record, top: int) -> int:
    """Return the floor below a top, rounded down, locked where it has a lock."""
    floor = position_cap(top, PPM - row.ppm) if row.of_top != 0 else top - row.amount
    return int(min(floor, row.lock))


@compiled
def bar_at(row: Record, top: int) -> int:
    """Return the highest equity that breaches a floor: the floor itself, or the last money unit below it."""
    floor = floor_at(row, top)
    exact = row.of_top == 0 or top % PPM * (PPM - row.ppm) % PPM == 0 or floor == row.lock
    return floor if row.inclusive != 0 or not exact else floor - 1


@compiled
def mark_at(row: Record, top: int, alerts: int) -> int:
    """Return the highest equity at which the next alert is told or the floor is breached."""
    bar = bar_at(row, top)
    if alerts >= len(ALERT_PERCENT):
        return bar
    amount = amount_of(row, top)
    return max(bar, floor_at(row, top) + amount + -amount * ALERT_PERCENT[alerts] // 100)


@compiled
def place_floor(row: Record) -> None:
    """Set what follows from the top."""
    row.floor, row.bar = floor_at(row, row.top), bar_at(row, row.top)
    row.mark = mark_at(row, row.top, row.alerts)


@inlined
def raised_top(row: Record, equity: int, balance: int) -> int:
    """Return the top after an instant."""
    if row.mode == Mode.PEAK:
        return max(row.top, equity, balance)
    return max(row.top, equity) if row.mode == Mode.PERIOD_PEAK else row.top


@compiled
def watch_floor(row: Record, time_ns: int, equity: int, equity_low: int, balance: int) -> int:
    """Take the equity of an instant, and its lowest; return the floor's `Rule` bit if it is breached, else 0."""
    top = raised_top(row, equity, balance)
    if top != row.top:
        row.top = top
        place_floor(row)
    if equity_low > row.mark:
        return 0
    while row.alerts < len(ALERT_PERCENT) and equity_low <= mark_at(row, row.top, row.alerts):
        row.alerts += 1
    row.mark = mark_at(row, row.top, row.alerts)
    if equity_low > row.bar:
        return 0
    if row.latched == 0 or row.pending != 0:
        row.latched, row.pending, row.breached_ns = 1, 0, time_ns
    return int(row.rule)


@compiled
def reset_floor(row: Record, time_ns: int, equity: int, balance: int) -> int:
    """Begin a period at its instant with the last known equity and balance, and test them there; as `watch_floor`."""
    if row.mode == Mode.DAILY:
        row.top = balance if row.anchor == Anchor.BALANCE else equity
        if row.anchor == Anchor.MAX_BALANCE_EQUITY:
            row.top = max(balance, equity)
    elif row.mode == Mode.CLOSING:
        row.top = max(row.top, balance)
    elif row.mode == Mode.PERIOD_PEAK:
        row.top = equity
    row.alerts = 0
    if row.clears == Clears.ACKNOWLEDGED and row.latched != 0:
        row.pending = 1
    place_floor(row)
    return watch_floor(row, time_ns, equity, equity, balance)


@compiled
def standing_floor(row: Record, equity: int, balance: int) -> int:
    """Return the floor now, or the one that a reset at this moment would set where that is higher.

    A loss that is carried over a reset breaches there without a new price: so the reset counts before it comes.
    """
    top = row.top
    if row.mode == Mode.DAILY:
        top = balance if row.anchor == Anchor.BALANCE else equity
        if row.anchor == Anchor.MAX_BALANCE_EQUITY:
            top = max(balance, equity)
    elif row.mode == Mode.CLOSING:
        top = max(top, balance)
    return max(int(row.floor), floor_at(row, top))


@compiled
def next_reset_ns(row: Record, resets_ns: NDArray[np.int64]) -> int:
    """Return the next reset of a floor, by its calendar's row of instants; INT64_MAX when they are used up."""
    return int(resets_ns[row.calendar, row.next_reset]) if row.next_reset < resets_ns.shape[1] else INT64_MAX


@compiled
def usage_ppm(row: Record, equity: int) -> int:
    """Return how much of a floor's amount is used, in parts per million, rounded up; an amount of nothing is used."""
    amount = amount_of(row, row.top)
    used = row.floor + amount - equity
    if used <= 0:
        return 0
    if amount <= 0 or used >= 1000 * amount:
        return 1000 * PPM
    return int(used // amount * PPM - -(used % amount * PPM) // amount)


@compiled
def acknowledge(floors: Records) -> int:
    """Lift the latches that have met their reset and waited for a person; return the `Rule` bits that are free again.

    An acknowledgement before the reset is ignored; a bit stays while another latched floor has it.
    """
    return acknowledge_rule(floors, -1)


@compiled
def acknowledge_rule(floors: Records, rules: int) -> int:
    """Do that for the floors of some rules alone."""
    lifted = held = 0
    for k in range(len(floors)):
        row = floors[k]
        if row.latched != 0 and row.pending != 0 and row.rule & rules != 0:
            row.latched, row.pending = 0, 0
            lifted |= row.rule
        elif row.latched != 0:
            held |= row.rule
    return lifted & ~held


def open_floors(terms: list[dict[str, int]], initial: int) -> Records:
    """Return floors of the given terms on a fresh account."""
    floors = records(len(terms), FLOOR)
    for row, own in zip(floors, terms, strict=True):
        row.lock = INT64_MAX
        for name, value in own.items():
            row[name] = value
        open_floor(row, initial)
    return floors
