"""`trifecta data make` and `trifecta episode`: a made market, and what the desks do with it, drawn."""

import pytest

from tests.cli.running import refused, trifecta
from tests.cli.schemas import schema


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    ended = trifecta("data", "make", "trend", "--seed", 4, "--set", "steps=1500", "--out", folder, "--json")
    assert (ended.code, ended.err) == (0, "")
    schema("data_make").validate(ended.document)
    return folder


def test_a_made_market_is_traded_and_drawn(made, tmp_path):
    picture = tmp_path / "episode.png"
    words = ("episode", "--data", made, "--home", tmp_path / "home", "--desk", "forex", "--picture", picture)
    document = trifecta(*words, "--json").document
    schema("episode").validate(document)
    assert document["instrument"] == "EURUSD@made"
    assert sum(document["actions"].values()) == document["result"]["steps"] == 1500
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "home" / "reports" / "episode.html").stat().st_size > 10**6
    told = trifecta(*words, "--out", tmp_path / "page.html")
    assert told.code == 0
    assert "EURUSD@made: account" in told.out
    assert str(tmp_path / "page.html") in told.out


def test_what_cannot_be_drawn_is_refused_in_a_line(made, tmp_path):
    words = ("episode", "--data", made, "--home", tmp_path, "--desk", "forex")
    assert "there is no instrument 'MOON' in this run; allowed are EURUSD@made" in refused(
        "episode", "MOON", *words[1:]
    )
    assert "--picture x.gif: a file name that ends in .svg, .png, .html" in refused(*words, "--picture", "x.gif")
    assert "there is no scenario 'moon'; allowed are walk" in refused("data", "make", "moon", "--out", tmp_path)


def test_making_is_told_for_people(tmp_path):
    ended = trifecta("data", "make", "walk", "--set", "steps=30", "--out", tmp_path)
    assert ended.code == 0
    assert "EURUSD_M1_made.parquet: 30 rows" in ended.out
    assert "walk, seed 1: steps 30, step_ns 60000000000" in ended.out
