"""The journal against SQLite's own limit: the same rows in the same transactions, without chain and without fence."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from actors.writing import Writer
from bench.figure import Figure, interleaved
from bench.tapes import bars_plan, bars_tape
from envs.rollout import open_engine, roll
from journal.chain import canonical
from journal.store import SqliteJournal

GROUP = 100
GROUPS = 60


def figures() -> Iterator[Figure]:
    """Yield durable decisions per second, and the ratio to SQLite alone."""
    plan, tape = bars_plan(["EURUSD"], "sma_cross", {"fast": 3, "slow": 5}), bars_tape(1, 40_000)
    writer = Writer(plan, 1)
    decisions = [writer.decision(row, 1) for row in roll(open_engine(plan), tape).decisions[:GROUP]]
    assert len(decisions) == GROUP
    bodies = [canonical(decision) for decision in decisions]
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        journal = SqliteJournal(Path(folder) / "journal.db")
        epoch = journal.claim("bench", 0)
        plain = _plain(Path(folder) / "plain.db")
        numbers = iter(range(10**9))

        def chained() -> None:
            for _ in range(GROUPS):
                journal.append(epoch, decisions)

        def alone() -> None:
            for _ in range(GROUPS):
                plain.execute("BEGIN IMMEDIATE")
                plain.executemany(
                    "INSERT INTO records VALUES (?, 'decision', 0, ?, '')", [(next(numbers), b) for b in bodies]
                )
                plain.execute("COMMIT")

        ours, theirs = interleaved([chained, alone], 5)
        journal.close()
        plain.close()
    count = GROUP * GROUPS
    yield Figure("SQLite alone, WAL and FULL", count / theirs, "rows/s", note=f"{GROUP} per transaction")
    yield Figure(
        "journal, durable decisions", count / ours, "decisions/s", note="canonical bytes, SHA-256 chain, fence"
    )
    yield Figure("journal / SQLite alone", theirs / ours, "of it", 0.5)


def _plain(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT, time_ns INTEGER, body BLOB, hash TEXT)")
    return db
