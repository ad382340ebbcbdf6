"""The loader: ticks are exact, flaws are kept and named, what is left out is reported, errors are one line."""

import os
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.continuity import flag_rows
from market.tape import Flaw, bar_tape
from research.catalogue import Catalogue, build
from research.catalogue.checks import order_of
from research.catalogue.entry import DAY_NS
from research.loader import LoadError, NotInCatalogueError, file_hash, find, load_bars, load_quotes, tick_size_of
from tests.research.files import DATA, MINUTE, MONDAY, bars, changed, look, needs, needs_data, write, write_text

PIPETTE = Decimal("0.00001")
HOUR = 60 * MINUTE


def load(root, table, name="EURUSD_M1.parquet", tick=PIPETTE, start_ns=None, end_ns=None):
    return load_bars(root, write(root, name, table), tick, start_ns, end_ns)


def quotes(root, *, sizes=False, **columns):
    table = {"ts": bars(4)["ts"], "bid": [1.1, 1.2, 1.3, 1.4], "ask": [1.2, 1.3, 1.2, 1.5]} | columns
    if sizes:
        table |= {"bid_size": [1.0, 2.0, 3.0, 4.0], "ask_size": [5.0, 6.0, 7.0, 8.0]}
    return load_quotes(root, write(root, "EURUSD_ticks.parquet", pa.table(table)), PIPETTE, None, None)


# --- what is loaded


def test_bars_come_in_ticks_and_are_known_at_their_close(tmp_path):
    loaded = load(tmp_path, bars(3))
    assert loaded.open_ns.tolist() == [MONDAY, MONDAY + MINUTE, MONDAY + 2 * MINUTE]
    assert loaded.close_ns.tolist() == [MONDAY + MINUTE, MONDAY + 2 * MINUTE, MONDAY + 3 * MINUTE]
    assert [column.tolist() for column in loaded.bid] == [
        [110000, 110010, 110020], [110020, 110030, 110040], [109980, 109990, 110000], [110000, 110010, 110020],
    ]  # fmt: skip
    assert loaded.ask is None
    assert loaded.volume.tolist() == [1.0, 1.0, 1.0]
    assert loaded.flaws.tolist() == [0, 0, 0]
    assert [column.dtype for column in loaded[:2]] == [np.int64, np.int64]
    assert loaded.report.warnings == ()


def test_bars_with_both_sides_have_an_ask(tmp_path):
    names = [f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close")]
    table = pa.table({"ts": bars(2)["ts"]} | {name: [1.1 + name.startswith("ask") * 0.0002] * 2 for name in names})
    loaded = load(tmp_path, table)
    assert (loaded.bid[3].tolist(), loaded.ask[3].tolist()) == ([110000] * 2, [110020] * 2)
    assert loaded.volume.tolist() == [0.0, 0.0]


def test_a_daily_bar_is_known_one_day_after_its_date(tmp_path):
    entry = write_text(tmp_path, "AAPL.csv", "Date,Open,High,Low,Close\n2024-01-08,1,2,1,2\n2024-01-09,1,2,1,2\n")
    loaded = load_bars(tmp_path, entry, Decimal("0.01"), None, None)
    assert loaded.close_ns.tolist() == [MONDAY + DAY_NS, MONDAY + 2 * DAY_NS]


def test_a_bar_of_a_month_closes_with_the_calendar_month(tmp_path):
    months = np.arange("2024-01", "2024-05", dtype="datetime64[M]").astype("datetime64[ns]")
    loaded = load(tmp_path, bars(4, ts=pa.array(months, pa.timestamp("ns", "UTC"))), "EURUSD_monthly.parquet")
    assert loaded.close_ns[:3].tolist() == loaded.open_ns[1:].tolist()


def test_tick_volume_stands_in_for_volume(tmp_path):
    table = bars(2).rename_columns(["ts", "open", "high", "low", "close", "tick_volume"])
    assert load(tmp_path, table).volume.tolist() == [1.0, 1.0]


def test_a_span_takes_its_start_and_not_its_end(tmp_path):
    loaded = load(tmp_path, bars(10), start_ns=MONDAY + 3 * MINUTE, end_ns=MONDAY + 5 * MINUTE)
    assert loaded.open_ns.tolist() == [MONDAY + 3 * MINUTE, MONDAY + 4 * MINUTE]


def test_quotes_come_in_ticks_with_sizes_where_there_are_some(tmp_path):
    plain, sized = quotes(tmp_path), quotes(tmp_path, sizes=True)
    assert plain.bid.tolist() == [110000, 120000, 130000, 140000]
    assert (plain.bid_size, plain.ask_size) == (None, None)
    assert (sized.bid_size.tolist(), sized.ask_size.tolist()) == ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0])


def test_prices_of_single_precision_are_on_the_grid_as_far_as_they_can_tell(tmp_path):
    table = bars(3)
    for name in ("open", "high", "low", "close"):
        single = pa.array(table[name].to_numpy().astype(np.float32))
        table = table.set_column(table.column_names.index(name), name, single)
    assert load(tmp_path, table).bid[0].tolist() == [110000, 110010, 110020]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50), st.integers(0, 8))
def test_every_multiple_of_a_tick_is_exact(ticks, digits):
    tick = Decimal(1).scaleb(-digits)
    prices = np.array([float(tick * k) for k in ticks])
    assert np.rint(prices / float(tick)).astype(np.int64).tolist() == ticks


# --- flaws and what is left out


@pytest.mark.parametrize(
    ("column", "value", "flaw"),
    [
        ("close", np.nan, Flaw.NOT_FINITE),
        ("open", np.inf, Flaw.NOT_FINITE),
        ("low", 0.0, Flaw.ZERO),
        ("low", -1.0, Flaw.ZERO),
        ("high", 1.0, Flaw.RANGE),
    ],
)
def test_a_bad_price_stays_and_is_flagged(tmp_path, column, value, flaw):
    loaded = load(tmp_path, changed(column, 2, value, bars(5)))
    assert loaded.flaws.tolist() == [0, 0, flaw, 0, 0]
    if flaw is Flaw.NOT_FINITE:
        assert loaded.bid[["open", "high", "low", "close"].index(column)][2] == 0


def test_a_crossed_quote_is_flagged(tmp_path):
    assert quotes(tmp_path).flaws.tolist() == [0, 0, Flaw.CROSSED, 0]


def test_rows_that_go_back_in_time_are_left_out_and_reported(tmp_path):
    stamps = MONDAY + np.array([0, 1, 2, 5, 3, 4, 6]) * MINUTE
    loaded = load(tmp_path, bars(7, ts=pa.array(stamps, pa.timestamp("ns", "UTC"))))
    assert ((loaded.open_ns - MONDAY) // MINUTE).tolist() == [0, 1, 2, 5, 6]
    report = loaded.report
    assert (report.rows_read, report.rows_used, report.disorder, report.first_disorder_row) == (7, 5, 2, 4)
    assert report.warnings == (
        "EURUSD_M1.parquet: 2 rows with a stamp before one in front of them; left out, the first is row 4",
    )


def test_the_first_of_two_bars_with_one_stamp_stays(tmp_path):
    stamps = MONDAY + np.array([0, 1, 1, 2]) * MINUTE
    loaded = load(tmp_path, bars(4, ts=pa.array(stamps, pa.timestamp("ns", "UTC"))))
    assert loaded.bid[0].tolist() == [110000, 110010, 110030]
    assert (loaded.report.duplicate, loaded.report.first_duplicate_row) == (1, 2)


def test_quotes_of_one_stamp_all_stay(tmp_path):
    loaded = quotes(tmp_path, ts=pa.array([MONDAY] * 4, pa.timestamp("ns", "UTC")))
    assert len(loaded.time_ns) == 4
    assert loaded.report.warnings == ()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30))
def test_what_is_left_out_is_what_a_live_feed_would_flag(stamps):
    time_ns = np.array(stamps, np.int64)
    price = np.full(len(stamps), 5, np.int64)
    flaws = np.zeros(len(stamps), np.uint8)
    tape = bar_tape(0, time_ns, [price] * 4, [price] * 4)
    flag_rows(tape, np.array([True]), np.array([np.iinfo(np.int64).min]), flaws)
    order = order_of(time_ns)
    assert (order.disorder * Flaw.DISORDER.value | order.duplicate * Flaw.DUPLICATE.value).tolist() == flaws.tolist()


def test_stamps_on_a_source_clock_are_said_to_be_so(tmp_path):
    line = "20210401 00{:02d}00;1.1;1.2;1.0;1.1;0\n"
    entry = write_text(tmp_path, "DAT_ASCII_EURUSD_M1.csv", "".join(line.format(k) for k in range(5)))
    (warning,) = load_bars(tmp_path, entry, PIPETTE, None, None).report.warnings
    assert "stamps are not UTC but New York (source clock of HistData); taken as they stand" in warning


# --- errors


def test_a_price_between_two_ticks_is_an_error(tmp_path):
    table = changed("close", 3, 1.100035, bars(5))
    with pytest.raises(LoadError) as caught:
        load(tmp_path, table)
    assert str(caught.value) == (
        "EURUSD_M1.parquet: price 1.100035 at row 3 is not a multiple of tick 0.00001; "
        "state a finer tick_size, at most 0.000001"
    )


def test_an_off_grid_price_outside_of_the_span_is_no_error(tmp_path):
    table = changed("close", 3, 1.100035, bars(5))
    assert len(load(tmp_path, table, end_ns=MONDAY + 3 * MINUTE).open_ns) == 3


@pytest.mark.parametrize("tick", ["0", "-0.1", "NaN", "Infinity"])
def test_a_tick_that_is_no_positive_number_is_an_error(tmp_path, tick):
    with pytest.raises(LoadError, match="must be a positive number"):
        load(tmp_path, bars(5), tick=Decimal(tick))


def test_an_empty_span_says_what_the_data_covers(tmp_path):
    with pytest.raises(LoadError) as caught:
        load(tmp_path, bars(5), start_ns=0, end_ns=1)
    assert str(caught.value) == (
        "EURUSD: no rows between 1970-01-01T00:00:00Z and 1970-01-01T00:00:00.000000001Z; "
        "the data covers 2024-01-08T00:00:00Z .. 2024-01-08T00:04:00Z (EURUSD_M1.parquet)"
    )


def test_a_file_that_is_gone_truncated_or_of_another_kind_is_named(tmp_path):
    entry = write(tmp_path, "EURUSD_M1.parquet", bars(5))
    path = tmp_path / entry.path
    with pytest.raises(LoadError, match=r"EURUSD_M1\.parquet: holds bars, wanted quotes"):
        load_quotes(tmp_path, entry, PIPETTE, None, None)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(LoadError, match=r"EURUSD_M1\.parquet: truncated Parquet"):
        load_bars(tmp_path, entry, PIPETTE, None, None)
    path.unlink()
    with pytest.raises(LoadError, match=r"EURUSD_M1\.parquet: no such file"):
        load_bars(tmp_path, entry, PIPETTE, None, None)


def test_a_file_without_rows_is_an_error(tmp_path):
    with pytest.raises(LoadError, match="no rows"):
        load(tmp_path, bars(0))


def test_bars_without_a_timeframe_have_no_close(tmp_path):
    stamps = MONDAY + np.cumsum(np.arange(1, 121) ** 2 % 47 + 61) * 10**9
    with pytest.raises(LoadError, match="no regular spacing"):
        load(tmp_path, bars(ts=pa.array(stamps, pa.timestamp("ns", "UTC"))), "EURUSD.parquet")


def test_changes_of_depth_are_no_quotes(tmp_path):
    entry = write_text(tmp_path, "BTCUSDT.csv", "ts,side,price,qty,update_type\n2024-01-08,b,1,1,set\n")
    with pytest.raises(LoadError, match="holds changes of depth"):
        load_quotes(tmp_path, entry, PIPETTE, None, None)


# --- finding


@pytest.fixture
def shelf(tmp_path) -> Catalogue:
    write(tmp_path, "EURUSD_M1_histdata.parquet", bars(500))
    write(tmp_path, "EURUSD_M1_oanda.parquet", bars(900, first_ns=MONDAY + 7 * DAY_NS))
    write(tmp_path, "EURUSD_H1_oanda.parquet", bars(50, step_ns=HOUR))
    write(tmp_path, "GBPUSD_M1_oanda.parquet", bars(10))
    (tmp_path / "USDJPY_M1.parquet").write_bytes(b"PAR1 cut off")
    return build(tmp_path)


def test_the_file_with_most_rows_is_found(shelf):
    assert find(shelf, "EURUSD", "bars").path == "EURUSD_M1_oanda.parquet"
    assert find(shelf, "eur/usd", "bars", "1m").path == "EURUSD_M1_oanda.parquet"
    assert find(shelf, "EURUSD", "bars", "1h").path == "EURUSD_H1_oanda.parquet"
    assert find(shelf, "EURUSD", "bars", venue="histdata").path == "EURUSD_M1_histdata.parquet"


def test_the_file_with_most_rows_in_the_span_is_found(shelf):
    assert find(shelf, "EURUSD", "bars", "1m", span=(None, MONDAY + DAY_NS)).path == "EURUSD_M1_histdata.parquet"


def test_among_equals_the_first_path_is_found(tmp_path):
    for name in ("b/EURUSD_M1.parquet", "a/EURUSD_M1.parquet"):
        write(tmp_path, name, bars())
    assert find(build(tmp_path), "EURUSD", "bars").path == "a/EURUSD_M1.parquet"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (("EURUDS", "bars"), "symbol 'EURUDS' is not in {root}; near it: EURUSD; there are EURUSD, GBPUSD"),
        (("XYZ", "bars"), "symbol 'XYZ' is not in {root}; there are EURUSD, GBPUSD"),
        (
            ("USDJPY", "bars"),
            "USDJPY: no readable file in {root}; USDJPY_M1.parquet: truncated Parquet: the footer is missing",
        ),
        (("GBPUSD", "quotes"), "GBPUSD: no quotes in {root}; there are 1m bars of oanda"),
        (("GBPUSD", "bars", "5m"), "GBPUSD: no 5m bars in {root}; there are 1m bars of oanda"),
        (("GBPUSD", "bars", "1m", "fxcm"), "GBPUSD: no 1m bars of fxcm in {root}; there are 1m bars of oanda"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(shelf, request_, message):
    with pytest.raises(NotInCatalogueError) as caught:
        find(shelf, *request_)
    assert str(caught.value) == message.format(root=shelf.root)
    assert isinstance(caught.value, LookupError)
    assert isinstance(caught.value, ValueError)


def test_a_span_without_rows_is_answered_with_the_spans_there_are(shelf):
    with pytest.raises(NotInCatalogueError, match="GBPUSD: no rows between the beginning and 1970-01-01"):
        find(shelf, "GBPUSD", "bars", span=(None, 0))


def test_the_tick_size_is_that_of_the_entry_or_of_a_sample(tmp_path):
    assert tick_size_of(write(tmp_path, "EURUSD_M1.parquet", bars())) == Decimal("0.0001")
    assert tick_size_of([np.array([110.123, 110.1])]) == Decimal("0.001")
    with pytest.raises(LoadError, match="state tick_size"):
        tick_size_of([np.array([1 / 3])])
    with pytest.raises(LoadError, match="state tick_size"):
        tick_size_of(write(tmp_path, "GBPUSD_M1.parquet", bars(close=np.full(120, 1 / 3))))


def test_a_hash_names_the_content(tmp_path):
    (tmp_path / "a.csv").write_text("abc")
    assert file_hash(tmp_path / "a.csv") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    os.utime(tmp_path / "a.csv", ns=(0, 0))
    assert file_hash(tmp_path / "a.csv", tmp_path / "home").startswith("ba7816bf")


# --- the real data


EURUSD = "fx/m1/EURUSD_M1_2018_2019_histdata.parquet"


@needs(EURUSD)
def test_two_years_of_minutes_load_whole():
    entry = look(DATA, EURUSD)
    loaded = load_bars(DATA, entry, PIPETTE, None, None)
    source = pq.read_table(DATA / EURUSD)
    assert len(loaded.open_ns) == source.num_rows == entry.rows
    assert np.all(np.diff(loaded.open_ns) > 0)
    assert np.all(loaded.close_ns - loaded.open_ns == MINUTE)
    for column, name in zip(loaded.bid, ("open", "high", "low", "close"), strict=True):
        assert np.array_equal(np.round(column * 1e-5, 5), np.round(source[name].to_numpy(), 5))


@needs("multi_venue/fx_ticks_2014_05/EURUSD_ticks_fxcm_20140501_20140512.parquet")
def test_crossed_quotes_of_a_real_venue_are_flagged():
    entry = look(DATA, "multi_venue/fx_ticks_2014_05/EURUSD_ticks_fxcm_20140501_20140512.parquet")
    loaded = load_quotes(DATA, entry, PIPETTE, None, None)
    crossed = loaded.bid > loaded.ask
    assert crossed.any()
    assert np.array_equal((loaded.flaws & Flaw.CROSSED) != 0, crossed)


@needs_data
@pytest.mark.slow
def test_everything_that_can_be_loaded_has_the_flaws_that_the_catalogue_counts():
    loaders = {"bars": load_bars, "quotes": load_quotes}
    seen = 0
    for entry in build(DATA).entries:
        if entry.kind not in loaders or entry.tick_size is None or (entry.kind == "bars" and not entry.timeframe):
            continue
        loaded = loaders[entry.kind](DATA, entry, tick_size_of(entry), None, None)
        counted = [int(np.count_nonzero(loaded.flaws & flaw)) for flaw in (Flaw.CROSSED, Flaw.ZERO, Flaw.RANGE)]
        faults = entry.faults
        assert (entry.path, counted) == (entry.path, [faults.crossed or 0, faults.zero or 0, faults.range or 0])
        left_out = loaded.report.disorder + loaded.report.duplicate + faults.unreadable
        assert loaded.report.rows_used + left_out == entry.rows
        seen += 1
    assert seen
