"""The file of commands: what people order of an account, durable before it is acknowledged, engine or none.

Apart from the journal and its one writer, as the switchboard is, and for the same reason. A row says for which session,
that is for which account, it is meant; a governor of that session takes it into its journal at an instant of market
time, and from there it is folded like everything else. Rows of a session that is over are never taken.
"""

from collections.abc import Sequence

from journal.kept_rows import KeptRows
from journal.records import Command


class CommandsError(ValueError):
    """The commands cannot be read, or none be added; the message names file and what is wrong with it."""


class CommandFile(KeptRows[Command]):
    """One file of commands; any number of processes may have it open."""

    table = "commands"
    name = "file of commands"
    kind = Command
    error = CommandsError

    def add(self, command: Command) -> Command:
        """Append a command; when this returns it is durable. CommandsError where it could not be made so."""
        made = self.append(lambda _: command)
        assert made is not None
        return made


def meant_for(rows: Sequence[Command], session: int, after: int = 0) -> list[Command]:
    """Return the commands of a session behind a row."""
    return [row for row in rows if row.session == session and row.row > after]
