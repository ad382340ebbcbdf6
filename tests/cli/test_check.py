"""`trifecta check`: what it prints, what it finds in a user's file and in our own catalogue, and what it refuses."""

import pytest

from tests.cli.running import refused, schema, trifecta

HONEST = "def signal(bars):\n    return bars.close.rolling(5).mean()\n"
LEAKING = "def signal(bars):\n    print('words')\n    return {'z': bars.close / bars.close.max()}\n"


@pytest.fixture
def check(market, home):
    def run(kind, *words, code=0):
        ended = trifecta("check", kind, *words, "--data", market, "--home", home, "--json")
        assert ended.code == code, ended.err
        schema(f"check_{kind}").validate(ended.document)
        return ended.document

    return run


@pytest.fixture
def mine(tmp_path):
    def write(text):
        (tmp_path / "mine.py").write_text(text)
        return tmp_path / "mine.py"

    return write


def test_a_file_that_is_honest_passes_both_checks(check, mine):
    path = mine(HONEST)
    document = check("lookahead", path, "--bars", 200, "--cuts", 12)
    assert (document["ok"], document["leaks"]) == (True, 0)
    assert document["studies"][0]["rows"] == 200
    assert document["notes"] == ["fx/AUDUSD_M1_histdata.parquet: 600 bars of 1m, 0 flawed left out"]
    (column,) = check("warmup", path, "--bars", 200)["studies"][0]["columns"]
    assert (column["declared"], column["needed"]) == (4, 4)


def test_a_file_that_leaks_ends_in_exit_code_1_with_what_and_what_to_do(check, mine, market, home):
    path = mine(LEAKING)
    document = check("lookahead", path, "--bars", 100, "--cuts", 12, "--symbols", "EURUSD", code=1)
    (leak,) = document["studies"][0]["leaks"]
    assert (leak["column"], leak["kind"], leak["row"]) == ("z", "whole", 0)
    assert leak["remedy"].startswith("compute it from the past alone")
    ended = trifecta("check", "lookahead", path, "--data", market, "--home", home, "--bars", 100, "--cuts", 12)
    assert ended.code == 1
    assert "mine.py:signal: 1 columns, 100 rows" in ended.out
    assert "z: reads everything up to the last row -> compute it" in ended.out


def test_a_warm_up_that_is_too_short_ends_in_exit_code_1(check, mine, market, home):
    path = mine("WARMUP = 5\ndef signal(bars):\n    return bars.close.ewm(span=10).mean()\n")
    (column,) = check("warmup", path, "--bars", 300, code=1)["studies"][0]["columns"]
    assert (column["declared"], column["sound"]) == (5, False)
    assert check("warmup", path, "--bars", 300, "--warmup", column["needed"])["ok"]
    ended = trifecta("check", "warmup", path, "--data", market, "--home", home, "--bars", 300)
    assert "TOO LITTLE" in ended.out
    ended = trifecta("check", "warmup", path, "--data", market, "--home", home, "--bars", 300, "--warmup", 299)
    assert "ask for more --bars" in ended.out


def test_several_symbols_are_one_frame(check, mine):
    path = mine("def signal(bars):\n    return bars.groupby(bars.index).close.transform('mean')\n")
    words = ("--bars", 60, "--cuts", 6, "--symbols", "EURUSD", "GBPUSD")
    document = check("lookahead", path, *words)
    assert document["studies"][0]["rows"] == 120
    assert len(document["notes"]) == 2


def test_features_of_the_catalogue_pass(check):
    document = check("lookahead", "ema:5", "atr:4", "--bars", 120, "--cuts", 8)
    assert document["studies"][0]["columns"] == ["ema:5", "atr:4"]
    assert check("warmup", "ema:5", "sma:9", "obv", "--bars", 400)["ok"]


@pytest.mark.parametrize(("policy", "column"), [
    ("trend_reversion", "forex decisions"), ("drifting_digital", "binary decisions"),
    ("convergence", "arbitrage decisions"), ("sma_cross", "forex decisions"),
])  # fmt: skip
def test_policies_of_the_catalogue_pass(check, policy, column):
    document = check("lookahead", policy, "--bars", 40, "--cuts", 4)
    assert column in document["studies"][-1]["columns"]


def test_what_cannot_be_checked_is_refused(market, home, mine):
    where = ("--data", market, "--home", home)
    assert "no_such:3" in refused("check", "lookahead", "no_such:3", *where)
    assert "no such file" in refused("check", "lookahead", "none.py", *where)
    assert "--cuts 1: a whole number from 2" in refused("check", "lookahead", "close", "--cuts", 1, *where)
    assert "exactly one policy" in refused("check", "lookahead", "close", "--param", "fast=3", *where)
    assert "with a user's file" in refused("check", "lookahead", "close", "--table", "a=b.csv", *where)
    assert "one symbol" in refused("check", "lookahead", "close", "--symbols", "EURUSD", "GBPUSD", *where)
    assert "has its own data" in refused("check", "lookahead", "convergence", "--symbols", "EURUSD", *where)
    assert "no bars of 7m here" in refused("check", "lookahead", "close", "--timeframe", "7m", *where)
    assert "NAME=FILE" in refused("check", "lookahead", mine(HONEST), "--table", "x", *where)
