"""The walk: over all records of a journal in order, up to the first that does not follow from what is before it.

Sequence, chain, columns that repeat what the bytes say, and checkpoints that state the chain before them. A record is
hashed, and looked at for its kind and time only: this is the loop that decides how fast a journal is verified.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from journal.chain import GENESIS, link
from journal.entries import INDEXED
from journal.heads import NO_RECORD, checkpoint_of
from journal.records import CHECKPOINT, DECODER, Claim

LOOK_AHEAD: Final = 10_000
"""Records behind a bad one that are searched for what it followed from."""
CLAIM: Final = "claim"

CHANGED: Final = "changed"
MISSING: Final = "missing"
ADDED: Final = "added"
MOVED: Final = "moved"
REWRITTEN: Final = "rewritten"
TRUNCATED: Final = "truncated"
UNSIGNED_TAIL: Final = "unsigned"
FOREIGN: Final = "foreign"
EPOCHS: Final = "epochs"
INDEX: Final = "index"
UNREADABLE: Final = "unreadable"
EVIDENCE: Final = "evidence"
"""Classes of damage; docs/journal.md says what each means."""

Row: TypeAlias = tuple[Any, Any, Any, Any, Any]
"""Sequence number, kind, time_ns, body, hash: whatever somebody has put into these columns."""


BROKEN: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises over a damaged page; the second where its own message is made of it."""


class Outline(Struct):
    """What the columns beside a record repeat of it."""

    kind: str
    time_ns: int


class Bad(NamedTuple):
    """A bad record: its number, the class of damage, and what is wrong with it."""

    seq: int
    damage: str
    problem: str


_OUTLINE: Final = msgspec.json.Decoder(Outline)


class Walk:
    """One walk: `count` sound records lead to `hash`; what was met on the way is kept for who judges it.

    `place` is that of the record whose hash is wanted as `at_head`; `decoding` asks whether this version can read every
    record.
    """

    def __init__(self, place: int = 0, *, decoding: bool = False) -> None:
        self.count, self.hash, self._before = 0, GENESIS, GENESIS
        self.newest: tuple[int, bytes] | None = None
        self.at_head: str | None = None
        self.claims: list[tuple[int, str, int]] = []
        self.begins: dict[str, list[int]] = {kind: [] for kind in INDEXED}
        """Places of the records that a start begins to read at, by kind."""
        self._place = place
        self._decoding = decoding

    def run(self, rows: Iterable[Row]) -> Bad | None:
        """Walk to the first bad record and return it, None when all are sound."""
        rest = iter(rows)
        try:
            row = self._first_unsound(rest)
        except BROKEN as error:
            return Bad(self.count + 1, UNREADABLE, f"the file is damaged: {' '.join(str(error).split())}")
        return None if row is None else self._named(row, rest)

    def _first_unsound(self, rows: Iterator[Row]) -> Row | None:
        count, previous, outline, place = 0, GENESIS, _OUTLINE.decode, self._place
        for row in rows:
            seq, kind, time_ns, body, stored = row
            try:
                sound = sha256(previous.encode() + body).hexdigest() == stored and seq == count + 1 and type(seq) is int
                said = outline(body)
                sound = sound and said.kind == kind and said.time_ns == time_ns and type(time_ns) is int
            except (TypeError, *NO_RECORD):
                sound = False
            if not sound:
                return row
            if (self._decoding or kind in _LOOKED_INTO) and not self._look_into(row):
                return row
            self._before, count = previous, seq
            previous = self.hash = stored
            self.count = count
            if seq == place:
                self.at_head = stored
        return None

    def _look_into(self, row: Row) -> bool:
        """Take a claim or a checkpoint; False for what is none, or states another chain than the one before it."""
        seq, kind, _, body, _ = row
        if kind in self.begins:
            self.begins[kind].append(seq)
        if kind == CHECKPOINT:
            checkpoint = checkpoint_of(body)
            if checkpoint is None or (checkpoint.seq, checkpoint.hash) != (self.count, self.hash):
                return False
            self.newest = (seq, body)
        elif kind == CLAIM or self._decoding:
            try:
                record = DECODER.decode(body)
            except NO_RECORD:
                return False
            if isinstance(record, Claim):
                self.claims.append((record.epoch, record.owner, record.time_ns))
        return True

    def _named(self, row: Row, rest: Iterator[Row]) -> Bad:
        """Say what is wrong with a row that does not follow."""
        seq, kind, time_ns, body, stored = row
        if type(seq) is int and seq != self.count + 1:
            # In a damaged page numbers may run backwards: then it is the next one that is lost.
            bad = self.count + 1 if 0 < self.count >= seq else seq
            damage = MISSING if seq > self.count + 1 else ADDED
            return Bad(bad, damage, f"sequence jumps from {self.count} to {seq}: a record is missing or was added")
        if [type(column) for column in row] != [int, str, int, bytes, str]:
            return Bad(self.count + 1, CHANGED, "its columns hold other types than were written")
        if link(self.hash, body) != stored:
            if self.count and link(self._before, body) == stored != self.hash:
                self.count, self.hash = self.count - 1, self._before
                return Bad(seq - 1, ADDED, "it was added: the record behind it follows from the one before it")
            problem = "its hash does not follow from its bytes and the record before it"
            return Bad(seq, _class_of_break(row, list(_readable(rest))), problem)
        try:
            said = _OUTLINE.decode(body)
            if (said.kind, said.time_ns) != (kind, time_ns):
                return Bad(seq, CHANGED, "its columns do not repeat what its bytes say")
            if kind == CHECKPOINT:
                return Bad(seq, REWRITTEN, "it states another chain than the one before it")
            DECODER.decode(body)
        except NO_RECORD as error:
            return Bad(seq, CHANGED, f"its bytes are no record of this version: {error}")
        raise AssertionError("a row that is not sound is bad")


_A_CHECKPOINT: Final = (CHECKPOINT, int, bytes)
_LOOKED_INTO: Final = frozenset({CHECKPOINT, *INDEXED})


def _readable(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the next rows, as far as they can be read."""
    with suppress(*BROKEN):
        yield from islice(rows, LOOK_AHEAD)


def _class_of_break(row: Row, rest: list[Row]) -> str:
    """Return the class of damage where the chain breaks.

    A record that follows from one further behind was moved. Else the next checkpoint tells: it states at which place it
    was written, so records before it are missing, or were added, or one is not what was written there.
    """
    _, _, _, body, stored = row
    if any(isinstance(later[4], str) and link(later[4], body) == stored for later in rest):
        return MOVED
    for place, kind, _, later, _ in (row, *rest):
        written = checkpoint_of(later) if (kind, type(place), type(later)) == _A_CHECKPOINT else None
        if written is not None and written.seq != place - 1:
            return MISSING if written.seq > place - 1 else ADDED
        if written is not None:
            return CHANGED
    return CHANGED
