"""Break trips: a break of a reconciliation trips the kill switch of its instrument (CB-06), until a person lifts it.

The switch is durable like any other. Where it cannot be made so, it is tried again whenever the gateway is spoken to;
meanwhile nothing passes anyway, because whoever cannot read the switches lets nothing pass.
"""

from pathlib import Path
from typing import Final

from actors.switching import Act, trip
from journal.order_records import Breaks
from journal.switchboard import Switchboard, SwitchboardError
from market.reconciliation import Break, BreakKind
from policies.breakers import trips_of_breaks
from policies.switches import Trip

WHO: Final = "reconciliation"


class BreakTrips:
    """Trips switches on the board at a path; without a path there are none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._waiting: dict[Trip, Breaks] = {}

    def hear(self, news: Breaks) -> None:
        """Take the breaks that stand at a venue now."""
        if not self._path:
            return
        breaks = [Break(BreakKind[kind], key, instrument) for kind, key, instrument, _, _ in news.breaks]
        self._waiting |= dict.fromkeys(trips_of_breaks(breaks), news)
        self.settle()

    def settle(self) -> bool:
        """Trip what waits to be tripped; tell whether nothing is left."""
        if not self._waiting:
            return True
        try:
            board = Switchboard(Path(self._path), create=False)
        except SwitchboardError:
            return False
        try:
            for wish, news in list(self._waiting.items()):
                kinds = sorted({kind for kind, _, instrument, _, _ in news.breaks if instrument == wish.key})
                trip(board, wish, Act(who=(WHO,), reason=f"{', '.join(kinds)} at {news.venue}", now_ns=news.time_ns))
                del self._waiting[wish]
        except SwitchboardError:
            return False
        finally:
            board.close()
        return True
