"""Waiting in tests: for a condition and never for a time. The one place where tests sleep."""

import time
from collections.abc import Callable


def until(
    condition: Callable[[], object], timeout_s: float = 90.0, tell: Callable[[], object] = lambda: "waited in vain"
) -> None:
    """Wait until a condition holds; AssertionError with what `tell` says when it does not within `timeout_s`."""
    if not holds_within(condition, timeout_s):
        raise AssertionError(tell())


def holds_within(condition: Callable[[], object], timeout_s: float) -> bool:
    """Wait until a condition holds, at most `timeout_s`; tell whether it does."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
