"""`trifecta evolve` and `trifecta strategies`: what they print, what they keep, and what they say to bad input."""

import json
from pathlib import Path

import pytest

from cli.evolve import LUCK
from research.evolving.records import Folder
from research.genome import genome_hash
from tests.cli.running import refused, schema, trifecta
from tests.research.evolutions import a_planned

SMALL = ("--population", 12, "--generations", 1, "--seed", 5, "--min-trades", 1, "--workers", 0)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    root = tmp_path_factory.mktemp("market")
    a_planned(root)
    return root / "data"


def words(market, home, *more):
    return (
        "--data",
        market,
        "--home",
        home,
        "--symbols",
        "EURUSD",
        "--cash",
        "100000",
        "--param",
        "hold_bars=20",
        *more,
    )


@pytest.fixture(scope="module")
def bred(market, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    ended = trifecta("evolve", *words(market, home), *SMALL, "--json")
    assert (ended.code, ended.err) == (0, "")
    return home, ended.document


def test_json_is_one_document_that_fits_its_schema(bred):
    home, document = bred
    schema("evolve").validate(document)
    assert Path(document["strategy_file"]) == home / "strategies" / f"{document['winner']}.json"
    assert document["candidates"][0]["sha256"] == document["winner"]
    assert document["tries"] == document["genomes"]
    assert document["warnings"][-1] == LUCK


def test_people_read_the_rules_what_it_made_and_how_much_is_luck(bred, market, tmp_path):
    _, document = bred
    picture = tmp_path / "front.svg"
    ended = trifecta("evolve", *words(market, tmp_path / "home"), *SMALL, "--picture", picture)
    assert ended.code == 0
    for text in (document["winner"][:12], "buy when", "stop at", "deflated Sharpe ratio", "it is burnt now", LUCK):
        assert text in ended.out
    assert f"generation 1 of 1: {document['genomes']} genomes tried" in ended.err
    assert document["winner"][:12] in picture.read_text()
    again = trifecta("evolve", "--resume", document["run"][:6], "--home", tmp_path / "home", "--json")
    assert {**again.document, "seconds": 0, "strategy_file": ""} == {**document, "seconds": 0, "strategy_file": ""}


def test_a_second_run_says_that_the_holdout_is_burnt(bred, market):
    home, document = bred
    ended = trifecta("evolve", *words(market, home), *SMALL, "--seed", 6)
    assert f"holdout: burnt, run {document['run']} has looked at these bars" in ended.out
    assert "of them in other runs" in ended.out
    assert len(Folder(home).burnt(json.loads(next((home / "strategies").glob("*.json")).read_bytes())["data_hash"], 0,
                                  2**62)) == 1  # fmt: skip


def test_without_a_winner_it_is_exit_code_1_and_says_what_may_help(market, tmp_path):
    ended = trifecta("evolve", *words(market, tmp_path), *SMALL, "--min-trades", 100000)
    assert ended.code == 1
    assert "none is kept" in ended.err
    assert "a smaller --min-trades" in ended.err
    document = trifecta("evolve", "--resume", "--home", tmp_path, "--json").document
    schema("evolve").validate(document)
    assert (document["winner"], document["holdout"], document["candidates"]) == (None, None, [])


BAD = [
    (("--population", 10), "--population 10: a multiple of 4 is allowed"),
    (
        ("--param", "hold_bars=400"),
        "900 bars: too few for 4 parts with 400 bars between them; more of them, or a smaller",
    ),
    (("--param", "oracle=1"), "policy genome: parameter 'oracle' is unknown; known are adds_max, claim"),
    (("--sides", "short"), "Invalid value for '--sides'"),
    (("--regime", "UP"), "Invalid value for '--regime'"),
    (("--resume", "zzz"), "--resume zzz: one of the runs of this home is allowed: none"),
    (("--picture", "front.gif"), "--picture front.gif: a file name that ends in .svg, .png, .html is allowed"),
    (("--start", "2030-01-01"), "EURUSD: no rows between 2030-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("more", "said"), BAD)
def test_bad_input_is_one_line(market, tmp_path, more, said):
    base = [word for word in words(market, tmp_path) if more[0] != "--param" or word not in ("--param", "hold_bars=20")]
    assert said in refused("evolve", *base, *more)
    assert list(tmp_path.glob("evolve/runs/*")) == []


def test_no_symbol_is_refused(market, tmp_path):
    assert "--symbols: at least one is needed, or --resume" in refused("evolve", "--data", market, "--home", tmp_path)


def test_a_run_over_other_data_is_not_taken_up(market, tmp_path):
    trifecta("evolve", *words(market, tmp_path), *SMALL, "--json")
    (request,) = tmp_path.glob("evolve/runs/*/request.json")
    request.write_text(request.read_text().replace('"cash":"100000"', '"cash":"90000"'))
    said = refused("evolve", "--resume", "--home", tmp_path)
    assert said == "--resume: data, configuration or profile are not what this run began with; start a new one"


def test_the_library_is_listed_shown_and_chosen_from(bred):
    home, document = bred
    winner = document["winner"]
    listed = trifecta("strategies", "list", "--home", home, "--json").document
    schema("strategies").validate(listed)
    assert winner in [one["sha256"] for one in listed["strategies"]]
    shown = trifecta("strategies", "show", winner[:8], "--home", home, "--json").document
    schema("strategies").validate(shown)
    assert genome_hash(shown["genome"]) == winner
    assert shown["rules"] == document["candidates"][0]["rules"]
    told = trifecta("strategies", "show", winner, "--home", home).out
    assert f"strategy {winner}" in told
    assert "since then: 0 sessions (none)" in told
    chosen = trifecta("strategies", "choose", "--regime", "BULL", "--home", home, "--json").document
    schema("strategies").validate(chosen)
    assert winner in [one["sha256"] for one in chosen["strategies"]]
    assert winner[:12] in trifecta("strategies", "list", "--home", home).out


def test_a_strategy_is_exported_imported_retired_and_taken_back(bred, tmp_path):
    home, document = bred
    winner, file, other = document["winner"], tmp_path / "out" / "x.json", tmp_path / "home"
    assert trifecta("strategies", "export", winner[:8], "--home", home, "--out", file).code == 0
    assert trifecta("strategies", "import", file, "--home", other).out == f"{winner}  imported, for ANY\n"
    assert trifecta("strategies", "retire", winner[:8], "--reason", "too old", "--home", other).code == 0
    assert trifecta("strategies", "list", "--home", other, "--json").document["strategies"] == []
    everything = trifecta("strategies", "list", "--all", "--home", other, "--json").document
    assert [one["retired"] for one in everything["strategies"]] == ["too old"]
    none = trifecta("strategies", "choose", "--regime", "BEAR", "--home", other)
    assert (none.code, none.err) == (1, "no strategy in use is for BEAR; `trifecta evolve` breeds one\n")
    assert trifecta("strategies", "retire", winner[:8], "--undo", "--home", other).out == f"{winner}  in use\n"
    file.write_text(file.read_text().replace('"atr_k":', '"atr_k":1'))
    assert "its genome has the hash" in refused("strategies", "import", file, "--home", other)


def test_bad_words_about_strategies_are_one_line(tmp_path):
    home = ("--home", tmp_path)
    assert "too short; 4 digits or more" in refused("strategies", "show", "abc", *home)
    assert "0 strategies begin so" in refused("strategies", "export", "abcd", "--out", tmp_path / "x", *home)
    assert "--reason: why it is retired is needed" in refused("strategies", "retire", "abcd", *home)
    assert "--reason: why it is retired is needed" in refused("strategies", "retire", "abcd", "--undo", "--reason", "x",
                                                              *home)  # fmt: skip
    assert "there is no journal here" in refused("strategies", "list", "--journal", tmp_path / "none.db", *home)
