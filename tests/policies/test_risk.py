"""Every rule of risk: it objects exactly when it should, at the boundary too, and lets through what reduces."""

import pytest

from market.tape import Flaw
from policies.bookkeeping import reserve
from policies.intents import Rule, TradingState
from policies.risk import Book, judge, resolve_close
from policies.valuing import notional_of
from tests.builders import MONEY, SECOND, an_instrument
from tests.market.floor import a_contract
from tests.policies.books import EURUSD, NOW, USDJPY, a_book, an_intent, hold, parts_of

LOT = 1_000_080_000
"""What a lot of EURUSD is worth at its ask, 1.00008: 1000.08 USD."""


def says(book: Book, *lots: int, **terms: int) -> Rule:
    return Rule(judge(book, an_intent(*lots, **terms)))


def closing(book: Book, **terms: int) -> Rule:
    """Return what the book says to closing what is held of instrument 0."""
    intent = an_intent(0, reduce=1, **terms)
    resolve_close(book, intent)
    return Rule(judge(book, intent))


def test_an_ordinary_intent_of_one_leg_or_two_is_approved() -> None:
    assert says(a_book(), 5) == says(a_book(), -5) == says(a_book(), 5, -5) == Rule(0)


@pytest.mark.parametrize("scope", ["account", "desk"])
@pytest.mark.parametrize(
    ("state", "opens", "reduces"),
    [(TradingState.ACTIVE, True, True), (TradingState.REDUCING, False, True), (TradingState.HALTED, False, False)],
)
def test_halted_lets_nothing_pass_and_reducing_only_what_reduces(
    scope: str, state: TradingState, opens: bool, reduces: bool
) -> None:
    book = a_book()
    hold(book, 5)
    (book.ledger.account if scope == "account" else book.desks)[0].state = state
    assert says(book, 5) == Rule(0 if opens else Rule.HALTED)
    assert closing(book) == Rule(0 if reduces else Rule.HALTED)


def test_the_stricter_of_two_latches_counts() -> None:
    book = a_book()
    hold(book, 5)
    book.ledger.account[0].state, book.desks[0].state = TradingState.REDUCING, TradingState.HALTED
    assert closing(book) == Rule.HALTED


def test_an_intent_of_another_epoch_is_refused_even_if_it_reduces() -> None:
    book = a_book()
    hold(book, 5)
    book.ledger.account[0].epoch = 2
    assert says(book, 5, epoch=1) == says(book, 5, epoch=3) == closing(book, epoch=1) == Rule.FOREIGN_EPOCH
    assert says(book, 5, epoch=2) == Rule(0)


@pytest.mark.parametrize(("age_ns", "rules"), [(10 * SECOND, Rule(0)), (10 * SECOND + 1, Rule.STALE_QUOTE)])
def test_a_quote_is_stale_beyond_its_venues_age_on_either_leg(age_ns: int, rules: Rule) -> None:
    for leg in range(2):
        book = a_book()
        book.quotes[leg].time_ns = NOW - age_ns
        assert says(book, 5, -5) == rules
    book = a_book()
    book.quotes[1].time_ns = NOW - age_ns
    assert says(book, 5) == Rule(0)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_a_flawed_newest_row_refuses_on_either_leg(flaw: Flaw) -> None:
    for leg in range(2):
        book = a_book()
        book.quotes[leg].flaws = flaw
        assert says(book, 5, -5) == Rule.CROSSED_QUOTE
    assert says(book, 5) == Rule(0)


def test_a_contract_asks_for_the_quote_of_its_underlying() -> None:
    book = a_book()
    assert says(book, 5, instrument0=2) == Rule(0)
    book.quotes[0].flaws, book.quotes[0].time_ns = Flaw.CROSSED, NOW - 11 * SECOND
    assert says(book, 5, instrument0=2) == Rule.CROSSED_QUOTE | Rule.STALE_QUOTE


def test_what_reduces_passes_stale_flawed_and_missing_prices() -> None:
    book = a_book()
    hold(book, 5)
    book.quotes[0].time_ns, book.quotes[0].flaws = 0, Flaw.ZERO
    assert closing(book) == Rule(0)


def test_an_instrument_that_was_never_quoted_cannot_be_valued() -> None:
    book = a_book()
    book.quotes[0].time_ns = 0
    assert says(book, 5, time_ns=10 * SECOND) == Rule.NO_PRICE
    assert says(book, 5, instrument0=2, time_ns=10 * SECOND) == Rule.NO_PRICE


def test_an_instrument_without_a_rate_cannot_be_valued() -> None:
    book = a_book(EURUSD, an_instrument("EURJPY", "x", tick_size="0.001"), USDJPY)
    assert says(book, 5, -5, time_ns=10 * SECOND) == Rule.NO_PRICE
    book.quotes[2] = book.quotes[1]
    assert says(book, 5, -5, time_ns=10 * SECOND) == Rule(0)


@pytest.mark.parametrize(("lots", "refused"), [(2, True), (3, False), (20, False), (21, True), (0, True)])
def test_an_order_below_or_above_what_its_venue_takes_is_refused(lots: int, refused: bool) -> None:
    book = a_book(an_instrument("EURUSD", "x", lots_min=3, lots_max=20), EURUSD)
    for size in (lots, -lots):
        assert says(book, size) == Rule(Rule.ORDER_SIZE if refused else 0)
        assert says(book, 5, size, instrument0=1, instrument1=0) == Rule(Rule.ORDER_SIZE if refused else 0)


@pytest.mark.parametrize(("least", "refused"), [("5000.4", False), ("5000.400001", True)])
def test_an_order_of_less_than_the_least_value_is_refused(least: str, refused: bool) -> None:
    book = a_book(an_instrument("EURUSD", "x", notional_min=least))
    assert says(book, 5) == Rule(Rule.ORDER_SIZE if refused else 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_may_be_worth_its_share_of_equity_and_no_more(sign: int) -> None:
    cap_lots = 24  # 25 % of 100,000 are 24.998 lots
    assert says(a_book(), sign * cap_lots) == Rule(0)
    assert says(a_book(), sign * (cap_lots + 1)) == Rule.POSITION_LIMIT
    exact = a_book(position_ppm_max=10**6)
    exact.ledger.account[0].equity = 10 * LOT
    assert says(exact, sign * 10) == Rule(0)
    exact.ledger.account[0].equity -= 1
    assert says(exact, sign * 10) == Rule.POSITION_LIMIT


@pytest.mark.parametrize("sign", [1, -1])
def test_two_intents_that_pass_alone_do_not_pass_together(sign: int) -> None:
    book = a_book()
    assert says(book, 15 * sign) == Rule(0)
    reserve(book, an_intent(15 * sign), 1)
    assert says(book, 9 * sign) == Rule(0)
    assert says(book, 15 * sign) == Rule.POSITION_LIMIT
    assert says(book, -15 * sign) == Rule(0)
    reserve(book, an_intent(15 * sign), -1)
    assert says(book, 15 * sign) == Rule(0)


@pytest.mark.parametrize("sign", [1, -1])
def test_held_and_working_lots_count_together(sign: int) -> None:
    book = a_book()
    hold(book, 10 * sign)
    reserve(book, an_intent(10 * sign), 1)
    assert says(book, 4 * sign) == Rule(0)
    assert says(book, 5 * sign) == Rule.POSITION_LIMIT


def test_what_turns_a_position_back_is_judged_by_where_it_could_end() -> None:
    book = a_book()
    hold(book, 30)
    assert says(book, 1) == Rule.POSITION_LIMIT
    assert says(book, -1) == says(book, -30) == Rule(0)
    assert says(book, -31) == Rule.POSITION_LIMIT  # a stop may close the 30 first, and then it is 31 short


def test_what_turns_a_position_over_may_be_as_large_as_the_limit() -> None:
    book = a_book()
    hold(book, 10)
    assert says(book, -24) == Rule(0)
    assert says(book, -25) == Rule.POSITION_LIMIT
    reserve(book, an_intent(-10), 1)
    assert says(book, -14) == Rule(0)
    assert says(book, -15) == Rule.POSITION_LIMIT


def test_the_second_leg_is_judged_as_the_first() -> None:
    assert says(a_book(), 5, 2_500) == Rule.POSITION_LIMIT
    assert says(a_book(), 5, -2_499) == Rule(0)


def test_stakes_of_both_directions_count_against_one_limit() -> None:
    book = a_book(position_ppm_max=100)  # 10 USD
    assert says(book, 10, instrument0=2) == Rule(0)
    assert says(book, -11, instrument0=2) == Rule.POSITION_LIMIT
    reserve(book, an_intent(4, instrument0=2), 1)
    reserve(book, an_intent(-3, instrument0=2), 1)
    assert says(book, -3, instrument0=2) == Rule(0)
    assert says(book, 4, instrument0=2) == Rule.POSITION_LIMIT


def test_an_account_without_equity_may_open_nothing() -> None:
    book = a_book()
    book.ledger.account[0].equity = -5
    assert says(book, 1) == Rule.POSITION_LIMIT


def test_a_value_is_rounded_up_and_a_contracts_is_its_stake() -> None:
    book = a_book()
    assert notional_of(book, 0, -5) == 5 * LOT
    assert notional_of(book, 2, 7) == 7 * MONEY
    assert notional_of(book, 1, 1) == -(-100_010 * 10_000 * 2_000 // 200_010)


@pytest.mark.parametrize("latch", [Rule.DAILY_LOSS, Rule.TOTAL_DRAWDOWN])
def test_a_latched_loss_stops_new_risk_and_never_what_reduces(latch: Rule) -> None:
    book = a_book()
    hold(book, 5)
    book.ledger.account[0].blocks = latch
    assert says(book, 5) == says(book, -5) == latch
    assert closing(book) == Rule(0)


def test_a_day_holds_its_number_of_opening_trades() -> None:
    book = a_book(trades_per_day_max=2)
    hold(book, 5)
    for rules in (Rule(0), Rule(0), Rule.TRADES_PER_DAY):
        assert says(book, 1) == rules
        reserve(book, an_intent(1), 1)
    assert closing(book) == Rule(0)
    assert says(a_book(trades_per_day_max=0), 1) == Rule.TRADES_PER_DAY


def test_so_many_losses_in_a_row_end_the_day() -> None:
    book = a_book(loss_streak_max=2)
    hold(book, 5)
    for streak, rules in ((1, Rule(0)), (2, Rule.LOSS_STREAK), (3, Rule.LOSS_STREAK)):
        book.ledger.account[0].loss_streak = streak
        assert says(book, 1) == rules
    assert closing(book) == Rule(0)


@pytest.mark.parametrize(("streak", "pause"), [(0, 0), (1, 0), (2, 30), (3, 60)])
def test_a_pause_follows_a_loss_and_grows_with_the_streak(streak: int, pause: int) -> None:
    book = a_book()
    hold(book, 5)
    account = book.ledger.account[0]
    account.loss_streak, account.last_loss_ns = streak, NOW - pause * SECOND
    assert says(book, 1) == Rule(0)
    account.last_loss_ns += 1 if pause else 0
    assert says(book, 1) == Rule(Rule.COOLDOWN if pause else 0)
    assert closing(book) == Rule(0)


def test_the_last_pause_stands_for_all_longer_streaks() -> None:
    book = a_book(loss_streak_max=100)
    book.ledger.account[0].loss_streak, book.ledger.account[0].last_loss_ns = 50, NOW - 60 * SECOND + 1
    assert says(book, 1) == Rule.COOLDOWN


def test_reducing_what_is_not_there_is_refused() -> None:
    book = a_book()
    assert closing(book) == Rule.NO_POSITION
    intent = an_intent(0, 0, reduce=1)
    resolve_close(book, intent)
    assert judge(book, intent) == Rule.NO_POSITION
    hold(book, -3, instrument=1)
    resolve_close(book, intent)
    assert (judge(book, intent), intent.lots0, intent.lots1) == (0, 0, 3)


def test_closing_takes_the_lots_from_the_book_and_opening_keeps_its_own() -> None:
    book = a_book()
    hold(book, 7)
    intent = an_intent(99, 98, reduce=1)
    resolve_close(book, intent)
    assert (intent.lots0, intent.lots1) == (-7, 0)
    intent = an_intent(5)
    resolve_close(book, intent)
    assert intent.lots0 == 5


def test_every_rule_that_objects_says_so() -> None:
    book = a_book(trades_per_day_max=0, loss_streak_max=0)
    account = book.ledger.account[0]
    account.state, account.epoch = TradingState.HALTED, 9
    account.blocks = Rule.DAILY_LOSS | Rule.TOTAL_DRAWDOWN
    account.loss_streak, account.last_loss_ns = 5, NOW
    book.quotes[0].time_ns, book.quotes[0].flaws = NOW - 60 * SECOND, Flaw.CROSSED
    everything = Rule(2 * Rule.NO_PRICE - 1)  # the account's own profiles have theirs in test_account_rules.py
    assert says(book, 20_000) == everything & ~Rule.NO_POSITION & ~Rule.NO_PRICE
    assert says(book, 0, reduce=1) == Rule.HALTED | Rule.FOREIGN_EPOCH | Rule.NO_POSITION


def test_judging_changes_nothing() -> None:
    book = a_book()

    def content():
        return [part.tobytes() for part in parts_of(book)]

    before = content()
    says(book, 5, -5)
    assert content() == before


def test_a_tie_of_cash_and_limits_is_exact_for_large_accounts() -> None:
    book = a_book(an_instrument("EURUSD", "x", lots_max=10**9), position_ppm_max=10**6)
    book.ledger.account[0].equity = 10**6 * LOT
    assert says(book, 10**6) == Rule(0)
    assert says(book, 10**6 + 1) == Rule.POSITION_LIMIT


def test_a_contract_of_another_currency_is_staked_in_account_money() -> None:
    euro = an_instrument("DAXEUR", "x", tick_size="0.5", lot_size="1")
    book = a_book(EURUSD, euro, a_contract(euro))
    book.quotes[1].time_ns = NOW
    assert notional_of(book, 2, 10) == -(-10 * MONEY * 200_008 // 200_000)
