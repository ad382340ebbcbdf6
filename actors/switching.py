"""Switching: how people, the governor and the gateways use the switchboard.

People trip and lift (`trip`, `lift`), durable before it returns. The governor watches (`SwitchWatch`): it journals
what changes and refuses what a switch stops, at the point in its order where it learnt of it. A gateway asks once more,
right before it sends (`LastHop`): an order that was ruled on before the trip still does not leave after it. Whoever
cannot read the switches lets nothing pass.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from actors.order_entry import OrderSpec
from journal.records import Switch
from journal.switchboard import NONE, Switchboard, SwitchboardError
from market.paper import Reason
from market.records import Record, Records
from policies.assembly import instruments_of
from policies.intents import Rule
from policies.plan import Plan
from policies.switches import (
    ACCOUNT,
    FLATTENER,
    KillDecision,
    Mode,
    Rearm,
    Result,
    Scope,
    Trip,
    decide,
    matching,
    posture_of,
    rearmed,
    switched_off,
    tripped,
)

Scopes = Mapping[Scope, tuple[str, ...]]

STOPPED: Final = "stopped by a kill switch"
"""How it begins what is said of an order that a kill switch has kept back."""

LOST: Final = "switchboard"
"""The key of the global switch that a governor journals while it cannot read the others."""


class Act(Struct, frozen=True, kw_only=True):
    """Who acts on a switch, why, and when (wall clock, ns)."""

    who: tuple[str, ...]
    reason: str
    now_ns: int


def trip_of(row: Switch) -> Trip:
    """Return the switch that a row leaves."""
    return Trip(Scope(row.scope), row.key, Mode[row.mode], row.hard)


def trips_of(board: Switchboard) -> tuple[Trip, ...]:
    """Return what is tripped; SwitchboardError while that cannot be said."""
    return tuple(trip_of(row) for row in board.current())


def trip(board: Switchboard, wish: Trip, act: Act) -> tuple[Result, Trip]:
    """Trip a switch, or escalate it; when this returns it is durable. SwitchboardError where it could not be."""
    found: list[tuple[Result, Trip]] = []

    def change(active: tuple[Switch, ...]) -> Switch | None:
        found[:] = [tripped([trip_of(row) for row in active], wish)]
        result, after = found[0]
        return _row(after, act) if result is Result.TRIPPED else None

    board.change(change)
    return found[0]


def lift(board: Switchboard, wish: Rearm, now_ns: int) -> Result:
    """Lift a switch if that is allowed; the row names everybody who approved."""
    found: list[Result] = []

    def change(active: tuple[Switch, ...]) -> Switch | None:
        found[:] = [rearmed([trip_of(row) for row in active], wish)]
        act = Act(who=wish.approvers, reason=wish.reason, now_ns=now_ns)
        return _row(Trip(wish.scope, wish.key, Mode.NONE), act) if found[0] is Result.REARMED else None

    board.change(change)
    return found[0]


def _row(after: Trip, act: Act) -> Switch:
    return Switch(
        time_ns=act.now_ns, wall_ns=act.now_ns, row=0, scope=after.scope, key=after.key, mode=after.mode.name,
        hard=after.hard, who=act.who, reason=act.reason,
    )  # fmt: skip


def scopes_of(plan: Plan) -> tuple[Scopes, ...]:
    """Return, per instrument, the keys by which switches find its orders; a symbol stands for it at every venue."""
    desks = instruments_of(plan).desk
    found = []
    for number, instrument in enumerate(plan.instruments):
        scopes: dict[Scope, tuple[str, ...]] = {
            Scope.ACCOUNT: (ACCOUNT,),
            Scope.VENUE: (instrument.venue,),
            Scope.INSTRUMENT: (instrument.key, instrument.symbol),
        }
        if desks[number] >= 0:
            desk = plan.desks[int(desks[number])]
            scopes |= {Scope.DESK: (desk.name,), Scope.STRATEGY: (desk.policy,)}
        found.append(scopes)
    return tuple(found)


class LastHop:
    """What a gateway asks right before every send. Without a path there are no switches, as in a backtest."""

    def __init__(self, path: str, plan: Plan) -> None:
        self._reader = _Reader(path)
        self._scopes = scopes_of(plan)

    def decide(self, order: Record) -> KillDecision:
        """Decide whether an order (a row of `market.paper.ORDER`) may leave now."""
        scopes = self._scopes[int(order["instrument"])]
        source = FLATTENER if int(order["reason"]) == Reason.FLATTEN else ""
        return decide(self._reader.trips(), scopes, reduces=bool(order["reduce"]), source=source)

    def cancels(self, order: Record) -> bool:
        """Tell whether an order that works is to be cancelled now."""
        found = self.decide(order)
        return not found.allowed and found.mode >= Mode.CANCEL_AND_BLOCK


class VenueHop:
    """The same for orders of a live venue. Called with one it says why that may not leave, "" if it may.

    Without a plan nobody knows whose an order of an instrument is: a trip of any desk stops it, too.
    """

    def __init__(self, path: str, plan: Plan | None = None) -> None:
        self._reader = _Reader(path)
        keys = [instrument.key for instrument in plan.instruments] if plan is not None else []
        self._scopes = dict(zip(keys, scopes_of(plan), strict=True)) if plan is not None else {}

    def __call__(self, spec: OrderSpec) -> str:
        """Ask the switches."""
        symbol, _, venue = spec.instrument.rpartition("@")
        alone: Scopes = {
            Scope.ACCOUNT: (ACCOUNT,), Scope.VENUE: (venue,), Scope.INSTRUMENT: (spec.instrument, symbol)
        }  # fmt: skip
        source = FLATTENER if spec.reason == Reason.FLATTEN.name else ""
        scopes = self._scopes.get(spec.instrument, alone)
        found = decide(self._reader.trips(), scopes, reduces=spec.reduce, source=source)
        return "" if found.allowed else f"{STOPPED} ({', '.join(found.matched) or found.reason})"


class _Reader:
    """Reads what is tripped; None while that cannot be said. Without a path there are no switches."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._board: Switchboard | None = None

    def trips(self) -> Sequence[Trip] | None:
        """Return what is tripped now."""
        if not self._path:
            return ()
        try:
            if self._board is None:
                self._board = Switchboard(Path(self._path), create=False)
            return trips_of(self._board)
        except SwitchboardError:
            return None


class SwitchWatch:
    """What a governor knows of the switches: what it has journaled, and what they stop."""

    def __init__(self, path: str, plan: Plan, journaled: Sequence[Switch]) -> None:
        self._path = path
        self._scopes = scopes_of(plan)
        self._board: Switchboard | None = None
        self._active = {(row.scope, row.key): row for row in journaled}
        self._seen = max((row.row for row in journaled), default=0)
        self._anew = not journaled
        self.changes = 0  # how often it has been weighed what they come to
        self._postures = np.zeros(len(plan.instruments), np.int64)
        self._weigh()

    @property
    def trips(self) -> tuple[Trip, ...]:
        """What is tripped, as far as it is journaled."""
        return tuple(trip_of(row) for _, row in sorted(self._active.items()) if row.mode != NONE or row.hard)

    @property
    def postures(self) -> NDArray[np.int64]:
        """Per instrument, what the switches that match it come to (`policies.switches.posture_of`)."""
        return self._postures

    def poll(self, time_ns: int, now_ns: int) -> list[Switch]:
        """Return what has changed, to be journaled as of market time `time_ns`; it counts from now on."""
        if not self._path:
            return []
        try:
            fresh = self._fresh()
        except SwitchboardError as error:
            fresh = [self._lost(Mode.BLOCK_NEW, str(error), now_ns)]
        else:
            fresh += [self._lost(Mode.NONE, "the switches can be read again", now_ns)]
        made = []
        for row in fresh:
            before = self._active.get((row.scope, row.key))
            if row.row > 0 or (before is not None and before.mode != row.mode) or (before is None and row.hard):
                made.append(msgspec.structs.replace(row, time_ns=time_ns))
                self._active[row.scope, row.key] = made[-1]
                self._seen = max(self._seen, row.row)
        if made:
            self._weigh()
        return made

    def refuse(self, intents: Records) -> None:
        """Refuse the intents that a switch stops: all legs or none."""
        if self._postures.any():
            for intent in intents:
                if switched_off(self._postures, intent):
                    intent.rules |= Rule.HALTED.value

    def _fresh(self) -> list[Switch]:
        if self._board is None:
            self._board = Switchboard(Path(self._path), create=False)
        rows = self._board.rows()
        if len(rows) < self._seen:
            raise SwitchboardError(f"{self._path}: {len(rows)} rows, and the journal knows of {self._seen}")
        if not self._anew:
            return list(rows[self._seen :])
        self._anew = False
        self._seen = len(rows)
        return list(self._board.current())

    def _lost(self, mode: Mode, why: str, now_ns: int) -> Switch:
        hard = mode is not Mode.NONE
        act = Act(who=("governor",), reason=why, now_ns=now_ns)
        return _row(Trip(Scope.GLOBAL, LOST, mode, hard), act)

    def _weigh(self) -> None:
        self.changes += 1
        for number, scopes in enumerate(self._scopes):
            self._postures[number] = posture_of(matching(self.trips, scopes))
