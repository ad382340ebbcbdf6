"""Gateways: one per venue, the only place from which an order leaves.

A gateway takes orders of the highest epoch it has seen and of no lower one, each number once, in their sequence. With
recorded data the venue behind it is the simulated one, moved by the same rows that the feeds hand out; it goes on only
as far as the governor has promised that no further order will arrive.
"""

from collections import deque
from itertools import takewhile
from typing import Any, Final

import numpy as np

from actors.messages import END, START, Orders, Pull, Reports
from actors.restoring import ordered, read_session
from actors.rows import Asking
from actors.settings import GOVERNOR, SUPERVISOR, JournalOpener, Resolver, Settings
from actors.simulated import own_tape
from actors.switching import LastHop
from actors.writing import Writer, rows_of
from journal.order_records import Report
from market.matching import adopt_report, resume_orders, run_venue, submit, withhold
from market.paper import (
    COUNT,
    GUARDED,
    NEXT_DUE,
    ORDER,
    PENDING,
    REPORT,
    REPORTS,
    STOP_RULES,
    WITHHELD,
    PaperVenue,
    Reason,
    paper_venue,
)
from market.quotes import update_quote
from market.records import Record, Records, joined, packed, unpacked
from market.tape import newest_rows
from policies.assembly import feeds_of, instruments_of

ROOM: Final = 64
"""Reports that one instant may bring, and four more per instrument."""


class Gateway:
    """One venue's door, with its simulated venue behind it."""

    def __init__(self, name: str, settings: Settings, resolve: Resolver, journal: JournalOpener) -> None:
        self.name = name
        self._settings = settings
        self._resolve = resolve
        self._home = settings.gateways.index(name)
        plan = settings.plan
        self._feeds = feeds_of(plan)
        self._instruments = instruments_of(plan)
        self._tape, end_ns = own_tape(settings, self._instruments, self._feeds, self._home)
        self._venue = paper_venue(self._instruments, len(plan.venues), end_ns)
        self._venue.control[STOP_RULES] = plan.rules.stops
        self._room = ROOM + 4 * len(self._instruments)
        self._hop = LastHop(settings.switches_path, plan)
        self._fate: dict[int, int] = {}  # of orders with a report in the journal: when they were withheld, or START
        self._orders = 0
        self._row = 0
        self._kept: deque[Records] = deque()
        self._asking = Asking(settings.batches_ahead)
        self._restore(journal)

    def _restore(self, journal: JournalOpener) -> None:
        """Bring the venue to the newest cut of the journal: prices, holdings, open contracts, orders under way."""
        log = read_session(journal)
        self._fence = log.epoch  # what a lower epoch still sends is refused from the first message on
        self._done_ns = log.cut_ns
        writer = Writer(self._settings.plan, self._settings.session)
        self._row = int(np.searchsorted(self._tape.time_ns, self._done_ns, side="right"))
        for row in newest_rows(self._tape, self._row, len(self._feeds)):
            update_quote(self._venue.quotes, self._feeds[self._tape.feed[row]].instrument, self._tape, row)
        for said in log.reports:
            self._fate[said.number] = said.time_ns if said.reason == Reason.WITHHELD.name else START
        order, report = rows_of(ORDER, 1)[0], rows_of(REPORT, 1)[0]
        for record in ordered(log, self._done_ns):
            if isinstance(record, Report):
                if record.venue == self._settings.plan.venues[self._home].name:
                    writer.report_row(record, report)
                    adopt_report(self._venue, report)
                continue
            writer.order_row(record, order)
            if self._instruments[order.instrument].venue == self._home:
                self._orders += 1
                self._put(order, withheld=self._is_stopped(order))
        resume_orders(self._venue, self._done_ns)

    @property
    def venue(self) -> PaperVenue:
        """Return the venue behind this door."""
        return self._venue

    # -- what it hears ------------------------------------------------------------------------------------------------

    def on_orders(self, batch: Orders) -> None:
        """Take orders in their sequence; refuse a fenced epoch; go on as far as is promised."""
        if batch.epoch < self._fence:
            return
        self._fence = batch.epoch
        while self._kept and self._kept[0].time_ns[-1] <= batch.cut_ns:
            self._kept.popleft()
        if batch.first > self._orders:
            self._resolve(GOVERNOR).on_pull.remote(Pull(self.name, self._orders, again=True))
            return
        for order in unpacked(batch.orders, ORDER)[self._orders - batch.first :]:
            assert order["arrive_ns"] > self._done_ns, "an order came after its venue had passed its arrival"
            self._submit(order)
            self._orders += 1
        self._advance(batch.horizon_ns)

    def on_pull(self, pull: Pull) -> None:
        """The governor has reports up to `after_ns`: report what came after it again."""
        self._tell(pull.after_ns)

    def on_tick(self, now_ns: int) -> None:
        """Ask for orders that may have been lost, when none has come and nothing else for a tick."""
        self._resolve(SUPERVISOR).on_alive.remote(self.name, self.status())
        if self._asking.is_silent(GOVERNOR, self._done_ns):
            self._resolve(GOVERNOR).on_pull.remote(Pull(self.name, self._orders, again=True))

    # -- what it does -------------------------------------------------------------------------------------------------

    def _submit(self, order: Record) -> None:
        """Let an order leave, if no kill switch stops it: there is no other place from which one does."""
        self._put(order, withheld=self._is_stopped(order))

    def _is_stopped(self, order: Record) -> bool:
        """Ask the kill switches about an order that is still on its way.

        One of which the journal has a report meets again what it met before this gateway was started anew.
        """
        number = int(order["number"])
        if number in self._fate:
            return self._fate[number] != START
        return bool(order["arrive_ns"] > self._done_ns) and not self._hop.decide(order).allowed

    def _put(self, order: Record, *, withheld: bool = False) -> None:
        if withheld and int(order["number"]) in self._fate:
            order["arrive_ns"] = self._fate[int(order["number"])]
        taken = withhold(self._venue, order) if withheld else submit(self._venue, order)
        assert taken, f"{self.name} has no room for order {order['number']}"

    def _advance(self, horizon_ns: int) -> None:
        """Let the venue run up to the horizon and tell what it reported."""
        if horizon_ns <= self._done_ns:
            self._tell(self._done_ns)
            return
        after = self._done_ns
        self._withdraw()
        while True:
            self._row = run_venue(self._venue, self._feeds, self._tape, self._row, horizon_ns, self._room)
            count = int(self._venue.control[REPORTS])
            if count:
                self._kept.append(self._venue.reports[:count].copy())
                self._venue.control[REPORTS] = 0
            if count + self._room <= len(self._venue.reports):
                break
        self._done_ns = horizon_ns
        self._tell(after)

    def _withdraw(self) -> None:
        """Cancel what still waits to open where a switch says so: at the first instant that nobody counts on."""
        if not self._settings.switches_path:
            return
        for order in self._venue.orders[: self._venue.control[COUNT]]:
            if order.state == PENDING and order.reduce == 0 and self._hop.cancels(order):
                order.state, order.arrive_ns = WITHHELD, max(int(order.arrive_ns), self._calm_ns() + 1)
                self._venue.control[NEXT_DUE] = min(int(self._venue.control[NEXT_DUE]), int(order.arrive_ns))

    def _tell(self, after_ns: int) -> None:
        fresh = takewhile(lambda piece: piece.time_ns[-1] > after_ns, reversed(self._kept))
        reports = joined(list(fresh)[::-1], REPORT)
        rows = packed(reports[reports.time_ns > after_ns])
        message = Reports(
            self.name, self._fence, after_ns, self._done_ns, rows, calm_ns=self._calm_ns(), orders=self._orders
        )  # fmt: skip
        self._resolve(GOVERNOR).on_reports.remote(message)

    def _calm_ns(self) -> int:
        """Return up to when the venue reports nothing, if no further order arrives: its next row or due ends that."""
        control, times = self._venue.control, self._tape.time_ns
        if control[COUNT] == 0 and control[GUARDED] == 0:
            return END
        row_ns = int(times[self._row]) if self._row < len(times) else END + 1
        return max(min(row_ns, int(control[NEXT_DUE])) - 1, self._done_ns)

    def status(self) -> dict[str, Any]:
        """Tell how the venue is."""
        return {
            "name": self.name,
            "epoch": self._fence,
            "done_ns": self._done_ns,
            "orders": self._orders,
            "live": int(self._venue.control[COUNT]),
            "routes_in": [GOVERNOR],
            "routes_out": [GOVERNOR],
        }
