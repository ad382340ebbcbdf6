"""A journal lets in one run at a time, whichever home it is named from."""

from contextlib import ExitStack

import pytest

from research.home import Home, HomeLockedError
from tests.postgres import a_server


def test_the_journal_is_the_homes_own_unless_another_is_named(tmp_path):
    assert Home(tmp_path).journal == tmp_path / "journal.db"
    assert Home(tmp_path, "postgresql://host/x").journal == "postgresql://host/x"


def test_two_homes_cannot_run_on_one_file(tmp_path):
    journal = str(tmp_path / "shared" / "journal.db")
    with Home(tmp_path / "one", journal):
        with pytest.raises(HomeLockedError, match=r"journal\.db: locked by process \d+; .* use another --journal"):
            Home(tmp_path / "two", journal).__enter__()
        assert list((tmp_path / "two").iterdir()) == []
    with Home(tmp_path / "two", journal):
        pass
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_home_and_another_that_names_its_journal_cannot_run_at_once(tmp_path):
    with Home(tmp_path / "one"), pytest.raises(HomeLockedError):
        Home(tmp_path / "two", str(tmp_path / "one" / "journal.db")).__enter__()


def test_two_homes_cannot_run_on_one_database(tmp_path):
    with ExitStack() as stack:
        server = stack.enter_context(a_server())
        url, other = server.url(), server.url()
        with Home(tmp_path / "one", url), Home(tmp_path / "three", other):
            with pytest.raises(HomeLockedError, match="another run is at work on it"):
                Home(tmp_path / "two", url).__enter__()
            assert list((tmp_path / "two").iterdir()) == []
        with Home(tmp_path / "two", url):
            pass
