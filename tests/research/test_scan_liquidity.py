"""Liquidity of an instrument: by hand from small books and trades; absent, with the reason, where a feed has none."""

import numpy as np
import pyarrow as pa
import pytest

from research.catalogue import build
from research.scan.liquidity import liquidity_of
from research.scan.series import instruments_of
from tests.cli.markets import ticks
from tests.research.files import MONDAY, bars, write
from tests.research.scanned import a_book, trades

SECOND = 10**9


def liquidity(root, at_ns=None):
    return liquidity_of(root, instruments_of(build(root), ())[0][0], at_ns)


def test_a_book_is_measured_over_all_its_levels(tmp_path):
    write(tmp_path, "crypto/BTCUSDT_depth_binance.parquet", a_book())
    found = liquidity(tmp_path)
    assert (found.levels, found.book_ns) == (3, MONDAY + 19 * SECOND)
    assert found.spread_bps == pytest.approx(1e4 / 100.5)
    assert found.microprice_bps == pytest.approx(1e4 * 0.25 / 100.5), "a heavy bid pulls the microprice to the ask"
    assert (found.imbalance_top, found.imbalance) == (0.5, 0.5)
    assert (found.vpin, found.absent) == (None, ("no trades",))


def test_as_of_a_time_the_book_is_the_newest_known_then(tmp_path):
    write(tmp_path, "crypto/BTCUSDT_depth_binance.parquet", a_book())
    assert liquidity(tmp_path, MONDAY + 5 * SECOND + 1).book_ns == MONDAY + 5 * SECOND
    assert liquidity(tmp_path, MONDAY - 1).book is None


def test_levels_end_with_the_first_that_is_not_there(tmp_path):
    table = a_book()
    gone = pa.array(np.full(20, np.nan))
    write(tmp_path, "crypto/BTCUSDT_depth_binance.parquet", table.set_column(
        table.column_names.index("bid_px_2"), "bid_px_2", gone))  # fmt: skip
    assert liquidity(tmp_path).levels == 2


def test_a_crossed_book_is_absent_not_measured(tmp_path):
    table = a_book()
    write(tmp_path, "crypto/BTCUSDT_depth_binance.parquet", table.set_column(
        table.column_names.index("bid_px_0"), "bid_px_0", pa.array(np.full(20, 102.0))))  # fmt: skip
    found = liquidity(tmp_path)
    assert found.spread_bps is None
    assert "the newest book is crossed or locked" in found.absent[0]


def test_quotes_without_sizes_have_no_book(tmp_path):
    rng = np.random.default_rng(1)
    write(tmp_path, "fx/EURUSD_ticks_oanda.parquet", ticks(rng, np.full(50, 1.1)))
    assert liquidity(tmp_path).absent == ("fx/EURUSD_ticks_oanda.parquet: quotes without sizes", "no trades")


def test_bars_alone_have_no_liquidity(tmp_path):
    write(tmp_path, "fx/EURUSD_M1_oanda.parquet", bars())
    assert liquidity(tmp_path).absent == ("no depth, and no quotes with sizes", "no trades")


def test_where_all_is_bought_vpin_is_one(tmp_path):
    write(tmp_path, "crypto/BTCUSDT_trades_binance.parquet", trades())
    found = liquidity(tmp_path)
    assert (found.vpin, found.trades_ns) == (1.0, MONDAY + 1999 * SECOND)


def test_vpin_as_of_a_time_needs_no_trade_behind_it(tmp_path):
    at_ns = MONDAY + 1_500 * SECOND
    write(tmp_path / "whole", "crypto/BTCUSDT_trades_binance.parquet", trades())
    write(tmp_path / "cut", "crypto/BTCUSDT_trades_binance.parquet", trades(1_501))
    assert liquidity(tmp_path / "whole", at_ns) == liquidity(tmp_path / "cut", at_ns)


def test_too_few_trades_have_no_vpin(tmp_path):
    write(tmp_path, "crypto/BTCUSDT_trades_binance.parquet", trades(999))
    assert "999 trades in the day before; VPIN needs 1,000" in liquidity(tmp_path).absent[-1]


def test_changes_of_depth_are_no_book(tmp_path):
    rows = 4
    table = pa.table({
        "ts": pa.array(MONDAY + np.arange(rows) * SECOND, pa.timestamp("ns", "UTC")), "side": ["b"] * rows,
        "update_type": ["set"] * rows, "price": np.full(rows, 100.0), "qty": np.ones(rows),
    })  # fmt: skip
    write(tmp_path, "crypto/BTCUSDT_depth_binance.parquet", table)
    assert liquidity(tmp_path).absent[0].endswith("changes of depth, no whole books")
