"""The slow twin: the same kernels as plain Python decide, order, fill and book the same, to the last bit."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from research.digests import Digests
from tests.envs.digest import digest_of
from tests.envs.engines import compiled_only

ROOT = Path(__file__).resolve().parents[2]


def digest_of_plain(minutes: int, ticks: int) -> Digests:
    """Return the digests that a process without the compiler comes to."""
    command = [sys.executable, "-m", "tests.envs.digest", str(minutes), str(ticks)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=Digests)


@compiled_only
def test_plain_python_comes_to_the_same_bits() -> None:
    compiled = digest_of(100, 900)
    assert digest_of_plain(100, 900) == compiled
    assert min(compiled.counts.values()) > 0
    assert compiled.counts["fills"] > 100


@compiled_only
@pytest.mark.slow
def test_plain_python_comes_to_the_same_bits_over_a_longer_run() -> None:
    assert digest_of_plain(900, 8_000) == digest_of(900, 8_000)
