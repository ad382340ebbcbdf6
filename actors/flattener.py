"""The flattener: where a kill switch says FLATTEN_AND_BLOCK, the governor closes what is held there.

It knows what is held from the reports that were taken, and what is being closed already from the watch over orders. A
person is no part of plan and data, so these decisions stand apart from those of risk (`SessionLog.closures`): they are
dated by what was taken before them, and their orders arrive at the first instant that nobody has passed.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.messages import END, START
from actors.route import Route
from journal.records import Report
from market.instruments import Kind
from market.paper import OrderKind, ReportKind
from market.records import Record, Records, records
from policies.intents import INTENT, Reduce
from policies.legs import Watch, claimed
from policies.plan import Plan
from policies.switches import Mode

TRIES_MAX: Final = 5
"""How often a holding is asked to be closed before a person has to look: whatever stops it stops it again."""


class Flattener:
    """Proposes to close what the switches want closed."""

    def __init__(
        self, plan: Plan, instruments: Records, reports: Sequence[Report], routes: Sequence[Route]
    ) -> None:  # fmt: skip
        self._instruments, self._routes = instruments, routes
        self._held = np.zeros(len(instruments), np.int64)
        self._tries = np.zeros(len(instruments), np.int64)
        self._taken_ns = 0
        for report in reports:
            self._note(plan.index_of(report.instrument), report.report == ReportKind.FILL.name, report.lots)
            self._taken_ns = max(self._taken_ns, report.time_ns)

    def taken(self, report: Any) -> None:
        """Take a report into account."""
        self._note(int(report["instrument"]), int(report["kind"]) == ReportKind.FILL, int(report["lots"]))
        self._taken_ns = max(self._taken_ns, int(report["time_ns"]))

    def _note(self, instrument: int, fills: bool, lots: int) -> None:
        if fills and self._instruments[instrument].kind != Kind.BINARY:
            self._held[instrument] += lots
            if self._held[instrument] == 0:
                self._tries[instrument] = 0

    def proposed(
        self, watch: Watch, postures: NDArray[np.int64], told: tuple[int, int] | None, ruled_ns: int
    ) -> Records:  # fmt: skip
        """Return intents that close what is held and not being closed yet; none before it is known how far all are."""
        wanted = np.flatnonzero((postures == Mode.FLATTEN_AND_BLOCK) & (self._held != 0))
        if not len(wanted) or told is None or told[0] >= END or any(route.passed_ns == END for route in self._routes):
            return records(0, INTENT)
        found = [int(k) for k in wanted if self._is_due(watch, int(k))]
        intents = records(len(found), INTENT)
        for intent, number in zip(intents, found, strict=True):
            self._tries[number] += 1
            intent.time_ns, intent.desk = max(ruled_ns, self._taken_ns), max(int(self._instruments[number].desk), 0)
            intent.view_number, intent.group = -1, self._instruments[number].group
            intent.legs, intent.reduce, intent.order_kind = 1, Reduce.SWITCH, OrderKind.MARKET
            intent.instrument0, intent.instrument1, intent.lots0 = number, -1, -self._held[number]
            intent.confidence, intent.first_order = 1.0, -1
        return intents

    def _is_due(self, watch: Watch, number: int) -> bool:
        held = int(self._held[number])
        return claimed(watch, number, -1 if held > 0 else 1) < abs(held) and self._tries[number] < TRIES_MAX

    def arrival_ns(self, order: Record, told: tuple[int, int] | None) -> int:
        """Return when an order of ours may arrive: after what its gateway and risk have passed, at the earliest."""
        route = self._routes[int(self._instruments[int(order.instrument)].venue)]
        return max(int(order.arrive_ns), route.passed_ns + 1, (told or (START, 0))[0] + 1)
