"""What tests of the command line share: one small market, read only, with one catalogue of it."""

from pathlib import Path

import pytest

from research.warming import ensure_warm
from tests.cli.markets import a_market


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile the kernels before: a command that has to says so, in a line more than the tests expect."""
    ensure_warm(lambda _: None)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of the market; a test that changes data takes its own `a_market`."""
    return a_market(tmp_path_factory.mktemp("market") / "data")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home of one's own."""
    return tmp_path / "home"
