"""What a journal is to those who write and read it: entries, the face of every store, and how a store says no. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from journal.chain import canonical, link
from journal.records import AnyRecord, decode, kind_of

VERSION: Final = 2
"""Of the tables; `journal.migrations` says what each version changed."""

LOCK_WAIT_S: Final = 10.0
"""How long a writer waits for another one."""

Head: TypeAlias = tuple[int, str]
"""Sequence number and hash of the newest record; (0, GENESIS) when there is none."""


class Fenced(Exception):  # noqa: N818 - it is a state of affairs, not a defect
    """A later epoch has been claimed: this writer's word counts no more."""


class JournalError(ValueError):
    """This is not a journal that this version can use; the message names place, what and what is allowed."""


class NoJournalError(JournalError):
    """There is nothing at all at this place."""


class JournalUnavailable(OSError):  # noqa: N818 - it is a state of affairs, not a defect
    """The store cannot be written or reached now: a full disk, a lock that nobody lets go, a lost connection.

    Whether the records of the call are in the journal is not known. The same call, made again with the same records
    (or more behind them), finds out and writes only what is missing.
    """


class Entry(NamedTuple):
    """One stored record."""

    seq: int
    kind: str
    time_ns: int
    body: bytes
    hash: str

    def record(self) -> AnyRecord:
        """Return what the bytes stand for."""
        return decode(self.body)


class Journal(Protocol):
    """What writers and readers of a journal see."""

    @property
    def head(self) -> Head:
        """Sequence number and hash of the newest record; (0, GENESIS) when there is none."""

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch; return it. JournalUnavailable where the store cannot be written."""

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Make records durable in one transaction; return the last sequence number.

        Fenced under an old epoch; JournalUnavailable where it is not known that they are durable: made again with the
        same records first, the call writes each of them once.
        """

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""

    def newest(self, kind: str) -> int:
        """Return the sequence number of the newest `session` or `claim` record, 0 where there is none."""

    def close(self) -> None:
        """Let go of what is held."""


INDEXED: Final = ("session", "claim")
"""Kinds whose newest record a store finds at once: where recovery begins to read."""


def check_indexed(kind: str) -> None:
    """Raise ValueError for a kind that stores do not find at once."""
    if kind not in INDEXED:
        raise ValueError(f"kind {kind!r}: the newest of {' and '.join(INDEXED)} can be asked for")


def chained(head: Head, records: Sequence[AnyRecord]) -> list[Entry]:
    """Return records as entries that follow a head."""
    seq, previous = head
    entries = []
    for record in records:
        body = canonical(record)
        seq, previous = seq + 1, link(previous, body)
        entries.append(Entry(seq, kind_of(record), record.time_ns, body, previous))
    return entries


def unwritten(known: Head, found: Head, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return which of the entries, chained to `known`, are missing from a journal whose head is `found`.

    A hash stands for everything before it: if the head is the hash of one of them, that one and all before it are
    there, and the answer to their commit was lost. JournalError if the head is none of them.
    """
    if found == known:
        return entries
    count = found[0] - known[0]
    if 0 < count <= len(entries) and entries[count - 1].hash == found[1]:
        return entries[count:]
    raise JournalError(f"record {found[0]} follows record {known[0]} and is not of this writer: another one is at work")
