"""What every test process needs before anything imports Ray, which reads its environment once."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.local import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its argument where that is bytes: content may hold a stamp, and workers must agree on names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Yield a temporary folder of this test's own, for commands: what they leave behind is found in it.

    Its name is short: paths of Ray's sockets have little room.
    """
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    yield folder
    shutil.rmtree(folder)
