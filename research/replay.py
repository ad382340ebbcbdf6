"""Replay: decide every decision of a journal again, from its own plan and the data it names, and compare bit by bit."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

import msgspec
from msgspec import Struct

from actors.obeying import wish_of
from actors.restoring import SessionLog, sessions
from actors.settings import PAPER_VENUE, decode_plan
from actors.writing import Writer
from envs.rollout import open_engine, roll
from journal.chain import canonical
from journal.order_records import Report
from journal.records import Decision
from journal.store import Place, open_journal, shown
from journal.verify import verify_journal
from market.money import INT64_MAX
from market.tape import Tape
from policies.plan import plan_hash
from research.digests import differing
from research.result import result_of_rollout
from venues.replay import load_tape


class ReplayError(ValueError):
    """A journal cannot be replayed; the message says what is missing."""


class DamagedJournalError(ValueError):
    """A journal is not what was written; the message names the first bad record."""


class SessionReplay(Struct, frozen=True, kw_only=True):
    """One session decided again: how many decisions it has, how many came out the same, and the first that did not.

    A person who trips a kill switch is no part of plan and data. So a session is compared up to the market time
    `switched_ns` at which one was journaled first (None: none was), and `decisions` are those up to there. No more is
    what a simulated venue does that fails: `parted_ns` is when it first reported what paper would not have.
    """

    session: int
    complete: bool
    decisions: int
    identical: int
    first_difference: dict[str, object] | None
    switched_ns: int | None = None
    parted_ns: int | None = None


def replay_journal(
    place: Place, tapes: Path, rebuild: Callable[[SessionLog], Tape | None] | None = None
) -> list[SessionReplay]:
    """Decide all sessions of a journal again; DamagedJournalError if it is, ReplayError if its data is gone.

    Data is found by hash below `tapes`; `rebuild` may make it again from its sources when it is not there.
    """
    journal, path = open_journal(place, read_only=True), shown(place)
    try:
        verification = verify_journal(journal)
        if not verification.ok:
            raise DamagedJournalError(f"{path}: {verification.finding}")
        return [replay_session(path, log, tapes, rebuild) for log in sessions(journal)]
    finally:
        journal.close()


def replay_session(
    path: str, log: SessionLog, tapes: Path, rebuild: Callable[[SessionLog], Tape | None] | None
) -> SessionReplay:
    """Decide one session again with the kernel, from its plan and tape, and hold it against the journal."""
    assert log.session is not None
    plan = decode_plan(log.session.plan)
    if plan_hash(plan) != log.session.plan_hash:
        raise ReplayError(f"{path}: session {log.session.number}: its plan does not give the hash beside it")
    obeyed = {outcome.row for outcome in log.outcomes}
    wishes = [wish_of(plan, command) for command in log.commands if command.row in obeyed]
    tape = _tape(path, log, tapes, rebuild)
    rollout = roll(open_engine(plan), tape, wishes=wishes)
    writer = Writer(plan, log.session.number)
    switched_ns = min((switch.time_ns for switch in log.switches), default=None)
    parted_ns = _parted_ns(log, result_of_rollout(plan, tape, rollout).reports)
    end_ns = INT64_MAX if switched_ns is None else switched_ns
    end_ns = end_ns if parted_ns is None else min(end_ns, parted_ns - 1)
    ours = [_content(writer.decision(row, 1)) for row in rollout.decisions if row.time_ns <= end_ns]
    theirs = [_content(decision) for decision in log.decisions if decision.time_ns <= end_ns]
    if not log.complete:
        ours = ours[: len(theirs)]  # it stopped there; what would have followed is not in question
    place = differing(theirs, ours)
    identical = sum(1 for one, other in zip(theirs, ours, strict=False) if one == other)
    return SessionReplay(
        session=log.session.number,
        complete=log.complete,
        decisions=len(theirs),
        identical=identical,
        first_difference=None if place is None else _difference(place, theirs, ours),
        switched_ns=switched_ns,
        parted_ns=parted_ns,
    )


def _parted_ns(log: SessionLog, ours: Sequence[Report]) -> int | None:
    """Return when a session's venues first reported something else than the kernel's; None on paper, or never."""
    assert log.session is not None
    if log.session.venue == PAPER_VENUE:
        return None
    one, other = (
        sorted(reports, key=lambda said: (said.time_ns, said.venue, said.execution)) for reports in (log.reports, ours)
    )
    for theirs, kernels in zip_longest(one, other):
        if theirs is None:
            return int(kernels.time_ns) if log.complete else None
        if theirs != kernels:
            return min(int(said.time_ns) for said in (theirs, kernels) if said is not None)
    return None


def _content(decision: Decision) -> bytes:
    """Return what is compared: everything but the governor's epoch, which says who decided, not what."""
    return canonical(msgspec.structs.replace(decision, epoch=0))


def _difference(place: int, theirs: list[bytes], ours: list[bytes]) -> dict[str, object]:
    journaled = msgspec.json.decode(theirs[place]) if place < len(theirs) else None
    decided = msgspec.json.decode(ours[place]) if place < len(ours) else None
    fields = []
    if journaled and decided:
        fields = sorted(name for name in journaled if journaled[name] != decided.get(name))
    return {"index": place, "fields": fields, "journaled": journaled, "decided_again": decided}


def _tape(path: str, log: SessionLog, tapes: Path, rebuild: Callable[[SessionLog], Tape | None] | None) -> Tape:
    assert log.session is not None
    name = log.session.tape_hash
    if (tapes / name).is_dir():
        return load_tape(tapes, name)
    made = rebuild(log) if rebuild else None
    if made is None:
        sources = ", ".join(source for source, _, _ in log.session.data)
        raise ReplayError(
            f"{path}: session {log.session.number} ran over the tape {name}, which is not in {tapes}; "
            f"it was made from {sources}"
        )
    return made
