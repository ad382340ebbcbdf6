"""Pre-trade controls are a fold of the journal: a restarted risk manager remembers what the one before it did."""

import msgspec

from actors.restoring import newest_session, restore_book
from actors.settings import RISK, Settings
from actors.staging import has_stopped, open_session, stage_world
from actors.world import World
from journal.store import MemoryJournal
from tests.builders import CONTROLS, MINUTE, START_NS, a_plan, a_tape
from venues.replay import save_tape

STEPS_MAX = 60_000
PLAN = a_plan(controls=msgspec.structs.replace(CONTROLS, executions_max=2, fat_finger_factor=1000))


def memory(controls):
    """Return what controls remember, orders of one instant in any order."""
    own = controls
    sizes = [sorted(own.sizes[k, : own.counts[1 + k]].tolist()) for k in range(len(own.sizes))]
    windows = [rows.tolist() for rows in (own.messages, own.venue_messages, own.executions)]
    return {
        "sent": sorted(own.sent[: own.counts[0]].tolist()), "sizes": sizes, "disabled": own.disabled.tolist(),
        "moves": own.moves.tolist(), "windows": [[row[0], *sorted(row[1:])] for rows in windows for row in rows],
    }  # fmt: skip


def test_what_the_controls_remember_survives_a_restart(tmp_path):
    tape = a_tape(60, 400, 1, start_ns=START_NS + 90 * MINUTE)
    settings = Settings(
        plan=PLAN, tape_folder=str(tmp_path), tape_hash=save_tape(tmp_path, tape), batch_rows=32, snapshot_groups=5
    )
    journal, world = MemoryJournal(), World(1)
    open_session(journal, settings, (), "")
    stage_world(world, settings, journal)
    world.run(lambda: has_stopped(world), STEPS_MAX)
    log = newest_session(journal)
    lived, restored = world.actor(RISK)._book.controls, restore_book(PLAN, log, log.cut_ns).controls
    one, other = memory(lived), memory(restored)
    assert {key: value for key, value in one.items() if key != "windows"} == {
        key: value for key, value in other.items() if key != "windows"
    }
    assert [row[0] for row in one["windows"]] == [row[0] for row in other["windows"]]
    assert one["disabled"] != [0, 0, 0], "a desk was disabled, and stays so"
    assert len(one["sent"]) > 2
    refused = {name for decision in log.decisions for name in decision.rules}
    assert "REPEATED_EXECUTION" in refused
