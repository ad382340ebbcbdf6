"""What the catalogue measures: faults of rows, price steps, timeframes, sessions, clocks."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.catalogue import Faults, Level, judge
from research.catalogue.checks import jump_of, order_of, steps_of
from research.catalogue.clocks import HOUR_NS, to_new_york, week_shift_hours
from research.catalogue.entry import DAY_NS
from research.catalogue.sessions import bar_gaps, never_closes, silences
from research.catalogue.timeframes import show_timeframe, spacing_of, timeframe_of
from tests.research.files import MINUTE, MONDAY, bars, changed, write, write_text

# --- faults of rows


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        (bars(), {}),
        (changed("close", 7, np.nan), {"not_finite": 1, "first_row": 7}),
        (changed("open", 7, np.inf), {"not_finite": 1, "first_row": 7}),
        (changed("low", 3, 0.0), {"zero": 1, "first_row": 3}),
        (changed("low", 3, -1.0), {"zero": 1, "first_row": 3}),
        (changed("high", 5, 0.5), {"range": 1, "first_row": 5}),
    ],
)
def test_rows_with_a_bad_price_are_counted(tmp_path, table, faults):
    expected = Faults(**{"zero": 0, "not_finite": 0, "range": 0, "duplicate": 0, "disorder": 0} | faults)
    assert write(tmp_path, "EURUSD_M1.parquet", table).faults == expected


def test_crossed_quotes_are_counted(tmp_path):
    quotes = pa.table({"ts": bars()["ts"], "bid": np.full(120, 1.1), "ask": np.r_[1.0, np.full(119, 1.2)]})
    assert write(tmp_path, "EURUSD_ticks.parquet", quotes).faults.crossed == 1


def test_stamps_that_repeat_or_go_back_are_counted(tmp_path):
    stamps = MONDAY + np.array([0, 1, 1, 5, 3, 6]) * MINUTE
    table = bars(6, ts=pa.array(stamps, pa.timestamp("ns", "UTC")))
    entry = write(tmp_path, "EURUSD_M1.parquet", table)
    assert (entry.faults.duplicate, entry.faults.disorder) == (1, 1)
    assert "1 row with the stamp of another" in judge(entry).reasons


def test_rows_without_a_stamp_are_counted_as_unreadable(tmp_path):
    table = bars(4, ts=pa.array([MONDAY, None, MONDAY + MINUTE, MONDAY + 2 * MINUTE], pa.timestamp("ns", "UTC")))
    entry = write(tmp_path, "EURUSD_M1.parquet", table)
    assert (entry.rows, entry.faults.unreadable) == (4, 1)


def test_a_line_with_too_many_cells_is_counted_as_unreadable(tmp_path):
    entry = write_text(tmp_path, "EURUSD.csv", "ts,bid,ask\n2024-01-08,1,2\n2024-01-09,1,2,3\n2024-01-10,1,2\n")
    assert (entry.rows, entry.faults.unreadable) == (3, 1)


def test_a_file_with_mostly_flawed_rows_is_bad(tmp_path):
    entry = write(tmp_path, "EURUSD_M1.parquet", bars(close=np.full(120, np.nan)))
    assert judge(entry).level is Level.BAD


@given(st.lists(st.integers(0, 20), max_size=40))
def test_order_agrees_with_its_slow_twin(stamps):
    newest, disorder, duplicate = None, [], []
    for stamp in stamps:
        disorder.append(newest is not None and stamp < newest)
        duplicate.append(newest is not None and stamp == newest)
        newest = stamp if newest is None else max(newest, stamp)
    order = order_of(np.array(stamps, np.int64))
    assert (order.disorder.tolist(), order.duplicate.tolist()) == (disorder, duplicate)


# --- prices


@pytest.mark.parametrize(
    ("prices", "exact", "usual"),
    [
        ([1.12345, 1.1], "0.00001", "0.00001"),
        ([110.123, 110.1], "0.001", "0.001"),
        ([100.25, 99.0], "0.01", "0.01"),
        ([100.0, 99.0], "1", "1"),
        ([0.00002025, 0.000021], "1E-8", "1E-8"),
        ([*([1.5] * 99), 1.2345], "0.0001", "0.1"),
        ([1 / 3], "None", "None"),
        ([np.nan, 1.5], "0.1", "0.1"),
    ],
)
def test_the_price_step_is_the_smallest_decimal_that_fits(prices, exact, usual):
    steps = steps_of([np.array(prices)])
    assert (str(steps.exact), str(steps.usual)) == (exact, usual)


def test_the_price_step_of_single_precision_allows_for_its_rounding():
    assert str(steps_of([np.array([1.12345, 1.1, 1.12346], np.float32)]).exact) == "0.00001"


def test_the_widest_jump_ignores_flawed_closes():
    assert jump_of(np.array([100.0, np.nan, 0.0, 50.0, 55.0])) == 0.5


# --- timeframes


@pytest.mark.parametrize(
    ("text", "shown"),
    [("M1", "1m"), ("5m", "5m"), ("1h", "1h"), ("H4", "4h"), ("D1", "1d"), ("daily", "1d"), ("15min", "15m"),
     ("8h", "8h"), ("W1", "1w"), ("1mo", "1mo"), ("monthly", "1mo"), ("1s", "1s"),
     ("minute", "1m"), ("2018", None), ("MSFT", None)],
)  # fmt: skip
def test_a_timeframe_is_read_as_people_write_it(text, shown):
    assert show_timeframe(timeframe_of(text) or 0) == shown


def test_the_spacing_of_a_thin_market_is_its_most_frequent_distance():
    minutes = np.cumsum([1, 1, 1, 1, 2, 3, 2, 3, 4, 5, 4]) * MINUTE
    assert spacing_of(minutes)[:2] == (MINUTE, True)


def test_months_are_regular_although_they_differ():
    months = np.arange("2020-01", "2021-06", dtype="datetime64[M]").astype("datetime64[ns]").astype(np.int64)
    assert show_timeframe(spacing_of(months).step_ns) == "1mo"


def test_the_spacing_wins_over_the_name_and_says_so(tmp_path):
    entry = write(tmp_path, "EURUSD_H1.parquet", bars(step_ns=5 * MINUTE))
    assert entry.timeframe == "5m"
    assert judge(entry).reasons == ("the name says 1h, the stamps are 5m apart",)


def test_one_row_takes_the_timeframe_of_the_name(tmp_path):
    assert write(tmp_path, "EURUSD_H1.parquet", bars(1)).timeframe == "1h"


def test_bars_without_a_regular_spacing_have_no_timeframe(tmp_path):
    stamps = MONDAY + np.cumsum(np.arange(1, 121) ** 2 % 47 + 61) * 10**9
    entry = write(tmp_path, "EURUSD_M1.parquet", bars(ts=pa.array(stamps, pa.timestamp("ns", "UTC"))))
    assert (entry.timeframe, entry.gaps) == (None, None)
    assert judge(entry).reasons == ("its stamps have no regular spacing, though the name says 1m",)


# --- sessions


def test_a_coin_never_closes():
    hours = MONDAY + np.array([0, 1, 2, 40, 41]) * HOUR_NS
    gaps = bar_gaps(hours, HOUR_NS, always_open=never_closes(hours, "crypto"))
    assert (gaps.missing, gaps.holes, gaps.longest_ns, gaps.longest_at_ns) == (37, 1, 38 * HOUR_NS, hours[2])


def test_a_weekend_is_a_closure_and_an_absent_hour_is_missing():
    week = np.arange(5 * 24) * HOUR_NS  # Monday to Friday, New York may be asleep for all we know
    hours = np.concatenate([MONDAY + week, MONDAY + 7 * DAY_NS + week])
    gaps = bar_gaps(np.delete(hours, [30, 31]), HOUR_NS, always_open=never_closes(hours, "fx"))
    assert (gaps.missing, gaps.holes, gaps.longest_ns, gaps.closures) == (2, 1, 3 * HOUR_NS, 1)


def test_the_daily_pause_of_gold_is_a_closure_in_summer_and_winter():
    year = np.arange(366 * 24) * HOUR_NS + MONDAY
    local = to_new_york(year)
    at = local // HOUR_NS % 24
    weekday = (local // DAY_NS + 3) % 7
    trading = (at != 17) & (weekday < 5)
    gaps = bar_gaps(year[trading], HOUR_NS, always_open=False)
    assert (gaps.missing, gaps.holes) == (0, 0)
    assert gaps.closures > 300


def test_a_lost_fortnight_is_no_holiday():
    week = np.arange(5 * 24) * HOUR_NS
    hours = np.concatenate([MONDAY + k * 7 * DAY_NS + week for k in (0, 1, 2, 5, 6)])
    gaps = bar_gaps(hours, HOUR_NS, always_open=False)
    assert (gaps.holes, gaps.closures) == (1, 3)
    assert gaps.missing == pytest.approx(2 * 5 * 24, rel=0.1)


def test_a_silence_is_longer_than_the_threshold():
    stamps = MONDAY + np.array([0, 1, 2, 8, 9]) * MINUTE
    gaps = silences(stamps, always_open=True)
    assert (gaps.missing, gaps.holes, gaps.longest_ns, gaps.threshold_ns) == (None, 1, 6 * MINUTE, 5 * MINUTE)


@given(st.sets(st.integers(0, 300), min_size=2))
def test_absent_bars_of_an_open_market_agree_with_their_slow_twin(minutes):
    stamps = np.array(sorted(minutes), np.int64) * MINUTE
    absent = set(range(min(minutes), max(minutes))) - minutes
    assert bar_gaps(stamps, MINUTE, always_open=True).missing == len(absent)


# --- clocks


@pytest.mark.parametrize(
    ("utc", "local"),
    [("2024-03-10T06:59", "2024-03-10T01:59"), ("2024-03-10T07:00", "2024-03-10T03:00"),
     ("2024-11-03T05:59", "2024-11-03T01:59"), ("2024-11-03T06:00", "2024-11-03T01:00"),
     ("2005-04-03T07:00", "2005-04-03T03:00"), ("2024-01-01T00:00", "2023-12-31T19:00")],
)  # fmt: skip
def test_new_york_time_follows_its_summer_time(utc, local):
    stamps = np.array([utc], "datetime64[ns]").astype(np.int64)
    assert to_new_york(stamps).astype("datetime64[m]" if False else "datetime64[ns]").astype("datetime64[m]").astype(
        str
    ) == [local]


def currency_weeks(shift_hours: int):
    hours = np.arange(8 * 7 * 24) * HOUR_NS + MONDAY
    local = to_new_york(hours)
    since_sunday = (local - 3 * DAY_NS - 17 * HOUR_NS) % (7 * DAY_NS)  # 17:00; the epoch was a Thursday
    return hours[since_sunday < 5 * DAY_NS] + shift_hours * HOUR_NS


@pytest.mark.parametrize("shift_hours", [0, 2, -5])
def test_the_trading_week_betrays_a_shifted_clock(shift_hours):
    assert week_shift_hours(currency_weeks(shift_hours), HOUR_NS) == shift_hours


def test_a_naive_file_on_a_brokers_clock_is_not_taken_for_utc(tmp_path):
    stamps = pa.array(currency_weeks(2), pa.timestamp("ns"))
    entry = write(tmp_path, "EURUSD_H1.parquet", bars(len(stamps), ts=stamps))
    assert not entry.is_utc
    assert "by the trading week its clock runs about 2 h ahead of UTC" in judge(entry).reasons


def test_a_naive_file_in_utc_is_confirmed_by_its_trading_week(tmp_path):
    stamps = pa.array(currency_weeks(0), pa.timestamp("ns"))
    entry = write(tmp_path, "EURUSD_H1.parquet", bars(len(stamps), ts=stamps))
    assert (entry.is_utc, entry.time_zone) == (True, "UTC by the trading week; no zone in the file")
