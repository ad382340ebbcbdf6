"""Standing: what the desks have learned from their own trades, as a fold of the journal. Same journal, same state.

A trade counts once, when the account is flat in it again: an instrument, or both legs of a route together; a contract
when it settles. It belongs to the decision that opened it. An entry of two legs counts once both orders are final, a
venue's answer once an order is. Sessions follow each other; each begins with an empty account, and one that was
continued is one.
"""

from collections import defaultdict
from typing import Any, Final, NamedTuple

from actors.obeying import wish_of
from actors.settings import decode_plan
from actors.writing import Writer
from journal.order_records import Report
from journal.records import Command, Decision, Outcome, Session
from journal.store import Journal
from market.ledger import OUTCOMES, TRADES, apply_report, open_ledger
from market.paper import REPORT, Reason, ReportKind
from market.records import Record, records
from policies.assembly import instruments_of
from policies.commands import Result
from policies.plan import Plan
from policies.track_record import (
    count_answer,
    count_entry,
    count_outcome,
    count_profit,
    open_tallies,
    setup_row,
)

READ: Final = frozenset({"session", "decision", "report", "command", "outcome"})
FINAL: Final = ("CANCEL", "REJECT")
ANSWERS: Final = ("FILL", *FINAL)
SIDE_NAMES: Final = ("long", "short")


class SideKey(NamedTuple):
    """One side of an instrument under a policy; `side` 0 is long, 1 short, -1 both."""

    desk: str
    policy: str
    instrument: str
    side: int


class SetupKey(NamedTuple):
    """A binary setup: side of an instrument under a policy in some hours of the day; `bucket` -1 is the whole day."""

    desk: str
    policy: str
    instrument: str
    side: int
    bucket: int


class RouteKey(NamedTuple):
    """A route of a desk: one instrument at each of two venues."""

    desk: str
    instrument_a: str
    instrument_b: str


class Standing:
    """Tallies of everything that has a record, and per contract its newest payout; `trades` counts what was taken."""

    def __init__(self) -> None:
        self.sides: dict[SideKey, Record] = defaultdict(_tally)
        self.setups: dict[SetupKey, Record] = defaultdict(_tally)
        self.routes: dict[RouteKey, Record] = defaultdict(_tally)
        self.venues: dict[str, Record] = defaultdict(_tally)
        self.payouts_ppm: dict[str, int] = {}
        self.sessions = self.trades = self.refused = 0
        self.head = ""


def _tally() -> Record:
    return open_tallies(1)[0]


def standing_of(journal: Journal, session: int | None = None, before: int | None = None) -> Standing:
    """Fold a journal, one session of it, or the sessions before one, into what the desks have learned."""
    standing = Standing()
    chapter: _Chapter | None = None
    number = -1
    for entry in journal.entries():
        if entry.kind not in READ:
            standing.head = entry.hash
            continue
        record = entry.record()
        if isinstance(record, Session):
            if before is not None and record.number >= before:
                break
            if record.number != number:
                number = record.number
                wanted = session is None or number == session
                chapter = _Chapter(standing, decode_plan(record.plan), number) if wanted else None
                standing.sessions += wanted
        elif chapter is not None:
            chapter.take(record)
        standing.head = entry.hash
    return standing


class _Entry:
    """An entry of two legs under way: per order what was asked for, what was filled, and whether it is final."""

    def __init__(self, decision: Decision) -> None:
        self.asked = {number: abs(leg.lots) for number, leg in zip(decision.orders, decision.legs, strict=True)}
        self.filled = dict.fromkeys(self.asked, 0)
        self.final = {number: lots == 0 for number, lots in self.asked.items()}


class _Chapter:
    """The fold of one session: its ledger, the decision behind every order, and what is open because of which."""

    def __init__(self, standing: Standing, plan: Plan, number: int) -> None:
        self.standing, self.plan = standing, plan
        self.table = instruments_of(plan)
        self.writer, self.row = Writer(plan, number), records(1, REPORT)
        self.ledger = open_ledger(self.table, int(self.table.group.max(initial=-1)) + 1, plan.cash)
        self.behind: dict[int, Decision] = {}
        self.openers: dict[int, Decision | None] = {}
        self.commands: dict[int, Command] = {}
        self.entries: dict[int, tuple[_Entry, RouteKey]] = {}
        self.heard: set[int] = set()
        self.pairs = {(one.instrument_a, one.instrument_b): plan.desks[one.desk].name for one in plan.routes}
        standing.payouts_ppm |= {one.key: one.payout_ppm for one in plan.instruments if one.payout_ppm}

    def take(self, record: Any) -> None:
        """Take the next record of the session."""
        match record:
            case Decision():
                self._decided(record)
            case Report():
                self._reported(record)
            case Command() if record.trades:
                self.commands[record.row] = record
            case Outcome() if record.result == Result.DONE and record.row in self.commands:
                self._taken_over(self.commands.pop(record.row))

    def _decided(self, decision: Decision) -> None:
        if decision.reduce or not decision.orders:
            return
        self.behind |= dict.fromkeys(decision.orders, decision)
        route = self._route_of(decision)
        if route is not None:
            entry = _Entry(decision)
            self.entries |= dict.fromkeys(decision.orders, (entry, route))

    def _route_of(self, decision: Decision) -> RouteKey | None:
        legs = tuple(leg.instrument for leg in decision.legs)
        return RouteKey(decision.desk, *legs) if len(legs) == 2 and legs in self.pairs else None

    def _reported(self, report: Report) -> None:
        self._answered(report)
        if report.report not in ("FILL", "SETTLE"):
            return
        number = self.plan.index_of(report.instrument)
        self.writer.report_row(report, self.row[0])
        apply_report(self.ledger, self.row[0])
        if self.plan.instruments[number].underlying is not None:
            for trade in self.ledger.trades[: int(self.ledger.control[TRADES])]:
                self._settled(self.behind.get(int(trade.number)), int(trade.pnl))
        else:
            self._moved(int(self.table[number].group), self.behind.get(report.number))
        self.ledger.control[:] = 0

    def _moved(self, group: int, opener: Decision | None) -> None:
        """Count what has just become flat; what is open from here on is of the decision that opened it, or nobody's."""
        for outcome in self.ledger.outcomes[: int(self.ledger.control[OUTCOMES])]:
            self._closed(self.openers.pop(group, None), int(outcome.pnl))
        if group >= 0 and self.ledger.groups[group].positions > 0:
            self.openers.setdefault(group, opener)

    def _taken_over(self, command: Command) -> None:
        """Book lots that a person took over: what they touch is no decision's result until it is flat."""
        wish = wish_of(self.plan, command)
        number, row = wish.instrument, self.row[0]
        row.time_ns, row.venue, row.instrument = wish.time_ns, self.table[number].venue, number
        row.kind, row.reason, row.number, row.execution = ReportKind.FILL, Reason.MANUAL, -1, -1
        for trade in wish.trades:
            row.lots, row.price, row.fee = trade.lots, trade.price, trade.fee
            row.rate_num, row.rate_den = trade.rate_num, trade.rate_den
            group = int(self.table[number].group)
            self.openers[group] = None
            apply_report(self.ledger, row)
            self._moved(group, None)
            self.ledger.control[:] = 0

    def _answered(self, report: Report) -> None:
        """Count an order that has become final, and an entry whose last order has."""
        decision = self.behind.get(report.number)
        if decision is None or report.report not in ANSWERS:
            return
        if report.number not in self.heard:
            self.heard.add(report.number)
            count_answer(self.standing.venues[report.venue], report.report == "REJECT")
        found = self.entries.get(report.number)
        if found is None:
            return
        entry, route = found
        if report.report == "FILL":
            entry.filled[report.number] += abs(report.lots)
        full = entry.filled[report.number] >= entry.asked[report.number]
        entry.final[report.number] |= full or report.report in FINAL
        if all(entry.final.values()):
            in_full = sum(entry.filled[one] >= lots for one, lots in entry.asked.items())
            count_entry(self.standing.routes[route], in_full, sum(lots > 0 for lots in entry.filled.values()))
            for one in entry.asked:
                del self.entries[one]

    def _closed(self, opener: Decision | None, net: int) -> None:
        """Count a trade from flat to flat."""
        if opener is None:  # what nobody decided here: taken over, or held from before the journal
            return
        route = self._route_of(opener)
        if route is not None:
            tally = self.standing.routes[route]
            count_profit(tally, opener.gain, net)
            self._count([tally], net, opener.confidence)
            return
        leg = opener.legs[0]
        key = SideKey(opener.desk, opener.policy, leg.instrument, int(leg.lots < 0))
        self._count([self.standing.sides[one] for one in (key, key._replace(side=-1))], net, opener.confidence)

    def _settled(self, opener: Decision | None, net: int) -> None:
        """Count a contract that has settled."""
        if opener is None:
            return
        leg = opener.legs[0]
        bucket = setup_row(0, 1, opener.time_ns)
        key = SetupKey(opener.desk, opener.policy, leg.instrument, int(leg.lots < 0), bucket)
        self._count([self.standing.setups[one] for one in (key, key._replace(bucket=-1))], net, opener.confidence)

    def _count(self, tallies: list[Record], net: int, claim: float) -> None:
        taken = [count_outcome(tally, net, claim) for tally in tallies]
        self.standing.trades += all(taken)
        self.standing.refused += not all(taken)
