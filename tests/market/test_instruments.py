"""Instruments: a table for kernels that values every tick exactly, or a line that says what is missing."""

from decimal import Decimal

import pytest

from market.instruments import Kind, RateMode, instrument_table, tick_value_of
from tests.builders import SECOND, an_instrument
from tests.market.floor import VENUES, a_contract, a_table

EURUSD = an_instrument("EURUSD", "x")
USDJPY = an_instrument("USDJPY", "x", tick_size="0.001")


def test_a_tick_on_a_lot_is_whole_money() -> None:
    assert tick_value_of(EURUSD) == 10_000
    assert tick_value_of(an_instrument("EURUSD", "x", tick_size="0.5", lot_size="0.000002")) == 1
    assert tick_value_of(a_contract(EURUSD, lot_size="2.5")) == 2_500_000


@pytest.mark.parametrize(("tick", "lot"), [("0.00001", "0.01"), ("0.00001", "0"), ("0.3", "0.000001")])
def test_a_tick_that_is_no_whole_money_is_refused_with_what_to_do(tick: str, lot: str) -> None:
    with pytest.raises(ValueError, match=rf"EURUSD@x: tick_size x lot_size = {tick} x {lot} must be a positive mult"):
        tick_value_of(an_instrument("EURUSD", "x", tick_size=tick, lot_size=lot))


def test_an_instrument_is_named_across_venues_and_its_prices_are_decimals() -> None:
    assert EURUSD.key == "EURUSD@x"
    assert (EURUSD.price_digits, USDJPY.price_digits) == (5, 3)
    assert an_instrument("DAXEUR", "x", tick_size="5").price_digits == 0
    assert EURUSD.decimal_price(110_001) == Decimal("1.10001")
    assert (EURUSD.price_of(110_001), EURUSD.price_of(0.5)) == (1.10001, 0.000005)


def test_a_row_holds_what_was_said_of_its_instrument_and_venue() -> None:
    row = a_table(
        an_instrument(
            "EURUSD", "y", lots_min=2, lots_max=50, depth_lots=9, notional_min="10.5", slippage_ticks=1, fee_ppm=7,
            fee_per_lot="0.25",
        )
    )[0]  # fmt: skip
    names = "venue kind tick_value lots_min lots_max depth_lots notional_min spread_ticks slippage_ticks fee_ppm"
    assert [int(row[name]) for name in names.split()] == [1, Kind.FX, 10_000, 2, 50, 9, 10_500_000, 8, 1, 7]
    assert (row.fee_per_lot, row.latency_ns, row.stale_after_ns) == (250_000, 0, 10 * SECOND)
    assert (row.underlying, row.converts, row.tie_returns_stake) == (0, 0, 1)


def test_a_contract_is_priced_by_its_underlying() -> None:
    table = a_table(a_contract(EURUSD, tie_returns_stake=False), EURUSD)
    assert (table[0].underlying, table[0].payout_ppm, table[0].expiry_ns) == (1, 800_000, 60 * SECOND)
    assert table[0].tie_returns_stake == 0
    for missing in (an_instrument("GBPUSD", "x"), None):
        contract = a_contract(EURUSD, underlying=missing and missing.key)
        with pytest.raises(ValueError, match=r"EURUSD\.60s@x: underlying .* is not among the instruments"):
            a_table(contract, EURUSD)


def test_a_fraction_of_the_smallest_unit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"EURUSD@x: fee_per_lot = 0\.0000001: at most 6 decimal places"):
        a_table(an_instrument("EURUSD", "x", fee_per_lot="0.0000001"))


def test_a_rate_is_the_stated_one_before_any_quoted_one() -> None:
    row = a_table(an_instrument("USDJPY", "x", tick_size="0.001", rate="0.0092"))[0]
    assert (row.rate_mode, row.rate_fixed, row.rate_scale) == (RateMode.FIXED, 9_200, 10**6)


def test_a_rate_is_read_off_the_instrument_itself_then_its_venue_then_another() -> None:
    far = an_instrument("USDJPY", "y", tick_size="0.001")
    cross = an_instrument("EURJPY", "x", tick_size="0.001")
    table = a_table(far, USDJPY, cross)
    assert table.rate_mode.tolist() == [RateMode.DIVIDE] * 3
    assert table.rate_instrument.tolist() == [0, 1, 1]
    assert table.converts.tolist() == [1, 1, 0]
    assert a_table(far, cross).rate_instrument.tolist() == [0, 0]


def test_a_rate_quoted_the_other_way_round_multiplies() -> None:
    table = a_table(an_instrument("DAXEUR", "x", tick_size="0.5", lot_size="1"), EURUSD)
    row = table[0]
    assert (row.rate_mode, row.rate_instrument, row.rate_scale) == (RateMode.MULTIPLY, 1, 100_000)
    assert table.converts.tolist() == [0, 1]


def test_no_rate_is_read_off_odd_ticks_or_contracts() -> None:
    index = an_instrument("DAXEUR", "x", tick_size="0.5", lot_size="1")
    odd = an_instrument("EURUSD", "x", tick_size="0.5")
    with pytest.raises(ValueError, match="DAXEUR@x: profit is in EUR, the account in USD; add an instrument"):
        instrument_table([index, odd, a_contract(odd)], VENUES, "USD")
