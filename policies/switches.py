"""Kill switches: who may still send what, and how a switch is tripped and lifted. Pure; nothing here is stored.

Six scopes, orthogonal: an order belongs to all of them at once, and the strictest mode of every trip that matches it
applies. A trip is latched. Tripping again may escalate it and never weakens it; only a person re-arms it, with a reason
and after a clean reconciliation, two different people where it stops a desk or everything. Every scope is lifted on its
own: re-arming everything leaves a tripped desk tripped. What cannot be read counts as tripped.

`hard` lets only cancels leave, whatever the mode. Of the three states of `TradingState` a switch makes HALTED where it
is hard and REDUCING otherwise.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.compiled import compiled
from market.records import Record
from policies.intents import Reduce, TradingState


class Scope(StrEnum):
    """What a switch stops."""

    GLOBAL = "global"
    DESK = "desk"
    ACCOUNT = "account"
    VENUE = "venue"
    STRATEGY = "strategy"
    INSTRUMENT = "instrument"


class Mode(IntEnum):
    """How far it stops it, each mode more than the one before."""

    NONE = 0
    REDUCE_ONLY = 1  # only what reduces passes
    BLOCK_NEW = 2  # the same at the gate, and nothing new is even proposed
    CANCEL_AND_BLOCK = 3  # and what works at the venue is cancelled
    FLATTEN_AND_BLOCK = 4  # and what is held is closed, by the flattener alone


ANY: Final = "*"
"""The one key of the global scope."""

ACCOUNT: Final = "main"
"""The account of a run that has one."""

FLATTENER: Final = "flattener"
"""The source of the orders that FLATTEN_AND_BLOCK lets pass."""

PEOPLE_OF: Final[Mapping[Scope, int]] = {Scope.GLOBAL: 2, Scope.DESK: 2}
"""How many different people it takes to re-arm a scope; one for the others."""


class Result(StrEnum):
    """What came of an attempt to trip or to re-arm."""

    TRIPPED = "TRIPPED"  # it is now tripped, or more strictly than before
    ALREADY_TRIPPED = "ALREADY_TRIPPED"
    REARMED = "REARMED"
    NOT_TRIPPED = "NOT_TRIPPED"
    REFUSED_REASON = "REFUSED_REASON"
    REFUSED_APPROVALS = "REFUSED_APPROVALS"
    REFUSED_NOT_RECONCILED = "REFUSED_NOT_RECONCILED"

    @property
    def refused(self) -> bool:
        """Tell whether it was refused by authority."""
        return self.value.startswith("REFUSED")


class Trip(Struct, frozen=True, order=True):
    """One tripped switch."""

    scope: Scope
    key: str
    mode: Mode
    hard: bool = False

    @property
    def name(self) -> str:
        """Name the switch: `desk:forex`."""
        return f"{self.scope}:{self.key}"


class Rearm(Struct, frozen=True):
    """A wish to lift one switch: who wishes it, why, and whether our books and the venues' agree."""

    scope: Scope
    key: str
    approvers: tuple[str, ...]
    reason: str
    reconciled: bool


class KillDecision(Struct, frozen=True):
    """Whether an order may leave, under which mode, by which switches, and why not."""

    allowed: bool
    mode: Mode
    matched: tuple[str, ...] = ()
    reason: str | None = None


KILL_SWITCH: Final = "KILL_SWITCH"
FAIL_CLOSED: Final = "STATE_UNAVAILABLE_FAIL_CLOSED"

UNREADABLE: Final = KillDecision(allowed=False, mode=Mode.BLOCK_NEW, reason=FAIL_CLOSED)
"""The answer to every order while the switches cannot be read."""


@compiled
def passes(mode: int, hard: int, reduces: int, flattens: int) -> bool:
    """Tell whether an order passes the strictest mode that matches it; `flattens`: the flattener sends it."""
    if mode == Mode.NONE and hard == 0:
        return True
    if hard != 0 or reduces == 0:
        return False
    return mode != Mode.FLATTEN_AND_BLOCK or flattens != 0


@compiled
def state_of(mode: int, hard: int) -> int:
    """Return the `TradingState` that a mode makes."""
    if hard != 0:
        return TradingState.HALTED.value
    return TradingState.ACTIVE.value if mode == Mode.NONE else TradingState.REDUCING.value


HARD: Final = 8
"""Added to a mode where one number holds both: what `posture_of` returns."""


def posture_of(trips: Sequence[Trip]) -> int:
    """Return the strictest mode of some trips as a number, with `HARD` added where any is hard."""
    mode, hard = strictest(trips)
    return mode.value + (HARD if hard else 0)


@compiled
def switched_off(postures: NDArray[np.int64], intent: Record) -> bool:
    """Object to an intent when the switches stop any of its legs; `postures` has one number per instrument."""
    for leg in range(intent.legs):
        posture = postures[intent.instrument0 if leg == 0 else intent.instrument1]
        flattens = 1 if intent.reduce > Reduce.POLICY else 0
        if not passes(posture % HARD, posture // HARD, intent.reduce, flattens):
            return True
    return False


def matching(trips: Sequence[Trip], scopes: Mapping[Scope, Sequence[str]]) -> tuple[Trip, ...]:
    """Return the trips that match an order with these keys per scope, by name; GLOBAL matches every order.

    An order that does not say where it belongs in some scope is matched by every trip of that scope.
    """
    found = [
        trip for trip in trips
        if trip.scope is Scope.GLOBAL or trip.scope not in scopes or trip.key in scopes[trip.scope]
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda trip: trip.name))


def strictest(trips: Sequence[Trip]) -> tuple[Mode, bool]:
    """Return the strictest mode of some trips, and whether any is hard."""
    return max((trip.mode for trip in trips), default=Mode.NONE), any(trip.hard for trip in trips)


def decide(
    trips: Sequence[Trip] | None, scopes: Mapping[Scope, Sequence[str]], *, reduces: bool, source: str = ""
) -> KillDecision:
    """Decide whether an order may leave. `trips` is None while they cannot be read: then nothing does."""
    if trips is None:
        return UNREADABLE
    found = matching(trips, scopes)
    mode, hard = strictest(found)
    allowed = bool(passes(mode.value, int(hard), int(reduces), int(source == FLATTENER)))
    return KillDecision(
        allowed=allowed,
        mode=mode,
        matched=tuple(trip.name for trip in found),
        reason=None if allowed else KILL_SWITCH,
    )


def tripped(active: Sequence[Trip], wish: Trip) -> tuple[Result, Trip]:
    """Return what comes of tripping a switch, and the switch as it is then: stricter than before, or as it was."""
    before = next((trip for trip in active if trip.name == wish.name), None)
    if before is None:
        return Result.TRIPPED, wish
    after = Trip(wish.scope, wish.key, max(before.mode, wish.mode), before.hard or wish.hard)
    return Result.ALREADY_TRIPPED if after == before else Result.TRIPPED, after


def rearmed(active: Sequence[Trip], wish: Rearm) -> Result:
    """Return what comes of a wish to re-arm; one person under two spellings of a name is one person."""
    if not any((trip.scope, trip.key) == (wish.scope, wish.key) for trip in active):
        return Result.NOT_TRIPPED
    people = {name.strip().casefold() for name in wish.approvers} - {""}
    if len(people) < PEOPLE_OF.get(wish.scope, 1):
        return Result.REFUSED_APPROVALS
    if not wish.reason.strip():
        return Result.REFUSED_REASON
    return Result.REARMED if wish.reconciled else Result.REFUSED_NOT_RECONCILED


def switch_of(text: str) -> tuple[Scope, str]:
    """Return scope and key of a switch's name, `global` or `desk:forex`; ValueError says what is allowed."""
    word, colon, key = text.partition(":")
    if word not in tuple(Scope):
        raise ValueError(f"{text}: global, or {' or '.join(f'{s}:NAME' for s in list(Scope)[1:])} is allowed")
    scope = Scope(word)
    if scope is Scope.GLOBAL:
        if colon and key != ANY:
            raise ValueError(f"{text}: the global switch has no name; global is allowed")
        return scope, ANY
    if not key.strip() or key != key.strip():
        raise ValueError(f"{text}: {scope}:NAME is allowed")
    return scope, key
