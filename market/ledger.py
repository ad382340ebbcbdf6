"""The ledger: cash, positions, and closed trades, as a fold of what venues reported. Integer money throughout.

A position keeps its cost as ticks x lots, an exact integer; closing a part of it takes its share of the cost, rounded
half to even, and leaves the rest, so nothing is lost however a position is closed. Profit and fees become account
money at the rate that the report carries: the fold needs no market data.

A group is a set of instruments that trade as one (both legs of a route, or one instrument). When its last position
closes, its result is one outcome: a win, a loss, or neither (exactly zero).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.compiled import compiled, folded, inlined
from market.instruments import Kind, RateMode
from market.money import divide_half_even
from market.paper import ReportKind
from market.quotes import rate_to_account, to_account, to_account_up
from market.records import Record, Records, record_type, records

ACCOUNT: Final = record_type(
    "initial cash realised fees open_positions open_groups floating dip floating_low equity equity_low peak "
    "drawdown_max day anchor realised_today trades_today loss_streak last_loss_ns state blocks epoch "
    "next_ns sample_low time_ns fills"
)
"""One account: integer money, counters of the UTC day, latches; see `policies.risk` for what moves the latter."""

POSITION: Final = record_type("lots cost fees opened_ns floating dip dip_ns")
"""Per instrument: signed lots, cost in ticks x lots (money staked, for contracts), fees paid to open it, and what it
would gain if closed now, in account money. `dip` is how much less that was (at most 0) at the worst price of the
instant `dip_ns`; at a later instant it counts no more: lows of different instants were never there together."""

GROUP: Final = record_type("desk positions pnl opened_ns")
"""Per group: how many of its instruments are open, its result since it was last flat."""

TRADE: Final = record_type("instrument group lots entry_ns exit_ns cost exit_price pnl fees reason number")
"""One closed piece of a position: signed opening lots, cost of entry in ticks x lots, result net of fees."""

OUTCOME: Final = record_type("group desk time_ns pnl")
"""A group went flat: its net result."""


class Ledger(NamedTuple):
    """State of one account; `open_list[:account.open_positions]` holds the instruments with a position."""

    instruments: Records
    account: Records
    positions: Records
    groups: Records
    open_list: NDArray[np.int64]
    trades: Records
    outcomes: Records
    control: NDArray[np.int64]


TRADES, OUTCOMES, TRADES_LOST = 0, 1, 2
"""Slots of `control`: entries waiting in `trades` and in `outcomes`, entries that found no room."""


def open_ledger(instruments: Records, groups: int, cash: int, trades_max: int = 1024) -> Ledger:
    """Return the ledger of a fresh account with `cash` money in it."""
    count = len(instruments)
    ledger = Ledger(
        instruments, records(1, ACCOUNT), records(count, POSITION), records(groups, GROUP), np.zeros(count, np.int64),
        records(trades_max, TRADE), records(trades_max, OUTCOME), np.zeros(3, np.int64),
    )  # fmt: skip
    account = ledger.account[0]
    account.initial = account.cash = account.equity = account.equity_low = account.peak = account.anchor = cash
    account.sample_low, account.day = cash, -1
    for row in instruments:
        if row.group >= 0:
            ledger.groups[row.group].desk = row.desk
    return ledger


@folded
def apply_report(ledger: Ledger, report: Record) -> None:
    """Book one fill or settlement; every other report moves no money."""
    if report.kind != ReportKind.FILL and report.kind != ReportKind.SETTLE:
        return
    ledger.account[0].fills += 1
    if ledger.instruments[report.instrument].kind == Kind.BINARY:
        _apply_contract(ledger, report)
        return
    position = ledger.positions[report.instrument]
    fee = to_account_up(report.fee, report.rate_num, report.rate_den)
    ledger.account[0].fees += fee
    closing = 0
    if position.lots != 0 and (position.lots > 0) != (report.lots > 0):
        closing = min(abs(report.lots), abs(position.lots))
    opening = abs(report.lots) - closing
    fee_closing = divide_half_even(fee * closing, closing + opening)
    if closing > 0:
        _pay(ledger, report.instrument, -fee_closing)
        _close(ledger, report, closing, fee_closing)
    if opening > 0:  # a flip: this share of the fee belongs to the outcome of the new position
        _pay(ledger, report.instrument, fee_closing - fee)
        _open(ledger, report, opening if report.lots > 0 else -opening, fee - fee_closing)


@compiled
def _pay(ledger: Ledger, instrument: int, money: int) -> None:
    """Move cash; the group of the instrument remembers it as part of its result."""
    account = ledger.account[0]
    account.cash += money
    account.realised += money
    account.realised_today += money
    group = ledger.instruments[instrument].group
    if group >= 0:
        ledger.groups[group].pnl += money


@compiled
def _open(ledger: Ledger, report: Record, lots: int, fee: int) -> None:
    position = ledger.positions[report.instrument]
    if position.lots == 0:
        position.opened_ns = report.time_ns
        _add_open(ledger, report.instrument, report.time_ns)
    position.lots += lots
    position.cost += lots * report.price
    position.fees += fee


@compiled
def _close(ledger: Ledger, report: Record, closing: int, fee: int) -> None:
    """Realise the result of `closing` lots of the position that the report runs against."""
    position = ledger.positions[report.instrument]
    held = abs(position.lots)
    sign = 1 if position.lots > 0 else -1
    cost = divide_half_even(position.cost * closing, held)
    fees = divide_half_even(position.fees * closing, held)
    gain = (sign * closing * report.price - cost) * ledger.instruments[report.instrument].tick_value
    profit = to_account(gain, report.rate_num, report.rate_den)
    _pay(ledger, report.instrument, profit)
    position.lots -= sign * closing
    position.cost -= cost
    position.fees -= fees
    _record_trade(ledger, report, sign * closing, cost, profit - fee - fees, fee + fees)
    if position.lots == 0:
        _remove_open(ledger, report.instrument, report.time_ns)


@compiled
def _apply_contract(ledger: Ledger, report: Record) -> None:
    """Pay a stake, or receive what a contract pays; an open contract counts as lost until it settles."""
    position = ledger.positions[report.instrument]
    money = to_account(report.amount, report.rate_num, report.rate_den)
    _pay(ledger, report.instrument, money)
    size = abs(report.lots)
    if report.kind == ReportKind.FILL:
        if position.lots == 0:
            position.opened_ns = report.time_ns
            _add_open(ledger, report.instrument, report.time_ns)
        position.lots += size
        position.cost -= money
        return
    staked = divide_half_even(position.cost * size, position.lots)
    position.lots -= size
    position.cost -= staked
    _record_trade(ledger, report, -report.lots, staked, money - staked, 0)
    if position.lots == 0:
        _remove_open(ledger, report.instrument, report.time_ns)


@compiled
def _add_open(ledger: Ledger, instrument: int, time_ns: int) -> None:
    account = ledger.account[0]
    ledger.open_list[account.open_positions] = instrument
    account.open_positions += 1
    group = ledger.instruments[instrument].group
    if group >= 0:
        if ledger.groups[group].positions == 0:
            ledger.groups[group].opened_ns = time_ns
            account.open_groups += 1
        ledger.groups[group].positions += 1


@compiled
def _remove_open(ledger: Ledger, instrument: int, time_ns: int) -> None:
    """Take an instrument off the open list (order of the others kept); report the group's outcome when it is flat."""
    account = ledger.account[0]
    kept = 0
    for k in range(account.open_positions):
        if ledger.open_list[k] != instrument:
            ledger.open_list[kept] = ledger.open_list[k]
            kept += 1
    account.open_positions = kept
    number = ledger.instruments[instrument].group
    if number < 0:
        return
    group = ledger.groups[number]
    group.positions -= 1
    if group.positions == 0:
        account.open_groups -= 1
        count = ledger.control[OUTCOMES]
        if count < len(ledger.outcomes):
            outcome = ledger.outcomes[count]
            outcome.group, outcome.desk, outcome.time_ns, outcome.pnl = number, group.desk, time_ns, group.pnl
            ledger.control[OUTCOMES] = count + 1
        else:
            ledger.control[TRADES_LOST] += 1
        group.pnl = 0


@compiled
def _record_trade(ledger: Ledger, report: Record, lots: int, cost: int, pnl: int, fees: int) -> None:
    count = ledger.control[TRADES]
    if count == len(ledger.trades):
        ledger.control[TRADES_LOST] += 1
        return
    trade = ledger.trades[count]
    trade.instrument, trade.group = report.instrument, ledger.instruments[report.instrument].group
    trade.lots, trade.cost, trade.exit_price = lots, cost, report.price
    trade.entry_ns, trade.exit_ns = ledger.positions[report.instrument].opened_ns, report.time_ns
    trade.pnl, trade.fees, trade.reason, trade.number = pnl, fees, report.reason, report.number
    ledger.control[TRADES] = count + 1


@inlined
def floating_of(lots: int, cost: int, price: int, tick_value: int) -> int:
    """Return what a position would gain in quote money if it were closed at a price."""
    return (lots * price - cost) * tick_value


@inlined
def mark_position(ledger: Ledger, quotes: Records, instrument: int, now: int) -> None:
    """Value one open position at the price it could be closed at: longs at the bid, shorts at the ask.

    An open contract counts as lost (its stake is paid already). The account's sums move by the difference.
    """
    position = ledger.positions[instrument]
    row = ledger.instruments[instrument]
    floating = dip = 0
    if position.lots != 0 and row.kind != Kind.BINARY:
        quote = quotes[instrument]
        price = quote.bid if position.lots > 0 else quote.ask
        rate_num, rate_den = 1, 1
        if row.rate_mode != RateMode.SAME:
            rate_num, rate_den = rate_to_account(ledger.instruments, quotes, instrument)
        held, cost, tick_value = position.lots, position.cost, row.tick_value
        floating = to_account(floating_of(held, cost, price, tick_value), rate_num, rate_den)
        if quote.time_ns == now:
            worst = quote.bid_low if position.lots > 0 else quote.ask_high
            dip = to_account(floating_of(held, cost, worst, tick_value), rate_num, rate_den) - floating
    account = ledger.account[0]
    account.floating += floating - position.floating
    account.dip += dip - (position.dip if position.dip_ns == now else 0)
    position.floating, position.dip, position.dip_ns = floating, dip, now


@inlined
def mark_moved(ledger: Ledger, quotes: Records, instrument: int, now: int) -> None:
    """Value what a new price of `instrument` moves: its own position, and those whose money it converts."""
    if ledger.positions[instrument].lots != 0:
        mark_position(ledger, quotes, instrument, now)
    if ledger.instruments[instrument].converts != 0:
        for k in range(ledger.account[0].open_positions):
            other = ledger.open_list[k]
            if other != instrument and ledger.instruments[other].rate_instrument == instrument:
                mark_position(ledger, quotes, other, now)


@inlined
def value_account(account: Record) -> None:
    """Set equity from cash and floating profit, and what it has been: highest, lowest, furthest below the highest."""
    account.equity = account.cash + account.floating
    account.floating_low = account.floating + account.dip
    account.dip = 0  # it belongs to this instant
    account.equity_low = account.cash + account.floating_low
    account.peak = max(account.peak, account.equity)
    account.drawdown_max = max(account.drawdown_max, account.peak - account.equity_low)
    account.sample_low = min(account.sample_low, account.equity_low)
