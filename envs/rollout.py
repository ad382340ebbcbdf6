"""A rollout: one plan over one tape, as fast as the compiled engine goes. A backtest is one, a sweep is many."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.engine import Engine, enter, roll_day, run_dues, run_rows
from envs.logs import CHUNK, Logs, log_latch
from market.far_calls import fill_handle, open_handle
from market.holdings import hold_past
from market.ledger import TRADE
from market.money import INT64_MAX
from market.paper import END_NS, ORDER, REPORT, STOP_RULES, paper_venue
from market.records import Records, as_bytes, records, unwritten
from market.tape import Tape
from policies.assembly import agent_of, book_of, scanner_of
from policies.bookkeeping import LATCH, SAMPLE
from policies.commands import Wish, obey
from policies.demotion import CHANGE
from policies.intents import INTENT
from policies.legs import open_watch
from policies.plan import Plan
from policies.proposals import EPOCH

LOGS: Final = len(Logs._fields) - 1
LOG_ROWS: Final = 8 * CHUNK
"""Entries of a log: what one chunk may bring at most, and some; drained whenever it could overflow."""


class Rollout(NamedTuple):
    """What a rollout leaves behind: its logs, the final account and positions, candidates per desk, alerts."""

    decisions: Records
    orders: Records
    reports: Records
    trades: Records
    samples: Records
    latches: Records
    changes: Records
    account: Records
    positions: Records
    candidates: NDArray[np.int64]
    alerts: Records


def open_engine(plan: Plan, epoch: int = 1) -> Engine:
    """Return the engine of a fresh account."""
    agent = agent_of(plan)
    scanner, book = scanner_of(plan, CHUNK + 64, agent.instruments), book_of(plan, instruments=agent.instruments)
    venue = paper_venue(agent.instruments, len(plan.venues))._replace(quotes=book.quotes)
    venue.control[STOP_RULES] = plan.rules.stops
    book.ledger.account[0].epoch = agent.control[EPOCH] = epoch
    kinds = (INTENT, ORDER, REPORT, TRADE, SAMPLE, LATCH, CHANGE)
    room = 2 * CHUNK + 64 + len(plan.feeds)
    handles = open_handle()
    engine = Engine(
        handles[1], agent, scanner, venue, book, open_watch(len(plan.instruments)), records(room, INTENT),
        np.zeros(room, np.int64), records(1, ORDER),
        Logs._make([*(unwritten(LOG_ROWS, kind) for kind in kinds), np.zeros(8, np.int64)]),
        np.zeros(max(len(plan.desks), 1), np.int64),
    )  # fmt: skip
    return engine._replace(far=fill_handle(handles, engine, enter))


class _Drain:
    """Collects what the engine logs, so that logs stay small however long the tape is."""

    def __init__(self, logs: Logs) -> None:
        self.logs = logs
        self.kept: list[Records] = [unwritten(0, log.dtype) for log in logs[:LOGS]]
        self.counts = [0] * LOGS

    def take(self) -> None:
        for slot, log in enumerate(self.logs[:LOGS]):
            begin, count = self.counts[slot], int(self.logs.counts[slot])
            if not count:
                continue
            kept = self.kept[slot]
            if len(kept) < begin + count:  # room grows twofold, so that every entry is moved about twice at most
                room = unwritten(max(2 * len(kept), len(log)), log.dtype)
                as_bytes(room)[: begin * log.itemsize] = as_bytes(kept[:begin])
                kept = self.kept[slot] = room
            self.counts[slot] = begin + count
            as_bytes(kept)[begin * log.itemsize : (begin + count) * log.itemsize] = as_bytes(log[:count])
            self.logs.counts[slot] = 0

    def logged(self) -> list[Records]:
        return [kept[:count] for kept, count in zip(self.kept, self.counts, strict=True)]


def roll(
    engine: Engine, tape: Tape, settle_until_ns: int = INT64_MAX - 1, wishes: Sequence[Wish] = ()
) -> Rollout:  # fmt: skip
    """Run the whole tape; what falls due after its last row is done up to `settle_until_ns`.

    `wishes`, in order of time, are obeyed at their instants, each before any row of it.
    """
    drain = _Drain(engine.logs)
    end = len(tape.time_ns)
    engine.venue.control[END_NS] = tape.time_ns[-1] if end else -1
    row = 0
    for wish in wishes:
        row = _run_to(engine, tape, row, int(np.searchsorted(tape.time_ns, wish.time_ns)), drain)
        run_dues(engine, wish.time_ns - 1)
        drain.take()
        roll_day(engine, wish.time_ns)
        log_latch(engine.logs, wish.time_ns, obey(engine.book, wish).latched)
        for trade in wish.trades:
            hold_past(engine.venue, wish.instrument, trade.lots, trade.price, wish.time_ns)
    _run_to(engine, tape, row, end, drain)
    run_dues(engine, settle_until_ns)
    drain.take()
    ledger, heard = engine.book.ledger, engine.candidates + _bars_heard(engine)
    alerts = engine.book.alerts[: int(engine.book.guard[0].told)].copy()
    return Rollout._make([*drain.logged(), ledger.account.copy(), ledger.positions.copy(), heard, alerts])


def _run_to(engine: Engine, tape: Tape, row: int, end: int, drain: _Drain) -> int:
    while row < end:
        row = run_rows(engine, tape, row, end)
        drain.take()
    return row


def _bars_heard(engine: Engine) -> NDArray[np.int64]:
    """Count per desk the bars that its views took: each is one time that a policy was asked."""
    heard = np.zeros(len(engine.candidates), np.int64)
    for feed in engine.agent.feeds:
        if feed.view_number >= 0:
            heard[feed.desk] += engine.agent.views.views[feed.view_number].bars
    return heard
