"""Which files an instrument's bars come from: series, the choice among them, and why there is none."""

from research.catalogue import build
from research.scan.series import instruments_of, series_for
from tests.research.files import MINUTE, MONDAY, bars, write
from tests.research.scanned import a_book

DAY = 1440 * MINUTE
HOUR = 60 * MINUTE


def instruments(root):
    return instruments_of(build(root), ())[0]


def paths(series):
    return [entry.path for entry in series.entries]


def test_files_that_follow_one_another_are_one_series(tmp_path):
    for number in range(3):
        write(tmp_path, f"fx/EURUSD_M1_oanda_{number}.parquet", bars(first_ns=MONDAY + number * DAY))
    one = instruments(tmp_path)[0]
    assert [paths(series) for series in one.series] == [[f"fx/EURUSD_M1_oanda_{number}.parquet" for number in range(3)]]
    assert (one.series[0].first_ns, one.series[0].last_ns) == (MONDAY, MONDAY + 2 * DAY + 120 * MINUTE)


def test_files_that_overlap_are_series_of_their_own(tmp_path):
    for number in range(2):
        write(tmp_path, f"fx/EURUSD_M1_oanda_{number}.parquet", bars(first_ns=MONDAY + number * HOUR))
    assert [len(series.entries) for series in instruments(tmp_path)[0].series] == [1, 1]


def test_a_file_after_a_long_break_begins_a_series(tmp_path):
    for number in range(2):
        write(tmp_path, f"fx/EURUSD_M1_oanda_{number}.parquet", bars(first_ns=MONDAY + number * 9 * DAY))
    assert [len(series.entries) for series in instruments(tmp_path)[0].series] == [1, 1]


def test_venues_are_instruments_of_their_own(tmp_path):
    for venue in ("oanda", "fxcm"):
        write(tmp_path, f"fx/EURUSD_M1_{venue}.parquet", bars())
    assert [(one.symbol, one.venue) for one in instruments(tmp_path)] == [("EURUSD", "fxcm"), ("EURUSD", "oanda")]


def test_the_series_with_the_newest_bar_is_chosen(tmp_path):
    write(tmp_path, "fx/EURUSD_M1_oanda.parquet", bars(600))
    write(tmp_path, "fx/EURUSD_H1_oanda.parquet", bars(30, HOUR))
    one = instruments(tmp_path)[0]
    assert paths(series_for(one, "4h", None, 1)) == ["fx/EURUSD_H1_oanda.parquet"]
    assert paths(series_for(one, "1m", None, 1)) == ["fx/EURUSD_M1_oanda.parquet"]


def test_one_with_enough_bars_goes_before_a_newer_one_without(tmp_path):
    write(tmp_path, "fx/EURUSD_M1_oanda.parquet", bars(600, first_ns=MONDAY + 30 * DAY))
    write(tmp_path, "fx/EURUSD_H1_oanda.parquet", bars(300, HOUR))
    one = instruments(tmp_path)[0]
    assert paths(series_for(one, "1h", None, 60)) == ["fx/EURUSD_H1_oanda.parquet"]
    assert paths(series_for(one, "1h", None, 5)) == ["fx/EURUSD_M1_oanda.parquet"]


def test_as_of_a_time_only_what_had_begun_counts(tmp_path):
    write(tmp_path, "fx/EURUSD_M1_oanda.parquet", bars(600, first_ns=MONDAY + 30 * DAY))
    write(tmp_path, "fx/EURUSD_H1_oanda.parquet", bars(300, HOUR))
    one = instruments(tmp_path)[0]
    assert paths(series_for(one, "1h", MONDAY + 10 * DAY, 5)) == ["fx/EURUSD_H1_oanda.parquet"]
    assert series_for(one, "1h", MONDAY, 5) == "no data up to that time"


def test_prices_that_somebody_traded_at_go_before_marks(tmp_path):
    write(tmp_path, "crypto/BTCUSDT_1h_mark_binance.parquet", bars(300, HOUR))
    write(tmp_path, "crypto/BTCUSDT_1h_trade_binance.parquet", bars(300, HOUR))
    one = instruments(tmp_path)[0]
    assert paths(series_for(one, "1h", None, 5)) == ["crypto/BTCUSDT_1h_trade_binance.parquet"]


def test_bars_that_are_no_part_of_a_timeframe_do_not_make_it(tmp_path):
    write(tmp_path, "fx/EURUSD_H4_oanda.parquet", bars(300, 4 * HOUR))
    assert series_for(instruments(tmp_path)[0], "1h", None, 5) == "its bars are of 4h: too long, or no part of it"


def test_an_instrument_of_depth_alone_is_named(tmp_path):
    write(tmp_path, "crypto/l2/BTCUSDT_depth_binance.parquet", a_book())
    found, unjudged = instruments_of(build(tmp_path), ())
    assert found[0].series == ()
    assert unjudged[0].reason.startswith("depth alone, no bars, quotes or trades (")
