"""Waiting in benchmarks: for a condition, before or between what is timed."""

import time
from collections.abc import Callable


def wait_for(reached: Callable[[], object], what: str, timeout_s: float = 300.0) -> None:
    """Wait until a condition holds; TimeoutError names `what` was waited for."""
    end = time.monotonic() + timeout_s
    while not reached():
        if time.monotonic() >= end:
            raise TimeoutError(f"{what} did not come within {timeout_s:.0f} s")
        time.sleep(0.05)
