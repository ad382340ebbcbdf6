"""Coasting: rows in which nothing can happen but prices and marks, passed quickly.

No order waits, nothing is guarded, nobody proposes. What the account is worth, what latches and what is sampled is
computed by the same functions as everywhere; only the way there is shorter.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.logs import LATCHES, SAMPLES, Logs, latch
from market.compiled import compiled, folded, inlined
from market.instruments import Kind, RateMode
from market.ledger import floating_of, mark_moved
from market.quotes import update_quote
from market.records import Record, Records
from market.tape import Role, Tape, any_flaw
from policies.bookkeeping import (
    alarm_of,
    breaches,
    close_instant,
    next_sample_ns,
    roll_account,
    take_sample,
    write_sample,
)
from policies.floors import watch_floor
from policies.guard import quiet_floors, watch_floors
from policies.risk import Book

BLOCK: Final = 64
"""Bars that a position is valued over together at most: where they must be looked at after all, few are."""


@folded
def coast(feeds: Records, book: Book, logs: Logs, tape: Tape, row: int, end: int, intent_ns: int) -> int:
    """Pass rows [row, end) that lie before the next intent and need nothing else; return the row it came to."""
    account = book.ledger.account[0]
    if len(feeds) == 1:
        row = coast_alone(book, feeds[0], logs, tape, row, end, intent_ns)
        if row == end or tape.time_ns[row] >= intent_ns:
            return row
    stop_ns = min(intent_ns, account.next_ns)
    if account.open_positions > 0:
        while row < end and tape.time_ns[row] < stop_ns:
            now = tape.time_ns[row]
            row = move_prices(feeds, book, tape, row, end, now)
            latch(logs, now, close_instant(book, now))
        return row
    stop = row + int(np.searchsorted(tape.time_ns[row:end], stop_ns))
    while row < stop:
        row = move_prices(feeds, book, tape, row, end, tape.time_ns[row])
    return row


@inlined
def move_prices(feeds: Records, book: Book, tape: Tape, row: int, end: int, now: int) -> int:
    """Take all rows of one instant to the quotes and marks alone; return the row behind them."""
    ledger, quotes = book.ledger, book.quotes
    while row < end and tape.time_ns[row] == now:
        feed = feeds[tape.feed[row]]
        if feed.roles & Role.MATCH.value:
            update_quote(quotes, feed.instrument, tape, row)
            if ledger.account[0].open_positions > 0:
                mark_moved(ledger, quotes, feed.instrument, now)
        row += 1
    return row


@folded
def coast_alone(
    book: Book, feed: Record, logs: Logs, tape: Tape, row: int, end: int, intent_ns: int
) -> int:  # fmt: skip
    """Pass sound bars of the only feed there is, while the account needs no rate; no two of them share an instant."""
    instrument = book.ledger.instruments[feed.instrument]
    plain = instrument.rate_mode == RateMode.SAME and instrument.kind != Kind.BINARY
    if not plain or feed.bar_ns == 0 or feed.roles & Role.MATCH.value == 0:
        return row
    stop = row + sound_rows(tape.flaws[row : row + np.searchsorted(tape.time_ns[row:end], intent_ns)])
    if stop == row:
        return row
    update_quote(book.quotes, feed.instrument, tape, stop - 1)  # first: its columns are far, and nothing waits for them
    if book.ledger.account[0].open_positions == 0:
        idle(book, logs, tape.time_ns[row:stop])
        return stop
    reached = row + hold(book, feed.instrument, logs, tape, row, stop)
    if reached < stop:
        update_quote(book.quotes, feed.instrument, tape, reached - 1)
    return reached


@inlined
def idle(book: Book, logs: Logs, times: NDArray[np.int64]) -> None:
    """Pass rows with an account that cannot move."""
    i = int(np.searchsorted(times, book.ledger.account[0].next_ns))
    while i < len(times):
        logs.counts[SAMPLES] = take_sample(book, times[i], logs.samples, logs.counts[SAMPLES])
        i += int(np.searchsorted(times[i:], book.ledger.account[0].next_ns))


@inlined
def sound_rows(flaws: NDArray[np.uint8]) -> int:
    """Return how many rows come before the first flaw."""
    if not any_flaw(flaws):
        return len(flaws)
    length = 0
    while flaws[length] == 0:
        length += 1
    return length


@folded
def hold(book: Book, number: int, logs: Logs, tape: Tape, row: int, end: int) -> int:
    """Value the only position over sound bars up to the end, or behind a latch; return how many.

    Bars between two samples are taken together where none of them deepens the drawdown or comes near a limit.
    """
    account = book.ledger.account[0]
    times, passed = tape.time_ns[row:end], 0
    while passed < len(times):
        last = min(passed + BLOCK, len(times))
        if book.guard[0].active != 0:
            turned = roll_account(book, times[passed]) & ~account.blocks
            if turned != 0:
                return passed + hold_turned(book, number, logs, tape, row + passed, turned)
            last = passed + int(np.searchsorted(times[passed:last], book.guard[0].next_ns))
        last = min(last, passed + int(np.searchsorted(times[passed:last], account.next_ns)) + 1)
        if hold_quietly(book, number, tape, row + passed, row + last):
            passed = last
            logs.counts[SAMPLES] = take_sample(book, times[last - 1], logs.samples, logs.counts[SAMPLES])
        else:
            passed += hold_closely(book, number, logs, tape, row + passed, row + last)
            if passed < last:
                break
    return passed


@folded
def hold_turned(book: Book, number: int, logs: Logs, tape: Tape, row: int, turned: int) -> int:
    """Value the only position over the bar before which a reset has breached a floor; what both latch is one entry."""
    account = book.ledger.account[0]
    account.blocks |= turned
    count = logs.counts[LATCHES]
    passed = hold_closely(book, number, logs, tape, row, row + 1)
    if logs.counts[LATCHES] == count:
        latch(logs, account.time_ns, turned)
    else:
        logs.latches[count].rules |= turned
    return passed


@inlined
def hold_quietly(book: Book, number: int, tape: Tape, begin: int, end: int) -> bool:
    """Value the only position over a few bars at once; False, and nothing done, where each must be looked at.

    What a position is worth moves one way with its price, so the best and the worst of the bars are those of their
    prices; the drawdown of any of them is at most the best less the worst.
    """
    account, limits = book.ledger.account[0], book.limits[0]
    position, tick_value = book.ledger.positions[number], book.ledger.instruments[number].tick_value
    lots, cost, cash = position.lots, position.cost, account.cash
    if lots >= 0:
        prices, worsts = tape.close[begin:end], tape.low[begin:end]
        best, worst = prices[0], worsts[0]
        for i in range(len(prices)):
            best, worst = max(best, prices[i]), min(worst, worsts[i])
    else:
        prices, worsts = tape.ask_close[begin:end], tape.ask_high[begin:end]
        best, worst = prices[0], worsts[0]
        for i in range(len(prices)):
            best, worst = min(best, prices[i]), max(worst, worsts[i])
    top = max(account.peak, cash + floating_of(lots, cost, best, tick_value))
    bottom = cash + floating_of(lots, cost, worst, tick_value)
    fall = top - bottom
    if bottom <= alarm_of(limits, account) or fall > account.drawdown_max or fall >= limits.drawdown_max:
        return False
    if book.guard[0].active != 0 and not pass_quietly(book, cash + floating_of(lots, cost, best, tick_value), bottom):
        return False
    floating = floating_of(lots, cost, prices[-1], tick_value)
    floating_low = floating_of(lots, cost, worsts[-1], tick_value)
    position.floating, position.dip, position.dip_ns = floating, floating_low - floating, tape.time_ns[end - 1]
    account.floating, account.floating_low, account.sample_low = floating, floating_low, min(account.sample_low, bottom)
    account.equity, account.equity_low, account.peak = cash + floating, cash + floating_low, top
    account.time_ns = tape.time_ns[end - 1]
    return True


@compiled
def pass_quietly(book: Book, best: int, worst: int) -> bool:
    """Move the floors over some equities at once; False, and nothing done, where one of them tells anything."""
    floors, guard, cash = book.floors, book.guard[0], book.ledger.account[0].cash
    if not quiet_floors(floors, guard, best, worst, cash):
        return False
    for k in range(len(floors)):
        watch_floor(floors[k], 0, best - guard.flow, best - guard.flow, cash - guard.flow)
    guard.balance = cash
    return True


@folded
def hold_closely(book: Book, number: int, logs: Logs, tape: Tape, row: int, end: int) -> int:
    """Value the only position bar by bar over sound bars up to the end, or behind a latch; return how many.

    `mark_position`, `close_instant` and `take_sample` with the account in registers. Whether a limit is reached is
    asked exactly as soon as the equity falls to where one could be.
    """
    account, limits = book.ledger.account[0], book.limits[0]
    position, tick_value = book.ledger.positions[number], book.ledger.instruments[number].tick_value
    lots, cost, cash = position.lots, position.cost, account.cash
    times, prices, worsts = tape.time_ns[row:end], tape.close[row:end], tape.low[row:end]
    if lots < 0:
        prices, worsts = tape.ask_close[row:end], tape.ask_high[row:end]
    peak, fall, sample_low, next_ns = account.peak, account.drawdown_max, account.sample_low, account.next_ns
    alarm, fall_max, count = alarm_of(limits, account), limits.drawdown_max, logs.counts[SAMPLES]
    floating = floating_low = passed = fresh = 0
    for i in range(len(times)):
        if fresh != 0:
            break
        floating = floating_of(lots, cost, prices[i], tick_value)
        floating_low = floating_of(lots, cost, worsts[i], tick_value)
        peak = max(peak, cash + floating)
        fall = max(fall, peak - cash - floating_low)
        sample_low = min(sample_low, cash + floating_low)
        passed = i + 1
        if cash + floating_low <= alarm or peak - cash - floating_low >= fall_max:
            fresh = breaches(limits, account, floating_low, cash + floating_low, peak) & ~account.blocks
        if book.guard[0].active != 0:
            account.equity, account.equity_low = cash + floating, cash + floating_low
            fresh |= watch_floors(book.floors, book.guard[0], account, times[i], book.alerts) & ~account.blocks
        if times[i] >= next_ns:
            equity = cash + floating
            write_sample(logs.samples[count], times[i], equity, min(sample_low, equity), cash, peak)
            sample_low, count, next_ns = equity, count + 1, next_sample_ns(next_ns, times[i], limits.sample_ns)
    if passed > 0:
        position.floating, position.dip, position.dip_ns = floating, floating_low - floating, times[passed - 1]
        account.floating, account.floating_low, account.sample_low = floating, floating_low, sample_low
        account.equity, account.equity_low, account.peak = cash + floating, cash + floating_low, peak
        account.drawdown_max, account.time_ns, account.next_ns = fall, times[passed - 1], next_ns
        account.blocks |= fresh
        logs.counts[SAMPLES] = count
        latch(logs, account.time_ns, fresh)
    return passed
