"""The engine: pieces do not matter, flawed rows move nothing, and what went in comes out to the last unit."""

from collections import defaultdict
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.engine import CHUNK
from envs.rollout import open_engine, roll
from market.instruments import Kind
from market.paper import COUNT, GUARDED, Reason, ReportKind
from market.quotes import QUOTE, update_quote
from market.records import records
from market.tape import Flaw, Role, Tape, merge_tapes, quote_tape, select_feeds, slice_tape
from policies.assembly import instruments_of
from policies.intents import DeskKind, Rule, Ruling, TradingState
from policies.plan import FeedPlan, Plan
from policies.risk import LIVE_COUNT
from tests.builders import DAY, DESKS, HOUR, MINUTE, MONEY, START_NS, a_desk, a_plan, a_tape, an_instrument
from tests.envs.engines import PLAIN, Run, instants, run_in_pieces, run_whole
from tests.market.floor import a_bar, a_quote
from tests.properties import PROPERTY

CASH = 100_000 * MONEY


@cache
def the_tape() -> Tape:
    return a_tape(minutes=200, ticks=3_000)


def the_plan(**changes: Any) -> Plan:
    """Return a plan of three desks whose forex trades are closed after 20 bars."""
    forex = dict(DESKS[0].params) | {"hold_bars": 20.0}
    return a_plan(forex={"params": tuple(forex.items())} | changes.pop("forex", {}), **changes)


@cache
def the_run() -> Run:
    """Return the run of all desks in which each of them trades, over midnight."""
    return run_whole(the_plan(), the_tape())


@given(st.lists(st.floats(0.0, 1.0), max_size=12))
@settings(PROPERTY, max_examples=2 if PLAIN else 10)
def test_it_does_not_matter_in_which_pieces_a_tape_is_run(places: list[float]) -> None:
    starts = instants(the_tape())
    edges = [starts[int(place * (len(starts) - 1))] for place in places]
    assert run_in_pieces(the_plan(), the_tape(), edges).bytes_of() == the_run().bytes_of()


def test_a_tape_may_be_run_instant_by_instant() -> None:
    tape = slice_tape(the_tape(), 0, 400)
    assert run_in_pieces(a_plan(), tape, instants(tape)).bytes_of() == run_whole(a_plan(), tape).bytes_of()


def test_every_desk_trades_on_the_tape_of_these_tests() -> None:
    executed = the_run().logs["decisions"]
    executed = executed[executed.ruling == Ruling.EXECUTE]
    assert {int(desk) for desk in executed.desk} == set(DeskKind)
    assert {int(reason) for reason in the_run().logs["reports"].reason} >= {
        Reason.ENTRY, Reason.EXIT, Reason.STOP, Reason.TARGET, Reason.TIME, Reason.EXPIRY, Reason.UNFILLED,
    }  # fmt: skip
    assert the_run().engine.book.ledger.account[0].day * DAY > the_tape().time_ns[0]


def test_every_order_ends_with_its_lots_filled_or_given_back() -> None:
    ended: dict[int, int] = defaultdict(int)
    for report in the_run().logs["reports"]:
        protective = report.reason in (Reason.STOP, Reason.TARGET, Reason.TIME)
        if report.kind != ReportKind.SETTLE and not protective:
            ended[int(report.number)] += int(report.lots)
    orders = the_run().logs["orders"]
    assert {int(order.number): int(order.lots) for order in orders} == ended
    assert the_run().engine.venue.control[COUNT] == 0


def test_every_contract_that_was_bought_is_settled_once_at_its_expiry() -> None:
    reports = the_run().logs["reports"]
    bought = {int(r.number): r for r in reports if r.reason == Reason.ENTRY and r.amount < 0}
    settled = {int(r.number): r for r in reports if r.kind == ReportKind.SETTLE}
    assert bought.keys() == settled.keys()
    assert sum(reports.kind == ReportKind.SETTLE) == len(settled) > 5
    assert all(settled[k].time_ns - bought[k].time_ns == MINUTE for k in bought)


def test_venue_and_ledger_hold_the_same_and_nothing_is_reserved_or_watched_at_the_end() -> None:
    engine = the_run().engine
    assert engine.venue.holdings.lots.tolist() == engine.book.ledger.positions.lots.tolist()
    assert (engine.book.working_long.sum(), engine.book.working_short.sum()) == (0, 0)
    assert (engine.book.counts[LIVE_COUNT], engine.watch.counts[0]) == (0, 0)
    guarded = [h.lots != 0 and (h.stop > 0 or h.target > 0 or h.until_ns > 0) for h in engine.venue.holdings]
    assert engine.venue.control[GUARDED] == sum(guarded)


def test_no_money_is_made_or_lost_between_the_reports_and_the_account() -> None:
    """An exact twin of the money: fees up, profit of each close half to even, at the rate of its report."""
    table, held, cash = instruments_of(a_plan()), defaultdict(lambda: [0, 0]), CASH
    for r in the_run().logs["reports"]:
        rate, lots, price = Fraction(int(r.rate_num), int(r.rate_den)), int(r.lots), int(r.price)
        if table[r.instrument].kind == Kind.BINARY:
            cash += round(int(r.amount) * rate)
        elif r.kind == ReportKind.FILL:
            cash -= ceil(int(r.fee) * rate)
            position = held[int(r.instrument)]
            closing = min(abs(lots), abs(position[0])) if position[0] * lots < 0 else 0
            if closing:
                sign = 1 if position[0] > 0 else -1
                share = round(Fraction(position[1] * closing, abs(position[0])))
                gain = (sign * closing * price - share) * int(table[r.instrument].tick_value)
                cash += round(gain * rate)
                position[:] = position[0] - sign * closing, position[1] - share
            opening = (abs(lots) - closing) * (1 if lots > 0 else -1)
            position[:] = position[0] + opening, position[1] + opening * price
    ledger = the_run().engine.book.ledger
    assert int(ledger.account[0].cash) == cash
    for k, (lots, cost) in held.items():
        assert (int(ledger.positions[k].lots), int(ledger.positions[k].cost)) == (lots, cost)
    assert int(ledger.account[0].cash) - CASH == sum(int(desk.realised) for desk in the_run().engine.book.desks)


def test_the_account_at_each_sample_is_between_its_low_and_its_peak() -> None:
    samples = the_run().logs["samples"]
    assert (samples.low <= samples.equity).all()
    assert (samples.equity <= samples.peak).all()
    assert (np.diff(samples.peak) >= 0).all()
    assert (np.diff(samples.time_ns) > 0).all()
    account = the_run().engine.book.ledger.account[0]
    assert account.peak >= samples.peak.max()
    assert account.drawdown_max >= (samples.peak - samples.low).max()


def test_desks_that_are_not_switched_on_decide_the_same_and_send_nothing() -> None:
    off = the_plan(forex={"auto_execute": False}, arbitrage={"auto_execute": False}, binary={"auto_execute": False})
    shown = run_whole(off, the_tape())
    assert shown.logs["decisions"].view_hash.tolist() == the_run().logs["decisions"].view_hash.tolist()
    assert not set(shown.logs["decisions"].ruling.tolist()) & {Ruling.EXECUTE}
    assert Ruling.DISPLAY_ONLY in shown.logs["decisions"].ruling
    assert (len(shown.logs["orders"]), len(shown.logs["reports"])) == (0, 0)
    book = shown.engine.book
    assert (book.ledger.account[0].equity, book.ledger.account[0].trades_today) == (CASH, 0)
    assert (book.working_long.sum(), book.working_short.sum()) == (0, 0)


def test_a_limit_of_no_loss_at_all_stops_everything_but_what_reduces() -> None:
    strict = run_whole(the_plan(drawdown_max=1), the_tape())
    latches = strict.logs["latches"]
    assert latches.rules.tolist() == [Rule.TOTAL_DRAWDOWN]
    later = strict.logs["decisions"][strict.logs["decisions"].time_ns >= latches[0].time_ns]
    executed = later[later.ruling == Ruling.EXECUTE]
    assert executed.reduce.all()
    assert (later[later.reduce == 0].rules & Rule.TOTAL_DRAWDOWN).all()


def test_no_position_is_ever_worth_more_than_its_share_with_what_is_working() -> None:
    """Every approval is replayed: held and working lots of its side, valued at the ask it saw, within 25 %."""
    table = instruments_of(a_plan())
    for decision in the_run().logs["decisions"]:
        if decision.rules == 0 and decision.reduce == 0 and decision.desk == DeskKind.FOREX:
            row = table[decision.instrument0]
            value = abs(int(decision.lots0)) * int(decision.ask0) * int(row.tick_value)
            dollars = value if row.rate_instrument == 0 else value * 1000 // int(decision.ask0)
            assert dollars <= int(decision.equity) // 4 + row.tick_value


def flawed(tape: Tape, flaw: Flaw) -> Tape:
    tape.flaws[:] = flaw
    return tape


@pytest.mark.parametrize("flaw", list(Flaw))
def test_a_tape_of_flawed_rows_moves_nothing(flaw: Flaw) -> None:
    run = run_whole(a_plan(), flawed(a_tape(minutes=90, ticks=500), flaw))
    assert {name: len(log) for name, log in run.logs.items() if name != "samples"} == dict.fromkeys(
        ("decisions", "orders", "reports", "trades", "latches"), 0
    )
    account = run.engine.book.ledger.account[0]
    assert (account.cash, account.equity, account.drawdown_max) == (CASH, CASH, 0)
    assert not run.engine.book.quotes.time_ns.any()


def test_flawed_rows_between_sound_ones_change_no_decision_and_no_fill() -> None:
    bars = select_feeds(a_tape(minutes=200, ticks=10), np.arange(7) < 4)
    noise = bars._replace(time_ns=bars.time_ns - 30 * 10**9, close=bars.close * 3, flaws=np.full_like(bars.flaws, 2))
    clean, noisy = run_whole(a_plan(), bars), run_whole(a_plan(), merge_tapes([bars, noise]))
    for name in ("decisions", "orders", "reports", "trades"):
        assert noisy.logs[name].tobytes() == clean.logs[name].tobytes()
    assert len(clean.logs["reports"]) > 10


def a_wide_plan(count: int) -> Plan:
    """Return a plan of as many instruments, each with minute bars, on which one desk follows crossings."""
    pairs = tuple(an_instrument(f"AAA{k:03d}", "fx", rate="1") for k in range(count))
    params = {"fast": 2, "slow": 3, "lots": 1}
    feeds = [FeedPlan(instrument=pair.key, roles=Role.MATCH | Role.VIEW, desk=0, bar_ns=MINUTE) for pair in pairs]
    return a_plan(
        instruments=pairs, feeds=tuple(feeds), routes=(), trades_per_day_max=10_000,
        desks=(a_desk("forex", DeskKind.FOREX, "sma_cross", params, top_n=count),),
    )  # fmt: skip


def test_a_plan_of_120_instruments_may_decide_on_all_of_them_in_one_instant() -> None:
    prices = (100, 100, 100, 90, 112, 120, 130, 80, 60, 50)
    rows = [a_bar((k + 1) * MINUTE, (price,) * 4, feed=feed) for k, price in enumerate(prices) for feed in range(120)]
    run = run_whole(a_wide_plan(120), merge_tapes(rows))
    decided = run.logs["decisions"]
    times, counts = np.unique(decided.time_ns, return_counts=True)
    assert (times.tolist(), counts.tolist()) == ([5 * MINUTE, 8 * MINUTE], [120, 120])
    assert set(decided.ruling.tolist()) == {Ruling.EXECUTE}
    assert sorted(decided.instrument0[:120].tolist()) == list(range(120))
    fills = run.logs["reports"]
    assert [(int(k), int(r)) for k, r in zip(fills.kind, fills.reason, strict=True)] == [
        *[(ReportKind.FILL, Reason.ENTRY)] * 120, *[(ReportKind.FILL, Reason.EXIT)] * 120,
    ]  # fmt: skip
    assert (set(fills.price[:120].tolist()), set(fills.price[120:].tolist())) == ({122}, {60})
    assert run.engine.book.ledger.account[0].cash == CASH - 120 * 62 * 10_000


def test_an_instant_of_more_rows_than_a_chunk_is_one_instant() -> None:
    plan = a_wide_plan(2)
    feeds = (plan.feeds[0], FeedPlan(instrument=plan.feeds[1].instrument, roles=Role.MATCH, desk=0))
    bars = [a_bar((k + 1) * MINUTE, (price,) * 4) for k, price in enumerate((100, 100, 100, 90, 112, 120))]
    crowd = [a_quote(5 * MINUTE, 100 + k, 102 + k, feed=1) for k in range(CHUNK + 200)]
    run = run_whole(msgspec.structs.replace(plan, feeds=feeds), merge_tapes([*bars, *crowd]))
    assert run.logs["decisions"].time_ns.tolist() == [5 * MINUTE]
    assert run.logs["reports"].price.tolist() == [122]
    quote = run.engine.book.quotes[1]
    assert (quote.bid, quote.bid_low, quote.ask_high) == (99 + CHUNK + 200, 100, 101 + CHUNK + 200)


def test_what_waits_for_a_bar_at_the_end_of_the_tape_is_cancelled() -> None:
    bars = [a_bar((k + 1) * MINUTE, (price,) * 4) for k, price in enumerate((100, 100, 100, 90, 112))]
    run = run_whole(a_wide_plan(1), merge_tapes(bars))
    assert [(int(r.kind), int(r.reason), int(r.lots)) for r in run.logs["reports"]] == [
        (ReportKind.CANCEL, Reason.END, 1)
    ]  # fmt: skip
    assert (run.engine.book.working_long.sum(), run.engine.venue.control[COUNT]) == (0, 0)


def test_a_day_that_rolls_brings_new_budgets_of_the_equity_then() -> None:
    engine = the_run().engine
    anchor = int(engine.book.ledger.account[0].anchor)
    assert engine.agent.budgets.tolist() == [anchor, anchor, anchor]
    assert anchor != CASH


def test_a_halted_account_refuses_all() -> None:
    engine = open_engine(the_plan())
    engine.book.ledger.account[0].state = TradingState.HALTED
    rolled = roll(engine, the_tape())
    assert (rolled.decisions.rules & Rule.HALTED).all()
    assert len(rolled.orders) == 0 < len(rolled.decisions)


ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(90, 110), st.booleans(), st.integers(0, 9)), min_size=1, max_size=30
)


@given(ROWS)
@settings(PROPERTY, max_examples=50)
def test_rows_passed_over_because_nothing_can_happen_leave_the_same_price(
    rows: list[tuple[int, int, bool, int]],
) -> None:
    plan, time_ns, tapes = a_wide_plan(1), MINUTE, []
    for step, bid, sound, spread in rows:
        time_ns += step
        tapes.append(a_quote(time_ns, bid, bid + spread, flaws=0 if sound else Flaw.CROSSED))
    tape = merge_tapes(tapes)
    feeds = (msgspec.structs.replace(plan.feeds[0], roles=Role.MATCH),)
    run = run_whole(msgspec.structs.replace(plan, feeds=feeds), tape)
    quotes = records(1, QUOTE)
    for row in range(len(rows)):
        update_quote(quotes, 0, tape, row)
    assert run.engine.book.quotes.tobytes() == quotes.tobytes()


def test_a_contract_of_one_day_may_be_settled_on_the_next() -> None:
    bought = the_run().logs["reports"]
    bought = bought[(bought.reason == Reason.ENTRY) & (bought.amount < 0)]
    shift = DAY - int(bought[0].time_ns) % DAY - MINUTE // 2  # the first purchase lies half a minute before midnight
    tape = the_tape()._replace(time_ns=the_tape().time_ns + shift)
    midnight = int(bought[0].time_ns) + shift + MINUTE // 2
    run = run_whole(the_plan(), slice_tape(tape, 0, int(np.searchsorted(tape.time_ns, midnight))))
    settled = [int(r.time_ns) for r in run.logs["reports"] if r.kind == ReportKind.SETTLE]
    assert settled == [midnight + MINUTE // 2]
    account = run.engine.book.ledger.account[0]
    assert (account.day, account.trades_today, run.logs["samples"].time_ns[-1]) == (midnight // DAY, 0, settled[0])


def test_a_desk_without_a_budget_proposes_no_pair() -> None:
    run = run_whole(the_plan(arbitrage={"budget_fraction": 0.0}), the_tape())
    own = run.logs["decisions"][run.logs["decisions"].desk == DeskKind.ARBITRAGE]
    assert own.reduce.all()
    assert run.engine.candidates[DeskKind.ARBITRAGE] > len(own)


def test_an_exit_that_finds_no_quote_waits_and_is_asked_for_once() -> None:
    plan, second = a_plan(), 10**9
    short, long = (START_NS + np.arange(rows) * second for rows in (12, 400))
    a, b = np.full(12, 110_000), np.full(400, 110_000)
    b[10:] = 110_050
    quotes = [quote_tape(4, short, a, a + 4), quote_tape(5, long, b, b + 4)]
    alone = roll(open_engine(plan), merge_tapes(quotes))
    assert [int(row.reason) for row in alone.reports].count(Reason.END) == 1
    late = quote_tape(4, START_NS + np.array([6 * HOUR]), np.array([110_040]), np.array([110_044]))
    back = roll(open_engine(plan), merge_tapes([*quotes, late]))
    assert (back.account[0].open_positions, len(back.orders)) == (0, len(alone.orders))
    assert back.reports[-1].time_ns == START_NS + 6 * HOUR


def test_a_view_may_not_trade_the_bars_of_another_feed() -> None:
    plan = a_plan()
    fives = msgspec.structs.replace(plan.feeds[0], bar_ns=5 * MINUTE, roles=int(Role.VIEW))
    with pytest.raises(
        ValueError, match="a view of it trades EURUSD@fx, which bars of 60 s move; only a view of those"
    ):
        open_engine(msgspec.structs.replace(plan, feeds=(*plan.feeds, fives)))


def test_a_scanned_feed_belongs_to_one_route() -> None:
    plan = a_plan()
    for routes, count in (((), 0), (plan.routes * 2, 2)):
        with pytest.raises(ValueError, match=f"so it must be in one route; it is in {count}"):
            open_engine(msgspec.structs.replace(plan, routes=routes))
