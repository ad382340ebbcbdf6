"""The engine: agents, risk, governor and venue of one account over a tape, compiled, phase by phase as the actors do.

Agents know the market and never the book, so they run ahead: `think` lets them take a chunk of rows and leaves their
intents. `settle` then moves the account through the same rows, one instant at a time. Its phases have one order
everywhere: rows to the quotes and the venue, dues of the venue, reports to the book, valuation, then the intents of
that instant ranked, judged, ruled, and their orders sent. The day rolls at midnight UTC, before the first instant
after it, and only then do the agents go on: their budgets are new.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.coasting import coast
from envs.logs import (
    CHANGES,
    CHUNK,
    DECISIONS,
    NUMBER,
    ORDERS,
    REPORT_LOG,
    SAMPLES,
    TRADE_LOG,
    Logs,
    has_room,
    latch,
)
from market.compiled import compiled, folded, inlined
from market.far_calls import far_call, loaded
from market.ledger import TRADES, mark_moved
from market.matching import match_due, match_waiting, submit
from market.money import INT64_MAX
from market.paper import COUNT, GUARDED, NEXT_DUE, REPORTS, PaperVenue
from market.quotes import update_quote
from market.records import Record, Records
from market.tape import Int64, Role, Tape
from policies.bookkeeping import DAY_NS, book_report, close_instant, open_day, place, reserve, take_sample
from policies.breaking import PRICE, hear_prices, note_leg, take_back_probe
from policies.estimating import learn_before
from policies.flattening import ask_again, may_coast, propose_closes
from policies.governor import rule
from policies.hearing import hear_rows
from policies.intents import Reduce, Ruling
from policies.judgement import judge_group
from policies.legs import Watch, follow_up, order_of_leg, track, watch_order
from policies.proposals import DAY_END, Agent, propose_pair
from policies.remembered import take_back
from policies.risk import Book, leg_lots
from policies.routes import Scanner, scan_rows
from policies.signals.outcomes import WRITTEN


class Engine(NamedTuple):
    """All state of one run. `venue.quotes` and `book.quotes` are one array; agents and scanner have their own.

    What happens once in many rows is reached by a far call through `far`: so it is compiled once, and what runs at
    every row compiles without it.
    """

    far: Int64
    agent: Agent
    scanner: Scanner
    venue: PaperVenue
    book: Book
    watch: Watch
    intents: Records
    sequence: NDArray[np.int64]
    order: Records
    logs: Logs
    candidates: NDArray[np.int64]


DECIDE, DUE, REPORTED = range(3)
"""What is asked of an engine by a far call."""


@compiled
def run_rows(engine: Engine, tape: Tape, begin: int, end: int) -> int:
    """Run whole instants of rows [begin, end); return the row it came to: `end`, or where the logs need room."""
    row = begin
    while row < end and has_room(engine.logs):
        stop = min(row + CHUNK, end)
        while stop < end and tape.time_ns[stop] == tape.time_ns[stop - 1]:
            stop += 1
        if tape.time_ns[row] >= engine.agent.control[DAY_END]:
            run_dues(engine, tape.time_ns[row] // DAY_NS * DAY_NS - 1)
            roll_day(engine, tape.time_ns[row])
        reached, count = think(engine, tape, row, stop)
        take_changes(engine)
        settle(engine, tape, row, reached, count)
        row = reached
    return row


@compiled
def roll_day(engine: Engine, now: int) -> None:
    """Roll the book to the day of `now` and hand the desks their budgets."""
    if open_day(engine.book, now):
        for k in range(len(engine.book.desks)):
            engine.agent.budgets[k] = engine.book.desks[k].budget
        engine.agent.control[DAY_END] = (now // DAY_NS + 1) * DAY_NS


@folded
def think(engine: Engine, tape: Tape, begin: int, end: int) -> tuple[int, int]:
    """Let scanner and agents take rows [begin, end); return (row they came to, intents), `sequence` by time."""
    reached, bars = hear_rows(engine.agent, tape, begin, end, engine.intents, 0)
    count = bars
    if len(engine.scanner.routes) > 0:
        scanned = begin
        while scanned < reached:
            scanned, seen = scan_rows(engine.scanner, tape, scanned, reached)
            for k in range(seen):
                candidate = engine.scanner.candidates[k]
                engine.candidates[engine.scanner.routes[candidate.route].desk] += 1
                assert count < len(engine.intents)
                if propose_pair(engine.agent, candidate, engine.intents[count]):
                    count += 1
    left, right = 0, bars
    for k in range(count):
        if right >= count or (left < bars and engine.intents[left].time_ns <= engine.intents[right].time_ns):
            engine.sequence[k] = left
            left += 1
        else:
            engine.sequence[k] = right
            right += 1
    return reached, count


@folded
def take_changes(engine: Engine) -> None:
    """Log what has changed in the standing of a chain's sources."""
    listener, logs = engine.agent.chains.listener, engine.logs
    for k in range(listener.control[WRITTEN]):
        logs.changes[logs.counts[CHANGES]] = listener.changes[k]
        logs.counts[CHANGES] += 1
    listener.control[WRITTEN] = 0


@folded
def settle(engine: Engine, tape: Tape, begin: int, end: int, count: int) -> None:
    """Move the account through rows [begin, end), deciding the `count` intents in `sequence` at their instants."""
    venue, book, logs = engine.venue, engine.book, engine.logs
    row, k, watched = begin, 0, book.breakers.on[PRICE] != 0  # a price breaker hears every row: none is coasted over
    intent_ns = engine.intents[engine.sequence[0]].time_ns if count > 0 else INT64_MAX
    while row < end:
        if venue.control[COUNT] == 0 and venue.control[GUARDED] == 0 and not watched and may_coast(book):
            row = coast(engine.agent.feeds, book, logs, tape, row, end, intent_ns)
            if row == end:
                return
        now = tape.time_ns[row]
        if venue.control[NEXT_DUE] < now:
            far_call(engine.far, DUE, 0, 0, venue.control[NEXT_DUE])
            continue
        row = arrive(engine, tape, row, end, watched)
        if intent_ns == now or book.guard[0].due_ns != 0:
            k = far_call(engine.far, DECIDE, k, count, now)
            intent_ns = engine.intents[engine.sequence[k]].time_ns if k < count else INT64_MAX


@inlined
def arrive(engine: Engine, tape: Tape, row: int, end: int, watched: bool) -> int:
    """Take all rows of one instant, up to what the account is worth then; return the row behind them."""
    venue, book, logs = engine.venue, engine.book, engine.logs
    now, first = tape.time_ns[row], row
    if book.estimator.terms[0].step_ns != 0:
        learn_before(book, now)
    row = take_rows(engine, tape, row, end)
    if watched:
        hear_prices(book.breakers, engine.agent.feeds, tape, first, row)
    if venue.control[NEXT_DUE] == now:
        match_due(venue, now)
    if venue.control[REPORTS] > 0:
        far_call(engine.far, REPORTED, 0, 0, now)
    elif book.ledger.account[0].open_positions > 0:
        latch(logs, now, close_instant(book, now))
    if now >= book.ledger.account[0].next_ns:
        logs.counts[SAMPLES] = take_sample(book, now, logs.samples, logs.counts[SAMPLES])
    return row


@inlined
def take_rows(engine: Engine, tape: Tape, row: int, end: int) -> int:
    """Take all rows of one instant to the quotes, the venue and the marks; return the row behind them."""
    venue, ledger = engine.venue, engine.book.ledger
    now = tape.time_ns[row]
    while row < end and tape.time_ns[row] == now:
        feed = engine.agent.feeds[tape.feed[row]]
        if feed.roles & Role.MATCH.value:
            update_quote(venue.quotes, feed.instrument, tape, row)
            if venue.busy[feed.instrument] != 0 and tape.flaws[row] == 0:
                match_waiting(venue, feed.instrument, tape, row)
            if ledger.account[0].open_positions > 0:
                mark_moved(ledger, venue.quotes, feed.instrument, now)
        row += 1
    return row


@compiled
def run_dues(engine: Engine, until_ns: int) -> None:
    """Process all dues up to `until_ns`, with no row in between."""
    while engine.venue.control[NEXT_DUE] <= until_ns:
        now = engine.venue.control[NEXT_DUE]
        if now >= engine.agent.control[DAY_END]:
            roll_day(engine, now)
        far_call(engine.far, DUE, 0, 0, now)


def enter(address: Engine, asked: int, first: int, count: int, now: int) -> int:
    """Do what an engine is asked by a far call: intents, reports, or a due of the venue at which no row falls.

    1 and the place of the next intent in `sequence` is returned. Each way loads what it needs by itself.
    """
    if asked == DECIDE:
        return 1 + decide(loaded(address), first, count, now)
    if asked == REPORTED:
        close_reported(loaded(address), now)
        return 1
    return due(loaded(address), now)


@folded
def close_reported(engine: Engine, now: int) -> None:
    """Book the reports of an instant, and value the account."""
    take_reports(engine)
    latch(engine.logs, now, close_instant(engine.book, now))


@folded
def due(engine: Engine, now: int) -> int:
    """Process a due of the venue; after it there may be closes to decide."""
    book, logs = engine.book, engine.logs
    match_due(engine.venue, now)
    if engine.venue.control[REPORTS] > 0:
        far_call(engine.far, REPORTED, 0, 0, now)
    if now >= book.ledger.account[0].next_ns:
        logs.counts[SAMPLES] = take_sample(book, now, logs.samples, logs.counts[SAMPLES])
    if book.guard[0].due_ns != 0:
        far_call(engine.far, DECIDE, 0, 0, now)
    return 1


@folded
def decide(engine: Engine, first: int, count: int, now: int) -> int:
    """Rank, judge, rule and execute all intents of one instant; return the place of the next one in `sequence`."""
    book, logs = engine.book, engine.logs
    group, size = logs.decisions[logs.counts[DECISIONS] :], 0  # one more behind them is room to sort in
    while first < count and engine.intents[engine.sequence[first]].time_ns == now:
        assert size + 1 < len(group)
        group[size] = engine.intents[engine.sequence[first]]
        size += 1
        first += 1
    if book.guard[0].due_ns != 0:
        size = propose_closes(book, now, group, size)
    judge_group(book, group, size)
    rule(book.desks, group, 0, size)
    for k in range(size):
        if group[k].ruling == Ruling.EXECUTE:
            execute(engine, group[k])
        elif group[k].rules == 0:
            reserve(book, group[k], -1)
            take_back_probe(book.breakers, book.ledger.instruments, group[k])
            take_back(book.controls, book.ledger.instruments, group[k])
        if group[k].reduce == Reduce.GUARD and group[k].ruling != Ruling.EXECUTE:
            ask_again(book, group[k])
    logs.counts[DECISIONS] += size
    return first


@folded
def execute(engine: Engine, intent: Record) -> None:
    """Send the orders of an executed intent on their way."""
    order = engine.order[0]
    intent.first_order = engine.logs.counts[NUMBER]
    track(engine.watch, intent.first_order, intent)
    for leg in range(intent.legs):
        instrument = intent.instrument0 if leg == 0 else intent.instrument1
        order_of_leg(intent, leg, engine.logs.counts[NUMBER], engine.venue.instruments[instrument].latency_ns, order)
        engine.logs.counts[NUMBER] += 1
        if leg_lots(intent, leg) != 0:
            send(engine)
            if intent.reduce == 0:
                place(engine.book, order.number, instrument, order.lots, order.stop)
                note_leg(engine.book.breakers, order.number, intent, leg)


@folded
def send(engine: Engine) -> None:
    """Log the order in hand and give it to the venue."""
    logs = engine.logs
    assert submit(engine.venue, engine.order[0])
    assert logs.counts[ORDERS] < len(logs.orders)
    logs.orders[logs.counts[ORDERS]] = engine.order[0]
    logs.counts[ORDERS] += 1


@folded
def take_reports(engine: Engine) -> None:
    """Book the reports of one instant, venue by venue; send what they call for."""
    venue, book, logs, order = engine.venue, engine.book, engine.logs, engine.order[0]
    count = venue.control[REPORTS]
    for home in range(len(venue.executions)):
        for k in range(count):
            report = venue.reports[k]
            if report.venue != home:
                continue
            book_report(book, report)
            assert logs.counts[REPORT_LOG] < len(logs.reports)
            logs.reports[logs.counts[REPORT_LOG]] = report
            logs.counts[REPORT_LOG] += 1
            if follow_up(engine.watch, report, venue.instruments, order):
                order.number = logs.counts[NUMBER]
                watch_order(engine.watch, order.number, order)
                logs.counts[NUMBER] += 1
                send(engine)
    venue.control[REPORTS] = 0
    for k in range(book.ledger.control[TRADES]):
        assert logs.counts[TRADE_LOG] < len(logs.trades)
        logs.trades[logs.counts[TRADE_LOG]] = book.ledger.trades[k]
        logs.counts[TRADE_LOG] += 1
    book.ledger.control[TRADES] = 0
