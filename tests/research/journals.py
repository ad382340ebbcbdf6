"""Builders of journals: a whole session of three desks, run in World and written to the file that a run would write."""

from pathlib import Path

from actors.settings import Settings
from actors.staging import open_session, run_world
from journal.records import Claim
from journal.store import MemoryJournal, SqliteJournal
from market.tape import Tape
from policies.plan import Plan
from tests.builders import a_plan, a_tape
from venues.replay import save_tape

SOURCE = ("fx/EURUSD.parquet", "0" * 64, 5)


def a_session(tapes: Path, plan: Plan | None = None, tape: Tape | None = None) -> tuple[Settings, MemoryJournal]:
    """Run a session in World; its tape lies below `tapes`, its journal is in memory."""
    plan, tape = plan or a_plan(), tape or a_tape(minutes=100, ticks=2000)
    settings = Settings(plan=plan, tape_folder=str(tapes), tape_hash=save_tape(tapes, tape))
    journal = MemoryJournal()
    open_session(journal, settings, (SOURCE,), "")
    run_world(settings, journal)
    return settings, journal


def write_journal(path: Path, journal: MemoryJournal) -> Path:
    """Write a journal to a file through the store: same records, same chain."""
    stored, epoch = SqliteJournal(path), 0
    records = []
    for entry in journal.entries():
        record = entry.record()
        if not isinstance(record, Claim):
            records.append(record)
            continue
        if records:
            stored.append(epoch, records)
        epoch, records = stored.claim(record.owner, record.time_ns), []
    stored.append(epoch, records)
    assert stored.head == journal.head
    stored.close()
    return path
