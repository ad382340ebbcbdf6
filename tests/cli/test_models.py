"""`trifecta models`: what it lists and shows, who becomes champion, and what it says to bad input."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from research.learning.training import train_seed
from tests.cli.running import refused, schema, trifecta
from tests.research.trainings import a_job


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a home with two trained agents, and their hashes."""
    home = tmp_path_factory.mktemp("home")
    return home, [train_seed(a_job(home, seed=seed)).artefact for seed in (1, 2)]


@pytest.fixture
def home(trained, tmp_path: Path) -> Path:
    """Return a home of one's own with both agents."""
    (tmp_path / "models").mkdir()
    for path in (trained[0] / "models").glob("*.json"):
        (tmp_path / "models" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_agents_are_listed_with_their_roles(trained, home: Path) -> None:
    one, other = trained[1]
    assert trifecta("models", "champion", one[:8], "--home", home).out.startswith(f"forex: champion {one[:12]}")
    assert trifecta("models", "challenge", other, "--home", home).code == 0
    found = trifecta("models", "list", "--home", home, "--json").document
    schema("models_list").validate(found)
    assert {row["sha256"]: row["role"] for row in found["models"]} == {one: "champion", other: "challenger"}
    assert "challenger" in trifecta("models", "list", "--home", home).out


def test_a_card_says_what_an_agent_is(trained, home: Path) -> None:
    one = trained[1][0]
    found = trifecta("models", "show", one[:8], "--home", home, "--json").document
    schema("models_show").validate(found)
    assert (found["sha256"], found["seed"]) == (one, 1)
    assert f"# forex agent {one[:12]}" in trifecta("models", "show", one[:8], "--home", home).out


def test_a_champion_is_rolled_back_and_history_tells(trained, home: Path) -> None:
    one, other = trained[1]
    for name in (one, other):
        assert trifecta("models", "champion", name, "--reason", "better", "--home", home).code == 0
    back = trifecta("models", "rollback", "forex", "--reason", "worse", "--home", home)
    assert back.out == f"forex: {one[:12]} decides again, from the next session on\n"
    found = trifecta("models", "history", "--home", home, "--json").document
    schema("models_history").validate(found)
    assert [(entry["action"], entry["champion"]) for entry in found["entries"]] == [
        ("champion", one), ("champion", other), ("rollback", one),
    ]  # fmt: skip
    assert "worse" in trifecta("models", "history", "--home", home).out
    assert "nothing to go back to" in refused("models", "rollback", "forex", "--home", home)


def test_bad_words_are_one_line(trained, home: Path) -> None:
    own = ("--home", home)
    assert "begin so; there are" in refused("models", "show", "0000", *own)
    assert "at least four digits" in refused("models", "champion", "xyz", *own)
    assert "there was no champion before none" in refused("models", "rollback", "binary", *own)
    assert "forex: it has no challenger" in refused("models", "promote", "forex", *own)
    assert "'bonds' is not one of" in refused("models", "rollback", "bonds", *own)


def test_without_agents_the_list_is_empty(tmp_path: Path) -> None:
    found = trifecta("models", "list", "--home", tmp_path, "--json").document
    assert found["models"] == []
    assert "nobody has" in trifecta("models", "history", "--home", tmp_path).out
