"""A journal that now and then cannot be written, as a full disk or a lost connection would have it."""

from collections.abc import Iterator, Sequence

from journal.entries import Attempt, chained
from journal.records import AnyRecord, Claim
from journal.store import JournalUnavailable, MemoryJournal

WORKS, FAILS, LOST = "works", "fails", "lost"
"""What an append comes to: written and said so, not written, or written and the answer is lost."""


class FailingJournal(MemoryJournal):
    """A journal whose appends fare as `moods` says, and work once that has ended."""

    def __init__(self, moods: Iterator[str]) -> None:
        super().__init__()
        self.moods = moods
        self.failures = {FAILS: 0, LOST: 0}
        self._attempt: Attempt | None = None

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch, which always works; its owner knows nothing of what the one before him had in hand."""
        self._attempt = None
        self._epochs.append(owner)
        epoch = len(self._epochs)
        super().append(epoch, [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Add records, or say that it does not work."""
        super().append(epoch, [])  # fenced?
        before = self._attempt.written(self.head, records) if self._attempt is not None else 0
        head = self.head
        mood = next(self.moods, WORKS)
        if mood != FAILS:
            super().append(epoch, records[before:])
        if mood == WORKS:
            self._attempt = None
            return self.head[0]
        self._attempt = Attempt(head, before, tuple(records), chained(head, records[before:]))
        self.failures[mood] += 1
        raise JournalUnavailable("the journal cannot be written now (as this test wants it)")
