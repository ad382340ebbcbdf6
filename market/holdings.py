"""The life of a holding: opened by a fill with its protection, added to, reduced, guarded row by row, closed.

A holding is the venue's net position in one instrument with one protective stop, target and time stop, as a netting
account has it. An opening fill sets them; a later fill on the same side brings its own, but never widens the stop; a
reducing fill leaves them; a flat position has none. The protection covers whatever is held: what a partial fill got,
what is left after a reduction.

Inside a bar the stop that stands is tested first, before the target, and a gap through it fills at the open: of two
possible stories the worse one is told. Only then does the closed bar move the stop (`market.stops`), and every move is
reported (AMEND): orders and reports alone bring a restored venue to the same stop. So is a move that is refused.
"""

from market.compiled import compiled, folded
from market.costs import fee_of
from market.money import INT64_MAX, divide_half_even
from market.paper import GUARDED, NEXT_DUE, STOP_RULES, PaperVenue, Reason
from market.records import Record
from market.reporting import report_amend, report_fill
from market.stop_invariants import StopChange, distance_min, stop_flaws
from market.stops import QUOTE_STEPS, breakeven_stop, standing_stop, tighter, trailing_stop
from market.tape import Tape


@compiled
def held_until(venue: PaperVenue, instrument: int) -> int:
    """Return when a holding reaches its time stop; INT64_MAX when it has none."""
    holding = venue.holdings[instrument]
    return holding.until_ns if holding.lots != 0 and holding.until_ns > 0 else INT64_MAX


@compiled
def guarded(venue: PaperVenue, instrument: int) -> int:
    """Return 1 when a row may close or protect the holding of an instrument, else 0."""
    holding = venue.holdings[instrument]
    return 1 if holding.lots != 0 and (holding.stop > 0 or holding.target > 0 or holding.until_ns > 0) else 0


@folded
def hold(venue: PaperVenue, slot: int, lots: int, price: int, now: int) -> None:
    """Book a fill of an order on the venue's own position; the protection goes with what is held."""
    order = venue.orders[slot]
    holding = venue.holdings[order.instrument]
    was = guarded(venue, order.instrument)
    if _move(holding, lots, price, now):
        _protect_by(holding, order, now)
    _watch(venue, order.instrument, was)
    if venue.instruments[order.instrument].bar_ns == 0:
        venue.control[NEXT_DUE] = min(venue.control[NEXT_DUE], held_until(venue, order.instrument))


@compiled
def hold_past(venue: PaperVenue, instrument: int, lots: int, price: int, now: int) -> None:
    """Book lots that no order of ours has traded: they bring no protection, and what they turn has none any more."""
    holding = venue.holdings[instrument]
    was, before = guarded(venue, instrument), holding.lots
    _move(holding, lots, price, now)
    if before == 0 or (before > 0) != (holding.lots > 0):
        holding.number = -1
    _watch(venue, instrument, was)


@compiled
def _move(holding: Record, lots: int, price: int, now: int) -> bool:
    """Move a holding by traded lots; tell whether they have opened it or added to it."""
    before = holding.lots
    after = before + lots
    if after == 0:
        clear(holding)
        return False
    if before == 0 or (before > 0) != (after > 0):
        clear(holding)
        holding.lots, holding.cost, holding.opened_ns = after, after * price, now
        return True
    if (lots > 0) == (after > 0):
        holding.lots, holding.cost = after, holding.cost + lots * price
        return True
    holding.cost -= divide_half_even(holding.cost * abs(lots), abs(before))
    holding.lots = after
    return False


@compiled
def _watch(venue: PaperVenue, instrument: int, was: int) -> None:
    """Count whether a holding is guarded now; `was` is what `guarded` said before it moved."""
    change = guarded(venue, instrument) - was
    venue.busy[instrument] += change
    venue.control[GUARDED] += change


@compiled
def _protect_by(holding: Record, order: Record, now: int) -> None:
    """Take over the protection of an opening order: of two stops the tighter one; without one the old one stays."""
    sign = 1 if holding.lots > 0 else -1
    if order.stop > 0:
        holding.stop = tighter(holding.stop, order.stop, sign) if holding.stop > 0 else order.stop
        holding.stop_goal = tighter(holding.stop_goal, order.stop, sign) if holding.stop_goal > 0 else order.stop
        holding.breakeven_at, holding.trail_at = order.breakeven_at, order.trail_at
        holding.trail_by = order.trail_by
    holding.target, holding.number = order.target, order.number
    holding.until_ns = now + order.hold_ns if order.hold_ns > 0 else 0


@compiled
def clear(holding: Record) -> None:
    """Make a holding flat; `number` stays that of the order that opened it last."""
    holding.lots, holding.cost, holding.opened_ns = 0, 0, 0
    holding.stop, holding.stop_goal, holding.breakeven_at, holding.trail_at = 0, 0, 0, 0
    holding.trail_by, holding.target, holding.until_ns = 0, 0, 0


@compiled
def protect(venue: PaperVenue, instrument: int, tape: Tape, row: int) -> None:
    """Test stop, then target of a holding against one row; then let the row move the stop."""
    holding = venue.holdings[instrument]
    if holding.lots == 0:
        return
    if holding.lots > 0:
        open_, worst, best, mark, sign = tape.open[row], tape.low[row], tape.high[row], tape.close[row], 1
    else:
        open_, worst, best, mark = tape.ask_open[row], tape.ask_high[row], tape.ask_low[row], tape.ask_close[row]
        sign = -1
    now = tape.time_ns[row]
    if holding.stop > 0 and (worst - holding.stop) * sign <= 0:
        price = open_ if (open_ - holding.stop) * sign < 0 else holding.stop
        slip = venue.instruments[instrument].slippage_ticks
        _flatten(venue, instrument, now, price - sign * slip, Reason.STOP)
    elif holding.target > 0 and (best - holding.target) * sign >= 0:
        _flatten(venue, instrument, now, holding.target, Reason.TARGET)
    elif holding.stop > 0 and (holding.breakeven_at > 0 or holding.trail_at > 0):
        _follow(venue, instrument, now, best, mark)


@compiled
def _follow(venue: PaperVenue, instrument: int, now: int, best: int, mark: int) -> None:
    """Move a stop by the best price of a closed row: to break-even, then behind it; report what has changed.

    That the best price of this row alone counts is no loss: an earlier and better one has moved the goal already.
    """
    holding = venue.holdings[instrument]
    size, sign = abs(holding.lots), 1 if holding.lots > 0 else -1
    gain = best * holding.lots - holding.cost  # ticks x lots
    goal, reason = holding.stop_goal, Reason.TRAIL.value
    if holding.breakeven_at > 0 and gain >= holding.breakeven_at * size:
        level = _breakeven(venue, instrument)
        if (level - goal) * sign > 0:
            goal, reason = level, Reason.BREAK_EVEN.value
    if holding.trail_at > 0 and gain >= holding.trail_at * size:
        level = trailing_stop(best, holding.trail_by, sign)
        by_bars = venue.instruments[instrument].bar_ns > 0
        step = 1 if by_bars else max(holding.trail_by // QUOTE_STEPS, 1)
        if (level - goal) * sign >= step:
            goal, reason = level, Reason.TRAIL.value
    stop = standing_stop(holding.stop, goal, mark, sign)
    if stop == holding.stop and goal == holding.stop_goal:
        return
    if goal == holding.stop_goal and holding.breakeven_at > 0 and goal == _breakeven(venue, instrument):
        reason = Reason.BREAK_EVEN.value
    if stop != holding.stop and venue.control[STOP_RULES] != 0 and _is_unsound(venue, instrument, stop, mark):
        if goal != holding.stop_goal:
            report_amend(venue, instrument, now, Reason.STOP_REFUSED, holding.stop, goal)
            holding.stop_goal = goal
        return
    report_amend(venue, instrument, now, reason, stop, goal)
    holding.stop, holding.stop_goal = stop, goal


@compiled
def _is_unsound(venue: PaperVenue, instrument: int, stop: int, mark: int) -> bool:
    """Tell whether a stop may not be moved there: the old one is kept, and it is told once per place."""
    holding, quote = venue.holdings[instrument], venue.quotes[instrument]
    size = abs(holding.lots)
    entry = holding.cost // holding.lots
    least = distance_min(quote.ask - quote.bid)
    return stop_flaws(StopChange(holding.lots, entry, mark, holding.stop, stop, 0, least, 1, size, True)) != 0


@compiled
def _breakeven(venue: PaperVenue, instrument: int) -> int:
    """Return the stop that pays back what was paid: the entry, the fees of both fills, the slippage of the second."""
    row, holding = venue.instruments[instrument], venue.holdings[instrument]
    fees = 2 * fee_of(venue.instruments, instrument, holding.lots, holding.cost // holding.lots)
    slip = abs(holding.lots) * row.slippage_ticks * row.tick_value
    return breakeven_stop(holding.lots, holding.cost, row.tick_value, fees + slip)


@compiled
def close_holding(venue: PaperVenue, instrument: int, now: int, bid: int, ask: int, reason: int) -> None:
    """Close a holding at the market."""
    slip = venue.instruments[instrument].slippage_ticks
    _flatten(venue, instrument, now, bid - slip if venue.holdings[instrument].lots > 0 else ask + slip, reason)


@compiled
def _flatten(venue: PaperVenue, instrument: int, now: int, price: int, reason: int) -> None:
    lots, number = venue.holdings[instrument].lots, venue.holdings[instrument].number
    forget_holding(venue, instrument)
    report_fill(venue, instrument, now, number, -lots, price, reason)


@compiled
def forget_holding(venue: PaperVenue, instrument: int) -> None:
    """Make a holding flat and stop watching it."""
    was = guarded(venue, instrument)
    clear(venue.holdings[instrument])
    venue.busy[instrument] -= was
    venue.control[GUARDED] -= was
