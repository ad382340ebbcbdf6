"""Export: a journal as JSON lines, one record each, with its place in the chain."""

from collections.abc import Iterator
from typing import IO

import msgspec

from journal.store import Entry, Journal


def json_line(entry: Entry) -> bytes:
    """Return a record as one line: sequence, hash, and the canonical body as it was hashed."""
    return b'{"seq":%d,"hash":"%s","record":%s}\n' % (entry.seq, entry.hash.encode(), entry.body)


def export_lines(journal: Journal, out: IO[bytes], *, after: int = 0, kinds: frozenset[str] = frozenset()) -> int:
    """Write records after a sequence number, all or of some kinds; return how many."""
    count = 0
    for entry in wanted(journal, after, kinds):
        out.write(json_line(entry))
        count += 1
    return count


def wanted(journal: Journal, after: int, kinds: frozenset[str]) -> Iterator[Entry]:
    """Yield records after a sequence number, all or of some kinds; DecodeError where one of them holds no bytes."""
    for entry in journal.entries(after):
        if not isinstance(entry.body, bytes):  # a damaged page: SQLite gives what it finds
            raise msgspec.DecodeError(f"the record after {after} is lost")
        after = entry.seq
        if not kinds or entry.kind in kinds:
            yield entry
