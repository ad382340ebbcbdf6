"""What the governor knows of the standing of sources: which of the changes that agents tell are news.

A desk's changes are numbered, and the same market gives the same ones, so one that comes again is known by its number.
"""

from collections.abc import Sequence

from actors.messages import Standings
from actors.writing import Writer
from journal.records import Demotion
from market.records import unpacked
from policies.demotion import CHANGE


class Demotions:
    """How many changes of standing were taken, per desk."""

    def __init__(self, agents: Sequence[str], writer: Writer, journaled: Sequence[Demotion]) -> None:
        self._writer = writer
        desks = [desk.name for desk in writer.plan.desks]
        self._taken = {
            agent: max((one.number for one in journaled if one.desk == desk), default=0)
            for agent, desk in zip(agents, desks, strict=True)
        }

    def taken(self, agent: str) -> int:
        """Return how many of an agent's changes were taken."""
        return self._taken[agent]

    def fresh(self, batch: Standings) -> list[Demotion]:
        """Take the next of an agent's changes; those taken before, and those behind a gap, are left."""
        found = []
        for k, change in enumerate(unpacked(batch.changes, CHANGE)):
            if batch.first + k == self._taken[batch.source] + 1:
                self._taken[batch.source] += 1
                found.append(self._writer.demotion(change, batch.first + k))
        return found
