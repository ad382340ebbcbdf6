"""A journal in memory, for simulations and backtests: the same face, chain and fence as the stores."""

from collections.abc import Iterator, Sequence

from journal.chain import GENESIS
from journal.entries import Entry, Fenced, Head, chained, check_indexed
from journal.records import AnyRecord, Claim


class MemoryJournal:
    """A journal in memory: durable as long as the process that holds it."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._epochs: list[str] = []

    @property
    def head(self) -> Head:
        """Sequence number and hash of the newest record."""
        return (len(self._entries), self._entries[-1].hash) if self._entries else (0, GENESIS)

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch; return it."""
        self._epochs.append(owner)
        epoch = len(self._epochs)
        self.append(epoch, [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Add records; Fenced under an old epoch."""
        if epoch != len(self._epochs):
            raise Fenced(f"epoch {epoch} is fenced: epoch {len(self._epochs)} has been claimed")
        self._entries += chained(self.head, records)
        return len(self._entries)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield stored records with a sequence number above `after`, in order."""
        yield from self._entries[max(after, 0) :]

    def newest(self, kind: str) -> int:
        """Return the sequence number of the newest `session` or `claim` record, 0 where there is none."""
        check_indexed(kind)
        return next((entry.seq for entry in reversed(self._entries) if entry.kind == kind), 0)

    def close(self) -> None:
        """Nothing is held."""
