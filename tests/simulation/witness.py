"""The witness: sees every record, every order that leaves and every step of a world, and objects at once.

It keeps its own books in plain Python, from the journal alone; the only kernel that it calls is the fold of a report.
"""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from actors.gateway import Gateway
from actors.settings import GOVERNOR, RISK
from actors.world import World
from actors.writing import Writer, rows_of
from journal.order_records import Order, Report
from journal.record import Record
from journal.records import AnyRecord, Claim, Decision, Latch, Snapshot, Stop
from journal.store import MemoryJournal
from market.instruments import Kind
from market.ledger import apply_report
from market.orders import client_order_id
from market.paper import ORDER, REPORT
from policies.assembly import book_of
from policies.bookkeeping import DAY_NS
from policies.plan import Plan
from policies.risk import LIVE_COUNT

SENT = (
    "number", "instrument", "lots", "kind", "limit", "stop", "target", "hold_ns", "reduce", "reason", "arrive_ns",
    "sent_ns", "breakeven_at", "trail_at", "trail_by",
)  # fmt: skip
"""What of an order must leave as it was journaled."""

PROTECTION = ("STOP", "TARGET", "TIME", "EMERGENCY")
FOLDED = ("cash", "realised", "fees", "fills", "open_positions", "open_groups")


class Violation(AssertionError):  # noqa: N818 - it reads as what it says
    """An invariant of DESIGN section 5 does not hold."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


class Witness:
    """Holds what happened against what may happen."""

    def __init__(self, plan: Plan, session: int = 1) -> None:
        self.plan = plan
        self.writer = Writer(plan, session)
        self.epoch = 0
        self.decisions: dict[int, Decision] = {}
        self.orders: dict[int, Order] = {}
        self.reports: list[Report] = []
        self.left: dict[int, int] = defaultdict(int)
        self._seen: dict[str, int] = defaultdict(int)
        self._claims = 0
        self._open: dict[int, int] = {}
        self._contracts: dict[int, int] = {}
        self._executions: dict[str, int] = defaultdict(int)
        self._held: dict[str, int] = defaultdict(int)
        self._standing: dict[str, int] = {}
        self._bound: dict[tuple[str, int], int] = defaultdict(int)
        self._blocked: dict[str, int] = {}
        self._time_ns = 0
        self._ordered = 0
        self._stops = 0
        self._specs = {item.key: item for item in plan.instruments}
        self._book: Any = None
        self._folded = 0
        self._fold_ns = -1
        self._risk: Any = None
        self._row = rows_of(REPORT, 1)[0]

    # -- the journal --------------------------------------------------------------------------------------------------

    def claimed(self, epoch: int) -> None:
        must(epoch == self.epoch + 1, f"epoch {epoch} after {self.epoch}: epochs rise by one and belong to one life")
        self.epoch = epoch

    def appended(self, epoch: int, batch: list[AnyRecord]) -> None:
        """Take what one transaction made durable."""
        must(epoch == self.epoch, f"epoch {epoch} wrote after {self.epoch} had been claimed")
        for record in batch:
            must(self._stops == 0 or isinstance(record, Claim), f"{record} after the end of the run")
            match record:
                case Decision():
                    self._decision(record)
                case Order():
                    self._order(record)
                case Report():
                    self._report(record)
                case Latch():
                    self._blocked.update(dict.fromkeys(record.rules, record.time_ns // DAY_NS))
                case Stop():
                    self._stops += record.complete
                case Snapshot():
                    must(
                        not self.reports or self.reports[-1].time_ns <= record.time_ns,
                        "a snapshot is older than a report before it",
                    )
            if not isinstance(record, Claim) and hasattr(record, "epoch"):
                must(record.epoch == epoch, f"a record of epoch {record.epoch} was written under {epoch}")
            self._exposures(record)
        durable = [record.number for record in batch if isinstance(record, Order)]
        for record in batch:
            if isinstance(record, Decision):
                wanted = (
                    [n for n, leg in zip(record.orders, record.legs, strict=True) if leg.lots] if record.orders else []
                )
                must(set(wanted) <= set(durable), f"decision {record.intent_id} is durable without its orders")

    def _decision(self, record: Decision) -> None:
        must((record.ruling == "EXECUTE") == bool(record.orders), f"{record.intent_id}: orders without EXECUTE")
        must(not (record.rules and record.orders), f"{record.intent_id} was refused and executed")
        must((record.ruling == "REFUSED") == bool(record.rules), f"{record.intent_id}: refused without a rule")
        for number in record.orders:
            must(number not in self.decisions, f"order number {number} was decided twice")
            self.decisions[number] = record
        if not record.orders or record.reduce:
            return
        day = record.time_ns // DAY_NS
        must("TOTAL_DRAWDOWN" not in self._blocked, f"{record.intent_id} opens after the drawdown latch")
        must(self._blocked.get("DAILY_LOSS") != day, f"{record.intent_id} opens after the day's loss latch")

    def _order(self, record: Order) -> None:
        must(record.number not in self.orders, f"order {record.number} was journaled twice")
        decision = self.decisions.get(record.number)
        if decision is not None:
            leg = decision.orders.index(record.number)
            origin = decision.intent_id
            must(
                (record.instrument, record.lots) == (decision.legs[leg].instrument, decision.legs[leg].lots),
                f"order {record.number} is not the leg that was decided",
            )
        else:
            leg, origin = 0, self.writer.follow_up_id(record.number)
            must(record.reduce, f"order {record.number} opens without a decision")
            must(
                bool(self.reports) and self.reports[-1].time_ns == record.time_ns,
                f"order {record.number} follows up on nothing",
            )
        must(record.order_id == client_order_id("tri", origin, leg, 0), f"order {record.number}: foreign order_id")
        must(record.time_ns >= self._ordered, f"order {record.number} is out of time order")
        self._ordered = record.time_ns
        self.orders[record.number] = record
        self._open[record.number] = abs(record.lots)

    def _report(self, record: Report) -> None:
        order = self.orders.get(record.number)
        must(order is not None, f"report {record.venue}-{record.execution} is about an order that nobody sent")
        assert order is not None
        must(record.execution == self._executions[record.venue], f"{record.venue}: execution {record.execution}")
        self._executions[record.venue] += 1
        must(record.time_ns >= self._time_ns, f"report {record.venue}-{record.execution} is out of time order")
        must(record.time_ns >= order.arrive_ns, f"order {record.number} was reported before it arrived")
        self._time_ns = record.time_ns
        binary = self._specs[record.instrument].kind is Kind.BINARY
        if not binary:
            self._protection(record, order)
        if record.report == "SETTLE":
            must(self._contracts.pop(record.number, 0) == -record.lots, f"contract {record.number} settles twice")
            self._held[record.instrument] -= abs(record.lots)
        elif record.reason not in PROTECTION:
            self._open[record.number] -= abs(record.lots)
            must(self._open[record.number] >= 0, f"order {record.number} was reported beyond its size")
        if record.report == "FILL":
            self._held[record.instrument] += abs(record.lots) if binary else record.lots
            if binary:
                self._contracts[record.number] = record.lots
        self.reports.append(record)

    def _protection(self, record: Report, order: Order) -> None:
        """What reduces never opens or flips; a stop only goes toward the market, step by step; a stop closes all."""
        key, held = record.instrument, self._held[record.instrument]
        after = held + record.lots
        name = f"report {record.venue}-{record.execution}"
        if record.report == "FILL" and record.reason in PROTECTION:
            left = abs(after) < abs(held) and after * held >= 0 if record.reason == "EMERGENCY" else after == 0
            must(left, f"{name}: a protective close leaves {after} lots")
        elif record.report == "FILL" and order.reduce:
            must(abs(after) < abs(held) and after * held >= 0, f"{name}: a reduction takes {held} lots to {after}")
        if record.report == "AMEND":
            sign = 1 if held > 0 else -1
            must(held != 0 and record.lots == 0, f"{name}: amends what is not held")
            must((record.price - record.stop_before) * sign >= 0, f"{name}: widens a stop")
            must(self._standing.get(key, record.stop_before) == record.stop_before, f"{name}: amends another stop")
            self._standing[key] = record.price
        elif record.report == "FILL":  # an opening fill may bring a tighter one: that is the venue's to tell
            self._standing.pop(key, None)

    def _exposures(self, record: Record) -> None:
        """Every position with its working orders is within what was allowed when a decision last raised it."""
        if not isinstance(record, Decision | Report) or (isinstance(record, Decision) and not record.orders):
            return
        keys = {leg.instrument for leg in record.legs} if isinstance(record, Decision) else {record.instrument}
        for key in keys:
            for side in (1, -1):
                exposure = self._exposure(key, side)
                if exposure > self._bound[key, side]:
                    must(isinstance(record, Decision) and not record.reduce, f"{key}: {record} raises the exposure")
                    assert isinstance(record, Decision)
                    leg = next(leg for leg in record.legs if leg.instrument == key)
                    most = self._most(key, leg.ask, record.equity)
                    must(exposure <= most, f"{key}: {exposure} lots with working orders, {most} allowed")
                self._bound[key, side] = exposure

    def _exposure(self, key: str, side: int) -> int:
        """Return the lots that would be held on a side if every working order of that side filled."""
        binary = self._specs[key].kind is Kind.BINARY
        working = 0
        for number, decision in self.decisions.items():
            leg = decision.legs[decision.orders.index(number)]
            if leg.instrument == key and not decision.reduce and (binary or leg.lots * side > 0):
                working += self._open.get(number, abs(leg.lots))
        held = self._held[key] if binary else self._held[key] * side
        return max(held, 0) + working if binary or working else max(held, 0)

    def _most(self, key: str, ask: int, equity: int) -> int:
        """Return the most lots that the limit allows at a price."""
        spec = self._specs[key]
        cap = Fraction(equity * self.plan.limits.position_ppm_max, 10**12)
        if spec.kind is Kind.BINARY:
            return int(cap / Fraction(Decimal(spec.tick_size) * Decimal(spec.lot_size)))
        lot = Fraction(Decimal(str(spec.lot_size)))
        if spec.base == self.plan.currency:  # worth its lots in account money, up to half a spread
            return int(cap / lot * (1 + Fraction(1, 1000)))
        return int(cap / (lot * ask * Fraction(Decimal(str(spec.tick_size)))))

    # -- the doors ----------------------------------------------------------------------------------------------------

    def knows(self, gateway: str, epoch: int) -> None:
        """A gateway has heard of an epoch."""
        self._seen[gateway] = max(self._seen[gateway], epoch)

    def leaves(self, gateway: str, epoch: int, row: Any, before: set[int]) -> None:
        """An order leaves through a gateway, in a life in which those `before` have left."""
        number = int(row["number"])
        must(epoch >= self._seen[gateway], f"{gateway}: order {number} of the fenced epoch {epoch} leaves")
        must(number not in before, f"{gateway}: order {number} leaves twice")
        order = self.orders.get(number)
        must(order is not None, f"{gateway}: order {number} leaves before it is in the journal")
        assert order is not None
        must(number in self.decisions or order.reduce, f"{gateway}: order {number} leaves without a decision")
        kept = rows_of(ORDER, 1)[0]
        self.writer.order_row(order, kept)
        changed = [name for name in SENT if int(kept[name]) != int(row[name])]
        must(not changed, f"{gateway}: order {number} leaves with another {', '.join(changed)} than journaled")

    # -- every step ---------------------------------------------------------------------------------------------------

    def step(self, world: World) -> None:
        """Hold risk's book against the journal."""
        risk = world.actor(RISK)
        if risk is None:
            return
        self._ledger(risk)
        self._reservations(risk)

    def _ledger(self, risk: Any) -> None:
        if risk is not self._risk:
            self._risk, self._book, self._folded, self._fold_ns = risk, book_of(self.plan), 0, -1
        if risk._done_ns <= self._fold_ns:
            return
        self._fold_ns = risk._done_ns
        while self._folded < len(self.reports) and self.reports[self._folded].time_ns <= self._fold_ns:
            self.writer.report_row(self.reports[self._folded], self._row)
            apply_report(self._book.ledger, self._row)
            self._folded += 1
        ours, theirs = self._book.ledger, risk._book.ledger
        wrong = [name for name in FOLDED if int(ours.account[0][name]) != int(theirs.account[0][name])]
        columns = ("lots", "cost", "fees")
        wrong += [name for name in columns if not np.array_equal(ours.positions[name], theirs.positions[name])]
        must(not wrong, f"risk's ledger at {self._fold_ns} is not the fold of the journal in {', '.join(wrong)}")

    def _reservations(self, risk: Any) -> None:
        """What is reserved is what works at the venues, and what waits for the governor's ruling; nothing else."""
        book = risk._book
        expected = [[0] * len(book.working_long), [0] * len(book.working_short)]
        for row in book.live[: int(book.counts[LIVE_COUNT])].tolist():
            number, instrument, lots, *_ = row
            must(number in self.orders, "risk reserves for an order that is not in the journal")
            expected[lots < 0][instrument] += abs(lots)
        for intent in risk._group if risk._group is not None else ():
            if intent.rules == 0 and intent.reduce == 0:
                for leg in range(int(intent.legs)):
                    lots = int(intent[f"lots{leg}"])
                    expected[lots < 0][int(intent[f"instrument{leg}"])] += abs(lots)
        reserved = [book.working_long.tolist(), book.working_short.tolist()]
        if reserved != expected:
            raise Violation(f"reserved are (long, short) {reserved}, working {expected}")

    # -- the end ------------------------------------------------------------------------------------------------------

    def ended(self, world: World) -> None:
        """Hold the whole run against itself once it has come to its end."""
        wanted = {n for n, d in self.decisions.items() if d.legs[d.orders.index(n)].lots}
        missing = wanted - set(self.orders)
        must(not missing, f"executed and never ordered: {sorted(missing)}")
        lost = set(self.orders) - set(self.left)
        must(not lost, f"ordered and never sent: {sorted(lost)}")
        unfinished = [number for number, lots in self._open.items() if lots]
        must(not unfinished, f"orders without a final status: {unfinished}")
        must(not self._contracts, f"contracts that never settled: {sorted(self._contracts)}")
        governor = world.actor(GOVERNOR)
        must(governor.epoch == self.epoch, "the governor at the end is not the newest one")


class WatchedJournal(MemoryJournal):
    """A journal that shows the witness what it has made durable."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def claim(self, owner: str, now_ns: int) -> int:
        epoch = super().claim(owner, now_ns)
        must(epoch == self._witness.epoch, f"claimed {epoch}")
        return epoch

    def append(self, epoch: int, records: Any) -> int:
        seq = super().append(epoch, records)
        for record in records:
            if isinstance(record, Claim):
                self._witness.claimed(record.epoch)
        self._witness.appended(epoch, list(records))
        return seq


class WatchedGateway(Gateway):
    """A gateway that shows the witness what leaves."""

    def __init__(self, witness: Witness, name: str, *arguments: Any) -> None:
        self._witness = witness
        self._batch_epoch = 0
        self._gone: set[int] = set()
        super().__init__(name, *arguments)
        witness.knows(name, witness.epoch)  # the journal that it was restored from says so

    def on_orders(self, batch: Any) -> None:
        self._batch_epoch = batch.epoch
        super().on_orders(batch)
        self._witness.knows(self.name, batch.epoch)

    def _submit(self, order: Any) -> None:
        self._witness.leaves(self.name, self._batch_epoch, order, self._gone)
        super()._submit(order)

    def _put(self, order: Any, *, withheld: bool = False) -> None:
        """Also what a restored gateway adopts from the journal."""
        self._gone.add(int(order["number"]))
        self._witness.left[int(order["number"])] += 1
        super()._put(order, withheld=withheld)
