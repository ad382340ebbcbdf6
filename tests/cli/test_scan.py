"""`trifecta scan`: ranked rows for people, one JSON document for programs, and a table that renews itself."""

import os
import signal
import subprocess
import sys

import pytest

from tests.cli.running import refused, schema, trifecta
from tests.research.files import REPO, needs_data
from tests.research.scanned import a_book, an_hourly_market, trades, write
from tests.waiting import until


@pytest.fixture(scope="module")
def hours(tmp_path_factory):
    root = an_hourly_market(tmp_path_factory.mktemp("hours") / "data")
    write(root, "crypto/BTCUSDT_depth_binance.parquet", a_book())
    write(root, "crypto/BTCUSDT_trades_binance.parquet", trades())
    return root


AT = ("--at", "2024-03-01", "--timeframe", "4h,1h")


def test_json_is_one_document_that_fits_its_schema(hours, home):
    ended = trifecta("scan", "--data", hours, "--home", home, "--json", *AT)
    document = ended.document
    schema("scan").validate(document)
    assert (ended.code, ended.err) == (0, "")
    assert (document["at"], document["now"]) == ("2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z")
    assert [row["rank"] for row in document["rows"]] == [1, 2, 3, 4]
    assert {(row["symbol"], row["timeframe"]) for row in document["rows"]} == {
        (symbol, timeframe) for symbol in ("EURUSD", "GBPUSD") for timeframe in ("1h", "4h")
    }
    assert [(one["symbol"], one["timeframes"]) for one in document["unjudged"]] == [("BTCUSDT", ["1h", "4h"])]
    assert [one["symbol"] for one in document["liquidity"] if one["vpin"] is not None] == ["BTCUSDT"]
    again = trifecta("scan", "--data", hours, "--home", home, "--json", *AT).document
    assert again == document, "as of a time the answer is always the same"


def test_top_shows_the_first_rows_alone(hours, home):
    document = trifecta("scan", "--data", hours, "--home", home, "--json", "--top", "1", *AT).document
    assert ([row["rank"] for row in document["rows"]], document["judged"]) == ([1], 4)


def test_people_see_rows_reasons_liquidity_and_what_was_not_judged(hours, home):
    ended = trifecta("scan", "--data", hours, "--home", home, "--top", "3", *AT, env={"COLUMNS": "180"})
    assert ended.code == 0
    for words in (
        "3 instruments x 1h, 4h, as of 2024-03-01T00:00:00Z: 4 judged", "EURUSD@oanda", " for ", "against ",
        "1 more are judged", "Liquidity (2 of 3 instruments have no depth and no trades: absent)", "Not judged",
        "BTCUSDT@binance", "next scan in ", "between 15m and 4h",
    ):  # fmt: skip
        assert words in ended.out, words


def test_a_narrow_terminal_gets_fewer_columns(hours, home):
    ended = trifecta("scan", "--data", hours, "--home", home, *AT, env={"COLUMNS": "80"})
    assert "score" in ended.out
    assert "interval" not in ended.out


def test_only_some_symbols(hours, home):
    document = trifecta("scan", "--data", hours, "--home", home, "--json", "--symbols", "GBPUSD", *AT).document
    assert {row["symbol"] for row in document["rows"]} == {"GBPUSD"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--symbols", "EURUSQ"), "symbol 'EURUSQ' is not in "),
        (("--timeframe", "2h"), "--timeframe 2h: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w are allowed"),
        (("--at", "yesterday"), "--at yesterday: not a date or time"),
        (("--watch", "--json"), "--json is not allowed"),
        (("--watch", "--at", "2024-03-01"), "--at is not allowed"),
        (("--top", "0"), "0 is not in the range"),
    ],
)
def test_wrong_words_are_refused_in_one_line(hours, home, words, said):
    assert said in refused("scan", "--data", hours, "--home", home, *words)


def test_an_empty_directory_is_a_table_without_rows(tmp_path, home):
    (tmp_path / "none").mkdir()
    ended = trifecta("scan", "--data", tmp_path / "none", "--home", home)
    assert (ended.code, "0 judged, 0 opportunities" in ended.out) == (0, True)


def test_watch_shows_a_table_and_ends_when_it_is_wished(hours, home, tmp_path):
    out = tmp_path / "out"
    code = "from cli.main import main; main()"
    words = ("scan", "--data", hours, "--home", home, "--watch", "--timeframe", "1h")
    with out.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)], cwd=REPO, stdout=file, stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": "160"},
        )  # fmt: skip
        try:
            until(lambda: b"next scan in" in out.read_bytes() or running.poll() is not None)
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=60) == 130
        finally:
            running.kill()
            running.wait()
    assert b"Traceback" not in out.read_bytes()


@pytest.mark.slow
@needs_data
def test_all_of_the_shared_data_is_scanned(tmp_path):
    from tests.research.files import DATA

    document = trifecta("scan", "--data", DATA, "--home", tmp_path / "home", "--json").document
    schema("scan").validate(document)
    named = {one["symbol"] for one in (*document["rows"], *document["unjudged"])}
    assert {one["symbol"] for one in document["liquidity"]} <= named
