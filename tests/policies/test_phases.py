"""Phased volume: what an account has shown gives its size, as the plain rule has it; a drawdown takes it at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.money import INT64_MAX
from market.records import records
from policies.assembly import book_of
from policies.bookkeeping import book_report, place, reserve
from policies.intents import Rule
from policies.judgement import judge_group
from policies.objectives import PHASES, PROTECT, Shown, phase_of
from policies.phases import PHASE, phase_ppm
from policies.phases import PROTECT as CAP
from policies.plan import PhasePlan, RulesPlan
from policies.risk import Book
from tests.builders import DAY, MONEY, SECOND, a_plan
from tests.market.floor import a_report
from tests.policies.books import CASH, NOW, an_intent, group, hold
from tests.policies.test_account_rules import guarded
from tests.properties import PROPERTY


def phased(trades: int = 0, days: int = 0, profit: int = 0, fall: int = 0, **terms: Any) -> Book:
    """Return a book under the chosen phases of an account that has shown this."""
    book = guarded(**terms)
    phases, protects = records(len(PHASES), PHASE), records(len(PROTECT), CAP)
    for row, phase in zip(phases, PHASES, strict=True):
        row.trades_min, row.days_min, row.volume_ppm = phase.trades_min, phase.days_min, round(phase.volume * 10**6)
        row.profit_min = -INT64_MAX if phase.profit_min is None else round(phase.profit_min * CASH)
    for row, (drawdown, volume) in zip(protects, PROTECT, strict=True):
        row.drawdown, row.volume_ppm = round(drawdown * CASH), round(volume * 10**6)
    guard, account = book.guard[0], book.ledger.account[0]
    guard.trades, guard.days = trades, days
    account.cash = account.equity = account.equity_low = CASH + profit
    account.peak = account.equity + fall
    return book._replace(phases=phases, protects=protects)


@given(
    st.integers(0, 80), st.integers(0, 14), st.sampled_from([-MONEY, 0, 1_999 * MONEY, 2_000 * MONEY]),
    st.sampled_from([0, 3_999 * MONEY, 4_000 * MONEY, 6_000 * MONEY]),
)  # fmt: skip
@PROPERTY
def test_it_is_the_plain_rule(trades: int, days: int, profit: int, fall: int) -> None:
    _, volume = phase_of(Shown(trades, days, profit / CASH, fall / CASH))
    assert phase_ppm(phased(trades, days, profit, fall)) == round(volume * 10**6)


@pytest.mark.parametrize(("trades", "days", "profit", "lots"), [(0, 0, 0, 5), (20, 4, 0, 10), (60, 10, 2_000, 20)])
def test_sizes_are_cut_before_they_are_judged_and_toward_zero(trades: int, days: int, profit: int, lots: int) -> None:
    rows = group(an_intent(21, stop=99_900, hold_ns=SECOND), an_intent(-21, stop=100_100, hold_ns=SECOND))
    judge_group(phased(trades, days, profit * MONEY), rows, 2)
    cut = 21 if lots == 20 else lots
    assert sorted(int(row.lots0) for row in rows[:2]) == [-cut, cut]
    assert all(Rule(int(row.rules)) == Rule(0) for row in rows[:2])


def test_the_ladder_and_the_phase_both_cut() -> None:
    book = phased()
    book.ledger.account[0].equity -= 6_000 * MONEY
    rows = group(an_intent(40, stop=99_900, hold_ns=SECOND))
    judge_group(book, rows, 1)
    assert int(rows[0].lots0) == 2


def test_without_phases_sizes_are_whole() -> None:
    assert phase_ppm(guarded()) == 10**6


def test_closed_trades_and_days_with_an_opening_fill_are_counted_once() -> None:
    book = phased()
    for day in range(2):
        for number in (10 * day + 1, 10 * day + 2):
            reserve(book, an_intent(5), 1)
            place(book, number, 0, 5)
            book_report(book, a_report(5, 100_000, number=number, time_ns=NOW + day * DAY))
            hold(book, -5)
    assert (int(book.guard[0].trades), int(book.guard[0].days)) == (4, 2)


def test_phases_that_nobody_would_ask_are_refused_at_the_start() -> None:
    rules = RulesPlan(phases=(PhasePlan(name="ALL", trades_min=0, days_min=0, volume_ppm=10**6),))
    with pytest.raises(ValueError, match="phases: no profile is active"):
        book_of(a_plan(rules=rules))
