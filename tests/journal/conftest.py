"""The stores that the journal's tests run on."""

from collections.abc import Iterator

import pytest

from tests.postgres import Server, a_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Yield the PostgreSQL server of this test process."""
    with a_server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def place(request, tmp_path):
    """Return where a journal can be made, in each store."""
    return str(tmp_path / "journal.db") if request.param == "sqlite" else request.getfixturevalue("server").url()
