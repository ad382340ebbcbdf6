"""Verification: is every record the one that was written? Names the first that is not, and the class of damage.

One walk over the records, then key and head decide whether that chain is the one that was signed.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from journal.chain import GENESIS
from journal.evidence import REWRITTEN_TEXT, UNCHECKED, UNSIGNED, Evidence, Seen, evidence_at, judge, last_signed
from journal.records import CHECKPOINT
from journal.signing import fingerprint
from journal.store import Journal, JournalError, SqliteJournal
from journal.walk import BROKEN, EPOCHS, INDEX, REWRITTEN, UNREADABLE, Bad, Row, Walk

HEADER_BYTES: Final = 100
PAGE_SIZE: Final = slice(16, 18)
PAGE_COUNT: Final = slice(28, 32)
"""Where the header of a SQLite file states how large it is; big-endian."""
FILE_BYTES_MAX: Final = 2**40
"""A header that states more is no header."""

BEGIN_INDEX: Final = (
    "CREATE INDEX records_begin ON records (kind, seq) WHERE kind = 'session' OR kind = 'claim'"
)  # fmt: skip
INDEX_TEXT: Final = (
    "the index by which a start finds its newest {} record is not what the records say; "
    "`REINDEX records_begin` makes it anew from them"
)  # fmt: skip

BEFORE_ALL: Final = -(2**63)
"""Records are numbered from 1; what somebody has put below is looked at, too."""


class Verification(Struct, frozen=True, kw_only=True):
    """The finding: `ok`, how many records were sound, the head they lead to, and what is wrong with the next one.

    `damage` is its class (docs/journal.md), `first_bad` None where the damage is not in a record. `signature` says what
    is known of the signatures of a sound journal, `after_head` how many signed records follow the head, `key` is the
    fingerprint of the key that was used.
    """

    ok: bool
    records: int
    head: str
    first_bad: int | None = None
    problem: str | None = None
    damage: str | None = None
    signature: str | None = None
    after_head: int = 0
    key: str | None = None

    @property
    def finding(self) -> str:
        """Say what is wrong with a journal that is not ok."""
        return f"record {self.first_bad} is bad: {self.problem}" if self.first_bad is not None else f"{self.problem}"


def verify_journal(journal: Journal, evidence: Evidence | None = None) -> Verification:
    """Verify a journal that is about to be folded: also that this version can read every record.

    Without evidence signatures are not checked: then the chain shows damage, not forgery.
    """
    walk = Walk(_place(evidence), decoding=True)
    found = _verify(lambda: journal.entries(after=BEFORE_ALL), evidence, walk)
    for kind, places in walk.begins.items():
        if found.ok and journal.newest(kind) != max(places, default=0):
            return _unsound(found, INDEX, INDEX_TEXT.format(kind))
    return found


def verify_file(path: Path, evidence: Evidence | None = None) -> Verification:
    """Verify a journal file, also one that was cut short; JournalError when it is none, or of another version.

    Without other evidence it is held against the key and the head that its writer left beside it.
    """
    evidence = evidence if evidence is not None else evidence_at(path)
    try:
        SqliteJournal(path, read_only=True).close()
    except UnicodeDecodeError as error:
        return _verify_rest(path, evidence, f"the file is damaged: {error}")
    except JournalError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) != sqlite3.SQLITE_CORRUPT:
            raise
        return _verify_rest(path, evidence, f"the file is damaged: {error.__cause__}")
    return _verify_database(path, evidence)


def _verify_database(path: Path, evidence: Evidence | None) -> Verification:
    """Verify what SQLite reads of a file, in one transaction, and that the table of epochs repeats the claims."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")
        walk = Walk(_place(evidence))
        found = _verify(lambda: _rows(db), evidence, walk)
        if not found.ok:
            return found
        if index_differs(db, walk):
            return _unsound(found, INDEX, INDEX_TEXT.format("session or claim"))
        try:
            epochs = db.execute("SELECT epoch, owner, claimed_ns FROM epochs ORDER BY epoch").fetchall()
        except BROKEN as error:
            return _unsound(found, UNREADABLE, f"the file is damaged: {error}")
        if epochs != walk.claims:
            return _unsound(found, EPOCHS, "the table of epochs does not repeat the claims in the records")
        return found


def index_differs(db: sqlite3.Connection, walk: Walk) -> bool:
    """Tell whether the index by which a start finds where to begin says anything else than the records do."""
    written = db.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = 'records_begin'").fetchone()
    if written is None or " ".join(str(written[0]).split()) != BEGIN_INDEX:
        return True
    try:
        for kind, places in walk.begins.items():
            rows = db.execute(  # the kind stands in the text: only so is the partial index allowed to answer it
                f"SELECT seq FROM records INDEXED BY records_begin WHERE kind = '{kind}' ORDER BY seq"  # noqa: S608
            )
            if [seq for (seq,) in rows] != places:
                return True
    except BROKEN:
        return True
    return False


def _rows(db: sqlite3.Connection) -> Iterator[Row]:
    # Not `yield from`: a walk that stopped early would close its cursor after its connection.
    for row in db.execute("SELECT seq, kind, time_ns, body, hash FROM records ORDER BY seq"):  # noqa: UP028
        yield row


def _verify_rest(path: Path, evidence: Evidence | None, problem: str) -> Verification:
    """Verify what is left of a damaged file.

    SQLite refuses a file that is shorter than its header says, whatever is still in it. A copy with the lost pages
    filled with zeros can be read up to the first of them.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder, "journal.db")
        for end in ("", "-wal"):
            if path.with_name(path.name + end).is_file():
                shutil.copyfile(path.with_name(path.name + end), copy.with_name(copy.name + end))
        with copy.open("r+b") as file:
            header = file.read(HEADER_BYTES)
            size = int.from_bytes(header[PAGE_SIZE]) * int.from_bytes(header[PAGE_COUNT])
            if copy.stat().st_size < size <= FILE_BYTES_MAX:
                file.truncate(size)
        found = Verification(ok=False, records=0, head=GENESIS)
        with suppress(JournalError, *BROKEN):
            SqliteJournal(copy, read_only=True).close()
            found = _verify_database(copy, None)
    return Verification(
        ok=False, records=found.records, head=found.head, first_bad=found.records + 1, problem=problem,
        damage=UNREADABLE, key=_key_of(evidence),
    )  # fmt: skip


def _verify(rows: Callable[[], Iterable[Row]], evidence: Evidence | None, walk: "Walk") -> Verification:
    """Walk over the rows, then judge; `rows` begins again at the first of them."""
    bad, key = walk.run(rows()), evidence.key if evidence is not None else None
    if bad is not None:
        before = _checkpoints(rows(), walk.count)
        newest = before[-1][0] if before else 0
        signed = last_signed(key, before) if key is not None else newest
        if bad.damage == REWRITTEN or signed < newest:  # what is before a bad record is sound only if it is signed
            return _found_bad(rows, Bad(signed + 1, REWRITTEN, REWRITTEN_TEXT), evidence)
        return Verification(
            ok=False, records=walk.count, head=walk.hash, first_bad=bad.seq, problem=bad.problem, damage=bad.damage,
            key=_key_of(evidence),
        )  # fmt: skip
    signature = UNCHECKED if walk.newest is not None else UNSIGNED
    sound = Verification(ok=True, records=walk.count, head=walk.hash, signature=signature, key=_key_of(evidence))
    if evidence is None:
        return sound
    seen = Seen(walk.count, walk.hash, walk.newest, walk.at_head)
    judged = judge(seen, evidence, lambda: _checkpoints(rows(), walk.count))
    if judged.damage is None:
        return replace(sound, signature=judged.signature, after_head=judged.after_head)
    if judged.first_bad is None:
        return _unsound(sound, judged.damage, judged.problem)
    return _found_bad(rows, Bad(judged.first_bad, judged.damage, judged.problem), evidence)


def _found_bad(rows: Callable[[], Iterable[Row]], bad: Bad, evidence: Evidence | None) -> Verification:
    """Return the finding on a bad record of a whole chain: what is before it is sound."""
    head = next((str(row[4]) for row in islice(rows(), bad.seq - 2, None)), GENESIS) if bad.seq > 1 else GENESIS
    return Verification(
        ok=False, records=bad.seq - 1, head=head, first_bad=bad.seq, problem=bad.problem, damage=bad.damage,
        key=_key_of(evidence),
    )  # fmt: skip


def _unsound(found: Verification, damage: str, problem: str) -> Verification:
    return replace(found, ok=False, damage=damage, problem=problem, signature=None)


def _place(evidence: Evidence | None) -> int:
    return evidence.place if evidence is not None else 0


def _key_of(evidence: Evidence | None) -> str | None:
    return fingerprint(evidence.key) if evidence is not None and evidence.key is not None else None


def _checkpoints(rows: Iterable[Row], count: int) -> list[tuple[int, bytes]]:
    """Return the checkpoints among the first rows, each with its place."""
    return [(seq, body) for seq, kind, _, body, _ in islice(rows, count) if kind == CHECKPOINT]
