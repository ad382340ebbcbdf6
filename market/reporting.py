"""How a simulated venue says what happened: one report with its own execution number, at the rate of that instant."""

from market.compiled import folded
from market.costs import fee_of
from market.paper import REPORTS, PaperVenue, ReportKind
from market.quotes import rate_to_account


@folded
def report_fill(
    venue: PaperVenue, instrument: int, now: int, number: int, lots: int, price: int, reason: int
) -> None:  # fmt: skip
    """Report that lots were traded at a price, with the fee of the venue."""
    fee = fee_of(venue.instruments, instrument, lots, price)
    report(venue, now, instrument, number, ReportKind.FILL, reason, lots, price, fee, 0)


@folded
def report(
    venue: PaperVenue, now: int, instrument: int, number: int, kind: int, reason: int, lots: int, price: int,
    fee: int, amount: int,
) -> None:  # fmt: skip
    """Write the next report."""
    count = venue.control[REPORTS]
    assert count < len(venue.reports)
    home = venue.instruments[instrument].venue
    said = venue.reports[count]
    said.time_ns, said.venue, said.number, said.instrument = now, home, number, instrument
    said.kind, said.reason, said.lots, said.price = kind, reason, lots, price
    said.fee, said.amount, said.stop_before, said.stop_goal = fee, amount, 0, 0
    said.rate_num, said.rate_den = rate_to_account(venue.instruments, venue.quotes, instrument)
    said.execution = venue.executions[home]
    venue.executions[home] += 1
    venue.control[REPORTS] = count + 1


@folded
def report_amend(venue: PaperVenue, instrument: int, now: int, reason: int, stop: int, goal: int) -> None:
    """Report that the stop of a holding has moved (`stop`), or is to move once the market leaves room (`goal`)."""
    holding = venue.holdings[instrument]
    before = holding.stop
    report(venue, now, instrument, holding.number, ReportKind.AMEND, reason, 0, stop, 0, 0)
    said = venue.reports[venue.control[REPORTS] - 1]
    said.stop_before, said.stop_goal = before, goal
