"""Sealing: a store ends every group with a signed checkpoint, and after its commit lets the head outside follow.

Here is what a store needs of it; keys and signatures are in `journal.signing`, which a reader does not load.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from journal.entries import Entry, Head, JournalUnavailable, chained
from journal.heads import HeadBusyError
from journal.records import AnyRecord, Checkpoint

if TYPE_CHECKING:
    from journal.signing import Seal


class Sealer(Protocol):
    """Opens the seal of a journal file; `signed` says that its newest record is a checkpoint, so that a head is due."""

    def __call__(self, journal: Path, /, *, signed: bool = False) -> "Seal":
        """Return the seal; at first use keys and head are made."""


class Groups:
    """Makes the groups of one writer: chained, and sealed where there is a seal."""

    def __init__(self, seal: "Seal | None" = None) -> None:
        self._seal = seal
        self._newest: tuple[Head, Checkpoint] | None = None  # signed, and not known to be in the head outside

    def chained(self, head: Head, records: Sequence[AnyRecord]) -> list[Entry]:
        """Return records as entries that follow a head; with a seal the last one is their checkpoint."""
        entries = chained(head, records)
        if self._seal is None or not entries:
            return entries
        last = entries[-1]
        checkpoint = self._seal.checkpoint(last.seq, last.hash, last.time_ns)
        entries += chained((last.seq, last.hash), [checkpoint])
        self._newest = (entries[-1].seq, entries[-1].hash), checkpoint
        return entries

    def publish(self, head: Head) -> None:
        """Let the head outside follow where the newest checkpoint has been committed: it is the journal's `head` then.

        JournalUnavailable where it cannot: the group is in the journal, and the append made again finds that out.
        """
        if self._seal is None or self._newest is None or self._newest[0] != head:
            return
        try:
            self._seal.publish(self._newest[1])
        except (OSError, HeadBusyError) as error:
            raise JournalUnavailable(f"the head outside the journal cannot be written now ({error})") from error
        self._newest = None

    def close(self) -> None:
        """Let go of the seal; the head outside is on disk then."""
        if self._seal is not None:
            self._seal.close()
            self._seal = None
