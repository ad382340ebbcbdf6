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


class Attempt(NamedTuple):
    """An append of which it is not known whether it was carried out: a transaction, so all of it or nothing.

    `records` are what was to be appended; the first `before` of them were in the journal already, up to `head`.
    """

    head: Head
    before: int
    records: tuple[AnyRecord, ...]
    entries: list[Entry]

    def written(self, found: Head, records: Sequence[AnyRecord]) -> int:
        """Return how many records of the append made again are in a journal whose head is `found`.

        A hash stands for everything before it: where the head is the attempt's last entry, its records are there, and
        only the answer was lost. JournalError where the head is another one, or other records come first now.
        """
        if found == self.head:
            count = self.before
        elif self.entries and found == (self.entries[-1].seq, self.entries[-1].hash):
            count = len(self.records)
        else:
            raise JournalError(
                f"record {found[0]} follows record {self.head[0]} and is not of this writer: another one is at work"
            )
        if [canonical(record) for record in records[:count]] != [canonical(record) for record in self.records[:count]]:
            raise JournalError(
                f"{count} records up to {found[0]} are in the journal; others cannot come in their place"
            )
        return count
