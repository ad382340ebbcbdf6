"""What moves risk's book: reservations, reports, the price of every instant, and the roll of the day.

The order within one instant is the same everywhere: rows of the market, then reports, then `close_instant` (value the
account, set latches), then the intents. `open_day` runs before the first instant of a later UTC day.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded, inlined
from market.ledger import OUTCOMES, apply_report, mark_moved, mark_position, value_account
from market.money import INT64_MAX
from market.paper import ReportKind
from market.quotes import update_quote
from market.records import Record, Records, record_type
from market.tape import Role, Tape
from policies.breaking import PRICE, hear_prices, hear_report, trips_are_full
from policies.estimating import learn_before
from policies.flattening import call_closes, note_closing
from policies.gates import next_streak, position_cap
from policies.guard import roll_floors, watch_floors
from policies.intents import Rule
from policies.phases import note_opening
from policies.risk import LIVE_COUNT, Book, leg_instrument, leg_lots

DAY_NS: Final = 86_400 * 10**9

SAMPLE: Final = record_type("time_ns equity low cash peak")
"""Equity at a sample instant, and the lowest it was since the sample before."""


@folded
def reserve(book: Book, intent: Record, sign: int) -> None:
    """Reserve (sign 1) or give back (sign -1) the lots and the day's trade of an approved opening intent."""
    if intent.reduce != 0:
        return
    book.ledger.account[0].trades_today += sign
    for leg in range(intent.legs):
        lots = leg_lots(intent, leg)
        if lots > 0:
            book.working_long[leg_instrument(intent, leg)] += sign * lots
        else:
            book.working_short[leg_instrument(intent, leg)] -= sign * lots


@folded
def place(book: Book, number: int, instrument: int, lots: int, stop: int = 0) -> None:
    """Note the order that now carries a reservation, and the price (0: none) at which its loss is to be stopped."""
    count = book.counts[LIVE_COUNT]
    assert count < len(book.live)
    live = book.live[count]
    live.number, live.instrument, live.lots, live.stop = number, instrument, lots, stop
    book.counts[LIVE_COUNT] = count + 1


@folded
def book_report(book: Book, report: Record) -> None:
    """Book a venue's report: money first, then the reservation that it uses up, then what the result does."""
    cash = book.ledger.account[0].cash
    apply_report(book.ledger, report)
    desk = book.ledger.instruments[report.instrument].desk
    if desk >= 0:
        book.desks[desk].realised += book.ledger.account[0].cash - cash
    mark_position(book.ledger, book.quotes, report.instrument, report.time_ns)
    if report.kind != ReportKind.SETTLE:
        _use_reservation(book, report)
    if len(book.breakers.trips) > 0:
        hear_report(book.breakers, book.ledger.instruments, report)
    if book.ledger.positions[report.instrument].lots == 0:
        book.stops[0, report.instrument] = book.stops[1, report.instrument] = 0
    if book.guard[0].flattens != 0:
        note_closing(book, report)
    for k in range(book.ledger.control[OUTCOMES]):
        count_outcome(book.ledger.account[0], book.ledger.outcomes[k])
        book.guard[0].trades += 1
    book.ledger.control[OUTCOMES] = 0


@compiled
def _use_reservation(book: Book, report: Record) -> None:
    for k in range(book.counts[LIVE_COUNT]):
        live = book.live[k]
        if live.number != report.number or live.instrument != report.instrument:
            continue
        if report.kind == ReportKind.FILL:
            _keep_stop(book, report, live.stop)
            note_opening(book.guard[0], report.time_ns)
        if live.lots > 0 and report.lots > 0:
            used = min(live.lots, report.lots)
            book.working_long[live.instrument] -= used
            live.lots -= used
        elif live.lots < 0 and report.lots < 0:
            used = min(-live.lots, -report.lots)
            book.working_short[live.instrument] -= used
            live.lots += used
        if live.lots == 0:
            last = book.counts[LIVE_COUNT] - 1
            book.live[k] = book.live[last]
            book.counts[LIVE_COUNT] = last
        return
    if report.kind == ReportKind.FILL:
        _keep_stop(book, report, 0)  # nobody here has sent it: what it opened has no stop that is known


@compiled
def _keep_stop(book: Book, report: Record, stop: int) -> None:
    """Keep the worst stop of all that was filled on a side; one fill without a stop leaves the side without."""
    side = 0 if report.lots > 0 else 1
    before = book.ledger.positions[report.instrument].lots - report.lots
    kept = book.stops[side, report.instrument]
    if before == 0 or (before > 0) != (report.lots > 0):
        kept = stop
    elif kept <= 0 or stop <= 0:
        kept = 0
    else:
        kept = min(kept, stop) if side == 0 else max(kept, stop)
    book.stops[side, report.instrument] = kept


@compiled
def count_outcome(account: Record, outcome: Record) -> None:
    """Count a win or a loss; exactly zero is neither and leaves the streak as it was."""
    account.loss_streak = next_streak(account.loss_streak, outcome.pnl)
    if outcome.pnl < 0:
        account.last_loss_ns = outcome.time_ns


@compiled
def open_day(book: Book, time_ns: int) -> bool:
    """Roll to the UTC day of `time_ns` if it is a later one: anchor, counters, day latches, the desks' budgets."""
    account = book.ledger.account[0]
    day = time_ns // DAY_NS
    if day <= account.day:
        return False
    account.day = day
    account.anchor = account.equity
    account.realised_today, account.trades_today, account.loss_streak = 0, 0, 0
    account.blocks &= ~Rule.DAILY_LOSS.value
    for k in range(len(book.desks)):
        book.desks[k].budget = position_cap(account.equity, book.desks[k].budget_ppm)
    return True


@inlined
def close_instant(book: Book, time_ns: int) -> int:
    """Value the account after an instant that moved it and set what is breached; return the newly set `Rule` bits."""
    account = book.ledger.account[0]
    account.time_ns = time_ns
    fresh = roll_account(book, time_ns) if book.guard[0].active != 0 else 0
    value_account(account)
    fresh |= breaches(book.limits[0], account, account.floating_low, account.equity_low, account.peak)
    if book.guard[0].active != 0:
        fresh |= watch_floors(book.floors, book.guard[0], account, time_ns, book.alerts)
    if book.guard[0].flattens != 0:
        fresh |= call_closes(book, time_ns)
    fresh &= ~account.blocks
    account.blocks |= fresh
    return fresh


@compiled
def roll_account(book: Book, time_ns: int) -> int:
    """Take the resets of all floors up to an instant, before anything of it is valued; return the breached bits."""
    equity = book.ledger.account[0].equity
    return roll_floors(book.floors, book.guard[0], book.resets_ns, equity, time_ns, book.alerts)


@inlined
def breaches(limits: Record, account: Record, floating_low: int, equity_low: int, peak: int) -> int:
    """Return the `Rule` bits of the limits that are reached at the worst prices of an instant.

    The rest of the account (what was realised today, the day's anchor, the initial equity) is as it stands.
    """
    bits = 0
    if daily_loss_of(limits, account, floating_low, equity_low) >= limits.daily_loss_max:
        bits |= Rule.DAILY_LOSS.value
    top = account.initial if limits.drawdown_basis == 0 else peak
    if top - equity_low >= limits.drawdown_max:
        bits |= Rule.TOTAL_DRAWDOWN.value
    return bits


@inlined
def daily_loss_of(limits: Record, account: Record, floating_low: int, equity_low: int) -> int:
    """Return today's loss in account money at the worst prices of an instant; positive = loss."""
    if limits.daily_loss_basis == 1:
        return int(account.anchor - equity_low)
    return -int(account.realised_today + min(floating_low, 0))


@inlined
def alarm_of(limits: Record, account: Record) -> int:
    """Return the equity above which no limit can be reached that does not depend on the highest equity."""
    alarm = account.cash - account.realised_today - limits.daily_loss_max
    if limits.daily_loss_basis == 1:
        alarm = account.anchor - limits.daily_loss_max
    elif account.realised_today <= -limits.daily_loss_max:
        alarm = INT64_MAX
    return max(alarm, account.initial - limits.drawdown_max)


@folded
def take_sample(book: Book, time_ns: int, samples: Records, count: int) -> int:
    """Write an equity sample when one is due (`limits.sample_ns`); return the new count."""
    account = book.ledger.account[0]
    if time_ns < account.next_ns:
        return count
    assert count < len(samples)
    low = min(account.sample_low, account.equity)
    write_sample(samples[count], time_ns, account.equity, low, account.cash, account.peak)
    account.sample_low = account.equity
    account.next_ns = next_sample_ns(account.next_ns, time_ns, book.limits[0].sample_ns)
    return count + 1


@inlined
def write_sample(sample: Record, time_ns: int, equity: int, low: int, cash: int, peak: int) -> None:
    """Write one sample."""
    sample.time_ns, sample.equity, sample.low, sample.cash, sample.peak = time_ns, equity, low, cash, peak


@inlined
def next_sample_ns(due_ns: int, time_ns: int, step_ns: int) -> int:
    """Return the next multiple of the step after `time_ns`; `due_ns` is the one that has just come."""
    following = due_ns + step_ns
    return following if time_ns < following else (time_ns // step_ns + 1) * step_ns


LATCH: Final = record_type("time_ns rules")
"""Rules that an instant has set for the first time."""

TRIPS_FULL: Final = -2


@compiled
def move_book(
    book: Book, feeds: Records, tape: Tape, reports: Records, samples: Records, latches: Records,
    at: NDArray[np.int64],
) -> int:  # fmt: skip
    """Move the book through rows and reports in time order, instant by instant, until both are used up.

    `at` = (row, report, samples, latches) is carried on. Stops before an instant of a later UTC day than the book's,
    and returns that instant's time (the caller rolls the day and goes on); behind one at which something must be
    closed (`guard.due_ns`), and returns its time (the caller judges that and goes on); returns -1 when all is done, and
    TRIPS_FULL when the breakers' trips must be told first.
    """
    account, ledger, quotes = book.ledger.account[0], book.ledger, book.quotes
    row, report, watched = at[0], at[1], book.breakers.on[PRICE] != 0
    rows, count = len(tape.time_ns), len(reports)
    while row < rows or report < count:
        now = tape.time_ns[row] if row < rows else reports[report].time_ns
        if report < count:
            now = min(now, reports[report].time_ns)
        if now // DAY_NS > account.day:
            at[0], at[1] = row, report
            return now
        if trips_are_full(book.breakers):
            at[0], at[1] = row, report
            return TRIPS_FULL
        if book.estimator.terms[0].step_ns != 0:
            learn_before(book, now)
        first = row
        while row < rows and tape.time_ns[row] == now:
            feed = feeds[tape.feed[row]]
            if feed.roles & Role.MATCH.value:
                update_quote(quotes, feed.instrument, tape, row)
                if account.open_positions > 0:
                    mark_moved(ledger, quotes, feed.instrument, now)
            row += 1
        if watched:
            hear_prices(book.breakers, feeds, tape, first, row)
        reported = report < count and reports[report].time_ns == now
        while report < count and reports[report].time_ns == now:
            book_report(book, reports[report])
            report += 1
        if reported or account.open_positions > 0:
            rules = close_instant(book, now)
            if rules != 0:
                latches[at[3]].time_ns, latches[at[3]].rules = now, rules
                at[3] += 1
        if now >= account.next_ns:
            at[2] = take_sample(book, now, samples, at[2])
        if book.guard[0].due_ns != 0:
            at[0], at[1] = row, report
            return now
    at[0], at[1] = row, report
    return -1
