"""The inbox for what agents propose: stretches of intents from several agents, handed on one instant at a time."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from actors.messages import Intents
from actors.rows import Inbox
from market.records import Records, joined, records, unpacked
from policies.intents import INTENT


class ProposalInbox(Inbox):
    """Collects intents per agent; `take` gives those of one instant, with one more record as room to sort in."""

    def __init__(self, agents: Sequence[str], after_ns: int) -> None:
        super().__init__(agents, after_ns)
        self._batches: dict[str, deque[int]] = {agent: deque() for agent in agents}

    def accept(self, batch: Intents) -> bool:
        """Take what a batch adds to what is here; False for a repetition, or a gap that must be asked for again."""
        position = self.positions[batch.source]
        if not batch.after_ns <= position < batch.upto_ns:
            return False
        intents = unpacked(batch.intents, INTENT)
        fresh = intents[intents.time_ns > position]
        if len(fresh):
            self._pieces[batch.source].append(fresh)
        self.positions[batch.source] = batch.upto_ns
        self._batches[batch.source].append(batch.upto_ns)
        return True

    def take(self, time_ns: int) -> Any:
        """Hand on all intents of one instant, and one empty record more."""
        taken: list[Records] = []
        for pieces in self._pieces.values():
            while pieces and int(pieces[0].time_ns[0]) == time_ns:
                piece = pieces.popleft()
                cut = int(np.searchsorted(piece["time_ns"], time_ns, side="right"))
                taken.append(piece[:cut])
                if cut < len(piece):
                    pieces.appendleft(piece[cut:])
        return joined([*taken, records(1, INTENT)], INTENT)

    def settled(self, done_ns: int) -> dict[str, int]:
        """Return, and forget, how many batches of each agent lie wholly behind `done_ns`."""
        found = {}
        for agent, batches in self._batches.items():
            count = 0
            while batches and batches[0] <= done_ns:
                batches.popleft()
                count += 1
            found[agent] = count
        return found

    def withdraw(self, done_ns: int) -> None:
        """Forget everything: agents propose anew what comes after `done_ns`."""
        for agent in self.positions:
            self._pieces[agent].clear()
            self._batches[agent].clear()
            self.positions[agent] = done_ns
