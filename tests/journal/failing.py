"""A journal that now and then cannot be written, as a full disk or a lost connection would have it."""

from collections.abc import Iterator, Sequence

from journal.entries import Head, chained, unwritten
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
        self._known: Head | None = None

    def claim(self, owner: str, now_ns: int) -> int:
        """Take the next epoch, which always works; its owner knows nothing of what the one before him had in hand."""
        self._known = None
        self._epochs.append(owner)
        epoch = len(self._epochs)
        super().append(epoch, [Claim(time_ns=now_ns, epoch=epoch, owner=owner)])
        return epoch

    def append(self, epoch: int, records: Sequence[AnyRecord]) -> int:
        """Add records, or say that it does not work."""
        super().append(epoch, [])  # fenced?
        known = self._known or self.head
        missing = unwritten(known, self.head, chained(known, records))
        mood = next(self.moods, WORKS)
        if mood != FAILS:
            super().append(epoch, records[len(records) - len(missing) :])
        if mood == WORKS:
            self._known = None
            return self.head[0]
        self._known = known
        self.failures[mood] += 1
        raise JournalUnavailable("the journal cannot be written now (as this test wants it)")
