"""Mutates a real journal at random and looks whether each mutation is found.

    python -m tests.journal.mutations --count 100000 --seed 1

Prints a table: how many of each class were made, how many were found, and how many were named at their place. Only what
a reader of the file sees counts as made. The stand-alone verifier looks at some, and must agree. Exit 1 when one was
missed.
"""

import argparse
import itertools
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from journal import standalone
from journal.signing import head_path
from journal.store import JournalError
from journal.verify import Verification, verify_file
from journal.walk import BROKEN
from tests.journal.records import some_samples
from tests.journal.sealed import real_records, write_sealed
from tests.journal.tampering import BYTES, EPOCHS, MUTATIONS, Row, forge_index

RECORDS = 70
CLASSES = (*MUTATIONS, *BYTES, "change the epochs", "forge the index")
AGREED = ("ok", "records", "head", "first_bad", "damage", "signature", "after_head", "key")
"""What both verifiers must say alike."""

READ = (
    "SELECT seq, kind, time_ns, body, hash FROM records ORDER BY seq",
    "SELECT epoch, owner, claimed_ns FROM epochs ORDER BY epoch",
    "SELECT name, value FROM meta",
    "SELECT sql FROM sqlite_master WHERE name = 'records_begin'",
    *(f"SELECT seq FROM records INDEXED BY records_begin WHERE kind = '{kind}'" for kind in ("session", "claim")),
)


class MutationError(AssertionError):
    """A mutation was not found, not named at its place, or found by one verifier alone; the message says which."""


class Target:
    """A sealed journal of real records, another one of the same key, and a place where the first is mutated."""

    def __init__(self, folder: Path) -> None:
        records = real_records(folder / "tapes", RECORDS)
        whole = write_sealed(folder / "whole" / "journal.db", records, seed=1)
        (folder / "other").mkdir()
        shutil.copytree(folder / "whole" / "keys", folder / "other" / "keys")
        other = write_sealed(folder / "other" / "journal.db", [*records[: RECORDS // 2], *some_samples(60)], seed=2)
        self.path = shutil.copytree(folder / "whole", folder / "mutated") / "journal.db"
        self.content = whole.read_bytes()
        self.seen = seen(whole)
        self.rows: list[Row] = self.seen[0]
        self.other: list[Row] = seen(other)[0]
        self.places = [row[0] for row in self.rows if row[1] == "checkpoint"]
        assert verify_file(self.path).signature == "signed"
        assert head_path(self.path).is_file()

    def mutate(self, kind: str, seed: str) -> list[Row] | None:
        """Change the file until a reader sees it; return the new rows where rows were changed."""
        for attempt in itertools.count():
            rng = random.Random(f"{seed}-{attempt}")
            rows = None
            self.path.unlink()  # a connection that waits to be collected must not hold the new file's lock
            if kind in BYTES:
                self.path.write_bytes(BYTES[kind](rng, self.content))
            else:
                self.path.write_bytes(self.content)
                rows = self._through_sql(kind, rng)
            if seen(self.path) != self.seen:
                return rows
        raise AssertionError

    def _through_sql(self, kind: str, rng: random.Random) -> list[Row] | None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode=MEMORY")
            db.execute("PRAGMA synchronous=OFF")
            if kind == "forge the index":
                forge_index(db, rng)
                return None
            if kind not in MUTATIONS:
                db.execute(rng.choice(EPOCHS))
                return None
            rows = MUTATIONS[kind](rng, self.rows, self.other)
            db.execute("BEGIN")
            changed = [row for row, old in itertools.zip_longest(rows, self.rows) if row is not None and row != old]
            kept = {row[0] for row in rows}
            db.executemany("DELETE FROM records WHERE seq = ?", [(r[0],) for r in self.rows if r[0] not in kept])
            db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", changed)
            db.execute("COMMIT")
            return rows

    def examine(self, *, both: bool) -> tuple[Verification | None, str]:
        """Verify the mutated file, with both verifiers or one; None where it is refused as no journal at all."""
        try:
            ours = verify_file(self.path)
        except JournalError:
            ours = None
        if not both:
            return ours, "refused" if ours is None else ours.damage or "none"
        try:
            theirs = standalone.verify(self.path, None, None, True)
        except standalone.UsageError:
            theirs = None
        if (ours is None) != (theirs is None):
            raise MutationError(f"refused by one verifier alone: {ours}, {theirs}")
        if ours is None or theirs is None:
            return None, "refused"
        said = {name: getattr(ours, name) for name in AGREED}
        if said != {name: theirs[name] for name in AGREED}:
            raise MutationError(f"two verifiers disagree: {ours}, {theirs}")
        return ours, ours.damage or "none"

    def named(self, rows: list[Row], found: Verification) -> bool:
        """Tell whether it names the first record that differs; the first of its group where all hashes are new."""
        differs = next(k for k, (row, old) in enumerate(itertools.zip_longest(rows, self.rows)) if row != old)
        last = rows[differs][0] if differs < len(rows) else differs + 1
        group = max((place for place in self.places if place <= differs), default=0) + 1
        if rows == self.other:  # nothing but the head says that it is not this journal with its tail cut off
            return True
        return found.first_bad is not None and group <= found.first_bad <= max(differs + 1, last)


def seen(path: Path) -> Any:
    """Return what a reader sees of a file: all tables, or why they cannot be read."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
        try:
            return [db.execute(query).fetchall() for query in READ]
        except BROKEN as error:
            return str(error)


def campaign(folder: Path, count: int, seed: int, alone_every: int = 1) -> Iterator[tuple[str, str, bool | None]]:
    """Mutate and look, class after class; yield class, damage as found, and whether it was named at its place.

    At one in `alone_every` the stand-alone verifier looks, too.

    Raises MutationError, with the words that make it again, where one was missed.
    """
    target = Target(folder)
    for number in range(count):
        kind = CLASSES[number % len(CLASSES)]
        rows = target.mutate(kind, f"{seed}-{number}")
        try:
            found, damage = target.examine(both=number % alone_every == 0)
        except MutationError as error:
            raise MutationError(f"{kind}, mutation {number} of seed {seed}: {error}") from error
        missed = found is not None and found.ok
        at_place = None if rows is None or found is None or missed else target.named(rows, found)
        yield kind, "none" if missed else damage, at_place


def main() -> int:
    """Run a campaign and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.journal.mutations")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--alone-every", type=int, default=10, help="let the stand-alone verifier look at one in so many"
    )
    asked = parser.parse_args()
    made, found, placed, named = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    classes: dict[str, Counter[str]] = {kind: Counter() for kind in CLASSES}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        for kind, damage, at_place in campaign(Path(folder), asked.count, asked.seed, asked.alone_every):
            made[kind] += 1
            found[kind] += damage != "none"
            classes[kind][damage] += 1
            placed[kind] += at_place is not None
            named[kind] += at_place is True
    print("| mutation | made | found | named at its place | as |")
    print("|---|---|---|---|---|")
    for kind in CLASSES:
        words = ", ".join(f"{damage} {number:,}" for damage, number in classes[kind].most_common())
        at_place = f"{named[kind]:,} of {placed[kind]:,}" if placed[kind] else "-"
        print(f"| {kind} | {made[kind]:,} | {found[kind]:,} | {at_place} | {words} |")
    share = 100 * found.total() / max(1, made.total())
    print(f"| all | {made.total():,} | {found.total():,} ({share:.2f} %) | {named.total():,} of {placed.total():,} | |")
    print(f"\nseed {asked.seed}, {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    return int(found != made)


if __name__ == "__main__":
    sys.exit(main())
