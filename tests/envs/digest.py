"""Print the digests of a run of the tests' plan, as JSON: `python -m tests.envs.digest MINUTES TICKS`."""

import sys

import msgspec
import numba

from research.digests import Digests, digests_of
from tests.builders import a_plan, a_result, a_tape


def digest_of(minutes: int, ticks: int) -> Digests:
    """Return the digests of what the kernels make of a made tape."""
    return digests_of(a_result(a_plan(), a_tape(minutes=minutes, ticks=ticks)))


if __name__ == "__main__":
    if numba.config.DISABLE_JIT:
        import tests.plain_kernels  # noqa: F401
    print(msgspec.json.encode(digest_of(int(sys.argv[1]), int(sys.argv[2]))).decode())
