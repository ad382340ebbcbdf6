"""`trifecta standing`: what was learned, as tables and as a document."""

import pytest

from tests.builders import a_plan, a_tape
from tests.cli.running import refused, trifecta
from tests.cli.schemas import schema
from tests.research.journals import a_session, write_journal


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standing")
    _, records = a_session(folder / "tapes", a_plan(), a_tape(minutes=120, ticks=1_500))
    return write_journal(folder / "journal.db", records)


def test_the_document_follows_its_schema(journal):
    ended = trifecta("standing", journal, "--json")
    assert (ended.code, ended.err) == (0, "")
    schema("standing").validate(ended.document)
    assert ended.document["trades"] > 10
    assert ended.document["sides"]
    assert ended.document["routes"]
    alone = trifecta("standing", journal, "--json", "--session", 1).document
    assert alone == ended.document | {"session": 1}


def test_the_tables_fit_a_narrow_terminal(journal):
    ended = trifecta("standing", journal, env={"COLUMNS": "80"})
    assert ended.code == 0
    for said in ("Forex: sides of pairs", "Arbitrage: routes", "Binary: setups against break-even", "Venues"):
        assert said in ended.out
    assert "…" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_a_session_without_trades_and_a_journal_that_is_not_there(journal, tmp_path):
    ended = trifecta("standing", journal, "--session", 7)
    assert ended.code == 0
    assert "no trade has been closed yet: every claim counts as it is made" in ended.out
    assert "there is no journal here" in refused("standing", "--home", tmp_path)
