"""Commands on a book: what a person may lift, what is final, and money that is neither profit nor loss."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper import REPORT, ReportKind
from market.records import records
from policies.bookkeeping import book_report, close_instant
from policies.breakers import CostTerms
from policies.breaking import open_breakers
from policies.commands import LIFTABLE, MONEY_MAX, Obeyed, Result, Trade, Wish, obey
from policies.floors import Clears, Mode, open_floors
from policies.guard import alerts_of, open_guard, start_guard
from policies.intents import Rule
from policies.pretrade import window_allows, window_note
from policies.risk import Book
from tests.builders import DAY, MONEY
from tests.policies.books import CASH, NOW, a_book
from tests.properties import PROPERTY

SAFE = {
    "mode": Mode.PERIOD_PEAK, "rule": Rule.SAFE_MODE, "of_top": 1, "ppm": 80_000, "inclusive": 1,
    "clears": Clears.ACKNOWLEDGED, "share_ppm": 10**6,
}  # fmt: skip
FIRM = {"mode": Mode.STATIC, "rule": Rule.ACCOUNT_TOTAL_LOSS, "amount": 10_000 * MONEY, "share_ppm": 10**6}


def an_account(*floors: dict[str, Any], **limits: int) -> Book:
    """Return a book under floors whose period ends a day from now, and two."""
    book = a_book(**{"daily_loss_max": 10**15, "drawdown_max": 10**15} | limits)
    if not floors:
        return book
    guard, rows = open_guard({"active": 1}, CASH), open_floors(list(floors), CASH)
    resets_ns = np.array([[NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY]], np.int64)
    start_guard(guard, rows, resets_ns)
    return book._replace(floors=rows, guard=guard, resets_ns=resets_ns, alerts=alerts_of(rows, resets_ns))


def falls_to(book: Book, equity: int, time_ns: int = NOW) -> int:
    book.ledger.account[0].floating = equity - book.ledger.account[0].cash
    return int(close_instant(book, time_ns))


def lift(book: Book, rule: Rule, time_ns: int = NOW + 1) -> Obeyed:
    return obey(book, Wish(time_ns=time_ns, rule=rule.value))


def test_safe_mode_is_lifted_after_its_period_has_rolled_and_not_before() -> None:
    book = an_account(SAFE)
    assert falls_to(book, 92_000 * MONEY) == Rule.SAFE_MODE
    assert lift(book, Rule.SAFE_MODE) == Obeyed(result=Result.REFUSED_PERIOD)
    assert book.ledger.account[0].blocks == Rule.SAFE_MODE
    found = lift(book, Rule.SAFE_MODE, NOW + DAY)  # the reset is taken first, then the word counts
    assert found == Obeyed(result=Result.DONE, lifted=Rule.SAFE_MODE)
    assert book.ledger.account[0].blocks == 0
    assert lift(book, Rule.SAFE_MODE, NOW + DAY + 1).result is Result.NOT_LATCHED


def test_a_word_for_one_rule_lifts_no_other() -> None:
    book = an_account(SAFE, FIRM | {"clears": Clears.ACKNOWLEDGED})
    assert falls_to(book, 85_000 * MONEY) == Rule.SAFE_MODE | Rule.ACCOUNT_TOTAL_LOSS
    falls_to(book, 99_000 * MONEY, NOW + DAY)
    assert lift(book, Rule.SAFE_MODE, NOW + DAY + 1).lifted == Rule.SAFE_MODE
    assert book.ledger.account[0].blocks == Rule.ACCOUNT_TOTAL_LOSS


def test_what_a_profile_says_is_final_stays() -> None:
    book = an_account(FIRM)
    falls_to(book, 89_000 * MONEY)
    for day in range(3):
        assert lift(book, Rule.ACCOUNT_TOTAL_LOSS, NOW + day * DAY + 1).result is Result.REFUSED_FINAL
    assert book.ledger.account[0].blocks == Rule.ACCOUNT_TOTAL_LOSS


def test_a_firm_latch_that_stands_at_its_reset_waits_for_the_next_one() -> None:
    book = an_account(FIRM | {"clears": Clears.ACKNOWLEDGED})
    falls_to(book, 89_000 * MONEY)
    assert lift(book, Rule.ACCOUNT_TOTAL_LOSS, NOW + DAY) == Obeyed(result=Result.REFUSED_PERIOD)
    assert book.ledger.account[0].blocks == Rule.ACCOUNT_TOTAL_LOSS
    falls_to(book, 95_000 * MONEY, NOW + DAY + 2)
    found = lift(book, Rule.ACCOUNT_TOTAL_LOSS, NOW + 2 * DAY)
    assert found == Obeyed(result=Result.DONE, lifted=Rule.ACCOUNT_TOTAL_LOSS)


@pytest.mark.parametrize("basis", [0, 1])
def test_a_drawdown_is_lifted_only_once_it_stands_no_longer(basis: int) -> None:
    book = an_account(drawdown_max=10_000 * MONEY, drawdown_basis=basis)
    assert lift(book, Rule.TOTAL_DRAWDOWN).result is Result.NOT_LATCHED
    assert falls_to(book, 90_000 * MONEY) == Rule.TOTAL_DRAWDOWN
    assert lift(book, Rule.TOTAL_DRAWDOWN) == Obeyed(result=Result.REFUSED_STANDS)
    falls_to(book, 90_000 * MONEY + 1, NOW + 2)
    assert lift(book, Rule.TOTAL_DRAWDOWN, NOW + 3) == Obeyed(result=Result.DONE, lifted=Rule.TOTAL_DRAWDOWN)
    assert falls_to(book, 90_000 * MONEY, NOW + 4) == Rule.TOTAL_DRAWDOWN, "no reference has moved"


def test_a_deposit_does_not_lift_or_hide_a_loss() -> None:
    book = an_account(FIRM, drawdown_max=10_000 * MONEY)
    falls_to(book, 91_000 * MONEY)
    assert obey(book, Wish(time_ns=NOW + 1, money=50_000 * MONEY)) == Obeyed(result=Result.DONE)
    assert falls_to(book, 140_000 * MONEY, NOW + 2) == Rule.TOTAL_DRAWDOWN
    assert falls_to(book, 140_000 * MONEY - 1, NOW + 3) == Rule.ACCOUNT_TOTAL_LOSS


@given(
    money=st.integers(-(99_999 * MONEY), 10**12 * MONEY).filter(bool),
    equity=st.integers(90_001 * MONEY, 200_000 * MONEY),
)
@PROPERTY
def test_money_that_comes_or_goes_moves_everything_alike(money: int, equity: int) -> None:
    book = an_account(FIRM, SAFE, drawdown_max=10_000 * MONEY, drawdown_basis=1)
    falls_to(book, equity)
    account = book.ledger.account[0]

    def distances() -> tuple[int, ...]:
        names = ("initial", "peak", "anchor", "cash", "sample_low")
        tops = [int(account[name]) - int(account.equity) for name in names]
        floors = [int(row.floor + book.guard[0].flow - account.equity) for row in book.floors]
        return (*tops, *floors, int(account.drawdown_max), int(account.blocks), int(book.guard[0].told))

    before = distances()
    found = obey(book, Wish(time_ns=NOW + 1, money=money))
    if found.result is Result.DONE:
        assert int(account.equity) == equity + money > 0
    else:
        assert found.result is Result.REFUSED_AMOUNT
        assert equity + money <= 0 or CASH + money <= 0 or max(equity, CASH) + money > MONEY_MAX
        assert int(account.equity) == equity
    assert distances() == before


def test_an_account_gives_no_more_than_it_has_and_takes_no_more_than_it_may() -> None:
    book = an_account()
    assert obey(book, Wish(time_ns=NOW, money=-CASH)).result is Result.REFUSED_AMOUNT
    assert obey(book, Wish(time_ns=NOW, money=MONEY_MAX)).result is Result.REFUSED_AMOUNT
    falls_to(book, 50_000 * MONEY)
    assert obey(book, Wish(time_ns=NOW + 1, money=-50_000 * MONEY)).result is Result.REFUSED_AMOUNT
    assert obey(book, Wish(time_ns=NOW + 1, money=1 - 50_000 * MONEY)).result is Result.DONE


def test_a_desk_is_enabled_again_and_its_executions_are_counted_anew() -> None:
    book = an_account()
    assert obey(book, Wish(time_ns=NOW, desk=0)).result is Result.NOT_LATCHED
    book.controls.disabled[0] = 1
    window_note(book.controls.executions[0], NOW)
    assert obey(book, Wish(time_ns=NOW + 1, desk=0)).result is Result.DONE
    assert book.controls.disabled[0] == 0
    assert window_allows(book.controls.executions[0], NOW, DAY, 1)


def test_a_cost_breaker_is_lifted_by_a_person() -> None:
    book = an_account()
    book = book._replace(breakers=open_breakers(None, None, CostTerms(), instruments=3, venues=2))
    assert obey(book, Wish(time_ns=NOW, instrument=1)).result is Result.NOT_LATCHED
    book.breakers.costs[1, 0] = 1
    assert obey(book, Wish(time_ns=NOW, instrument=1)).result is Result.DONE
    assert not book.breakers.costs.any()


@pytest.mark.parametrize("wish", [Wish(time_ns=1), Wish(time_ns=1, rule=Rule.DAILY_LOSS.value)])
def test_a_wish_that_is_none_is_refused(wish: Wish) -> None:
    assert Rule.DAILY_LOSS not in LIFTABLE
    with pytest.raises(ValueError, match="SAFE_MODE, ACCOUNT_DAILY_LOSS"):
        obey(an_account(), wish)


trades_of_somebody = st.lists(
    st.builds(Trade, lots=st.integers(-40, 40).filter(bool), price=st.integers(90_000, 120_000), fee=st.integers(0, 9)),
    min_size=1, max_size=6,
)  # fmt: skip


def take_over(book: Book, *trades: Trade) -> Obeyed:
    return obey(book, Wish(time_ns=NOW, instrument=0, trades=trades))


@PROPERTY
@given(trades_of_somebody)
def test_what_is_taken_over_leaves_position_cost_fees_and_cash_as_fills_of_ours_would(trades: list[Trade]) -> None:
    taken, filled = an_account(), an_account()
    assert take_over(taken, *trades).result is Result.DONE
    row = records(1, REPORT)[0]
    for trade in trades:
        row.time_ns, row.kind, row.instrument, row.number = NOW, ReportKind.FILL, 0, 77
        row.lots, row.price, row.fee, row.rate_num, row.rate_den = trade.lots, trade.price, trade.fee, 1, 1
        book_report(filled, row)
    for name in ("lots", "cost", "fees"):
        assert taken.ledger.positions[0][name] == filled.ledger.positions[0][name]
    for name in ("cash", "fees", "realised", "open_positions", "open_groups"):
        assert taken.ledger.account[0][name] == filled.ledger.account[0][name]
    assert taken.ledger.positions[0].lots == sum(trade.lots for trade in trades)


@PROPERTY
@given(trades_of_somebody)
def test_taken_over_at_once_or_one_by_one_is_the_same(trades: list[Trade]) -> None:
    at_once, single = an_account(), an_account()
    take_over(at_once, *trades)
    for trade in trades:
        take_over(single, trade)
    assert at_once.ledger.positions[0].cost == single.ledger.positions[0].cost
    assert at_once.ledger.account[0].cash == single.ledger.account[0].cash
    assert at_once.ledger.account[0].equity == single.ledger.account[0].equity


def test_what_is_taken_over_can_breach_a_limit_and_is_judged_on_at_once() -> None:
    book = an_account(daily_loss_max=50 * MONEY)
    found = take_over(book, Trade(lots=1, price=100_000, fee=60 * MONEY))
    assert (found.result, found.latched) == (Result.DONE, Rule.DAILY_LOSS)
    assert book.ledger.positions[0].lots == 1
