"""Guards as others publish them, re-implemented from their rules; their numbers are those of the firm to be kept."""

import math
from typing import Protocol

from tests.adversarial.truth import CASH, Firm, Truth

DAY_NS = 86_400 * 10**9


class Rival(Protocol):
    """A guard: it looks at the account while the system runs, and says whether a new trade may be opened."""

    def look(self, truth: Truth, time_ns: int, *, sound: bool) -> None:
        """Take the account of an instant; `sound` tells whether its prices were numbers."""

    def allows(self, time_ns: int) -> bool:
        """Tell whether a trade may be opened."""

    def restart(self) -> None:
        """Lose what is kept in memory alone."""


class ClosedProfit:
    """Closed-profit drawdown: trades that were closed within a look-back; a drawdown of their sum stops new ones.

    Floating losses do not exist for it. It reads its trades from a database, so a restart loses nothing.
    """

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._closed: list[tuple[int, int]] = []
        self._until = 0

    def look(self, truth: Truth, time_ns: int, *, sound: bool) -> None:
        """Note what was closed; stop for a day on too deep a drawdown of it."""
        self._closed += [(time_ns, profit) for profit in truth.closed[len(self._closed) :]]
        recent = [profit for closed, profit in self._closed if closed > time_ns - DAY_NS]
        limits = ((recent, self._firm.daily), ([profit for _, profit in self._closed], self._firm.total))
        for profits, percent in limits:
            if drawdown(profits) * 100 >= CASH * percent:
                self._until = time_ns + DAY_NS

    def allows(self, time_ns: int) -> bool:
        """Tell whether it is not stopped."""
        return time_ns >= self._until

    def restart(self) -> None:
        """Keep all: it is in the database."""


class ResettingMark:
    """Trailing drawdown from a high-water mark: on a breach all is closed, and the mark starts again from there.

    So nothing is ever latched, and each next drawdown may be as deep. The mark lives in memory.
    """

    def __init__(self, firm: Firm) -> None:
        self._percent = firm.daily
        self._mark: int | None = None

    def look(self, truth: Truth, time_ns: int, *, sound: bool) -> None:
        """Raise the mark, or close everything and forget it."""
        self._mark = max(self._mark or 0, truth.equity)
        if (truth.equity - self._mark) * 100 <= -self._mark * self._percent:
            truth.flatten()
            self._mark = None

    def allows(self, time_ns: int) -> bool:
        """Tell that anything may be opened: what protects is the closing."""
        return True

    def restart(self) -> None:
        """Forget the mark."""
        self._mark = None


class FedAggregator:
    """Sums of what its caller feeds it: results of closed trades, per UTC day and in all, compared with the limits.

    A result that is no number makes the sums no number, and no comparison with one is true. Memory alone.
    """

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._fed = 0
        self.restart()

    def look(self, truth: Truth, time_ns: int, *, sound: bool) -> None:
        """Be fed."""
        if time_ns // DAY_NS != self._day:
            self._day, self._today = time_ns // DAY_NS, 0.0
        for profit in truth.closed[self._fed :]:
            result = profit / 1e6 if sound else math.nan
            self._today += result
            self._total += result
        self._fed = len(truth.closed)

    def allows(self, time_ns: int) -> bool:
        """Tell whether no sum has reached its limit."""
        capital = CASH / 1e6
        over = self._today <= -capital * self._firm.daily / 100 or self._total <= -capital * self._firm.total / 100
        return not over

    def restart(self) -> None:
        """Forget the sums."""
        self._day, self._today, self._total = -1, 0.0, 0.0


def drawdown(profits: list[int]) -> int:
    """Return the deepest fall of a running sum below its highest, which is zero at least."""
    total = top = deepest = 0
    for profit in profits:
        total += profit
        top = max(top, total)
        deepest = max(deepest, top - total)
    return deepest
