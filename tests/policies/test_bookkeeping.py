"""What moves the book: reservations that sum to zero, reports, the day's roll, latches, samples."""

import numpy as np
import pytest

from market.ledger import OUTCOME, OUTCOMES
from market.paper import REPORT, Reason, ReportKind
from market.records import records
from market.tape import FEED, Role, Tape, merge_tapes
from policies.bookkeeping import (
    DAY_NS,
    LATCH,
    SAMPLE,
    book_report,
    close_instant,
    count_outcome,
    move_book,
    open_day,
    place,
    reserve,
    take_sample,
)
from policies.intents import Rule
from policies.risk import LIVE_COUNT, Book
from tests.builders import HOUR, MONEY, SECOND, an_instrument
from tests.market.floor import a_quote, a_report
from tests.policies.books import CASH, a_book, an_intent, hold

TICK = 10_000
NOTHING = ([0, 0, 0], [0, 0, 0], 0)
FILL, SETTLE, CANCEL, REJECT, AMEND = ReportKind


def working(book: Book) -> tuple[list[int], list[int], int]:
    """Return lots reserved to buy and to sell per instrument, and how many orders carry them."""
    return book.working_long.tolist(), book.working_short.tolist(), int(book.counts[LIVE_COUNT])


def approved(book: Book, *lots: int, number: int = 1, **terms: int) -> None:
    """Reserve an intent and place its orders, as the engine does."""
    intent = an_intent(*lots, **terms)
    reserve(book, intent, 1)
    for leg, size in enumerate(lots):
        place(book, number + leg, int(intent.instrument1 if leg else intent.instrument0), size)


def test_a_reservation_counts_both_legs_and_the_trade_and_is_given_back_whole() -> None:
    book = a_book()
    reserve(book, an_intent(5, -7), 1)
    assert (working(book), book.ledger.account[0].trades_today) == (([5, 0, 0], [0, 7, 0], 0), 1)
    reserve(book, an_intent(5, -7), -1)
    assert (working(book), book.ledger.account[0].trades_today) == (NOTHING, 0)


def test_what_reduces_reserves_nothing() -> None:
    book = a_book()
    reserve(book, an_intent(-5, reduce=1), 1)
    assert (working(book), book.ledger.account[0].trades_today) == (NOTHING, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_fills_use_a_reservation_up_and_a_cancel_frees_the_rest(sign: int) -> None:
    book = a_book()
    approved(book, 9 * sign)
    book_report(book, a_report(4 * sign, 100_000, number=1))
    assert working(book)[0 if sign > 0 else 1] == [5, 0, 0]
    book_report(book, a_report(5 * sign, 0, number=1, kind=CANCEL, reason=Reason.UNFILLED))
    assert (working(book), int(book.ledger.positions[0].lots)) == (NOTHING, 4 * sign)


def test_a_reject_frees_all_and_the_trade_stays_counted() -> None:
    book = a_book()
    approved(book, 9)
    book_report(book, a_report(9, 0, number=1, kind=REJECT, reason=Reason.STALE))
    assert (working(book), book.ledger.account[0].trades_today) == (NOTHING, 1)


def test_each_order_uses_its_own_reservation() -> None:
    book = a_book()
    for number, lots in ((1, 2), (2, 3), (3, -4)):
        approved(book, lots, number=number)
    book_report(book, a_report(2, 100_000, number=1))
    assert working(book) == ([3, 0, 0], [4, 0, 0], 2)
    book_report(book, a_report(-4, 100_000, number=3))
    book_report(book, a_report(3, 100_000, number=2))
    assert working(book) == NOTHING


def test_both_legs_of_a_pair_are_used_up_by_number() -> None:
    book = a_book()
    approved(book, 5, -5, number=7)
    book_report(book, a_report(-5, 0, number=8, instrument=1, kind=CANCEL, rate_num=2_000, rate_den=200_010))
    assert working(book) == ([5, 0, 0], [0, 0, 0], 1)
    book_report(book, a_report(5, 100_000, number=7))
    assert working(book) == NOTHING


@pytest.mark.parametrize("terms", [{"number": 2}, {"instrument": 1, "rate_num": 1, "rate_den": 100}, {"lots": -3}])
def test_a_report_of_another_order_instrument_or_side_leaves_a_reservation(terms: dict[str, int]) -> None:
    book = a_book()
    approved(book, 5)
    book_report(book, a_report(**({"lots": 3, "price": 100_000, "number": 1} | terms)))
    assert working(book) == ([5, 0, 0], [0, 0, 0], 1)


def test_a_settlement_leaves_the_reservation_that_the_purchase_used_up() -> None:
    book = a_book()
    approved(book, 5, instrument0=2)
    approved(book, 5, instrument0=2, number=2)
    book_report(book, a_report(5, 200, number=1, instrument=2, amount=-5 * MONEY))
    book_report(book, a_report(-5, 200, number=1, instrument=2, amount=0, kind=SETTLE))
    assert working(book) == ([0, 0, 5], [0, 0, 0], 1)


def test_more_than_was_reserved_never_makes_a_reservation_negative() -> None:
    book = a_book()
    approved(book, 5)
    book_report(book, a_report(8, 100_000, number=1))
    assert working(book) == NOTHING


def test_a_report_marks_its_position_and_pays_its_desk() -> None:
    book = a_book()
    book_report(book, a_report(5, 100_010, fee=700))
    account = book.ledger.account[0]
    assert (account.floating, account.dip) == (-50 * TICK, 0)
    book_report(book, a_report(-5, 100_000, fee=300))
    assert (account.floating, int(book.desks[0].realised)) == (0, -50 * TICK - 1000)


def test_an_instrument_of_no_desk_pays_none() -> None:
    book = a_book()
    book.ledger.instruments.desk = -1
    book_report(book, a_report(5, 100_010, fee=700))
    assert (int(book.desks[0].realised), int(book.ledger.account[0].cash)) == (0, CASH - 700)


def test_a_result_moves_the_streak_when_its_group_is_flat() -> None:
    book = a_book()
    account = book.ledger.account[0]
    seen = []
    for k, price in enumerate((99_999, 99_999, 100_000, 99_999, 100_001)):
        book_report(book, a_report(5, 100_000, time_ns=10 * k))
        book_report(book, a_report(-5, price, time_ns=10 * k + 5))
        seen.append((int(account.loss_streak), int(account.last_loss_ns)))
    assert seen == [(1, 5), (2, 15), (2, 15), (3, 35), (0, 35)]
    assert book.ledger.control[OUTCOMES] == 0


def test_an_outcome_of_exactly_zero_is_neither_a_win_nor_a_loss() -> None:
    account, outcome = a_book().ledger.account[0], records(1, OUTCOME)[0]
    account.loss_streak, outcome.time_ns = 3, 77
    for pnl, streak, last in ((0, 3, 0), (-1, 4, 77), (1, 0, 77)):
        outcome.pnl = pnl
        count_outcome(account, outcome)
        assert (account.loss_streak, account.last_loss_ns) == (streak, last)


def test_a_later_day_brings_new_counters_anchor_and_budgets_and_an_earlier_one_nothing() -> None:
    book = a_book()
    account, desk = book.ledger.account[0], book.desks[0]
    desk.budget_ppm = 333_333
    assert open_day(book, 3 * DAY_NS)
    account.equity, account.trades_today, account.loss_streak, account.realised_today = CASH - 7, 5, 2, -9
    account.blocks = Rule.DAILY_LOSS | Rule.TOTAL_DRAWDOWN
    for time_ns in (2 * DAY_NS, 4 * DAY_NS - 1):
        assert not open_day(book, time_ns)
    assert (account.anchor, account.trades_today, int(desk.budget)) == (CASH, 5, CASH * 333_333 // 10**6)
    assert open_day(book, 4 * DAY_NS)
    assert (account.anchor, account.trades_today, account.loss_streak, account.realised_today) == (CASH - 7, 0, 0, 0)
    assert (account.day, account.blocks) == (4, Rule.TOTAL_DRAWDOWN)
    assert int(desk.budget) == (CASH - 7) * 333_333 // 10**6


def after(book: Book, **account: int) -> Rule:
    """Set fields of the account and close an instant at time 9."""
    for name, value in account.items():
        book.ledger.account[0][name] = value
    return Rule(close_instant(book, 9))


@pytest.mark.parametrize(
    ("account", "loss"),
    [
        ({"realised_today": -60}, 60),
        ({"realised_today": -60, "floating": -30, "dip": -10}, 100),
        ({"realised_today": -60, "floating": 50, "dip": -10}, 60),
        ({"realised_today": 60, "dip": -100}, 40),
    ],
)
def test_a_days_loss_is_what_was_realised_and_the_floating_loss_but_no_floating_gain(
    account: dict[str, int], loss: int
) -> None:
    assert after(a_book(daily_loss_max=loss), **account) == Rule.DAILY_LOSS
    assert after(a_book(daily_loss_max=loss + 1), **account) == Rule(0)


def test_a_days_loss_may_be_measured_from_the_equity_at_its_start() -> None:
    account = {"anchor": CASH + 50, "floating": -10, "dip": -20}
    assert after(a_book(daily_loss_basis=1, daily_loss_max=80), **account) == Rule.DAILY_LOSS
    assert after(a_book(daily_loss_basis=1, daily_loss_max=81), **account) == Rule(0)


def test_a_days_loss_latches_when_it_reaches_its_limit_and_is_told_once() -> None:
    book = a_book(daily_loss_max=100)
    assert after(book, realised_today=-99) == Rule(0)
    assert after(book, realised_today=-100) == Rule.DAILY_LOSS
    assert after(book, realised_today=0) == Rule(0)
    assert book.ledger.account[0].blocks == Rule.DAILY_LOSS
    assert book.ledger.account[0].time_ns == 9


@pytest.mark.parametrize(("basis", "top"), [(0, CASH), (1, CASH + 500)])
def test_the_drawdown_is_measured_from_its_basis_at_the_worst_price(basis: int, top: int) -> None:
    book = a_book(drawdown_basis=basis, drawdown_max=100)
    after(book, floating=500)
    assert after(book, floating=top - CASH, dip=-99) == Rule(0)
    assert after(book, floating=top - CASH, dip=-100) == Rule.TOTAL_DRAWDOWN
    assert after(book, floating=10**9) == Rule(0)
    open_day(book, 5 * DAY_NS)
    assert book.ledger.account[0].blocks == Rule.TOTAL_DRAWDOWN


def test_a_limit_of_zero_is_reached_at_once() -> None:
    assert after(a_book(daily_loss_max=0, drawdown_max=0)) == Rule.DAILY_LOSS | Rule.TOTAL_DRAWDOWN


def test_samples_fall_on_their_grid_and_hold_the_lowest_equity_since_the_last() -> None:
    book, samples = a_book(sample_ns=10), records(4, SAMPLE)
    count = 0
    for time_ns, low in ((3, 0), (9, -50), (10, 0), (12, -70), (35, -20)):
        after(book, dip=low)
        count = take_sample(book, time_ns, samples, count)
    assert [tuple(map(int, row)) for row in samples[:count]] == [
        (3, CASH, CASH, CASH, CASH), (10, CASH, CASH - 50, CASH, CASH), (35, CASH, CASH - 70, CASH, CASH),
    ]  # fmt: skip
    assert book.ledger.account[0].next_ns == 40


FEEDS = records(2, FEED)
FEEDS.instrument[:], FEEDS.roles[:] = [0, 1], [Role.MATCH, Role.VIEW]


def moved(book: Book, tape: Tape, *reports: object) -> tuple[list[int], list[int], list[list[int]]]:
    """Move a book through rows and reports; return where it stopped, its place, and the latches as lists."""
    rows = records(len(reports), REPORT)
    for k, report in enumerate(reports):
        rows[k] = report
    at, stops = np.zeros(4, np.int64), []
    samples, latches = records(64, SAMPLE), records(64, LATCH)
    while True:
        stops.append(int(move_book(book, FEEDS, tape, rows, samples, latches, at)))
        if stops[-1] < 0:
            return stops, at.tolist(), [list(map(int, row)) for row in latches[: at[3]]]
        open_day(book, stops[-1])


def test_the_book_moves_by_rows_and_reports_in_the_order_of_time_and_stops_at_midnight() -> None:
    book = a_book(daily_loss_max=100 * TICK, sample_ns=HOUR)
    tape = merge_tapes([a_quote(time, bid, bid + 8) for time, bid in ((10, 100_000), (30, 99_970), (DAY_NS, 99_990))])
    opened, closed = a_report(5, 100_008, time_ns=20), a_report(-5, 99_990, time_ns=DAY_NS + SECOND)
    stops, at, latches = moved(book, tape, opened, closed)
    assert stops == [10, DAY_NS, -1]
    assert at[:2] == [3, 2]
    assert latches == [[30, Rule.DAILY_LOSS]]
    account = book.ledger.account[0]
    assert (account.day, account.blocks, account.cash) == (1, 0, CASH - 90 * TICK)
    assert account.anchor == CASH - 190 * TICK
    assert at[2] == 2


def test_rows_that_match_nothing_and_flat_instants_leave_the_book_as_it_is() -> None:
    book = a_book()
    tape = merge_tapes([a_quote(10, 5, 6, feed=1), a_quote(20, 70_000, 70_008)])
    open_day(book, 0)
    assert moved(book, tape)[0] == [-1]
    assert (int(book.quotes[1].bid), int(book.quotes[0].bid)) == (100_000, 70_000)
    assert (book.ledger.account[0].time_ns, book.ledger.account[0].equity) == (0, CASH)


def test_a_book_of_instruments_without_reports_is_sampled_all_the_same() -> None:
    book = a_book(sample_ns=10)
    tape = merge_tapes([a_quote(k, 100_000, 100_008) for k in range(1, 35)])
    stops, at, latches = moved(book, tape)
    assert (stops, at, latches) == ([1, -1], [34, 0, 4, 0], [])


def test_a_held_position_is_worth_what_its_money_is_worth_now() -> None:
    yens = [an_instrument(name, "x", tick_size="0.001", lot_size="10") for name in ("EURJPY", "USDJPY")]
    book = a_book(*yens)
    book.quotes[1].ask = 100_000
    hold(book, 10, price=99_900)
    tape = a_quote(1, 125_000, 125_000, feed=1)
    both = records(2, FEED)
    both.instrument[:], both.roles[:] = [0, 1], Role.MATCH
    floating = [int(book.ledger.account[0].floating)]
    open_day(book, 0)
    logs = records(0, REPORT), records(1, SAMPLE), records(1, LATCH)
    assert move_book(book, both, tape, *logs, np.zeros(4, np.int64)) == -1
    assert [*floating, int(book.ledger.account[0].floating)] == [100_000, 80_000]
