"""A trading floor for tests: instruments as a kernel table, a simulated venue fed row by row, and what it says."""

from typing import Any, NamedTuple

import numpy as np

from market.instruments import Instrument, Kind, VenueSpec, instrument_table
from market.ledger import TRADES, Ledger, apply_report
from market.matching import match_due, match_row, submit
from market.money import INT64_MAX
from market.paper import COUNT, ORDER, REPORT, REPORTS, OrderKind, Reason, ReportKind, paper_venue
from market.records import Record, Records, records
from market.tape import Tape, bar_tape, quote_tape
from tests.builders import MINUTE, SECOND, an_instrument

VENUES = {name: VenueSpec(name=name, latency_ns=0, stale_after_ns=10 * SECOND) for name in ("x", "y")}


def a_contract(on: Instrument, **changes: Any) -> Instrument:
    """Return a contract on an instrument: one lot is a stake of 1 USD, pays 80 % after a minute."""
    terms = {
        "kind": Kind.BINARY, "tick_size": "1", "lot_size": "1", "underlying": on.key, "payout_ppm": 800_000,
        "expiry_ns": MINUTE, "spread_ticks": 0,
    }  # fmt: skip
    return an_instrument(f"{on.symbol}.60s", on.venue, **(terms | changes))


def a_table(*instruments: Instrument, bar_ns: int = 0, currency: str = "USD") -> Records:
    """Return the kernels' table; every instrument is a group of its own and belongs to desk 0."""
    table = instrument_table(instruments or (an_instrument("EURUSD", "x"),), VENUES, currency)
    for number, row in enumerate(table):
        row.group, row.desk = number, 0
        row.bar_ns = 0 if row.kind == Kind.BINARY else bar_ns
    return table


def an_order(lots: int, **terms: Any) -> Record:
    """Return an order of instrument 0 at the market that arrives at once."""
    order = records(1, ORDER)[0]
    order.lots, order.kind, order.reason, order.number = lots, OrderKind.MARKET, Reason.ENTRY, 1
    order.sent_ns = terms.get("arrive_ns", 0)
    for name, value in terms.items():
        order[name] = value
    return order


def a_report(lots: int, price: int, **terms: Any) -> Record:
    """Return a fill in account money; keywords change its fields."""
    report = records(1, REPORT)[0]
    report.lots, report.price, report.kind, report.reason = lots, price, ReportKind.FILL, Reason.ENTRY
    report.rate_num = report.rate_den = 1
    for name, value in terms.items():
        report[name] = value
    return report


def a_quote(time_ns: int, bid: int, ask: int, lots: tuple[int, int] = (0, 0), flaws: int = 0, feed: int = 0) -> Tape:
    """Return a tape of one quote with its sizes."""
    columns = [np.array([value], np.int64) for value in (time_ns, bid, ask, *lots)]
    tape = quote_tape(feed, *columns)
    tape.flaws[0] = flaws
    return tape


def a_bar(time_ns: int, bid: tuple[int, int, int, int], spread: int = 2, feed: int = 0) -> Tape:
    """Return a tape of one bar, (open, high, low, close) of the bid, known at `time_ns`."""
    prices = [np.array([price], np.int64) for price in bid]
    return bar_tape(feed, np.array([time_ns], np.int64), prices, [price + spread for price in prices])


class Said(NamedTuple):
    """A report without its stamps and its money."""

    number: int
    kind: ReportKind
    reason: Reason
    lots: int
    price: int


class Floor:
    """A simulated venue that takes rows and orders one at a time, in the order of time."""

    def __init__(self, *instruments: Instrument, bar_ns: int = 0, end_ns: int = INT64_MAX) -> None:
        self.table = a_table(*instruments, bar_ns=bar_ns)
        self.venue = paper_venue(self.table, len(VENUES), end_ns)

    def row(self, tape: Tape, instrument: int = 0) -> None:
        """Do what is due before the row, then the row, then what is due with it."""
        self.wait(int(tape.time_ns[0]) - 1)
        match_row(self.venue, instrument, tape, 0)
        self.wait(int(tape.time_ns[0]))

    def quote(self, time_ns: int, bid: int, ask: int, **terms: Any) -> None:
        instrument = terms.pop("instrument", 0)
        self.row(a_quote(time_ns, bid, ask, **terms), instrument)

    def bar(self, time_ns: int, bid: tuple[int, int, int, int], spread: int = 2, instrument: int = 0) -> None:
        self.row(a_bar(time_ns, bid, spread), instrument)

    def order(self, lots: int, **terms: Any) -> bool:
        return submit(self.venue, an_order(lots, **terms))

    def wait(self, until_ns: int) -> None:
        match_due(self.venue, until_ns)

    def reports(self) -> Records:
        """Return the reports since the last call."""
        count = int(self.venue.control[REPORTS])
        self.venue.control[REPORTS] = 0
        return self.venue.reports[:count].copy()

    def said(self) -> list[Said]:
        """Return the reports since the last call, short."""
        return [
            Said(int(row.number), ReportKind(row.kind), Reason(row.reason), int(row.lots), int(row.price))
            for row in self.reports()
        ]

    def held(self, instrument: int = 0) -> int:
        return int(self.venue.holdings[instrument].lots)

    @property
    def waiting(self) -> int:
        """Orders the venue still has to do something about."""
        return int(self.venue.control[COUNT])


def trades_of(ledger: Ledger) -> list[dict[str, int]]:
    """Return the closed pieces a ledger has recorded."""
    rows = ledger.trades[: int(ledger.control[TRADES])]
    return [{name: int(row[name]) for name in rows.dtype.names} for row in rows]


def book_all(ledger: Ledger, reports: Records) -> None:
    """Book reports one after the other."""
    for report in reports:
        apply_report(ledger, report)
