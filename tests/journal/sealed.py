"""Sealed journals for tests: real records of a World session in groups of different sizes, every group signed."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from journal.records import AnyRecord, Claim
from journal.signing import open_seal
from journal.store import SqliteJournal
from tests.journal.records import some_samples
from tests.research.journals import a_session

GROUP_MAX = 9


def real_records(folder: Path, count: int) -> list[AnyRecord]:
    """Return the first records of a session of three desks, without its claims."""
    _, journal = a_session(folder)
    records = [record for entry in journal.entries() if not isinstance(record := entry.record(), Claim)]
    assert len(records) >= count
    return records[:count]


def write_sealed(path: Path, records: list[AnyRecord], seed: int = 0) -> Path:
    """Write a sealed journal: two governors, the second from the middle on; one file, no log beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, middle = random.Random(seed), len(records) // 2
    journal = SqliteJournal(path, seal=open_seal)
    for number, part in enumerate((records[:middle], records[middle:])):
        epoch = journal.claim(f"governor-{seed}-{number}", seed + number)
        first = 0
        while first < len(part):
            size = rng.randint(1, GROUP_MAX)
            journal.append(epoch, part[first : first + size])
            first += size
    journal.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    return path


def a_sealed_journal(folder: Path, groups: int = 6, size: int = 5) -> Path:
    """Write a small one: a claim, then groups of samples of one size."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "journal.db"
    journal = SqliteJournal(path, seal=open_seal)
    epoch = journal.claim("me", 0)
    for first in range(0, groups * size, size):
        journal.append(epoch, some_samples(size, first=first))
    journal.close()
    return path
