"""Believing: a plan that takes its desks' claims for what came of such claims in the sessions before.

What a session learns counts from the next one on, and a session that was interrupted goes on with what it began with.
"""

from pathlib import Path

from msgspec import structs

from actors.restoring import sessions
from journal.store import Journal, Place, is_url, open_journal
from research.planning import Planned
from research.standing import standing_of
from research.standing_rows import standing_plan


def believing(planned: Planned, place: Place) -> Planned:
    """Return the plan with the record that a journal's finished sessions come to; without a journal as it is."""
    if not is_url(place) and not Path(place).exists():
        return planned
    journal = open_journal(place, read_only=True)
    try:
        standing = standing_of(journal, before=_unfinished(journal))
    finally:
        journal.close()
    if not standing.sessions:
        return planned
    return planned._replace(plan=structs.replace(planned.plan, standing=standing_plan(standing, planned.plan)))


def _unfinished(journal: Journal) -> int | None:
    """Return the number of the newest session, if it was interrupted: it is the one that goes on."""
    newest = None
    for log in sessions(journal):
        newest = log
    if newest is None or newest.session is None or newest.complete:
        return None
    return newest.session.number
