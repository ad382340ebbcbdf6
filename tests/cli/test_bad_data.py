"""Bad market data through the command line: a warning names it and the run goes on, or one line refuses it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.markets import MINUTES, a_market, rewrite
from tests.cli.running import refused, trifecta
from tests.research.files import MINUTE, MONDAY

BARS = "fx/EURUSD_M1_histdata.parquet"
TICKS = "ticks/EURUSD_ticks_oanda.parquet"


@pytest.fixture
def root(tmp_path):
    return a_market(tmp_path / "data")


def backtest(root, home, *words):
    ended = trifecta("backtest", "--data", root, "--home", home, "--json", "--no-report", *words)
    assert (ended.code, ended.err) == (0, "")
    return ended.document


def rows_of(root, path):
    return pq.read_table(root / path)


@pytest.mark.parametrize(
    ("path", "column", "row", "value", "warning"),
    [
        (BARS, "close", 5, float("nan"), "1 row with a price that is not finite; they move nothing, the first is of"),
        (BARS, "open", 5, 0.0, "1 row with a zero or negative price; they move nothing, the first is of"),
        (BARS, "high", 5, 0.5, "1 row with open or close outside of low to high; they move nothing, the first is of"),
        (TICKS, "ask", 7, 1.0, "1 row with the bid above the ask; they move nothing, the first is of"),
        (TICKS, "bid", 7, None, "1 row with a price that is not finite; they move nothing, the first is of"),
    ],
)
def test_a_bad_price_is_named_and_the_run_goes_on(root, home, path, column, row, value, warning):
    rewrite(root / path, column, row, value)
    document = backtest(root, home)
    assert [text.split(": ", 1)[0] for text in document["warnings"]] == [path]
    assert warning in document["warnings"][0]
    assert document["bars"] > 0
    shown = trifecta("backtest", "--data", root, "--home", home, "--no-report")
    assert (shown.code, shown.err) == (0, f"warning: {document['warnings'][0]}\n")


def test_the_warning_says_when_a_bad_bar_is_known(root, home):
    rewrite(root / BARS, "close", 5, 0.0)
    (warning,) = backtest(root, home, "--symbols", "EURUSD")["warnings"]
    assert warning.endswith("the first is of 2024-01-08T00:06:00Z")


def test_rows_out_of_order_and_repeated_bars_are_left_out_and_named(root, home):
    rewrite(root / BARS, "ts", 10, MONDAY - MINUTE)
    rewrite(root / BARS, "ts", 20, MONDAY + 19 * MINUTE)
    document = backtest(root, home, "--symbols", "EURUSD")
    assert document["warnings"] == [
        f"{BARS}: 1 rows with a stamp before one in front of them; left out, the first is row 10",
        f"{BARS}: 1 bars with the stamp of another; left out, the first is row 20",
    ]
    assert document["bars"] == MINUTES - 2


@pytest.mark.parametrize("content", [b"", b"PAR1 cut off", b"<html>not data</html>"])
def test_an_unreadable_file_is_named_when_it_is_all_there_is(root, home, content):
    (root / BARS).write_bytes(content)
    (root / TICKS).unlink()
    (root / "ticks/EURUSD_ticks_fxcm.parquet").unlink()
    message = refused("backtest", "--data", root, "--home", home, "--no-report", "--symbols", "EURUSD")
    assert message.startswith(f"EURUSD: no readable file in {root}; {BARS}: ")


@pytest.mark.parametrize("cut", [4, 100, 2000, -1])
def test_a_truncated_file_is_skipped_and_named_while_others_serve(root, home, cut):
    content = (root / BARS).read_bytes()
    (root / "fx/EURUSD_M1_truncated.parquet").write_bytes(content[:cut])
    document = backtest(root, home, "--symbols", "EURUSD")
    assert document["bars"] == MINUTES
    (warning,) = document["warnings"]
    problem = (
        "truncated Parquet: the footer is missing" if cut != 4 else "damaged Parquet: Parquet file size is 4 bytes"
    )
    assert warning.startswith(f"fx/EURUSD_M1_truncated.parquet: {problem}")
    assert warning.endswith("; skipped")


def test_a_file_without_a_row_serves_nobody(root, home):
    pq.write_table(rows_of(root, BARS).slice(0, 0), root / BARS)
    message = refused("backtest", "--data", root, "--home", home, "--no-report", "--symbols", "EURUSD")
    assert "EURUSD" in message


def test_a_single_bar_is_a_run_without_a_trade(root, home):
    pq.write_table(rows_of(root, BARS).slice(0, 1), root / BARS)
    ended = trifecta("backtest", "--data", root, "--home", home, "--no-report", "--symbols", "EURUSD")
    assert ended.code in (0, 2)
    assert len(ended.err.splitlines()) == (1 if ended.code else 0)


def test_a_file_that_vanishes_or_changes_is_read_anew(root, home):
    before = backtest(root, home, "--symbols", "EURUSD")
    pq.write_table(rows_of(root, BARS).slice(0, 100), root / BARS)
    assert backtest(root, home, "--symbols", "EURUSD")["bars"] == 100
    (root / BARS).unlink()
    assert "EURUSD" in refused("backtest", "--data", root, "--home", home, "--no-report", "--symbols", "EURUSD")
    assert before["bars"] == MINUTES


def test_all_rows_bad_is_a_run_without_a_decision(root, home):
    table = rows_of(root, BARS)
    zero = pa.array([0.0] * table.num_rows)
    for name in ("open", "high", "low", "close"):
        table = table.set_column(table.column_names.index(name), name, zero)
    pq.write_table(table, root / BARS)
    ended = trifecta("backtest", "--data", root, "--home", home, "--json", "--no-report", "--symbols", "EURUSD")
    if ended.code == 0:
        assert (ended.document["desks"]["forex"]["decisions"], ended.document["trades"]) == (0, [])
    else:
        assert (ended.code, len(ended.err.splitlines())) == (2, 1)


def test_data_without_anything_to_trade_is_refused(tmp_path, home):
    (tmp_path / "data").mkdir()
    message = refused("backtest", "--data", tmp_path / "data", "--home", home, "--no-report")
    assert message == "forex desk: no 1m bars that overlap in the asked span"


@pytest.mark.parametrize("command", ["backtest", "run", "parity"])
def test_every_command_that_runs_refuses_the_same_way(root, home, command):
    words = (command, "--data", root, "--home", home, "--start", "2024-01-09", "--end", "2024-01-08")
    assert refused(*words) == (
        "--start 2024-01-09T00:00:00Z --end 2024-01-08T00:00:00Z: the end must lie after the start"
    )
    assert "--desk gold" in refused(command, "--data", root, "--home", home, "--desk", "gold")
    assert "there is no such file" in refused(command, "--data", root, "--home", home, "--config", root / "none.toml")
