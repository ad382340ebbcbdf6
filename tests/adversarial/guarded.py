"""Our side: the real book, moved and asked by the same compiled functions as the risk actor and the engine."""

from functools import cache
from typing import Any

import msgspec
import numpy as np

from actors.restoring import snapshot_of
from market.instruments import Instrument, Kind, VenueSpec
from market.paper import REPORT, OrderKind, Reason, ReportKind
from market.records import Records, records
from market.tape import Flaw, Role, Tape, merge_tapes, quote_tape
from policies.assembly import book_of, feeds_of
from policies.bookkeeping import LATCH, SAMPLE, move_book, open_day, place
from policies.flattening import propose_closes
from policies.intents import INTENT
from policies.judgement import judge_group
from policies.plan import DeskPlan, FeedPlan, LimitsPlan, Plan
from policies.risk import Book
from research.account_plan import rules_plan
from research.planning import limits_plan
from research.profiles import load_profile
from tests.adversarial.paths import MINUTE_NS, SPAN_NS, STARTS, Path, Wish
from tests.adversarial.truth import CASH, Truth, stop_of

VENUES = ("a", "b")
SAMPLE_NS = 365 * 86_400 * 10**9
STALE_NS = 60 * MINUTE_NS


@cache
def plan_under(profile: str, start_ns: int) -> Plan:
    """Return the plan of an account at two venues, under a profile; limits are wide: its rules alone bind."""
    pairs = tuple(
        Instrument(
            symbol="EURUSD", venue=venue, kind=Kind.FX, base="EUR", quote="USD", tick_size="0.00001", lot_size="1000",
            lots_max=10**6,
        )
        for venue in VENUES
    )  # fmt: skip
    loaded = load_profile(profile)
    limits: LimitsPlan = limits_plan(loaded, SAMPLE_NS)
    return Plan(
        currency="USD",
        cash=CASH,
        venues=tuple(VenueSpec(name=venue, latency_ns=0, stale_after_ns=STALE_NS) for venue in VENUES),
        instruments=pairs,
        feeds=tuple(FeedPlan(instrument=pair.key, roles=int(Role.MATCH), desk=0) for pair in pairs),
        routes=(),
        desks=(DeskPlan(name="reckless", kind=0, policy="sma_cross", params=(), auto_execute=True, top_n=9),),
        limits=limits,
        rules=rules_plan(loaded.accounts, CASH, start_ns, start_ns + SPAN_NS),
    )


class Guarded:
    """An account under a profile: what it hears of the market and of its fills, what it lets pass, what it closes."""

    def __init__(self, path: Path, profile: str) -> None:
        start = max(start * 10**9 for start in STARTS if start * 10**9 <= path.time_ns[0])
        self.plan, self.path = plan_under(profile, start), path
        self.book = book_of(self.plan)
        self._feeds = feeds_of(self.plan)
        self._tape = tape_of(path)
        self._nothing = Tape._make(column[:0] for column in self._tape)
        self._samples, self._latches = records(64, SAMPLE), records(64, LATCH)

    def hear(self, truth: Truth, *, prices: bool) -> None:
        """Take the rows of the step that arrive, and all fills; close everything where the rules call for it."""
        if prices or truth.fills:
            self._move(self._rows(truth.step) if prices else self._nothing, self._reports(truth))
        while self.book.guard[0].due_ns:
            self._close(truth)

    def judge(self, truth: Truth, wishes: tuple[Wish, ...], number: int) -> None:
        """Judge what the trader wants as one group of intents; what passes is filled at once."""
        group = records(len(wishes) + 1, INTENT)
        for intent, wish in zip(group, wishes, strict=False):
            entry = truth.mark(wish.venue, -wish.lots)
            intent.time_ns, intent.order_kind, intent.legs = self.path.time_ns[truth.step], OrderKind.MARKET, 1
            intent.instrument0, intent.instrument1, intent.lots0 = wish.venue, -1, wish.lots
            intent.stop, intent.hold_ns, intent.confidence = stop_of(wish, entry), wish.hold_ns, 0.9
        judge_group(self.book, group, len(wishes))
        for k, intent in enumerate(group[: len(wishes)]):
            if intent.rules == 0:
                lots, stop = int(intent.lots0), int(intent.stop)
                place(self.book, number + k, int(intent.instrument0), lots, stop)
                truth.open(Wish(int(intent.instrument0), lots, 0, 0), number + k).stop = stop
        self.hear(truth, prices=False)

    def _close(self, truth: Truth) -> None:
        """Close at the market what the book proposes to close."""
        group = records(len(VENUES) + 1, INTENT)
        count = propose_closes(self.book, int(self.book.guard[0].due_ns), group, 0)
        judge_group(self.book, group, count)
        for intent in group[:count]:
            assert intent.rules == 0, "a close is refused"
            for one in [one for one in truth.holdings if one.venue == intent.instrument0]:
                truth.close(one)
        self._move(self._nothing, self._reports(truth))

    def restart(self) -> None:
        """Lose everything but what a journal keeps: its snapshot, and the orders with their stops."""
        kept = msgspec.json.decode(msgspec.json.encode(snapshot_of(self.book, self.plan, 0)))
        old, self.book = self.book, book_of(self.plan, quotes=self.book.quotes.copy())
        adopt(self.book, self.plan, kept)
        ledger = self.book.ledger
        ledger.open_list[:] = old.ledger.open_list  # the fold of reports gives it, and these three
        self.book.live[:], self.book.counts[:], self.book.stops[:] = old.live, old.counts, old.stops
        self.book.working_long[:], self.book.working_short[:] = old.working_long, old.working_short

    def _rows(self, step: int) -> Tape:
        seen = [k for k in range(2) if self.path.seen[k, step]]
        first = 2 * step + (seen[0] if seen else 0)
        return Tape._make(column[first : first + len(seen)] for column in self._tape)

    def _reports(self, truth: Truth) -> Records:
        reports = records(len(truth.fills), REPORT)
        for row, (number, venue, lots, price) in zip(reports, truth.fills, strict=True):
            row.time_ns, row.venue, row.instrument, row.number = self.path.time_ns[truth.step], venue, venue, number
            row.kind, row.reason, row.lots, row.price = ReportKind.FILL, Reason.ENTRY, lots, price
            row.rate_num = row.rate_den = 1
        truth.fills.clear()
        return reports

    def _move(self, tape: Tape, reports: Records) -> None:
        at = np.zeros(4, np.int64)
        while (turn := move_book(self.book, self._feeds, tape, reports, self._samples, self._latches, at)) >= 0:
            open_day(self.book, int(turn))
        self.book.ledger.control[:] = 0


def adopt(book: Book, plan: Plan, kept: Any) -> None:
    """Set a fresh book to a snapshot."""
    for name, value in kept["account"].items():
        book.ledger.account[0][name] = value
    for k, instrument in enumerate(plan.instruments):
        for name, value in kept["positions"].get(instrument.key, {}).items():
            book.ledger.positions[k][name] = value
    for row, values in zip(book.floors, kept["floors"], strict=True):
        for name, value in values.items():
            row[name] = value
    for name, value in kept["guard"].items():
        book.guard[0][name] = value


def tape_of(path: Path) -> Tape:
    """Return both venues' rows, step by step; flawed ones carry a price that is no number in their source."""
    tapes = [quote_tape(venue, path.time_ns, path.bid[venue], path.ask[venue]) for venue in range(2)]
    for venue, tape in enumerate(tapes):
        tape.flaws[path.flawed[venue]] = Flaw.NOT_FINITE
    return merge_tapes(tapes)
