"""The newest price, and the rate that turns quote money into account money: the same, multiplied, divided, stated."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from market.quotes import QUOTE, rate_to_account, to_account, to_account_up, update_quote
from market.records import Records, records
from tests.builders import an_instrument
from tests.market.floor import a_bar, a_quote, a_table
from tests.properties import PROPERTY

EURUSD = an_instrument("EURUSD", "x")
USDJPY = an_instrument("USDJPY", "x", tick_size="0.001")
EURGBP = an_instrument("EURGBP", "x", rate="1.25")
GERMAN = an_instrument("DAXEUR", "x", tick_size="0.5", lot_size="1")
TABLE = a_table(EURUSD, USDJPY, EURGBP, GERMAN)


def seen(*rows: tuple[int, int, int]) -> Records:
    """Return the quotes of the table after (instrument, bid, ask) at time 1."""
    quotes = records(len(TABLE), QUOTE)
    for instrument, bid, ask in rows:
        update_quote(quotes, instrument, a_quote(1, bid, ask), 0)
    return quotes


def test_money_of_the_account_currency_stays_as_it_is() -> None:
    assert rate_to_account(TABLE, seen(), 0) == (1, 1)
    assert to_account(-17, 1, 1) == to_account_up(-17, 1, 1) == -17


def test_a_foreign_base_multiplies_by_the_mid_of_its_pair() -> None:
    num, den = rate_to_account(TABLE, seen((0, 109_999, 110_002)), 3)
    assert Fraction(num, den) == Fraction("1.100005")
    assert to_account(1_000_000, num, den) == 1_100_005


def test_a_foreign_quote_divides_by_the_mid_of_its_pair() -> None:
    num, den = rate_to_account(TABLE, seen((1, 124_999, 125_001)), 1)
    assert Fraction(num, den) == Fraction(1, 125)
    assert (to_account(187, num, den), to_account_up(187, num, den)) == (1, 2)


def test_a_stated_rate_needs_no_quote() -> None:
    assert Fraction(*rate_to_account(TABLE, seen(), 2)) == Fraction("1.25")


def test_a_rate_that_was_never_quoted_is_zero() -> None:
    assert rate_to_account(TABLE, seen((0, 1, 2)), 1) == (0, 1)
    assert rate_to_account(TABLE, seen((1, 1, 2)), 3) == (0, 1)
    quotes = seen((0, 1, 2))
    quotes[0].bid = quotes[0].ask = 0
    assert rate_to_account(TABLE, quotes, 3) == (0, 1)


@given(st.integers(-(10**15), 10**15), st.integers(50_000, 200_000), st.integers(0, 100))
@PROPERTY
def test_converted_money_is_the_exact_value_rounded_once(money: int, bid: int, spread: int) -> None:
    for instrument, exact in ((3, Fraction(2 * bid + spread, 200_000)), (1, Fraction(2_000, 2 * bid + spread))):
        num, den = rate_to_account(TABLE, seen((0, bid, bid + spread), (1, bid, bid + spread)), instrument)
        assert to_account(money, num, den) == round(money * exact)
        assert 0 <= to_account_up(money, num, den) - money * exact < 1


def test_a_quote_replaces_the_one_before_with_its_sizes() -> None:
    quotes = seen((0, 100, 102))
    update_quote(quotes, 0, a_quote(5, 90, 95, (7, 8)), 0)
    assert quotes[0].tolist() == (90, 95, 90, 95, 5, 0, 7, 8)


def test_the_worst_of_several_quotes_of_one_instant_is_kept_until_the_next_instant() -> None:
    quotes = seen((0, 100, 102), (0, 90, 120), (0, 99, 101))
    assert (quotes[0].bid, quotes[0].ask, quotes[0].bid_low, quotes[0].ask_high) == (99, 101, 90, 120)
    update_quote(quotes, 0, a_quote(2, 98, 100), 0)
    assert (quotes[0].bid_low, quotes[0].ask_high) == (98, 100)


def test_a_bar_gives_its_close_and_its_worst_prices() -> None:
    quotes = seen()
    update_quote(quotes, 0, a_bar(60, (100, 110, 90, 105), spread=3), 0)
    quote = quotes[0]
    assert (quote.bid, quote.ask, quote.bid_low, quote.ask_high, quote.time_ns) == (105, 108, 90, 113, 60)


def test_a_flawed_row_leaves_the_price_and_marks_it_until_a_sound_one_comes() -> None:
    quotes = seen((0, 100, 102))
    update_quote(quotes, 0, a_quote(2, 500, 1, flaws=1), 0)
    assert quotes[0].tolist() == (100, 102, 100, 102, 1, 1, 0, 0)
    update_quote(quotes, 0, a_quote(3, 101, 103), 0)
    assert quotes[0].tolist() == (101, 103, 101, 103, 3, 0, 0, 0)
