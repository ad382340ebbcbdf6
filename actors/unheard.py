"""What was reported and risk has not taken yet: until it has, nobody knows what it will close because of it.

Risk says up to when no group will come unless something is reported before. Where the engine closes holdings itself, a
report may call for a group at its own instant; so its word ends before the first report that it did not know of.
"""

from collections import deque
from collections.abc import Iterable

from actors.messages import START, Verdicts
from journal.order_records import Report


class Unheard:
    """Times of the reports that risk has not taken; none where no report calls for anything."""

    def __init__(self, reports: Iterable[Report], after_ns: int, *, calls: bool) -> None:
        """Begin with the journaled reports of later than `after_ns`: whether risk has taken them is not known."""
        self.calls = calls
        self._done_ns = START
        known = (report.time_ns for report in reports if report.time_ns > after_ns)
        self._times: deque[int] = deque(sorted(known) if calls else ())

    def taken(self, time_ns: int, horizon_ns: int) -> int:
        """Note a report that was taken, in order of time; return what is left of risk's word."""
        if not self.calls or time_ns <= self._done_ns:
            return horizon_ns
        self._times.append(time_ns)
        return min(horizon_ns, time_ns - 1)

    def horizon(self, before_ns: int, verdicts: Verdicts) -> int:
        """Return up to when no group will come after risk's newest word; a word of before the newest adds nothing."""
        if not self.calls:
            return max(before_ns, verdicts.horizon_ns)
        if verdicts.done_ns < self._done_ns:
            return before_ns
        self._done_ns = verdicts.done_ns
        while self._times and self._times[0] <= self._done_ns:
            self._times.popleft()
        said_ns = min(verdicts.horizon_ns, self._times[0] - 1) if self._times else verdicts.horizon_ns
        return max(before_ns, said_ns)
