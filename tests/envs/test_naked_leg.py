"""A pair of which one leg fills and the other does not: open risk at once, in the kernel and in World, and unwound."""

from typing import Any

import msgspec
import numpy as np
import pytest

from actors.settings import RISK, Settings
from actors.staging import Cast, has_stopped, open_session, stage_world
from actors.world import World
from envs.engine import Engine, run_dues, run_rows
from envs.rollout import open_engine
from journal.order_records import Report
from journal.store import MemoryJournal
from market.paper import Reason
from market.records import Record
from market.tape import Tape, merge_tapes, quote_tape
from policies.intents import Rule
from policies.plan import Plan
from policies.risk import Book, judge, position_limit
from tests.builders import SECOND, START_NS, a_plan
from tests.envs.engines import run_in_pieces
from tests.policies.books import an_intent
from venues.replay import save_tape

A, B = 4, 5
MS = 10**6
DECIDED_NS = START_NS + 60 * SECOND
"""Venue b jumps above venue a; it is back before the leg that was sent to it arrives."""


def the_tape() -> Tape:
    """Return quotes of both venues: still, one dislocation of 130 ms, still again."""
    still = START_NS + np.arange(120) * SECOND
    times = np.sort(np.concatenate([still, DECIDED_NS + np.array([50, 130, 200, 260, 400]) * MS]))
    bid = np.full(len(times), 110_000)
    jumped = np.where((times >= DECIDED_NS) & (times < DECIDED_NS + 130 * MS), 110_050, 110_000)
    return merge_tapes([quote_tape(A, times, bid, bid + 4), quote_tape(B, times, jumped, jumped + 4)])


def probe(book: Book, lots: int, time_ns: int) -> Record:
    """Return an intent to buy so many lots at venue a."""
    epoch = int(book.ledger.account[0].epoch)
    return an_intent(lots, instrument0=A, instrument1=-1, time_ns=time_ns, epoch=epoch, desk=1)


def free_lots(book: Book, time_ns: int) -> int:
    """Return the most lots that risk would still let anybody buy at venue a."""
    low, high = 0, 10_000
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (low, middle - 1) if position_limit(book, probe(book, middle, time_ns)) else (middle, high)
    return low


def check_naked(book: Book, free_before: int, time_ns: int) -> int:
    """Hold risk's book against a naked leg at venue a; return its lots."""
    naked = int(book.ledger.positions[A].lots)
    assert naked > 0
    assert (int(book.ledger.positions[B].lots), int(book.ledger.account[0].open_positions)) == (0, 1)
    assert (book.working_long.sum(), book.working_short.sum()) == (0, 0)
    assert book.ledger.positions[A].floating < 0  # it is valued alone: bought at the ask, worth the bid
    assert book.ledger.account[0].floating == book.ledger.positions[A].floating
    assert free_lots(book, time_ns) == free_before - naked
    assert judge(book, probe(book, free_before - naked + 1, time_ns)) & Rule.POSITION_LIMIT
    return naked


def test_in_the_kernel_a_naked_leg_is_open_risk_at_the_instant_that_leaves_it_naked_and_is_unwound() -> None:
    plan, tape = a_plan(), the_tape()
    arrived = int(np.searchsorted(tape.time_ns, DECIDED_NS + 200 * MS, side="right"))
    whole = run_in_pieces(plan, tape, [])
    said = [(Reason(int(row.reason)), int(row.instrument)) for row in whole.logs["reports"]]
    assert said[:3] == [(Reason.ENTRY, A), (Reason.UNFILLED, B), (Reason.UNWIND, A)]
    assert whole.engine.book.ledger.account[0].open_positions == 0
    assert whole.logs["orders"].sent_ns[2] == whole.logs["reports"].time_ns[1] == DECIDED_NS + 150 * MS

    cut = tape._replace(**{name: column[:arrived] for name, column in tape._asdict().items()})
    engine = open_engine(plan)
    naked = run_until(engine, cut, DECIDED_NS + 200 * MS)
    free = free_lots(open_at(plan, tape), DECIDED_NS)
    assert check_naked(naked, free, DECIDED_NS + 200 * MS) == int(whole.logs["reports"].lots[0])


def run_until(engine: Engine, tape: Tape, until_ns: int) -> Book:
    """Run an engine over a tape and what falls due up to a time; return its book."""
    row = 0
    while row < len(tape.time_ns):
        row = run_rows(engine, tape, row, len(tape.time_ns))
    run_dues(engine, until_ns)
    book: Book = engine.book
    return book


def open_at(plan: Plan, tape: Tape) -> Book:
    """Return the book just before the decision: nothing held, nothing reserved."""
    rows = int(np.searchsorted(tape.time_ns, DECIDED_NS))
    return run_until(
        open_engine(plan), tape._replace(**{k: v[:rows] for k, v in tape._asdict().items()}), DECIDED_NS - 1
    )


@pytest.mark.parametrize("seed", range(3))
def test_in_a_world_risk_counts_a_naked_leg_with_the_message_that_tells_of_it(seed: int, tmp_path: Any) -> None:
    """Venue a is 20 seconds away, so that risk takes rows, and is looked at, while the leg is naked."""
    far = {"fx": 1, "a": 20, "b": 1}
    venues = tuple(msgspec.structs.replace(one, latency_ns=far[one.name] * SECOND) for one in a_plan().venues)
    plan, tape = a_plan(venues=venues), the_tape()
    settings = Settings(plan=plan, tape_folder=str(tmp_path), tape_hash=save_tape(tmp_path, tape), batch_rows=2)
    journal = MemoryJournal()
    open_session(journal, settings, (), "")
    world = World(seed)
    stage_world(world, settings, journal, Cast())
    free = free_lots(open_at(plan, tape), DECIDED_NS)
    found: set[int] = set()

    def watched() -> bool:
        risk = world.actor(RISK)
        if risk is not None and DECIDED_NS + 20 * SECOND <= risk._done_ns < DECIDED_NS + 40 * SECOND:
            found.add(check_naked(risk._book, free, int(risk._done_ns)))
        return has_stopped(world)

    world.run(watched)
    reports = [entry.record() for entry in journal.entries()]
    fills = [record for record in reports if isinstance(record, Report)]
    assert [fill.reason for fill in fills[:3]] == ["UNFILLED", "ENTRY", "UNWIND"]
    assert found == {fills[1].lots}
