"""`trifecta evaluate`: what it prints, writes and answers, and what it says to bad input."""

import json
from pathlib import Path

import pytest

from tests.cli.running import refused, schema, trifecta

FEW = ("--bootstraps", "99", "--train", "200", "--test", "100", "--purge", "600")


def test_json_is_one_document_and_the_card_is_written(market, home):
    words = ("--data", market, "--home", home, "--json", "--desk", "forex", "--profile", "research", *FEW)
    ended = trifecta("evaluate", *words)
    schema("evaluate").validate(ended.document)
    assert (ended.code, ended.err) == (0, "")
    (card,), (files,) = ended.document["cards"], ended.document["files"]
    assert json.loads(Path(files["json"]).read_text()) == card
    assert Path(files["markdown"]).parent == home / "cards"
    assert "does not beat" in Path(files["markdown"]).read_text()
    again = trifecta("evaluate", *words).document
    assert {**again, "seconds": 0} == {**ended.document, "seconds": 0}


@pytest.mark.parametrize("desk", ["arbitrage", "binary"])
def test_people_see_every_run_and_what_is_left_out(market, home, desk):
    sizes = ("--bootstraps", "99", "--no-card", "--require")
    ended = trifecta("evaluate", "--data", market, "--home", home, "--desk", desk, "--profile", "research", *sizes)
    assert ended.code == 1  # nothing beats everything on a walk
    assert ended.out.count("random") == 5 + 1 + 1  # its runs, the comparison, the sentence
    assert "buy and hold is left out" in ended.out
    assert "NO" in ended.out
    assert not (home / "cards").exists()


BAD = [
    (["--desk", "bonds"], "--desk bonds: forex, arbitrage, binary is allowed"),
    (["--desk", "binary", "--policy", "sma_cross"], "--policy sma_cross: it is of the forex desk, --desk says binary"),
    (["--policy", "luck"], "policy 'luck' is unknown"),
    (["--param", "fst=1"], "policy trend_reversion: parameter 'fst' is unknown"),
    (["--symbols", "AAPL", "--desk", "binary"], "--symbols with --desk binary"),
    (["--symbols", "AAPL", "--train", "999"], "instants are needed, there are 300"),
    (["--seeds", "4"], "Invalid value for '--seeds'"),
    (["--params", "none.json"], "none.json: cannot be read"),
    (["--params", "none.json", "--policy", "sma_cross"], "no --policy or --param is allowed beside it"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_line_and_exit_code_2(market, home, words, said):
    assert said in refused("evaluate", "--data", market, "--home", home, *words)
