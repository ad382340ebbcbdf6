"""Inboxes: stretches from several sources in market time; of market rows, handed on once every feed has passed them."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from actors.messages import END, START, Rows
from market.tape import Tape, empty_tape, merge_tapes, owned, slice_tape


class Asking:
    """When to ask a source for more: once half of what may be under way has been taken.

    Who is asked for everything one by one answers more than he works.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._taken: dict[str, int] = {}
        self._at_tick: dict[str, int] = {}

    def is_due(self, source: str, taken: int = 1) -> bool:
        """Note that so many batches more were taken; tell whether it is time to say so."""
        count = self._taken.get(source, 0) + taken
        due = 2 * count >= self._ahead
        self._taken[source] = 0 if due else count
        return due

    def is_silent(self, source: str, position: int) -> bool:
        """Tell, once a tick, whether a source's position has stayed where it was: then something may have been lost."""
        before = self._at_tick.get(source)
        self._at_tick[source] = position
        return before is None or before == position


class Inbox:
    """Stretches of something in market time from several sources: up to where each was heard, and what waits.

    A piece is whatever has a column `time_ns`.
    """

    def __init__(self, sources: Sequence[str], after_ns: int = START) -> None:
        self._pieces: dict[str, deque[Any]] = {source: deque() for source in sources}
        self.positions: dict[str, int] = dict.fromkeys(sources, after_ns)

    @property
    def ready_ns(self) -> int:
        """Up to when every source has been heard."""
        return min(self.positions.values(), default=END)

    def next_ns(self) -> int:
        """Return the time of the earliest waiting entry, END when none waits."""
        return min((int(pieces[0].time_ns[0]) for pieces in self._pieces.values() if pieces), default=END)


class RowInbox(Inbox):
    """Collects batches of rows; `release` gives whole instants, merged in (time, feed) order."""

    def accept(self, batch: Rows) -> bool:
        """Take what a batch adds to what is here; False for a repetition, or a gap that must be asked for again."""
        position = self.positions[batch.source]
        if not batch.after_ns <= position < batch.upto_ns:
            return False
        begin = int(np.searchsorted(batch.tape.time_ns, position, side="right"))
        if begin < len(batch.tape.time_ns):
            self._pieces[batch.source].append(owned(slice_tape(batch.tape, begin, len(batch.tape.time_ns))))
        self.positions[batch.source] = batch.upto_ns
        return True

    def waiting(self, source: str) -> int:
        """Return how many batches of a source wait to be released: who has enough of them pulls no more."""
        return len(self._pieces[source])

    def release(self, upto_ns: int) -> Tape:
        """Hand on and forget all rows up to and including `upto_ns`."""
        taken: list[Tape] = []
        for pieces in self._pieces.values():
            while pieces and pieces[0].time_ns[0] <= upto_ns:
                piece = pieces.popleft()
                cut = int(np.searchsorted(piece.time_ns, upto_ns, side="right"))
                taken.append(slice_tape(piece, 0, cut))
                if cut < len(piece.time_ns):
                    pieces.appendleft(slice_tape(piece, cut, len(piece.time_ns)))
        if not taken:
            return empty_tape()
        return taken[0] if len(taken) == 1 else merge_tapes(taken)
