"""Sizing: the loss at the stop stays within the budget, costs included; one lot more would not; never bumped up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.costs import fee_of
from market.quotes import QUOTE, rate_to_account
from market.records import Records, records
from policies.sizing import fixed_fraction_lots, notional_lots, share_of
from tests.builders import MONEY, an_instrument
from tests.market.floor import a_contract, a_table
from tests.properties import PROPERTY

EURUSD = an_instrument("EURUSD", "x")
FREE = 10**15
"""A notional that never binds."""


def quoted(*pairs: tuple[int, int]) -> Records:
    quotes = records(max(len(pairs), 2), QUOTE)
    for row, (bid, ask) in zip(quotes, pairs, strict=False):
        row.bid, row.ask, row.time_ns = bid, ask, 1
    return quotes


def lots_of(stop: int, risk: int, notional: int = FREE, quote: tuple[int, int] = (1000, 1000), **terms: object) -> int:
    table = a_table(an_instrument("EURUSD", "x", **terms))
    return fixed_fraction_lots(table, quoted(quote), 0, stop, risk, notional)


def test_the_budget_over_the_loss_of_a_lot_is_the_size() -> None:
    assert lots_of(50, 10 * MONEY) == 20  # 50 ticks x 0.01 USD
    assert lots_of(50, 10 * MONEY - 1) == 19
    assert lots_of(50, 10 * MONEY, quote=(1000, 1010)) == 16
    assert lots_of(50, 10 * MONEY, slippage_ticks=5) == 16
    assert lots_of(50, 10 * MONEY, fee_per_lot="0.05") == 16


def test_the_fee_at_the_stop_of_a_short_is_counted_at_the_stop() -> None:
    quote = (100_000, 100_000)
    loss = 1_000 * 10_000 + 1_000_000 + 1_010_000  # the stop 1000 ticks away, a thousandth in, a thousandth out at it
    assert lots_of(1_000, loss, quote=quote, fee_ppm=1_000) == 1
    assert lots_of(1_000, loss - 1, quote=quote, fee_ppm=1_000) == 0


def test_a_size_is_cut_to_notional_depth_and_the_venues_most() -> None:
    assert lots_of(50, 10 * MONEY, notional=70 * MONEY) == 7
    assert lots_of(50, 10 * MONEY, depth_lots=9) == 9
    assert lots_of(50, 10 * MONEY, lots_max=8) == 8


def test_a_size_below_the_venues_least_is_nothing_and_never_bumped_up() -> None:
    assert lots_of(50, 10 * MONEY, lots_min=20) == 20
    assert lots_of(50, 10 * MONEY, lots_min=21) == 0
    assert lots_of(50, 499_999) == 0


@pytest.mark.parametrize(("stop", "risk"), [(0, 10 * MONEY), (-5, 10 * MONEY), (50, 0), (50, -MONEY)])
def test_without_a_stop_or_a_budget_there_is_no_size(stop: int, risk: int) -> None:
    assert lots_of(stop, risk) == 0


def test_without_a_quote_or_a_rate_there_is_no_size() -> None:
    table = a_table(an_instrument("EURJPY", "x", tick_size="0.001"), an_instrument("USDJPY", "x", tick_size="0.001"))
    both, neither = quoted((1000, 1000), (100_000, 100_000)), quoted((1000, 1000))
    assert fixed_fraction_lots(table, both, 0, 50, 10 * MONEY, FREE) == 20
    assert fixed_fraction_lots(table, neither, 0, 50, 10 * MONEY, FREE) == notional_lots(table, neither, 0, FREE) == 0
    both[0].time_ns = 0
    assert fixed_fraction_lots(table, both, 0, 50, 10 * MONEY, FREE) == 0


RATES = st.tuples(st.integers(50_000, 200_000), st.integers(0, 50))


@given(
    st.integers(1, 2_000), st.integers(0, 10**10), st.integers(0, 10**12), RATES, RATES, st.integers(0, 5),
    st.sampled_from([0, 20, 1_000]), st.integers(0, 10**5), st.booleans(),
)  # fmt: skip
@PROPERTY
def test_the_loss_of_a_long_at_its_stop_and_the_notional_stay_within_their_budgets(
    stop: int, risk: int, notional: int, price: tuple[int, int], yen: tuple[int, int], slip: int, ppm: int,
    per_lot: int, foreign: bool,
) -> None:  # fmt: skip
    symbol, tick = ("EURJPY", "0.001") if foreign else ("EURUSD", "0.00001")
    pair = an_instrument(symbol, "x", tick_size=tick, slippage_ticks=slip, fee_ppm=ppm)
    table = a_table(pair, an_instrument("USDJPY", "x", tick_size="0.001"))
    table[0].fee_per_lot = per_lot
    (bid, spread), (dollar, gap) = price, yen
    quotes = quoted((bid, bid + spread), (dollar, dollar + gap))
    lots = fixed_fraction_lots(table, quotes, 0, stop, risk, notional)
    rate = Fraction(*rate_to_account(table, quotes, 0))

    def loss(size: int) -> Fraction:
        """Bought at the ask, sold at the stop, both with slippage; both fees."""
        bought, sold = bid + spread + slip, bid + spread - stop - slip
        fees = fee_of(table, 0, size, bid + spread) + fee_of(table, 0, size, max(sold, 0))
        return ((bought - sold) * size * int(table[0].tick_value) + fees) * rate

    assert loss(lots) <= risk
    assert lots * (bid + spread) * int(table[0].tick_value) * rate <= notional
    assert 0 <= lots <= table[0].lots_max
    roomy = notional_lots(table, quotes, 0, notional) > lots and lots < min(table[0].depth_lots, table[0].lots_max)
    if roomy:
        charged = (stop + spread + 2 * slip) * int(table[0].tick_value) + 2 * fee_of(table, 0, 1, bid + spread)
        assert (lots + 1) * (charged * rate + 1) > risk


@given(st.integers(1, 500), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 300))
@PROPERTY
def test_a_larger_budget_or_a_nearer_stop_never_allows_less(stop: int, risk: int, more: int, further: int) -> None:
    assert lots_of(stop, risk) <= lots_of(stop, risk + more)
    assert lots_of(stop + further, risk) <= lots_of(stop, risk)
    assert lots_of(stop, risk, notional=risk) <= lots_of(stop, risk, notional=risk + more)


def test_a_notional_in_lots_counts_at_the_ask_and_a_stake_at_its_worth() -> None:
    table = a_table(EURUSD, a_contract(EURUSD))
    quotes = quoted((990, 1000))
    assert notional_lots(table, quotes, 0, 100 * MONEY) == 10
    assert notional_lots(table, quotes, 0, 100 * MONEY - 1) == 9
    assert notional_lots(table, quotes, 1, 7 * MONEY + 1) == 7
    assert notional_lots(table, quotes, 0, -5) == 0
    quotes[0].ask = 0
    assert notional_lots(table, quotes, 0, 100 * MONEY) == 0


def test_a_share_is_taken_to_the_millionth() -> None:
    assert share_of(3 * MONEY, 0.5) == 1_500_000
    assert share_of(10**15, 0.0000014) == 10**9
    assert share_of(10**15, 0.0000016) == 2 * 10**9
    assert share_of(1, 0.5) == 0
    assert share_of(3, 0.5) == 2
