"""Reconciling with one venue: fetch missing executions, compare the account, say which instruments are blocked.

A comparison counts when the venue and we have taken the same number of executions. A position that differs then is a
break at once; an order that differs is asked for first, and is a break when the next comparison still finds it so.
Executions of orders that are not ours (somebody traded by hand) leave a break until a person accepts them.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from actors.dialogue import Asked, Dialogue
from actors.executions import Executions
from actors.order_entry import OrderEntry
from market.orders import TERMINAL, OrderStatus
from market.reconciliation import Break, BreakKind, Snapshot, WorkingOrder, reconcile
from venues.messages import Answer, AnswerKind, Holdings, RequestKind

OF_ORDERS: Final = frozenset({BreakKind.MISSING_AT_VENUE, BreakKind.FILL_GAP, BreakKind.QTY_MISMATCH})


class Comparison(Struct, frozen=True):
    """What a comparison found: orders to ask for again, and whether the breaks that stand are others than before."""

    doubtful: tuple[int, ...]
    is_news: bool


class Reconciler:
    """Which breaks stand.

    `adjustments` are lots per instrument that a person has accepted as ours, `moved` those that the venue has moved
    without an order of ours: by a protection, at an expiry.
    """

    def __init__(self, prefix: str) -> None:
        self.adjustments: dict[str, int] = {}
        self.moved: dict[str, int] = {}
        self.breaks: tuple[Break, ...] = ()
        self._prefix = prefix
        self._suspected: frozenset[tuple[BreakKind, str]] = frozenset()

    @property
    def blocked(self) -> frozenset[str]:
        """Return the instruments that take no new risk."""
        return frozenset(item.instrument for item in self.breaks)

    def compare(
        self, holdings: Holdings, entries: Mapping[int, OrderEntry], number_of: Mapping[str, int]
    ) -> Comparison:
        """Compare the account; the caller has seen to it that both sides have the same executions."""
        settled = {number: entry for number, entry in entries.items() if entry.is_working and _is_settled(entry)}
        theirs, unsure = [], []
        for order in holdings.orders:
            number = number_of.get(order.client_id)
            if number is None or number in settled:
                name = settled[number].client_id if number is not None else order.client_id
                theirs.append(WorkingOrder(name, order.instrument, abs(order.lots), order.cum))
            elif entries[number].state.inferred:
                unsure.append(number)  # taken for absent here, working there
        for number, entry in entries.items():
            if entry.is_doubtful and number not in unsure:
                entry.doubts += 1
                unsure.append(number)
        ours = [
            WorkingOrder(entry.client_id, entry.spec.instrument, entry.state.lots, entry.state.cum)
            for entry in settled.values()
        ]
        held = positions_of(entries.values(), self.adjustments, self.moved)
        found = reconcile(Snapshot(held, ours), Snapshot(holdings.positions, theirs), held, self._prefix)
        suspected = frozenset((item.kind, item.key) for item in found if item.kind in OF_ORDERS)
        standing = tuple(
            item for item in found if item.kind not in OF_ORDERS or (item.kind, item.key) in self._suspected
        )  # fmt: skip
        doubtful = [number_of[key] for _, key in sorted(suspected)] + unsure
        is_news, self.breaks, self._suspected = standing != self.breaks, standing, suspected
        return Comparison(tuple(doubtful), is_news)


def _is_settled(entry: OrderEntry) -> bool:
    return entry.asking is None and not entry.recheck


def positions_of(
    entries: Iterable[OrderEntry], adjustments: Mapping[str, int], moved: Mapping[str, int]
) -> dict[str, int]:
    """Return the net lots per instrument that our executions, accepted adjustments and what was `moved` add up to."""
    held = dict(adjustments)
    for name, lots in moved.items():
        held[name] = held.get(name, 0) + lots
    for entry in entries:
        if entry.state.cum:
            held[entry.spec.instrument] = held.get(entry.spec.instrument, 0) + entry.side * entry.state.cum
    return {name: lots for name, lots in sorted(held.items()) if lots}


class Upkeep:
    """Asks for missing executions and for the account, one request of each kind at a time, until it is answered."""

    def __init__(self, dialogue: Dialogue, every_ns: int, now_ns: int) -> None:
        self._dialogue = dialogue
        self._every_ns = every_ns
        self._compare_ns = now_ns
        self._hastened = True
        self._asking: dict[RequestKind, int] = {}
        self._tries: dict[RequestKind, int] = {}
        self._next_ns: dict[RequestKind, int] = {}
        self.is_current = False

    def hasten(self, now_ns: int) -> None:
        """Compare soon."""
        self._hastened = True
        self._compare_ns = min(self._compare_ns, now_ns)

    def work(self, executions: Executions, now_ns: int) -> None:
        """Ask for what is due."""
        if executions.is_missing_some or not self.is_current:
            self._ask(RequestKind.EXECUTIONS, now_ns, after=executions.contiguous)
        probe = self._dialogue.circuit.is_probe_due(now_ns)
        if probe or now_ns >= self._compare_ns:
            self._ask(RequestKind.SNAPSHOT, now_ns)

    def next_ns(self, executions: Executions, *, idle: bool) -> int | None:
        """Return when it has something to ask, if nothing comes before; who is idle waits for no regular comparison."""
        wanted = []
        if (executions.is_missing_some or not self.is_current) and RequestKind.EXECUTIONS not in self._asking:
            wanted.append(self._next_ns.get(RequestKind.EXECUTIONS, 0))
        if (self._hastened or not idle) and RequestKind.SNAPSHOT not in self._asking:
            wanted.append(max(self._compare_ns, self._next_ns.get(RequestKind.SNAPSHOT, 0)))
        return min(wanted, default=None)

    @property
    def is_compared(self) -> bool:
        """Tell whether all that was fetched or changed has been compared since."""
        return self.is_current and not self._hastened and not self._asking

    def lost(self) -> None:
        """The connection broke: executions may have been missed."""
        self.is_current = False
        self._asking.clear()

    def missed(self, asked: Asked, now_ns: int) -> None:
        """A request was not answered: try again after a pause."""
        kind = asked.request.kind
        if self._asking.get(kind) == asked.request.number:
            del self._asking[kind]
            tries = self._tries.get(kind, 0)
            self._next_ns[kind] = now_ns + self._dialogue.pause_ns(tries)
            self._tries[kind] = tries + 1

    def answered(self, asked: Asked, answer: Answer, now_ns: int) -> None:
        """Take note of an answer (its executions have been taken)."""
        kind = asked.request.kind
        if self._asking.get(kind) == asked.request.number:
            del self._asking[kind]
        self._tries[kind] = 0
        if answer.kind is AnswerKind.THROTTLED:
            self._next_ns[kind] = now_ns + answer.retry_after_ns
        elif kind is RequestKind.EXECUTIONS:
            self.is_current = True
        elif kind is RequestKind.SNAPSHOT:
            self._compare_ns = now_ns + self._every_ns
            self._hastened = False

    def _ask(self, kind: RequestKind, now_ns: int, **what: int) -> None:
        if kind in self._asking or now_ns < self._next_ns.get(kind, 0):
            return
        asked = self._dialogue.ask(kind, now_ns, reduces=True, **what)
        if asked is not None:
            self._asking[kind] = asked.request.number


def is_unknown(entry: OrderEntry) -> bool:
    """Tell whether it is not known what became of an order; a final one asked for again is no reason to wait."""
    return entry.state.status is OrderStatus.UNKNOWN or (entry.recheck and entry.state.status not in TERMINAL)
