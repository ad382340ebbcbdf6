"""Executions of one venue: numbered without a gap, so a lost one is seen; each taken once, however often it is told."""

from collections.abc import Iterable

from venues.messages import Execution


class Executions:
    """Which executions have been taken, and whether some are missing."""

    def __init__(self, taken: Iterable[int] = ()) -> None:
        self._above = set(taken)
        self.contiguous = 0
        self.told = 0
        self._settle()

    @property
    def is_missing_some(self) -> bool:
        """Tell whether the venue has spoken of an execution that is not here, nor all before it."""
        return self.told > self.contiguous

    def take(self, execution: Execution) -> bool:
        """Note an execution; False when it has been taken before."""
        self.hear_of(execution.number)
        if execution.number <= self.contiguous or execution.number in self._above:
            return False
        self._above.add(execution.number)
        self._settle()
        return True

    def hear_of(self, number: int) -> None:
        """Take it that there are executions up to this number."""
        self.told = max(self.told, number)

    def _settle(self) -> None:
        while self.contiguous + 1 in self._above:
            self.contiguous += 1
            self._above.remove(self.contiguous)
        self.told = max(self.told, self.contiguous, *self._above, 0)
