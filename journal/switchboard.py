"""The switchboard: the durable latches of the kill switches, in a file of their own.

It is apart from the journal and its one writer, so that a switch can be tripped while the engine hangs, and by a
process that knows nothing of it. Every trip and every re-arm is one more row (`journal.kept_rows`); only when it is
durable is anybody told. What is tripped is the fold of the rows.

A file that is gone, replaced, damaged or does not follow from itself is a `SwitchboardError`: who reads it must take
everything as blocked.
"""

from collections.abc import Callable
from typing import Final

from journal.kept_rows import KeptRows
from journal.records import Switch

NONE: Final = "NONE"
"""The mode of a switch that is not tripped."""


class SwitchboardError(ValueError):
    """The switches cannot be read, or not be changed; the message names file and what is wrong with it."""


class Switchboard(KeptRows[Switch]):
    """One switchboard file; any number of processes may have it open.

    It is made if it is not there, unless who opens it expects it to be: then a file that is gone is an error.
    """

    table = "switches"
    name = "switchboard"
    kind = Switch
    error = SwitchboardError

    def current(self) -> tuple[Switch, ...]:
        """Return the newest row of every switch that is tripped; SwitchboardError while that cannot be said.

        Microseconds while nothing has changed: it may stand right before every send.
        """
        rows = self.rows()
        if rows is not self._folded:
            self._folded, self._active = rows, active_of(rows)
        return self._active

    def change(self, decide: Callable[[tuple[Switch, ...]], Switch | None]) -> Switch | None:
        """Append the row that `decide` makes of the switches that are tripped, durably; None where it makes none.

        Nobody else changes anything in between. SwitchboardError when it cannot be made durable: then it is not done.
        """
        return self.append(lambda rows: decide(active_of(rows)))

    _folded: tuple[Switch, ...] = ()
    _active: tuple[Switch, ...] = ()


def active_of(rows: tuple[Switch, ...]) -> tuple[Switch, ...]:
    """Return the newest row of every switch that it leaves tripped, in the order of their names."""
    newest = {(row.scope, row.key): row for row in rows}
    return tuple(row for _, row in sorted(newest.items()) if row.mode != NONE or row.hard)
