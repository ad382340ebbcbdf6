"""The simulated venue: how an order that has arrived meets the recorded market. Same code in backtest and on paper.

THEORY. The market moves the venue in rows (`match_row`); time alone moves it in dues (`match_due`): an order arrives,
a holding reaches its time stop, a contract expires.

Where quotes move an instrument, an order is matched when it arrives, against the quote that stands then. A stale quote
rejects what opens; what only reduces waits for the next sound one, for it has to be done. Where bars move it, an order
is matched at the open of the first bar that closes after its arrival: a bar resolves no finer, and its open is the
first price after the close on which the order was decided.

What only reduces is held to the position that stands when it is matched, and to the one it was meant for: whatever is
beyond what is held is cancelled (NO_POSITION), and so is an order that was sent before the position was opened. How a
position is held and protected is told in `market.holdings`.

Every order ends in fills, a cancel (what an IOC could not get, or what waited when the data ended) or a reject; every
report has its own execution number.
"""

from market.compiled import compiled, folded
from market.holdings import close_holding, forget_holding, held_until, hold, protect
from market.money import INT64_MAX
from market.paper import (
    COUNT,
    END_NS,
    NEXT_DUE,
    OPEN,
    PENDING,
    REPORTS,
    WAITING,
    WITHHELD,
    OrderKind,
    PaperVenue,
    Reason,
    ReportKind,
)
from market.payoff import settle, settled_profit
from market.quotes import update_quote
from market.records import Record, Records
from market.reporting import report, report_fill
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
def withhold(venue: PaperVenue, order: Record) -> bool:
    """Take an order that does not leave: it is cancelled when it would have arrived. False when there is no room."""
    if not submit(venue, order):
        return False
    slot = venue.control[COUNT] - 1
    venue.orders[slot].state = WITHHELD
    venue.control[NEXT_DUE] = min(venue.control[NEXT_DUE], _due_of(venue, slot))
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
    if bar_ns > 0 and tape.time_ns[row] - bar_ns >= held_until(venue, instrument):
        close_holding(venue, instrument, tape.time_ns[row], tape.open[row], tape.ask_open[row], Reason.TIME)
    protect(venue, instrument, tape, row)


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
            if venue.instruments[instrument].bar_ns == 0 and held_until(venue, instrument) == now:
                quote = venue.quotes[instrument]
                close_holding(venue, instrument, now, quote.bid, quote.ask, Reason.TIME)
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
def _due_of(venue: PaperVenue, slot: int) -> int:
    order = venue.orders[slot]
    if order.state == OPEN:
        return int(order.due_ns)
    if order.state == WITHHELD:
        return int(order.arrive_ns)
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
            due = min(due, held_until(venue, instrument))
    return due


@compiled
def _order_due(venue: PaperVenue, slot: int, now: int) -> None:
    """Match an order that arrives, or settle a contract that expires."""
    order = venue.orders[slot]
    underlying = venue.instruments[order.instrument].underlying
    quote = venue.quotes[underlying]
    if order.state == OPEN:
        _settle(venue, slot, now)
    elif order.state == WITHHELD:
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.WITHHELD)
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
        here = order.instrument == instrument and order.arrive_ns <= now and order.state != WITHHELD
        waits = here and (by_bars or order.state == WAITING)
        if waits and (found < 0 or order.number < venue.orders[found].number):
            found = slot
    return found


@folded
def _match(venue: PaperVenue, slot: int, now: int, bid: int, ask: int, bid_lots: int, ask_lots: int) -> None:
    """Fill an order against one price pair, as far as its limit, its size and a reduce-only flag let it."""
    order = venue.orders[slot]
    row = venue.instruments[order.instrument]
    buys = order.lots > 0
    if order.reduce != 0 and not _reduces(venue, slot, now):
        return
    price = ask + row.slippage_ticks if buys else bid - row.slippage_ticks
    if order.kind == OrderKind.IOC and (price > order.limit if buys else price < order.limit):
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.UNFILLED)
        return
    depth = ask_lots if buys else bid_lots
    size = min(abs(order.lots), depth if depth > 0 else row.depth_lots)
    lots = size if buys else -size
    report_fill(venue, order.instrument, now, order.number, lots, price, order.reason)
    hold(venue, slot, lots, price, now)
    order.lots -= lots
    if order.lots != 0:
        _refuse(venue, slot, now, ReportKind.CANCEL, Reason.UNFILLED)
    else:
        _free(venue, slot)


@compiled
def _reduces(venue: PaperVenue, slot: int, now: int) -> bool:
    """Hold a reducing order to what it may close; False, and the order refused, when that is nothing.

    A position that was opened after the order was sent is another one than it was meant for.
    """
    order = venue.orders[slot]
    holding = venue.holdings[order.instrument]
    if holding.lots == 0 or (holding.lots > 0) == (order.lots > 0) or holding.opened_ns > order.sent_ns:
        _refuse(venue, slot, now, ReportKind.REJECT, Reason.NO_POSITION)
        return False
    beyond = order.lots + holding.lots
    if (beyond > 0) == (order.lots > 0) and beyond != 0:
        report(
            venue, now, order.instrument, order.number, ReportKind.CANCEL, Reason.NO_POSITION, beyond, 0, 0, 0
        )  # fmt: skip
        order.lots -= beyond
    return True


@compiled
def _buy_contract(venue: PaperVenue, slot: int, now: int) -> None:
    """Open a contract at the mid of the underlying (in half ticks); the stake is paid at once."""
    order = venue.orders[slot]
    row = venue.instruments[order.instrument]
    quote = venue.quotes[row.underlying]
    order.state, order.strike, order.due_ns = OPEN, quote.bid + quote.ask, now + row.expiry_ns
    stake = abs(order.lots) * row.tick_value
    report(
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
    report(venue, now, order.instrument, order.number, ReportKind.SETTLE, Reason.EXPIRY, -order.lots, price, 0, paid)
    _free(venue, slot)


@compiled
def _refuse(venue: PaperVenue, slot: int, now: int, kind: int, reason: int) -> None:
    """Report that the rest of an order will not be done."""
    order = venue.orders[slot]
    report(venue, now, order.instrument, order.number, kind, reason, order.lots, 0, 0, 0)
    _free(venue, slot)


@compiled
def _free(venue: PaperVenue, slot: int) -> None:
    """Forget an order; the last one takes its slot, so order numbers, not slots, name orders."""
    venue.busy[venue.orders[slot].instrument] -= 1
    last = venue.control[COUNT] - 1
    venue.orders[slot] = venue.orders[last]
    venue.control[COUNT] = last


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
def adopt_report(venue: PaperVenue, said: Record) -> None:
    """Bring a restored venue to where a report left it: the order it was about, the holding, the open contract."""
    slot = -1
    for k in range(venue.control[COUNT]):
        if venue.orders[k].number == said.number and venue.orders[k].instrument == said.instrument:
            slot = k
    venue.executions[said.venue] = max(venue.executions[said.venue], said.execution + 1)
    if said.kind == ReportKind.AMEND:
        venue.holdings[said.instrument].stop = said.price
        venue.holdings[said.instrument].stop_goal = said.stop_goal
    elif said.kind == ReportKind.SETTLE:
        assert slot >= 0
        _free(venue, slot)
    elif said.reason in (Reason.STOP, Reason.TARGET, Reason.TIME, Reason.EMERGENCY):
        forget_holding(venue, said.instrument)
    elif slot >= 0 and said.kind == ReportKind.FILL and venue.orders[slot].kind == OrderKind.BINARY:
        venue.orders[slot].state, venue.orders[slot].strike = OPEN, said.price
        venue.orders[slot].due_ns = said.time_ns + venue.instruments[said.instrument].expiry_ns
    elif slot >= 0:
        if said.kind == ReportKind.FILL:
            hold(venue, slot, said.lots, said.price, said.time_ns)
        venue.orders[slot].lots -= said.lots
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
