"""The simulated venue: how an order that has arrived meets the recorded market. Same code in backtest and on paper.

THEORY. The market moves the venue in rows (`match_row`); time alone moves it in dues (`match_due`): an order arrives,
a holding reaches its time stop, a contract expires.

Where quotes move an instrument, an order is matched when it arrives, against the quote that stands then. A stale quote
rejects what opens; what only reduces waits for the next sound one, for it has to be done. Where bars move it, an order
is matched at the open of the first bar that closes after its arrival: a bar resolves no finer, and its open is the
first price after the close on which the order was decided.

A holding is the venue's net position in one instrument with one protective stop, target and time stop, as a netting
account has it: an opening fill sets them, a flat position has none. Inside a bar the stop is tested before the target,
and a gap through the stop fills at the open: of two possible stories the worse one is told.

Every order ends in fills, a cancel (what an IOC could not get, or what waited when the data ended) or a reject; every
fill has its own execution number.
"""

from market.compiled import compiled, folded
from market.costs import fee_of
from market.money import INT64_MAX
from market.paper import (
    COUNT,
    END_NS,
    GUARDED,
    NEXT_DUE,
    OPEN,
    PENDING,
    REPORTS,
    WAITING,
    OrderKind,
    PaperVenue,
    Reason,
    ReportKind,
)
from market.payoff import settle, settled_profit
from market.quotes import rate_to_account, update_quote
from market.records import Record, Records
from market.tape import Tape


@folded
def submit(venue: PaperVenue, order: Record) -> bool:
    """Take an order on its way; it is matched at or after `arrive_ns`. False when the venue has no room left."""
    count = venue.control[COUNT]
    if count == len(venue.orders):
        return False
    venue.orders[count] = order
    venue.orders[count].state = PENDING
    venue.control[COUNT] = count + 1
    venue.busy[order.instrument] += 1
    venue.control[NEXT_DUE] = min(venue.control[NEXT_DUE], _due_of(venue, count))
    return True


@compiled
def match_row(venue: PaperVenue, instrument: int, tape: Tape, row: int) -> None:
    """Move the venue by one market row of an instrument: its quote, its waiting orders, its protection."""
    update_quote(venue.quotes, instrument, tape, row)
    if venue.busy[instrument] != 0 and tape.flaws[row] == 0:
        match_waiting(venue, instrument, tape, row)


@folded
def match_waiting(venue: PaperVenue, instrument: int, tape: Tape, row: int) -> None:
    """Match what waits on an instrument against a row that its quote has taken already."""
    bar_ns = venue.instruments[instrument].bar_ns
    _match_pending(venue, instrument, tape, row)
    if bar_ns > 0 and tape.time_ns[row] - bar_ns >= _until(venue, instrument):
        _close_holding(venue, instrument, tape.time_ns[row], tape.open[row], tape.ask_open[row], Reason.TIME)
    _protect(venue, instrument, tape, row)


@compiled
def match_due(venue: PaperVenue, time_ns: int) -> None:
    """Do what falls due at or before `time_ns`, earliest first; then look up what is due next."""
    while venue.control[NEXT_DUE] <= time_ns:
        now = venue.control[NEXT_DUE]
        slot = _first_due(venue, now)
        while slot >= 0:
            _order_due(venue, slot, now)
            slot = _first_due(venue, now)
        for instrument in range(len(venue.holdings)):
            if venue.instruments[instrument].bar_ns == 0 and _until(venue, instrument) == now:
                quote = venue.quotes[instrument]
                _close_holding(venue, instrument, now, quote.bid, quote.ask, Reason.TIME)
        venue.control[NEXT_DUE] = _next_due(venue)


@compiled
def _first_due(venue: PaperVenue, now: int) -> int:
    """Return the slot of the lowest order number that is due now, -1 for none: slots are no order, numbers are."""
    found = -1
    for slot in range(venue.control[COUNT]):
        if _due_of(venue, slot) == now and (found < 0 or venue.orders[slot].number < venue.orders[found].number):
            found = slot
    return found


@compiled
def _until(venue: PaperVenue, instrument: int) -> int:
    holding = venue.holdings[instrument]
    return holding.until_ns if holding.lots != 0 and holding.until_ns > 0 else INT64_MAX


@compiled
def _due_of(venue: PaperVenue, slot: int) -> int:
    order = venue.orders[slot]
    if order.state == OPEN:
        return int(order.due_ns)
    if venue.instruments[order.instrument].bar_ns == 0 and order.state != WAITING:
        return int(order.arrive_ns)
    end_ns = venue.control[END_NS]  # after the last row nothing can fill it any more
    return max(int(order.arrive_ns), end_ns + 1) if end_ns < INT64_MAX else INT64_MAX


@compiled
def _next_due(venue: PaperVenue) -> int:
    due = INT64_MAX
    for slot in range(venue.control[COUNT]):
        due = min(due, _due_of(venue, slot))
    for instrument in range(len(venue.holdings)):
        if venue.instruments[instrument].bar_ns == 0:
            due = min(due, _until(venue, instrument))
    return due


@compiled
def _order_due(venue: PaperVenue, slot: int, now: int) -> None:
    """Match an order that arrives, or settle a contract that expires."""
    order = venue.orders[slot]
    underlying = venue.instruments[order.instrument].underlying
    quote = venue.quotes[underlying]
    if order.state == OPEN:
        _settle(venue, slot, now)
    elif venue.instruments[order.instrument].bar_ns > 0 or order.state == WAITING:
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.END)
    elif quote.time_ns == 0 or quote.flaws != 0 or now - quote.time_ns > venue.instruments[underlying].stale_after_ns:
        if order.reduce != 0:
            order.state = WAITING
        else:
            _refuse(venue, slot, now, ReportKind.REJECT, Reason.STALE)
    elif order.kind == OrderKind.BINARY:
        _buy_contract(venue, slot, now)
    else:
        _match(venue, slot, now, quote.bid, quote.ask, quote.bid_lots, quote.ask_lots)


@folded
def _match_pending(venue: PaperVenue, instrument: int, tape: Tape, row: int) -> None:
    """Match the orders that wait for this row: at the open of a bar, at a quote."""
    slot = _first_waiting(venue, instrument, tape.time_ns[row])
    while slot >= 0:
        bids, asks = tape.bid_lots[row], tape.ask_lots[row]
        _match(venue, slot, tape.time_ns[row], tape.open[row], tape.ask_open[row], bids, asks)
        slot = _first_waiting(venue, instrument, tape.time_ns[row])


@compiled
def _first_waiting(venue: PaperVenue, instrument: int, now: int) -> int:
    found = -1
    by_bars = venue.instruments[instrument].bar_ns > 0
    for slot in range(venue.control[COUNT]):
        order = venue.orders[slot]
        waits = order.instrument == instrument and order.arrive_ns <= now and (by_bars or order.state == WAITING)
        if waits and (found < 0 or order.number < venue.orders[found].number):
            found = slot
    return found


@folded
def _match(venue: PaperVenue, slot: int, now: int, bid: int, ask: int, bid_lots: int, ask_lots: int) -> None:
    """Fill an order against one price pair, as far as its limit, its size and a reduce-only flag let it."""
    order = venue.orders[slot]
    row = venue.instruments[order.instrument]
    buys = order.lots > 0
    price = ask + row.slippage_ticks if buys else bid - row.slippage_ticks
    if order.kind == OrderKind.IOC and (price > order.limit if buys else price < order.limit):
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.UNFILLED)
        return
    depth = ask_lots if buys else bid_lots
    size = min(abs(order.lots), depth if depth > 0 else row.depth_lots)
    if order.reduce != 0:
        held = venue.holdings[order.instrument].lots
        if held == 0 or (held > 0) == buys:
            _refuse(venue, slot, now, ReportKind.REJECT, Reason.NO_POSITION)
            return
        size = min(size, abs(held))
    lots = size if buys else -size
    _fill(venue, order.instrument, now, order.number, lots, price, order.reason)
    _hold(venue, slot, lots, now)
    order.lots -= lots
    if order.lots != 0:
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.UNFILLED)
    else:
        _free(venue, slot)


@folded
def _hold(venue: PaperVenue, slot: int, lots: int, now: int) -> None:
    """Book a fill on the venue's own position; an opening fill brings its protection, a flat position has none."""
    order = venue.orders[slot]
    holding = venue.holdings[order.instrument]
    was = _guarded(venue, order.instrument)
    before = holding.lots
    holding.lots = before + lots
    if holding.lots == 0:
        holding.stop, holding.target, holding.until_ns = 0, 0, 0
    elif (lots > 0) == (holding.lots > 0):
        holding.stop, holding.target, holding.number = order.stop, order.target, order.number
        holding.until_ns = now + order.hold_ns if order.hold_ns > 0 else 0
    now_guarded = _guarded(venue, order.instrument)
    venue.busy[order.instrument] += now_guarded - was
    venue.control[GUARDED] += now_guarded - was
    if venue.instruments[order.instrument].bar_ns == 0:
        venue.control[NEXT_DUE] = min(venue.control[NEXT_DUE], _until(venue, order.instrument))


@compiled
def _guarded(venue: PaperVenue, instrument: int) -> int:
    holding = venue.holdings[instrument]
    return 1 if holding.lots != 0 and (holding.stop > 0 or holding.target > 0 or holding.until_ns > 0) else 0


@compiled
def _protect(venue: PaperVenue, instrument: int, tape: Tape, row: int) -> None:
    """Test stop, then target of a holding against one row; a gap through the stop fills at the open."""
    holding = venue.holdings[instrument]
    if holding.lots == 0:
        return
    if holding.lots > 0:
        open_, worst, best, sign = tape.open[row], tape.low[row], tape.high[row], 1
    else:
        open_, worst, best, sign = tape.ask_open[row], tape.ask_high[row], tape.ask_low[row], -1
    now = tape.time_ns[row]
    if holding.stop > 0 and (worst - holding.stop) * sign <= 0:
        price = open_ if (open_ - holding.stop) * sign < 0 else holding.stop
        slip = venue.instruments[instrument].slippage_ticks
        _flatten(venue, instrument, now, price - sign * slip, Reason.STOP)
    elif holding.target > 0 and (best - holding.target) * sign >= 0:
        _flatten(venue, instrument, now, holding.target, Reason.TARGET)


@compiled
def _close_holding(venue: PaperVenue, instrument: int, now: int, bid: int, ask: int, reason: int) -> None:
    """Close a holding at the market."""
    slip = venue.instruments[instrument].slippage_ticks
    _flatten(venue, instrument, now, bid - slip if venue.holdings[instrument].lots > 0 else ask + slip, reason)


@compiled
def _flatten(venue: PaperVenue, instrument: int, now: int, price: int, reason: int) -> None:
    lots, number = venue.holdings[instrument].lots, venue.holdings[instrument].number
    _clear(venue, instrument)
    _fill(venue, instrument, now, number, -lots, price, reason)


@compiled
def _clear(venue: PaperVenue, instrument: int) -> None:
    holding = venue.holdings[instrument]
    was = _guarded(venue, instrument)
    holding.lots, holding.stop, holding.target, holding.until_ns = 0, 0, 0, 0
    venue.busy[instrument] -= was
    venue.control[GUARDED] -= was


@compiled
def _buy_contract(venue: PaperVenue, slot: int, now: int) -> None:
    """Open a contract at the mid of the underlying (in half ticks); the stake is paid at once."""
    order = venue.orders[slot]
    row = venue.instruments[order.instrument]
    quote = venue.quotes[row.underlying]
    order.state, order.strike, order.due_ns = OPEN, quote.bid + quote.ask, now + row.expiry_ns
    stake = abs(order.lots) * row.tick_value
    _report(
        venue, now, order.instrument, order.number, ReportKind.FILL, Reason.ENTRY, order.lots, order.strike, 0, -stake
    )


@compiled
def _settle(venue: PaperVenue, slot: int, now: int) -> None:
    """Pay out a contract by the last quote at or before its expiry."""
    order = venue.orders[slot]
    row = venue.instruments[order.instrument]
    quote = venue.quotes[row.underlying]
    price = quote.bid + quote.ask
    stake = abs(order.lots) * row.tick_value
    direction = 1 if order.lots > 0 else -1
    ending = settle(direction, order.strike, price, row.tie_returns_stake == 0)
    paid = stake + settled_profit(ending, stake, row.payout_ppm, 0)
    _report(venue, now, order.instrument, order.number, ReportKind.SETTLE, Reason.EXPIRY, -order.lots, price, 0, paid)
    _free(venue, slot)


@compiled
def _refuse(venue: PaperVenue, slot: int, now: int, kind: int, reason: int) -> None:
    """Report that the rest of an order will not be done."""
    order = venue.orders[slot]
    _report(venue, now, order.instrument, order.number, kind, reason, order.lots, 0, 0, 0)
    _free(venue, slot)


@compiled
def _free(venue: PaperVenue, slot: int) -> None:
    """Forget an order; the last one takes its slot, so order numbers, not slots, name orders."""
    venue.busy[venue.orders[slot].instrument] -= 1
    last = venue.control[COUNT] - 1
    venue.orders[slot] = venue.orders[last]
    venue.control[COUNT] = last


@folded
def _fill(
    venue: PaperVenue, instrument: int, now: int, number: int, lots: int, price: int, reason: int
) -> None:  # fmt: skip
    fee = fee_of(venue.instruments, instrument, lots, price)
    _report(venue, now, instrument, number, ReportKind.FILL, reason, lots, price, fee, 0)


@folded
def _report(
    venue: PaperVenue, now: int, instrument: int, number: int, kind: int, reason: int, lots: int, price: int,
    fee: int, amount: int,
) -> None:  # fmt: skip
    count = venue.control[REPORTS]
    assert count < len(venue.reports)
    home = venue.instruments[instrument].venue
    report = venue.reports[count]
    report.time_ns, report.venue, report.number, report.instrument = now, home, number, instrument
    report.kind, report.reason, report.lots, report.price = kind, reason, lots, price
    report.fee, report.amount = fee, amount
    report.rate_num, report.rate_den = rate_to_account(venue.instruments, venue.quotes, instrument)
    report.execution = venue.executions[home]
    venue.executions[home] += 1
    venue.control[REPORTS] = count + 1


@compiled
def run_venue(venue: PaperVenue, feeds: Records, tape: Tape, row: int, upto_ns: int, room: int) -> int:
    """Move simulated venues through rows and dues up to and including `upto_ns`; return the row they came to.

    `feeds` names the instrument of each row. Stops early, between instants, when fewer than `room` reports fit.
    """
    rows = len(tape.time_ns)
    while venue.control[REPORTS] + room <= len(venue.reports):
        now = tape.time_ns[row] if row < rows else INT64_MAX
        due = venue.control[NEXT_DUE]
        if min(now, due) > upto_ns:
            break
        if due < now:
            match_due(venue, due)
            continue
        while row < rows and tape.time_ns[row] == now:
            match_row(venue, feeds[tape.feed[row]].instrument, tape, row)
            row += 1
        if venue.control[NEXT_DUE] == now:
            match_due(venue, now)
    return row


@compiled
def adopt_report(venue: PaperVenue, report: Record) -> None:
    """Bring a restored venue to where a report left it: the order it was about, the holding, the open contract."""
    slot = -1
    for k in range(venue.control[COUNT]):
        if venue.orders[k].number == report.number and venue.orders[k].instrument == report.instrument:
            slot = k
    venue.executions[report.venue] = max(venue.executions[report.venue], report.execution + 1)
    if report.kind == ReportKind.SETTLE:
        assert slot >= 0
        _free(venue, slot)
    elif report.reason in (Reason.STOP, Reason.TARGET, Reason.TIME):
        _clear(venue, report.instrument)
    elif slot >= 0 and report.kind != ReportKind.FILL:
        _free(venue, slot)
    elif slot >= 0 and venue.orders[slot].kind == OrderKind.BINARY:
        venue.orders[slot].state, venue.orders[slot].strike = OPEN, report.price
        venue.orders[slot].due_ns = report.time_ns + venue.instruments[report.instrument].expiry_ns
    elif slot >= 0:
        _hold(venue, slot, report.lots, report.time_ns)
        venue.orders[slot].lots -= report.lots
        if venue.orders[slot].lots == 0:
            _free(venue, slot)
    venue.control[NEXT_DUE] = _next_due(venue)


@compiled
def resume_orders(venue: PaperVenue, upto_ns: int) -> None:
    """Let a restored venue go on: what reached it by `upto_ns` and is still here can only be waiting for a quote."""
    for slot in range(venue.control[COUNT]):
        order = venue.orders[slot]
        arrived = order.state == PENDING and order.arrive_ns <= upto_ns
        if arrived and venue.instruments[order.instrument].bar_ns == 0:
            order.state = WAITING
    venue.control[NEXT_DUE] = _next_due(venue)
