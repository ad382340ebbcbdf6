"""`trifecta train`: what it refuses in one line, and what it prints."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.cli.running import refused, schema, trifecta

TINY = (
    "--desk", "forex", "--symbols", "EURUSD", "--steps", 128, "--chunks", 1, "--envs", 2, "--net", "8",
    "--episode", 250, "--purge", 20,
)  # fmt: skip

BAD = [
    (("--desk", "bonds"), "--desk bonds: forex, arbitrage, binary is allowed"),
    (("--algorithm", "a2c"), "--algorithm a2c: ppo, maskable_ppo, dqn is allowed"),
    (("--reward", "luck"), "--reward luck: log_return, differential_sharpe, drawdown is allowed"),
    (("--net", "8,x"), "--net 8,x: whole numbers with commas between, say 64,64, are allowed"),
    (("--net", "999"), "--net 999: 1 to 4 layers of 1 to 256 units are allowed"),
    (("--rate", "nan"), "rate = nan: 1e-08 to 1 is allowed"),
    (("--steps", "0"), "steps = 0: 1 to 1e+10 is allowed"),
    (("--purge", "500"), "rows after a purge of 500; more data, or a smaller purge, is needed"),
    (("--symbols", "ZZZYYY"), "ZZZYYY"),
    (("--search", "grid"), "Invalid value for '--search'"),
    (("--population", "8"), "--population without --search pbt: only a population has members"),
    (("--search", "pbt", "--population", "2"), "--population 2: 4 to 64 is allowed"),
    (("--search", "pbt", "--seeds", "2"), "--seeds with --search pbt: a population is of one seed; --seed says which"),
]


@pytest.mark.parametrize(("more", "said"), BAD)
def test_bad_input_is_one_line(market: Path, home: Path, more: tuple[str, ...], said: str) -> None:
    replaced = set(more[::2])
    pairs = [pair for pair in zip(TINY[::2], TINY[1::2], strict=True) if pair[0] not in replaced]
    words = [word for pair in pairs for word in pair]
    assert said in refused("train", "--data", market, "--home", home, *words, *more)
    assert not (home / "models").exists()


def test_symbols_are_of_the_forex_desk_alone(market: Path, home: Path) -> None:
    said = refused("train", "--data", market, "--home", home, "--desk", "binary", "--symbols", "EURUSD")
    assert said == "--symbols with --desk binary: only the forex desk trades bars of any symbol"


@pytest.mark.cluster
@pytest.mark.slow
def test_json_is_one_document_that_fits_its_schema(market: Path, scratch: Path) -> None:
    ended = trifecta("train", "--data", market, "--home", scratch, *TINY, "--seeds", 2, "--json")
    assert ended.code == 0
    schema("train").validate(ended.document)
    assert [seed["seed"] for seed in ended.document["seeds"]] == [0, 1]
    assert all((scratch / "models" / f"{seed['artefact']}.json").exists() for seed in ended.document["seeds"])
