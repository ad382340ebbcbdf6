"""`trifecta risk report`: of a journal and of a backtest, what is undefined and why, and what is refused in a line."""

import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from tests.builders import MINUTE, a_plan, a_tape
from tests.cli.running import refused, schema, trifecta
from tests.research.journals import a_session, write_journal

OF_SHARES = ("--backtest", "--symbols", "AAPL", "MSFT", "--policy", "sma_cross", "--param", "fast=3", "--param",
             "slow=10", "--moves", "1d", "--period", "1d")  # fmt: skip
HELD = "2024-06-01"
"""An instant at which the backtest of the shares holds both."""


def report(*words, home):
    ended = trifecta("risk", "report", *words, "--home", home, "--json")
    assert ended.code == 0, ended
    schema("risk_report").validate(ended.document)
    shown = trifecta("risk", "report", *words, "--home", home)
    assert shown.code == 0
    assert "VaR and ES" in shown.out
    return ended.document, " ".join(shown.out.split())


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A home with one finished session and its tape, read only."""
    home = tmp_path_factory.mktemp("session")
    _, journal = a_session(home / "tapes", a_plan(sample_ns=MINUTE), a_tape(minutes=200, ticks=4000))
    write_journal(home / "journal.db", journal)
    return home


def test_the_newest_session_of_a_journal_is_reported(session):
    document, shown = report(home=session)
    assert document["source"] == f"{session / 'journal.db'}, session 1"
    assert document["returns"] >= 100
    tails = document["tails"]
    assert tails["historical"]["es"] >= tails["historical"]["var"]
    assert tails["cornish_fisher"]["method"] in ("cornish_fisher", "historical")
    assert document["exceptions"]["forecasts"] == document["returns"] - 30
    assert "Kupiec" in shown


def test_a_journal_in_another_place_is_found_with_its_tape_beside_it(session, home):
    document, _ = report(session / "journal.db", home=home)
    assert document["correlation"]["observations"] >= 30


def test_clusters_hold_every_priced_instrument_once(session):
    document, _ = report("--threshold", "0.4", home=session)
    members = [key for cluster in document["clusters"] for key in cluster["members"]]
    assert sorted(members) == ["AUDUSD@fx", "EURUSD@a", "EURUSD@b", "EURUSD@fx", "GBPUSD@fx", "USDJPY@fx"]
    twins = next(cluster["members"] for cluster in document["clusters"] if "EURUSD@a" in cluster["members"])
    assert "EURUSD@b" in twins


@pytest.fixture
def held(market, home):
    def run(*words):
        return report(*OF_SHARES, "--data", market, "--at", HELD, *words, home=home)

    return run


def test_shares_of_positions_add_up(held):
    document, shown = held()
    assert document["at"] == f"{HELD}T00:00:00Z"
    assert document["positions"]
    total = sum(position["component_var"] for position in document["positions"])
    assert total == pytest.approx(document["portfolio"]["var"])
    assert document["portfolio"]["var"] <= document["portfolio"]["undiversified_var"] * (1 + 1e-9)
    assert sum(one["component_es"] for one in document["positions"]) == pytest.approx(document["portfolio"]["es"])
    gross = sum(abs(Decimal(position["notional"])) for position in document["positions"])
    assert gross == sum(Decimal(cluster["gross"]) for cluster in document["clusters"])
    assert "undiversified" in shown


def test_what_was_known_later_changes_nothing(held):
    whole, _ = held()
    cut, _ = held("--end", HELD)
    assert {**whole, "source": None} == {**cut, "source": None}


def test_a_scenario_moves_what_it_names_and_lists_what_it_does_not(held, tmp_path):
    named, other = held()[0]["positions"][0], tmp_path / "own.toml"
    symbol = named["instrument"].partition("@")[0]
    other.write_text(
        f'[scenario.CRASH]\ndate = 2024-01-01\nprovenance = "of this test"\nvenue_default = {{ x = "0.5" }}\n'
        f'[scenario.CRASH.shocks]\n{symbol} = "-0.25"\n'
    )
    document, _ = held("--scenarios", other, "--balance", "x=100")
    (crash,) = document["stress"]
    assert Decimal(crash["positions"][symbol]) == Decimal(named["notional"]) / -4
    assert crash["venue_loss"] == "50.000000"
    assert Decimal(crash["equity_after"]) == Decimal(document["equity"]) + Decimal(crash["total"])
    assert crash["unlisted"] == [name for name in crash["positions"] if name != symbol]


def test_every_packaged_scenario_is_there(held):
    names = [one["scenario"] for one in held()[0]["stress"]]
    assert names == [
        "SNB_2015_CHF", "GBP_FLASH_2016", "COVID_MAR_2020", "LUNA_MAY_2022", "FTX_NOV_2022", "FLASH_CRASH_2010",
    ]  # fmt: skip


def test_without_its_tape_a_journal_still_has_tails_and_says_what_is_missing(session, tmp_path):
    shutil.copy(session / "journal.db", tmp_path / "journal.db")
    document, shown = report(home=tmp_path)
    assert document["tails"]["historical"]["var"] is not None
    assert (document["positions"], document["clusters"], document["stress"]) == ([], [], [])
    for reason in (document["positions_reason"], document["portfolio"]["reason"], document["correlation"]["reason"]):
        assert reason.startswith("its market data, tape ")
    assert "no shares of VaR: its market data" in shown


def test_a_flat_account_has_no_shares(market, home):
    document, shown = report(*OF_SHARES, "--data", market, "--at", "2024-01-12", home=home)
    assert document["positions"] == []
    assert document["portfolio"] == {"var": None, "undiversified_var": None, "es": None, "reason": "no_positions"}
    assert "no shares of VaR: no_positions" in shown


def change(home, statement):
    with closing(sqlite3.connect(home / "journal.db")) as db, db:
        db.execute(statement)


def test_a_damaged_journal_is_no_source(session, tmp_path):
    home = shutil.copytree(session, tmp_path / "home")
    change(home, "DELETE FROM records WHERE seq = 9")
    assert "record 10 is bad" in refused("risk", "report", "--home", home, code=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--confidence", "95"), "--confidence 95.0: from 0.5 to less than 1 is allowed, as 0.95"),
        (("--confidence", "1"), "--confidence 1.0: from 0.5 to less than 1 is allowed, as 0.95"),
        (("--confidence", "nan"), "--confidence nan: from 0.5 to less than 1 is allowed, as 0.95"),
        (("--threshold", "2"), "--threshold 2.0: from -1 to 1 is allowed, as 0.7"),
        (("--cluster-cap", "-1"), "--cluster-cap -1: a number from 0 to 1000 is allowed"),
        (("--cluster-cap", "x"), "--cluster-cap x: a number from 0 to 1000 is allowed"),
        (("--balance", "100"), "--balance 100: VENUE=AMOUNT is allowed"),
        (("--balance", "x=y"), "--balance y: a number from 0 to 1E+12 is allowed"),
        (("--at", "soon"), "--at soon: not a date or time from 1678 to 2261"),
        (("--at", "1970-01-01"), "no equity was sampled up to then; a later --at is allowed"),
        (("--fee", "0.1"), "--fee: only with --backtest is it allowed"),
        (("--desk", "forex"), "--desk: only with --backtest is it allowed"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_are_refused_in_a_line(session, words, message):
    assert message in refused("risk", "report", "--home", session, *words)


def test_a_journal_that_is_not_there_and_two_sources_are_refused(home, session):
    assert "there is no journal here" in refused("risk", "report", "--home", home)
    journal = session / "journal.db"
    assert "not both" in refused("risk", "report", journal, "--backtest", "--home", home)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "scenario"), ("scenario = 3", "scenario"), ("[scenario.A]\ndate = 2024-01-01\nprovenance = 'x'", "shocks"),
        ("[scenario.A]\ndate = 2024-01-01\nprovenance = 'x'\nshocks = {B = '-1.5'}", "at least -1 is allowed"),
        ("[scenario.A]\ndate = 2024-01-01\nprovenance = 'x'\nshocks = {B = 'x'}", "a number is allowed"),
        ("[scenario.A]\ndate = 2024-01-01\nprovenance = 'x'\nshocks = {B = '0'}\nother = 1", "other"),
        ("[", "not TOML"),
    ],
)  # fmt: skip
def test_a_scenario_file_that_makes_no_sense_is_refused_in_a_line(session, tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_text(text)
    line = refused("risk", "report", "--home", session, "--scenarios", path)
    assert line.startswith(str(path))
    assert message in line


def test_a_scenario_file_that_is_not_there_is_named(session, tmp_path):
    line = refused("risk", "report", "--home", session, "--scenarios", tmp_path / "none.toml")
    assert line == f"{tmp_path / 'none.toml'}: there is no such file"
