"""Coasting: rows in which nothing can happen but prices and marks, passed quickly.

No order waits, nothing is guarded, nobody proposes. What the account is worth, what latches and what is sampled is
computed by the same functions as everywhere; only the way there is shorter.
"""

import numpy as np
from numpy.typing import NDArray

from envs.logs import SAMPLES, Logs, latch
from market.compiled import folded, inlined
from market.instruments import Kind, RateMode
from market.ledger import floating_of, mark_moved
from market.quotes import update_quote
from market.records import Record, Records
from market.tape import Role, Tape
from policies.bookkeeping import alarm_of, breaches, close_instant, next_sample_ns, take_sample, write_sample
from policies.risk import Book


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
    if book.ledger.account[0].open_positions > 0:
        passed = hold(book, feed.instrument, logs, tape, row, end, intent_ns)
    else:
        passed = idle(book, logs, tape.time_ns[row:end], tape.flaws[row:end], intent_ns)
    if passed > 0:
        update_quote(book.quotes, feed.instrument, tape, row + passed - 1)
    return row + passed


@inlined
def idle(book: Book, logs: Logs, times: NDArray[np.int64], flaws: NDArray[np.uint8], intent_ns: int) -> int:
    """Pass rows up to the next intent, or a flaw, with an account that cannot move; return how many."""
    for i in range(len(times)):
        if times[i] >= intent_ns or flaws[i] != 0:
            return i
        if times[i] >= book.ledger.account[0].next_ns:
            logs.counts[SAMPLES] = take_sample(book, times[i], logs.samples, logs.counts[SAMPLES])
    return len(times)


@folded
def hold(book: Book, number: int, logs: Logs, tape: Tape, row: int, end: int, intent_ns: int) -> int:
    """Value the only position bar by bar up to the next intent, a flaw, or behind a latch; return how many bars.

    `mark_position`, `close_instant` and `take_sample` with the account in registers. Whether a limit is reached is
    asked exactly as soon as the equity falls to where one could be.
    """
    account, limits = book.ledger.account[0], book.limits[0]
    position, tick_value = book.ledger.positions[number], book.ledger.instruments[number].tick_value
    lots, cost, cash = position.lots, position.cost, account.cash
    times, flaws, prices, worsts = tape.time_ns[row:end], tape.flaws[row:end], tape.close[row:end], tape.low[row:end]
    if lots < 0:
        prices, worsts = tape.ask_close[row:end], tape.ask_high[row:end]
    peak, fall, sample_low, next_ns = account.peak, account.drawdown_max, account.sample_low, account.next_ns
    alarm, fall_max, count = alarm_of(limits, account), limits.drawdown_max, logs.counts[SAMPLES]
    floating = floating_low = passed = fresh = 0
    for i in range(len(times)):
        if times[i] >= intent_ns or flaws[i] != 0 or fresh != 0:
            break
        floating = floating_of(lots, cost, prices[i], tick_value)
        floating_low = floating_of(lots, cost, worsts[i], tick_value)
        peak = max(peak, cash + floating)
        fall = max(fall, peak - cash - floating_low)
        sample_low = min(sample_low, cash + floating_low)
        passed = i + 1
        if cash + floating_low <= alarm or peak - cash - floating_low >= fall_max:
            fresh = breaches(limits, account, floating_low, cash + floating_low, peak) & ~account.blocks
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
