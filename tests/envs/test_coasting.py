"""Coasting is valuing row by row, only faster: the same account, position, samples and latches to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.coasting import coast
from envs.engine import Engine
from envs.logs import LATCHES, SAMPLES, latch
from envs.rollout import open_engine
from market.ledger import mark_moved
from market.money import INT64_MAX
from market.quotes import update_quote
from market.tape import Tape
from policies.bookkeeping import close_instant, take_sample
from tests.builders import HOUR, MINUTE, MONEY
from tests.envs.engines import PLAIN
from tests.envs.test_stretches import SMA, a_lone_plan, a_walk
from tests.policies.account_books import every_floor, some_rules
from tests.properties import FEW

BARS = 300
LIMITS = {
    "none is near": {},
    "daily loss": {"daily_loss_max": MONEY},
    "daily loss by equity": {"daily_loss_max": MONEY, "daily_loss_basis": 1},
    "drawdown": {"drawdown_max": 2 * MONEY},
    "drawdown from the peak": {"drawdown_max": 2 * MONEY, "drawdown_basis": 1},
    **{f"floor {k}, {floor.name}": {"rules": some_rules(floor)} for k, floor in enumerate(every_floor(3 * MONEY, 30))},
    "every floor": {"rules": some_rules(*every_floor(3 * MONEY, 30)), "drawdown_max": 5 * MONEY, "drawdown_basis": 1},
}


def holding(lots: int, tape: Tape, sample_ns: int, limits: dict[str, Any]) -> Engine:
    """Return an engine that holds `lots` from the first row's close on, and nothing that waits."""
    engine = open_engine(a_lone_plan("EURUSD", **SMA, sample_ns=sample_ns, **limits))  # type: ignore[arg-type]
    account, position = engine.book.ledger.account[0], engine.book.ledger.positions[0]
    position.lots, position.cost = lots, lots * int(tape.close[0])
    account.open_positions = int(lots != 0)
    account.next_ns = tape.time_ns[0]
    return engine


def row_by_row(engine: Engine, tape: Tape, stop: int) -> None:
    """Take rows as an engine takes those between which anything may happen."""
    book, logs = engine.book, engine.logs
    for row in range(stop):
        now = int(tape.time_ns[row])
        update_quote(book.quotes, 0, tape, row)
        if book.ledger.account[0].open_positions > 0:
            mark_moved(book.ledger, book.quotes, 0, now)
            latch(logs, now, close_instant(book, now))
        if now >= book.ledger.account[0].next_ns:
            logs.counts[SAMPLES] = take_sample(book, now, logs.samples, logs.counts[SAMPLES])


def content(engine: Engine) -> tuple[bytes, ...]:
    book, logs = engine.book, engine.logs
    samples, latches = logs.samples[: logs.counts[SAMPLES]], logs.latches[: logs.counts[LATCHES]]
    parts = (book.ledger.account, book.ledger.positions, book.quotes, samples, latches, book.floors, book.guard)
    return tuple(part.tobytes() for part in parts)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("lots", [-40, 0, 40])
@given(seed=st.integers(0, 10**6), sample_ns=st.sampled_from([MINUTE, HOUR, 7 * HOUR]), intent=st.integers(1, BARS))
@settings(FEW, max_examples=2 if PLAIN else 20)
def test_rows_that_are_coasted_leave_what_row_by_row_leaves(
    lots: int, name: str, seed: int, sample_ns: int, intent: int
) -> None:
    tape = Tape._make(column[:BARS] for column in a_walk(110_000, seed, flaws=False))
    coasted, walked = (holding(lots, tape, sample_ns, LIMITS[name]) for _ in range(2))
    intent_ns = int(tape.time_ns[intent]) if intent < len(tape.time_ns) else INT64_MAX
    stop = int(np.searchsorted(tape.time_ns, intent_ns))
    row = 0
    while row < stop:
        row = coast(coasted.agent.feeds, coasted.book, coasted.logs, tape, row, len(tape.time_ns), intent_ns)
    row_by_row(walked, tape, stop)
    assert row == stop
    assert content(coasted) == content(walked)


def test_limits_are_reached_while_coasting() -> None:
    """Else the property above would say little."""
    for name, limits in LIMITS.items():
        for lots in (-40, 40):
            reached = 0
            for seed in range(6):
                tape = Tape._make(column[:BARS] for column in a_walk(110_000, seed, flaws=False))
                engine = holding(lots, tape, HOUR, limits)
                row_by_row(engine, tape, BARS)
                reached += int(engine.logs.counts[LATCHES])
            assert (reached > 0) == (name != "none is near")
