"""The journal against SQLite's own limit: the same rows in the same transactions, without chain, fence and signature.

And how fast it is verified, by the walk that `trifecta journal verify` does.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from actors.writing import Writer
from bench.figure import Figure, interleaved
from bench.tapes import bars_plan, bars_tape
from envs.rollout import open_engine, roll
from journal.chain import canonical
from journal.signing import open_seal
from journal.store import SqliteJournal
from journal.verify import verify_file

GROUP = 100
GROUPS = 60


def figures() -> Iterator[Figure]:
    """Yield durable decisions per second, the ratio to SQLite alone, and records verified per second on one core."""
    plan, tape = bars_plan(["EURUSD"], "sma_cross", {"fast": 3, "slow": 5}), bars_tape(1, 40_000)
    writer = Writer(plan, 1)
    decisions = [writer.decision(row, 1) for row in roll(open_engine(plan), tape).decisions[:GROUP]]
    assert len(decisions) == GROUP
    bodies = [canonical(decision) for decision in decisions]
    with tempfile.TemporaryDirectory(prefix="trifecta-bench-") as folder:
        path = Path(folder) / "journal.db"
        journal = SqliteJournal(path, seal=open_seal)
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
        records = journal_length(path)
        verified = min(_core_seconds(path) for _ in range(5))
    count = GROUP * GROUPS
    yield Figure("SQLite alone, WAL and FULL", count / theirs, "rows/s", note=f"{GROUP} per transaction")
    yield Figure(
        "journal, durable decisions",
        count / ours,
        "decisions/s",
        note="canonical bytes, SHA-256 chain, fence, signature",
    )
    yield Figure("journal / SQLite alone", theirs / ours, "of it", 0.5)
    yield Figure(
        "journal verify", records / verified, "records/s per core", 200_000, note="chain, checkpoints, key and head"
    )


def journal_length(path: Path) -> int:
    """Return how many records a sound, signed journal holds."""
    found = verify_file(path)
    assert found.ok
    assert found.signature == "signed"
    return found.records


def _core_seconds(path: Path) -> float:
    """Return the time of one core that verifying takes, also where others use it meanwhile."""
    begin = time.process_time()
    verify_file(path)
    return time.process_time() - begin


def _plain(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, kind TEXT, time_ns INTEGER, body BLOB, hash TEXT)")
    return db
