"""Roles: which artefact is a desk's champion and which its challenger, as an append-only record of who changed it why.

The newest entry of a desk counts; a rollback is an entry as well. Nothing here changes a running session: a session's
plan names its artefacts, and is journaled.
"""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from policies.plan import canonical

FILE: Final = "roles.jsonl"


class RoleError(ValueError):
    """A role that cannot be given; one line that says why."""


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change: at this time (UTC, ISO) the desk got this champion and challenger ("" for none), and why.

    `action` is champion, challenger, promote, rollback or retire; `evidence` are the numbers that it stands on.
    """

    at: str
    desk: str
    action: str
    champion: str
    challenger: str
    reason: str
    evidence: dict[str, float] = {}


class Roles:
    """The roles of all desks, in a file below the folder of artefacts."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def entries(self) -> tuple[Entry, ...]:
        """Return all changes, oldest first; RoleError names a line that cannot be read."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(msgspec.json.decode(line, type=Entry))
            except msgspec.MsgspecError as error:
                if number == len(lines):
                    break  # a write that was cut short: it never counted
                raise RoleError(f"{self._path}, line {number}: not an entry ({error})") from error
        return tuple(found)

    def of(self, desk: str) -> Entry | None:
        """Return a desk's newest entry."""
        own = [entry for entry in self.entries() if entry.desk == desk]
        return own[-1] if own else None

    def champion(self, desk: str) -> str:
        """Return a desk's champion, "" for none."""
        newest = self.of(desk)
        return newest.champion if newest else ""

    def challenger(self, desk: str) -> str:
        """Return a desk's challenger, "" for none."""
        newest = self.of(desk)
        return newest.challenger if newest else ""

    def give(self, entry: Entry) -> None:
        """Write an entry, durably."""
        self.entries()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(whole + canonical(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def before(self, desk: str) -> str:
        """Return the champion that a desk had before its present one; RoleError: there was none."""
        own = [entry.champion for entry in self.entries() if entry.desk == desk]
        now = own[-1] if own else ""
        stack: list[str] = []
        for entry in (entry for entry in self.entries() if entry.desk == desk):
            if entry.action == "rollback" and stack:
                stack.pop()
            elif not stack or stack[-1] != entry.champion:
                stack.append(entry.champion)
        if len(stack) < 2 or stack[-1] != now:
            raise RoleError(f"{desk}: there was no champion before {now[:12] or 'none'}; nothing to go back to")
        return stack[-2]
