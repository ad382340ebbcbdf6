"""Account rules in the verdict: each objects exactly when it should, and never to what reduces."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.paper import ReportKind
from market.stop_invariants import StopChange, StopFlaw, stop_flaws
from market.tape import Flaw
from policies.account_rules import confidence_risk_ppm, must_flatten, open_risk
from policies.bookkeeping import book_report, close_instant, place, reserve
from policies.floors import open_floors
from policies.guard import alerts_of, open_guard, start_guard
from policies.intents import Rule
from policies.judgement import judge_group
from policies.leverage import Basis, concentrates, effective_leverage, exposure_of
from policies.objectives import Shown, phase_of
from policies.risk import Book, judge, resolve_close
from policies.valuing import held_risk, intent_risk, notional_of
from tests.builders import DAY, MONEY, SECOND, an_instrument
from tests.market.floor import a_contract, a_report
from tests.policies.books import CASH, EURUSD, NOW, USDJPY, a_book, an_intent, group, hold
from tests.properties import FEW

FLOOR = {"rule": Rule.ACCOUNT_TOTAL_LOSS, "mode": 1, "amount": 10_000 * MONEY, "share_ppm": 10**6}
TERMS: dict[str, Any] = {
    "active": 1, "gap_ppm": 20_000, "halve_ppm": 600_000, "block_ppm": 750_000, "flatten_ppm": 850_000,
    "leverage_ppm": 10**6, "overnight_multiple": 1,
}  # fmt: skip
WIDE = {"position_ppm_max": 10**9, "daily_loss_max": 10**15, "drawdown_max": 10**15}


def guarded(*floors: dict[str, int], rho: float = 0.0, **terms: Any) -> Book:
    """Return a book under floors (one, 10,000 below the start, unless told) with resets a day away and two."""
    book = a_book(**WIDE)
    guard = open_guard(TERMS | terms, CASH)
    rows = open_floors(list(floors or (FLOOR,)), CASH)
    resets_ns = np.array([[NOW + DAY, NOW + 2 * DAY]], np.int64)
    start_guard(guard, rows, resets_ns)
    matrix = np.full((3, 3), rho)
    return book._replace(floors=rows, guard=guard, resets_ns=resets_ns, rho=matrix, alerts=alerts_of(rows, resets_ns))


def says(book: Book, *lots: int, **terms: Any) -> Rule:
    return Rule(judge(book, an_intent(*lots, **({"hold_ns": SECOND} | terms))))


def closing(book: Book, **terms: int) -> Rule:
    intent = an_intent(0, reduce=1, **terms)
    resolve_close(book, intent)
    return Rule(judge(book, intent))


def test_a_calm_account_is_let_through_and_one_without_profiles_is_not_asked() -> None:
    assert says(guarded(), 5, stop=99_900) == Rule(0)
    book = guarded(active=0)
    book.ledger.account[0].blocks = Rule.ACCOUNT_TOTAL_LOSS
    assert says(book, 5) == Rule(0)


@pytest.mark.parametrize("rule", [Rule.ACCOUNT_DAILY_LOSS, Rule.ACCOUNT_TOTAL_LOSS, Rule.SAFE_MODE])
def test_a_latched_breach_stops_new_risk_and_never_what_reduces(rule: Rule) -> None:
    book = guarded()
    hold(book, 5)
    book.ledger.account[0].blocks = rule
    assert says(book, 5, stop=99_900) == rule
    assert closing(book) == Rule(0)


def test_a_breach_latches_when_the_account_is_valued_and_is_told_once() -> None:
    book = guarded()
    account = book.ledger.account[0]
    account.cash, account.floating = CASH, -10_000 * MONEY
    assert close_instant(book, NOW) == 0
    account.dip = -1
    assert close_instant(book, NOW) == Rule.ACCOUNT_TOTAL_LOSS
    assert close_instant(book, NOW) == 0
    assert account.blocks == Rule.ACCOUNT_TOTAL_LOSS


def test_beyond_the_calendar_and_before_the_clock_there_is_no_new_risk() -> None:
    book = guarded()
    for quote in book.quotes:
        quote.time_ns = NOW + 2 * DAY
    assert says(book, 5, stop=99_900, time_ns=NOW + 2 * DAY) == Rule.NO_CALENDAR
    assert says(book, 5, stop=99_900, time_ns=NOW + 2 * DAY - 1) == Rule(0)
    book.ledger.account[0].time_ns = NOW + 1
    assert says(book, 5, stop=99_900) == Rule.NO_CALENDAR


@pytest.mark.parametrize("change", ["stale", "unseen", "no equity", "impossible low"])
def test_an_unknown_or_impossible_equity_stops_new_risk_and_never_what_reduces(change: str) -> None:
    book = guarded()
    hold(book, 5)
    assert says(book, 5, instrument0=1) == Rule(0)
    account = book.ledger.account[0]
    if change == "no equity":
        account.equity = account.equity_low = 0
    elif change == "impossible low":
        account.equity_low = account.equity + 1
    else:
        book.quotes[0].time_ns = 0 if change == "unseen" else NOW - 10 * SECOND - 1
    assert says(book, 5, instrument0=1) & Rule.NO_EQUITY
    assert closing(book) == Rule(0)


def test_a_position_whose_rate_is_missing_makes_the_equity_unknown() -> None:
    euro = a_book(EURUSD, USDJPY)
    book = guarded()._replace(ledger=euro.ledger, quotes=euro.quotes)
    hold(book, 5, instrument=1)
    book.ledger.instruments[1].rate_mode = 1
    book.ledger.instruments[1].rate_instrument = 1
    book.quotes[1].bid = book.quotes[1].ask = 0
    assert says(book, 5, stop=99_900) & Rule.NO_EQUITY


def test_an_open_contract_needs_no_price_it_counts_as_lost() -> None:
    book = guarded()
    book_report(book, a_report(5, 200, number=1, instrument=2, amount=-5 * MONEY))
    book.quotes[0].time_ns = NOW - 11 * SECOND
    assert not says(book, 5, instrument0=1) & Rule.NO_EQUITY
    assert held_risk(book, 2) == 0


def test_room_is_what_is_left_when_every_stop_is_hit_the_new_one_too() -> None:
    """10,000 below; a lot loses 0.01 USD a tick from the ask, 100,008: 5,000 ticks of 100 lots are 5,000 USD."""
    book = guarded()
    assert says(book, 100, stop=100_008 - 10_000) == Rule(0)
    assert says(book, 100, stop=100_008 - 10_001) & Rule.LOSS_ROOM
    reserve(book, an_intent(40), 1)
    place(book, 1, 0, 40, 100_008 - 10_000)
    assert open_risk(book) == 4_000 * MONEY
    assert says(book, 60, stop=100_008 - 10_000) == Rule(0)
    assert says(book, 61, stop=100_008 - 10_000) & Rule.LOSS_ROOM
    book_report(book, a_report(40, 100_008, number=1))
    assert open_risk(book) == (40 * 9_992 * 10_000)  # from the bid, where it is marked, to its stop


def test_the_buffer_grows_for_what_may_be_held_over_a_reset() -> None:
    book = guarded(buffer=1_000 * MONEY, overnight_multiple=3)
    room = {"stop": 100_008 - 8_000}
    assert says(book, 100, **room) == Rule(0)
    assert says(book, 100, hold_ns=DAY, **room) == says(book, 100, hold_ns=0, **room) == Rule.LOSS_ROOM
    assert says(book, 70, hold_ns=DAY, stop=100_008 - 10_000) == Rule(0)


def test_without_a_stop_the_declared_gap_counts_and_over_one_its_own() -> None:
    book = guarded(gap_ppm=100_000, stop_gap_ppm=50_000)
    hold(book, 10)
    assert held_risk(book, 0) == notional_of(book, 0, 10) // 10
    reserve(book, an_intent(10), 1)
    place(book, 1, 0, 10, 99_999)
    assert open_risk(book) == notional_of(book, 0, 10) // 10 + notional_of(book, 0, 10) // 20


def test_the_worst_stop_of_a_side_is_kept_until_it_is_flat() -> None:
    book = guarded()
    for number, (lots, stop) in enumerate(((5, 99_000), (5, 98_000), (5, 99_500)), start=1):
        reserve(book, an_intent(lots), 1)
        place(book, number, 0, lots, stop)
        book_report(book, a_report(lots, 100_008, number=number))
    assert book.stops[:, 0].tolist() == [98_000, 0]
    book_report(book, a_report(1, 100_008, number=99))  # by hand: no stop is known
    assert book.stops[0, 0] == 0
    book_report(book, a_report(-16, 100_000, number=100))
    assert book.stops[:, 0].tolist() == [0, 0]
    for number, stop in ((7, 101_000), (8, 102_000)):
        reserve(book, an_intent(-5), 1)
        place(book, number, 0, -5, stop)
        book_report(book, a_report(-5, 100_000, number=number))
    assert book.stops[1, 0] == 102_000
    book_report(book, a_report(-5, 0, number=8, kind=ReportKind.CANCEL))
    assert book.stops[1, 0] == 102_000


def test_costs_of_both_sides_are_part_of_the_risk() -> None:
    dear = a_book(an_instrument("EURUSD", "x", fee_ppm=1000, slippage_ticks=2, fee_per_lot="1"), **WIDE)
    book = guarded()._replace(ledger=dear.ledger, quotes=dear.quotes)
    risk = 10 * 8 * 10_000 + 2 * 10 * (MONEY + 2 * 10_000) + 2 * notional_of(book, 0, 10) // 1000
    assert intent_risk(book, an_intent(10, stop=100_000)) == risk
    assert intent_risk(book, an_intent(-10, stop=100_008)) == risk


def test_a_trade_may_risk_a_share_of_the_room_and_what_its_confidence_allows() -> None:
    book = guarded(FLOOR | {"share_ppm": 250_000})
    assert says(book, 10, stop=100_008 - 25_000) == Rule(0)
    assert says(book, 10, stop=100_008 - 25_001) == Rule.TRADE_RISK
    book = guarded(risk_min=0.0025, risk_max=0.02, confidence_floor=0.5, confidence_cap=0.9, gamma=1.0)
    for confidence, ticks in ((0.5, 2_500), (0.7, 11_250), (0.9, 20_000), (1.0, 20_000)):
        lots = {"confidence": confidence, "stop": 100_008 - ticks}
        assert says(book, 10, **lots) == Rule(0)
        assert says(book, 10, **(lots | {"stop": 100_008 - ticks - 1})) == Rule.TRADE_RISK


@pytest.mark.parametrize("confidence", [0.499, 1.01, 60.0, math.nan, -0.5])
def test_below_the_least_confidence_or_without_a_fraction_nothing_may_be_risked(confidence: float) -> None:
    guard = open_guard({"risk_min": 0.0025, "risk_max": 0.02, "confidence_floor": 0.5, "confidence_cap": 0.9}, CASH)
    assert confidence_risk_ppm(guard[0], confidence) == 0


def test_the_ladder_halves_sizes_then_stops_new_risk_then_calls_for_flattening() -> None:
    for loss, lots, rules, flatten in (
        (5_999, 10, Rule(0), False), (6_000, 5, Rule(0), False), (7_500, 5, Rule.LOSS_LADDER, False),
        (8_500, 5, Rule.LOSS_LADDER, True),
    ):  # fmt: skip
        book = guarded(gap_ppm=1)
        hold(book, 1, price=100_000)
        account = book.ledger.account[0]
        account.cash = account.equity = account.equity_low = CASH - loss * MONEY
        rows = group(an_intent(10, stop=100_000, hold_ns=SECOND), an_intent(0, reduce=1))
        judge_group(book, rows, 2)
        opening, reducing = sorted(rows[:2], key=lambda row: int(row.reduce))
        assert (int(opening.lots0), Rule(opening.rules)) == (lots, rules)
        assert (int(reducing.lots0), int(reducing.rules)) == (-1, 0)
        assert must_flatten(book) == flatten


def test_positions_are_closed_before_their_stops_could_use_up_half_of_the_buffer() -> None:
    book = guarded(buffer=1_000 * MONEY, gap_ppm=100_000)
    hold(book, 94)
    assert notional_of(book, 0, 94) // 10 < 9_500 * MONEY
    assert not must_flatten(book)
    hold(book, 1)
    assert must_flatten(book)
    assert not must_flatten(guarded(buffer=1_000 * MONEY))


def test_intents_of_one_instant_share_the_room() -> None:
    book = guarded()
    rows = group(*(an_intent(60, stop=100_008 - 10_000, hold_ns=SECOND) for _ in range(2)))
    judge_group(book, rows, 2)
    assert [Rule(row.rules) for row in rows[:2]] == [Rule(0), Rule.LOSS_ROOM]


@pytest.mark.parametrize("basis", list(Basis))
def test_exposure_counts_held_working_and_new_without_netting(basis: Basis) -> None:
    terms = {"exposure_ppm_max": 200_000, "exposure_basis": basis, "leverage_ppm": 3 * 10**6, "gap_ppm": 500_000}
    book = guarded(FLOOR | {"amount": 90_000 * MONEY}, **terms)
    most = {Basis.GROSS_NOTIONAL: 19, Basis.INITIAL_MARGIN: 59, Basis.OPEN_RISK: 39}[basis]
    hold(book, 5)
    reserve(book, an_intent(-5), 1)
    place(book, 1, 0, -5)
    assert says(book, most - 10, instrument0=0) == Rule(0)
    assert says(book, most - 9, instrument0=0) == Rule.EXPOSURE_LIMIT
    assert says(book, 1, most - 10, instrument0=1, instrument1=0) == Rule(0)


def test_what_moves_together_has_a_cap_of_its_own() -> None:
    terms = {"exposure_ppm_max": 900_000, "exposure_basis": Basis.GROSS_NOTIONAL, "cluster_ppm_max": 100_000}
    apart = guarded(FLOOR | {"amount": 90_000 * MONEY}, rho_max=0.7, **terms)
    together = guarded(FLOOR | {"amount": 90_000 * MONEY}, rho=0.7, rho_max=0.7, **terms)
    for book, lots in ((apart, 9), (together, 4)):
        hold(book, 500, instrument=1)
        assert says(book, lots) == Rule(0)
        assert says(book, lots + 1) == Rule.EXPOSURE_LIMIT


def test_a_position_that_repeats_another_is_refused_and_a_hedge_is_not() -> None:
    for rho, same, opposite in ((0.7, True, False), (0.69, False, False), (-0.9, False, True), (math.nan, True, True)):
        book = guarded(rho=rho, correlates=1, rho_max=0.7)
        hold(book, 5, instrument=1)
        assert says(book, 5, stop=99_900) == (Rule.CORRELATION if same else Rule(0))
        assert says(book, -5, stop=100_100) == (Rule.CORRELATION if opposite else Rule(0))
        assert says(book, 5, instrument0=1) == Rule(0)
    book = guarded(rho=0.9, correlates=1, rho_max=0.7)
    reserve(book, an_intent(-5, instrument0=1), 1)
    assert says(book, 5, -5, instrument1=2, stop=99_900) & Rule.CORRELATION
    assert concentrates(0.9, -1, -1, 0.7)


@given(st.integers(-60, 60).filter(bool), st.integers(0, 9_500), st.integers(0, 3))
@FEW
def test_adding_a_profile_never_allows_more(lots: int, loss: int, which: int) -> None:
    others = (
        {"rule": Rule.ACCOUNT_DAILY_LOSS, "mode": 0, "amount": 5_000 * MONEY, "share_ppm": 500_000},
        {"rule": Rule.ACCOUNT_TOTAL_LOSS, "mode": 3, "of_top": 1, "ppm": 100_000, "inclusive": 1, "share_ppm": 10**6},
        {"rule": Rule.SAFE_MODE, "mode": 4, "of_top": 1, "ppm": 80_000, "inclusive": 1, "share_ppm": 10**6},
    )
    verdicts = []
    for floors in ((FLOOR,), (FLOOR, *others[:which])):
        book = guarded(*floors)
        account = book.ledger.account[0]
        account.cash = CASH - loss * MONEY
        close_instant(book, NOW)
        verdicts.append(says(book, lots, stop=99_000 if lots > 0 else 101_000))
    assert verdicts[0] & ~verdicts[1] == Rule(0)


def test_a_flawed_price_stops_new_risk_on_its_instrument() -> None:
    book = guarded()
    book.quotes[0].flaws = Flaw.NOT_FINITE
    assert says(book, 5, stop=99_900) == Rule.CROSSED_QUOTE


def test_leverage_beyond_the_least_cap_is_refused_and_the_default_is_cut() -> None:
    assert effective_leverage(None, 3, 10, 2) == (2, "", 2)
    assert effective_leverage(3, 3, 10, 2) == (0, "LEVERAGE_ABOVE_MAX", 2)
    assert effective_leverage(1, 3, 10, 0).reason == "PRODUCT_BANNED"
    assert effective_leverage(-1, 3, 10, 5).reason == "INVALID"
    assert exposure_of(-10, 3, 3 * 10**6, Basis.INITIAL_MARGIN) == 4


def test_protection_dominates_and_never_raises_a_volume() -> None:
    assert phase_of(Shown(0, 0, 0.0, 0.04)) == ("PROTECT", 0.25)
    assert phase_of(Shown(0, 0, 0.0, 0.0), ()) == ("NONE", 0.0)


def test_a_stop_that_does_not_only_reduce_is_a_flaw_of_its_own() -> None:
    change = StopChange(3, 100, 104, 0, 90, 0, 1, 1, 3, False)
    assert StopFlaw(stop_flaws(change)) == StopFlaw.STOP_NOT_REDUCE_ONLY
    assert a_contract(EURUSD).underlying == EURUSD.key
