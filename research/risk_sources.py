"""Where a risk report takes its run from: the newest session of a journal, or a backtest that is run for it."""

from pathlib import Path

from actors.restoring import SessionLog, sessions
from actors.settings import decode_plan
from journal.store import JournalError, Place, open_journal, shown
from journal.verify import verify_journal
from research.asking import Request, plan_for
from research.backtest import run_backtest
from research.replay import DamagedJournalError
from research.risk_report import Source
from venues.replay import load_tape


def source_of_journal(place: Place, tapes: Path) -> Source:
    """Return the newest session of a journal with its tape, found by hash below `tapes`; without one it says so.

    DamagedJournalError names the first bad record; JournalError when there is no journal or no session in it.
    """
    path, journal = shown(place), open_journal(place, read_only=True)
    try:
        found = verify_journal(journal)
        if not found.ok:
            raise DamagedJournalError(f"{path}: {found.finding}")
        newest: SessionLog | None = None
        for log in sessions(journal):
            newest = log
    finally:
        journal.close()
    if newest is None or newest.session is None:
        raise JournalError(f"{path}: no session was journaled here")
    name = newest.session.tape_hash
    there = (tapes / name).is_dir()
    return Source(
        name=f"{path}, session {newest.session.number}",
        plan=decode_plan(newest.session.plan),
        samples=newest.samples,
        reports=newest.reports,
        tape=load_tape(tapes, name) if there else None,
        no_tape=None if there else f"its market data, tape {name}, is not in {tapes}",
    )


def source_of_backtest(request: Request) -> Source:
    """Run a backtest and return it."""
    planned = plan_for(request)
    result = run_backtest(planned).result
    return Source("backtest", result.plan, result.samples, result.reports, planned.tape)
