"""Reading: files that cannot be read, names, columns, stamps, and the formats of many makers."""

import gzip
import lzma
import os
import re
import struct
import zipfile
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pytest

from research.catalogue import Level, build, judge
from research.catalogue.columns import layout_of
from research.catalogue.entry import show_time
from research.catalogue.names import named
from research.catalogue.stamps import NAT, stamps_of
from research.catalogue.timeframes import show_timeframe
from tests.research.files import MONDAY, bars, look, write, write_text

# --- files that cannot be read


def test_a_truncated_parquet_file_is_named_and_skipped(tmp_path):
    write(tmp_path, "EURUSD_M1.parquet", bars())
    whole = (tmp_path / "EURUSD_M1.parquet").read_bytes()
    (tmp_path / "GBPUSD_M1.parquet").write_bytes(whole[: len(whole) // 2])
    good, bad = build(tmp_path).entries
    assert (good.symbol, good.rows, good.problem) == ("EURUSD", 120, None)
    assert (bad.symbol, bad.rows, bad.problem) == ("GBPUSD", 0, "truncated Parquet: the footer is missing")
    assert judge(bad).level is Level.BAD


def test_a_damaged_parquet_page_is_named(tmp_path):
    write(tmp_path, "EURUSD_M1.parquet", bars(20_000))
    content = bytearray((tmp_path / "EURUSD_M1.parquet").read_bytes())
    content[4000:9000] = bytes(5000)
    (tmp_path / "EURUSD_M1.parquet").write_bytes(content)
    assert look(tmp_path, "EURUSD_M1.parquet").problem.startswith("damaged Parquet")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.parquet", b"", "empty file (0 bytes)"),
        ("a.csv", b"", "empty file (0 bytes)"),
        ("00h_ticks.bi5", b"", "empty file (0 bytes; Dukascopy writes one for an hour without quotes)"),
        ("a.parquet", b"ts,open,high\n1,2,3\n", "not Parquet although named so: it begins with b'ts,open,'"),
        ("a.feather", b"hello world, this", "not Feather although named so: it begins with b'hello wo'"),
        ("a.feather", b"ARROW1\0\0 cut off", "truncated or damaged Feather"),
        ("a.csv.gz", gzip.compress(b"ts,bid,ask\n" * 99, mtime=0)[:40], "truncated or damaged gzip"),
        ("a.zip", b"PK\x03\x04 cut off", "truncated or damaged zip"),
        ("a.csv", b"alpha,beta\n1,2\n", "no time column among alpha, beta"),
        ("a.csv", b"ts,alpha,beta\n2020-01-01,x,2\n", "columns not known: ts, alpha, beta"),
        ("a.csv", b"ts,open,high,low,close\n", "no row has a stamp|its time column is empty|no rows"),
        ("a.csv", b"ts,bid,ask\nsoon,1,2\nlater,1,2\n", "its times are not understood, e.g. 'soon'"),
        ("a.csv", b"date,open,high,low,close\n01/02/2020,1,1,1,1\n", "could be day/month or month/day"),
        ("a.csv", b"# only a comment\n", "no text rows"),
        ("a.csv", b"\0\1\2\3,\n", "binary, not a known format"),
        ("a.csv", b"1.5,2,3,4\n1.5,2,3,4\n", "no header line and not a layout we know"),
        ("a.csv", b"Ticker,Date,Open,High,Low,Close\nA,2020-01-01,1,1,1,1\nB,2020-01-01,1,1,1,1\n", "rows of 2 instr"),
        ("a.csv", b'date,close,open,high,low\n"Jan 02, 2024",1,1,1,1\n', "not understood, e.g. 'Jan 02, 2024'"),
        ("a.json", b'{"price": 1', "broken JSON"),
        ("a.json", b"nothing of the kind", "text that is neither JSON nor lines with a stamp"),
        ("a.xml", b"<weeklyevents><event><date>06-26-2022</date></event>", "truncated XML"),
        ("a.xml", b"<list><item/></list>", "XML, but no calendar"),
        ("a.png", b"\x89PNG\r\n\x1a\n123", "unknown format '.png'"),
        ("a.hst", b"short", "truncated: shorter than the header"),
        ("a.hst", struct.pack("<i", 7) + bytes(200), "hst version 7 is not known"),
        ("a.hst", struct.pack("<i", 401) + bytes(200), "truncated: 56 bytes after 0 whole bars"),
        ("ticks.bi5", b"123456", "its path tells no time"),
    ],
)
def test_a_bad_file_gets_a_reason_and_no_traceback(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    entry = look(tmp_path, name)
    assert re.search(problem if "|" in problem else re.escape(problem), entry.problem)
    assert "\n" not in entry.problem
    assert judge(entry).level is Level.BAD


@pytest.mark.parametrize("day", ["2019/13/04", "2019/01/32"])
def test_a_dukascopy_path_with_an_impossible_date_is_named(tmp_path, day):
    folder = tmp_path / "EURUSD" / day
    folder.mkdir(parents=True)
    (folder / "00h_ticks.bi5").write_bytes(lzma.compress(bytes(20)))
    entry = look(tmp_path, f"EURUSD/{day}/00h_ticks.bi5")
    assert "its path tells no time" in entry.problem


def test_what_is_no_regular_file_is_named_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "EURUSD_M1.csv")
    (tmp_path / "GBPUSD_M1.csv").symlink_to(tmp_path / "nowhere")
    assert [entry.problem for entry in build(tmp_path).entries] == ["not a regular file", "no such file"]


def test_two_columns_of_one_name_are_named(tmp_path):
    one = pa.array([1.0])
    table = pa.table([pa.array([MONDAY], pa.timestamp("ns")), one, one, one], names=["ts", "bid", "bid", "ask"])
    assert write(tmp_path, "EURUSD.parquet", table).problem == "more than one column named bid"


@pytest.mark.parametrize("name", ["EURUSD_M1.parquet", "EURUSD_M1.feather", "EURUSD_M1.csv", "EURUSD_M1.csv.gz"])
@pytest.mark.parametrize("seed", range(12))
def test_no_damage_to_a_file_raises(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    if ".csv" in name:
        text = "ts,bid,ask\n" + "".join(f"2024-01-08 00:{k:02d}:00,1.1,1.2\n" for k in range(60))
        content = bytearray(gzip.compress(text.encode(), mtime=0) if name.endswith("gz") else text.encode())
    else:
        write(tmp_path, name, bars())
        content = bytearray((tmp_path / name).read_bytes())
    for place in rng.integers(0, len(content), 8):
        content[place] = rng.integers(0, 256)
    cut = rng.integers(0, len(content))
    (tmp_path / name).write_bytes(content[:cut] if seed % 2 else content)
    assert look(tmp_path, name).path == name


def test_a_parquet_without_rows_is_bad(tmp_path):
    assert write(tmp_path, "EURUSD_M1.parquet", bars(0)).problem == "no rows"


# --- stamps


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2018-01-01 22:00", "2018-01-01T22:00:00Z"),
        ("2013-01-01 22:00:00.295000+00:00", "2013-01-01T22:00:00.295Z"),
        ("2022-08-14T19:01:00-04:00", "2022-08-14T23:01:00Z"),
        ("2024-12-25T21:50:35.050Z", "2024-12-25T21:50:35.05Z"),
        ("2015.01.02 09:00", "2015-01-02T09:00:00Z"),
        ("31.12.2019 00:00:00.000", "2019-12-31T00:00:00Z"),
        ("31.12.2019 00:00:00.000 GMT+0100", "2019-12-30T23:00:00Z"),
        ("20210401 170000", "2021-04-01T17:00:00Z"),
        ("20200101 170000065", "2020-01-01T17:00:00.065Z"),
        ("20210401", "2021-04-01T00:00:00Z"),
        ("12/31/2019 10:00", "2019-12-31T10:00:00Z"),
        ("31/12/2019", "2019-12-31T00:00:00Z"),
        ("1502942400", "2017-08-17T04:00:00Z"),
        ("1502942400000", "2017-08-17T04:00:00Z"),
        ("1502942400000000", "2017-08-17T04:00:00Z"),
        ("1502942400000000000", "2017-08-17T04:00:00Z"),
        ("1502942400.5", "2017-08-17T04:00:00.5Z"),
    ],
)
def test_a_stamp_is_read_in_the_forms_that_files_use(text, utc):
    assert show_time(int(stamps_of(pa.array([text])).time_ns[0])) == utc


def test_an_impossible_date_is_unreadable_and_its_neighbours_are_not():
    stamps = stamps_of(pa.array(["2020-02-29", "2020-02-31", None, "rubbish"]))
    assert stamps.readable.tolist() == [True, False, False, False]
    assert stamps.time_ns[1] == NAT


# --- names and columns


@pytest.mark.parametrize(
    ("path", "symbol", "venue", "frame"),
    [
        ("fx/m1/EURUSD_M1_2018_2019_histdata.parquet", "EURUSD", "histdata", "1m"),
        ("equities/AAPL_daily_lean.parquet", "AAPL", "lean", "1d"),
        ("crypto/binance/BTCUSDT_1h_2017_2024.parquet", "BTCUSDT", "binance", "1h"),
        ("crypto/freqtrade/XRP_ETH-1m.feather", "XRPETH", "freqtrade", "1m"),
        ("futures_XRP_USDT_USDT-5m-futures.feather", "XRPUSDT", None, "5m"),
        ("binance_coinm_BTCUSD_PERP_20240808_bbo.parquet", "BTCUSD_PERP", "binance_coinm", None),
        ("crypto/other/BTC-PERP_1m_2022_01.parquet", "BTC-PERP", None, "1m"),
        ("wire/mt4/EURUSD30.hst", "EURUSD", "mt4", "30m"),
        ("wire/mt5/US30m_H1_202401012300.csv", "US30", "mt5", "1h"),
        ("EURUSD_Candlestick_1_M_BID_01.01.2019-31.12.2019.csv", "EURUSD", None, "1m"),
        ("EURUSD_M1_mybroker.csv", "EURUSD", "mybroker", "1m"),
        ("symbol=GBPJPY/2019.parquet", "GBPJPY", None, None),
        ("aapl.csv", "AAPL", None, None),
        ("trades.csv", None, None, None),
    ],
)
def test_a_name_tells_symbol_venue_and_timeframe(path, symbol, venue, frame):
    name = named(PurePosixPath(path))
    assert (name.symbol, name.venue, show_timeframe(name.timeframe_ns or 0)) == (symbol, venue, frame)


@pytest.mark.parametrize(
    ("columns", "kind", "time"),
    [
        ("ts open high low close volume", "bars", ("ts",)),
        ("<DATE> <TIME> <OPEN> <HIGH> <LOW> <CLOSE> <TICKVOL> <VOL> <SPREAD>", "bars", ("<DATE>", "<TIME>")),
        ("openTime o h l c v", "bars", ("openTime",)),
        ("Date BidOpen BidHigh BidLow BidClose AskOpen AskHigh AskLow AskClose", "bars", ("Date",)),
        ("timestamp local_timestamp ask_amount ask_price bid_price bid_amount", "quotes", ("timestamp",)),
        ("time price size side", "trades", ("time",)),
        ("agg_trade_id price quantity transact_time is_buyer_maker", "trades", ("transact_time",)),
        ("timestamp side price qty update_type", "depth", ("timestamp",)),
        ("ts bid_px_0 bid_qty_0 ask_px_0 ask_qty_0", "depth", ("ts",)),
        ("ts funding_rate mark_open mark_high mark_low mark_close", "funding", ("ts",)),
        ("Start Name Impact Currency", "calendar", ("Start",)),
        ("ts location rate_pct_pa", "rates", ("ts",)),
        ("ts foo bar", "unknown", ("ts",)),
    ],
)
def test_columns_tell_the_kind(columns, kind, time):
    layout = layout_of(columns.split())
    assert (layout.kind, layout.time) == (kind, time)


# --- a user's own files


@pytest.mark.parametrize(
    ("name", "text", "kind", "rows", "zone"),
    [
        (
            "EURUSD_M1.csv",
            "20210401 000000;1.1;1.2;1.0;1.1;0\n20210401 000100;1.1;1.2;1.0;1.1;0\n",
            "bars",
            2,
            "New York",
        ),
        ("EURUSD.csv", "20200101 170000065,1.1,1.2,0\n20200101 170000066,1.1,1.2,0\n", "quotes", 2, "New York"),
        (
            "EURUSD60.csv",
            "2020.01.02,00:00,1.1,1.2,1.0,1.1,9\n2020.01.02,01:00,1.1,1.2,1.0,1.1,9\n",
            "bars",
            2,
            "broker",
        ),
        ("BTCUSDT-1m.csv", "1502942400000,1,2,1,1,5,1502942459999,1,1,1,1,0\n" * 2, "bars", 2, "UTC"),
        ("x.txt", "EUR/USD,20130101 22:00:00.295,1.1,1.2\n", "quotes", 1, "UTC"),
        ("EURUSD.csv", "Gmt time,Open,High,Low,Close,Volume\n01.01.2019 00:00:00.000,1,2,1,1,5\n", "bars", 1, "UTC"),
        ("EURUSD.csv", "time;open;high;low;close\n2020-01-01 00:00;1,1;1,2;1,0;1,1\n", "bars", 1, "no zone"),
        (
            "AAPL.csv",
            "# from a vendor\nDate,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,1,2,1,1,1,5\n",
            "bars",
            1,
            "date",
        ),
        ("closes.csv", "date,AAPL,MSFT\n2020-01-02,1.5,2.5\n2020-01-03,1.5,2.5\n", "closes", 2, "date"),
    ],
)
def test_text_files_of_many_makes_are_read(tmp_path, name, text, kind, rows, zone):
    entry = write_text(tmp_path, name, text)
    assert (entry.problem, entry.kind, entry.rows) == (None, kind, rows)
    assert zone in entry.time_zone
    assert entry.faults.not_finite == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_text_is_read_in_the_encodings_of_exporters(tmp_path, encoding):
    text = "Date,Open,High,Low,Close,Bemerkung\r\n2024-01-08,1,2,1,2,für später\r\n"
    (tmp_path / "AAPL.csv").write_bytes(text.encode(encoding))
    entry = look(tmp_path, "AAPL.csv")
    assert (entry.problem, entry.kind, entry.rows) == (None, "bars", 1)


def test_a_symbol_column_overrules_the_name(tmp_path):
    entry = write_text(tmp_path, "GBPUSD.csv", "exchange,symbol,ts,bid,ask\nOKX,BTC-USDT,2024-01-08,1,2\n")
    assert (entry.symbol, entry.venue, entry.instrument_kind) == ("BTCUSDT", "okx", "crypto")


def test_the_data_file_of_a_zip_is_read_and_the_note_beside_it_is_not(tmp_path):
    with zipfile.ZipFile(tmp_path / "HISTDATA_EURUSD_M1.zip", "w") as archive:
        archive.writestr("DAT_ASCII_EURUSD_M1.csv", "20210401 000000;1.1;1.2;1.0;1.1;0\n")
        archive.writestr("DAT_ASCII_EURUSD_M1.txt", "thank you for downloading")
    entry = look(tmp_path, "HISTDATA_EURUSD_M1.zip")
    assert (entry.format, entry.symbol, entry.rows, entry.problem) == ("csv.zip", "EURUSD", 1, None)


def test_dukascopy_quotes_are_decoded_and_their_months_count_from_zero(tmp_path):
    folder = tmp_path / "USDJPY" / "2019" / "01" / "04"
    folder.mkdir(parents=True)
    (folder / "03h_ticks.bi5").write_bytes(lzma.compress(struct.pack(">IIIff", 1500, 110005, 110002, 1.5, 2.5)))
    entry = look(tmp_path, "USDJPY/2019/01/04/03h_ticks.bi5")
    assert (entry.symbol, entry.kind, entry.rows, entry.tick_size) == ("USDJPY", "quotes", 1, "0.001")
    assert show_time(entry.first_ns) == "2019-02-04T03:00:01.5Z"


def test_raw_payloads_are_counted_and_their_local_stamps_give_the_span(tmp_path):
    lines = [f'{MONDAY + k} {{"k": {k}}}' for k in (5, 6, 9)]
    (tmp_path / "btcusdt.ws.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    entry = look(tmp_path, "btcusdt.ws.gz")
    assert (entry.kind, entry.format, entry.rows, entry.symbol) == ("raw", "log.gz", 3, "BTCUSDT")
    assert (entry.first_ns, entry.last_ns) == (MONDAY + 5, MONDAY + 9)
