"""The flattener: what kill switches want gone, the governor cancels; what they want closed, it closes.

It knows what is held from the reports that were taken, and what is being closed already from the watch over orders. A
person is no part of plan and data, so these decisions stand apart from those of risk (`SessionLog.closures`): they are
dated by what was taken before them, each later than the one before of its instrument, and their orders arrive at the
first instant that nobody has passed.

What waits to open at a live venue is cancelled by an instruction of its own, durable before the gateway hears of it; a
gateway over recorded data asks the switches itself.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from actors.messages import END, START
from actors.order_keeper import OrderKeeper
from actors.restoring import SessionLog
from actors.route import Route
from actors.switching import STOPPED, SwitchWatch
from journal.order_records import Report
from journal.records import Command, Decision
from market.instruments import Kind
from market.paper import OrderKind, ReportKind
from market.records import Record, Records, records
from policies.intents import INTENT, Reduce
from policies.legs import Watch, claimed
from policies.plan import Plan
from policies.switches import HARD, Mode

TRIES_MAX: Final = 5
"""How often a holding is asked to be closed before a person has to look: whatever stops it stops it again."""


class Flattener:
    """Proposes to close what the switches want closed, and has the keeper cancel what they want gone."""

    def __init__(
        self, plan: Plan, instruments: Records, log: SessionLog, routes: list[Route], keeper: OrderKeeper | None
    ) -> None:  # fmt: skip
        self._instruments, self._routes, self._keeper = instruments, routes, keeper
        self._names = [instrument.key for instrument in plan.instruments]
        self._held = np.zeros(len(instruments), np.int64)
        self._tries = np.zeros(len(instruments), np.int64)
        self._asked_ns = np.full(len(instruments), START, np.int64)
        self._cancelled = 0  # how often the switches had changed when orders were cancelled last
        self._taken_ns = START
        steps: list[Report | Decision | Command] = [*log.commands, *log.reports, *log.closures]
        for step in sorted(steps, key=lambda step: step.time_ns):
            if isinstance(step, Decision):
                self._ask(plan.index_of(step.legs[0].instrument), step.time_ns)
                continue
            if isinstance(step, Command):
                self.obeyed([step])
                continue
            self._note(plan.index_of(step.instrument), step.report == ReportKind.FILL.name, step.lots)
            self._taken_ns = max(self._taken_ns, step.time_ns)

    def taken(self, report: Any) -> None:
        """Take a report into account."""
        self._note(int(report["instrument"]), int(report["kind"]) == ReportKind.FILL, int(report["lots"]))
        self._taken_ns = max(self._taken_ns, int(report["time_ns"]))

    def obeyed(self, commands: Sequence[Command]) -> Sequence[Command]:
        """Take into account what is taken over of what was traded past us; return the commands again."""
        for command in commands:
            if command.trades:
                self._note(self._names.index(command.subject), fills=True, lots=command.amount)
        return commands

    def _note(self, instrument: int, fills: bool, lots: int) -> None:
        if fills and self._instruments[instrument].kind != Kind.BINARY:
            self._held[instrument] += lots
            if self._held[instrument] == 0:
                self._tries[instrument] = 0

    def _ask(self, instrument: int, time_ns: int) -> None:
        self._tries[instrument] += 1
        self._asked_ns[instrument] = time_ns

    def proposed(
        self, watch: Watch, switches: SwitchWatch, told: tuple[int, int] | None, ruled_ns: int
    ) -> Records:  # fmt: skip
        """Return intents that close what is held and not being closed yet; none before it is known how far all are."""
        self._withdraw(switches, max(ruled_ns, self._taken_ns, 0))
        wanted = np.flatnonzero((switches.postures == Mode.FLATTEN_AND_BLOCK) & (self._held != 0))
        if not len(wanted) or told is None or told[0] >= END or any(route.passed_ns == END for route in self._routes):
            return records(0, INTENT)
        found = [int(k) for k in wanted if self._is_due(watch, int(k))]
        intents = records(len(found), INTENT)
        for intent, number in zip(intents, found, strict=True):
            intent.time_ns = max(ruled_ns, self._taken_ns, int(self._asked_ns[number]) + 1)
            self._ask(number, int(intent.time_ns))
            intent.desk = max(int(self._instruments[number].desk), 0)
            intent.view_number, intent.group = -1, self._instruments[number].group
            intent.legs, intent.reduce, intent.order_kind = 1, Reduce.SWITCH, OrderKind.MARKET
            intent.instrument0, intent.instrument1, intent.lots0 = number, -1, -self._held[number]
            intent.confidence, intent.first_order = 1.0, -1
        return intents

    def _withdraw(self, switches: SwitchWatch, time_ns: int) -> None:
        """Cancel what waits to open where a switch says so: once per change of them, as nothing new may open there."""
        if self._keeper is None or self._cancelled == switches.changes:
            return
        self._cancelled = switches.changes
        gone = {self._names[k] for k in np.flatnonzero(switches.postures % HARD >= Mode.CANCEL_AND_BLOCK)}
        self._keeper.withdraw(gone, time_ns, STOPPED)

    def _is_due(self, watch: Watch, number: int) -> bool:
        held = int(self._held[number])
        return claimed(watch, number, -1 if held > 0 else 1) < abs(held) and self._tries[number] < TRIES_MAX

    def arrival_ns(self, order: Record, told: tuple[int, int] | None) -> int:
        """Return when an order of ours may arrive: after what its gateway and risk have passed, at the earliest."""
        route = self._routes[int(self._instruments[int(order.instrument)].venue)]
        return max(int(order.arrive_ns), route.passed_ns + 1, (told or (START, 0))[0] + 1)
