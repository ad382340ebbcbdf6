"""How a command hears that it is to stop."""

import os
import signal
from contextlib import suppress

import pytest

from cli.outcome import heed_wish_to_stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_stop_is_remembered_where_its_exception_is_swallowed(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        wished = heed_wish_to_stop()
        assert not wished()
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert wished()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
