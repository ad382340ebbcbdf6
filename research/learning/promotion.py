"""Promotion: is a challenger better than the champion where it listened, on rows that neither was made from.

Both are rolled over the market rows of the journaled session: the session's plan with the champion as it was, and the
same plan with the challenger in the champion's seat. What counts are hours behind everything the artefacts have seen.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from actors.restoring import SessionLog, sessions
from actors.settings import decode_plan
from envs.rollout import open_engine, roll
from journal.store import open_journal
from market.tape import Tape, empty_tape, select_rows
from policies.plan import Plan
from research.home import Home
from research.judging.paired import block_length, compare
from research.learning.artefact import find_artefact, load_artefact
from research.learning.roles import RoleError, Roles
from venues.replay import load_tape

HOUR_NS: Final = 3_600 * 10**9
BOOTSTRAPS: Final = 2_000
SEED: Final = 1


class Verdict(NamedTuple):
    """Whether the challenger passes, in words and in numbers."""

    passed: bool
    champion: str
    challenger: str
    text: str
    evidence: dict[str, float]


def promotion_of(home: Path, roles: Roles, desk: str, session: int | None, periods_min: int, p_max: float) -> Verdict:
    """Hold a desk's challenger against its champion on a session; RoleError where there is nothing to hold."""
    name = roles.challenger(desk)
    if not name:
        raise RoleError(f"{desk}: it has no challenger; `trifecta models challenge HASH` names one")
    own = Home(home)
    log = _session_with(own, name, session)
    assert log.session is not None
    plan, tape = decode_plan(log.session.plan), load_tape(own.tapes, log.session.tape_hash)
    shadow = next(model for model in plan.models if model.shadow and model.sha256 == name)
    champion_desk = _champion_of(plan, shadow.desk)
    now, champion_tape = without_shadows(plan, tape)
    known_ns = _known_until(own.models, [name, *(model.sha256 for model in now.models)])
    replaced = _in_seat(plan, shadow.desk, champion_desk)
    ends = np.arange(*_hours(tape, known_ns), HOUR_NS)
    champion = now.model_of(champion_desk)
    was = champion.sha256 if champion else now.desks[champion_desk].policy
    if len(ends) - 1 < periods_min:
        return Verdict(
            False, was, name,
            f"{desk}: {max(len(ends) - 1, 0)} hours of session {log.session.number} lie behind what the artefacts have "
            f"seen; {periods_min} are needed",
            {"periods": float(max(len(ends) - 1, 0))},
        )  # fmt: skip
    ours, theirs = (_returns(one, champion_tape, ends) for one in (replaced, now))
    found = compare(ours, theirs, block_length(len(ours)), BOOTSTRAPS, SEED)
    passed = found.mean_difference > 0.0 and found.p_value <= p_max
    text = (
        f"{desk}: {name[:12]} against {was[:12]}: {len(ours)} hours, mean difference {found.mean_difference:+.3g} a "
        f"period, p {found.p_value:.3f}: " + ("promoted" if passed else f"not promoted (p at most {p_max:g} is asked)")
    )
    evidence = {
        "periods": float(len(ours)), "mean_difference": found.mean_difference, "p_value": found.p_value,
        "low": found.low, "high": found.high, "session": float(log.session.number),
    }  # fmt: skip
    return Verdict(passed, was, name, text, evidence)


def _session_with(home: Home, name: str, number: int | None) -> SessionLog:
    """Return the newest session in which an artefact was in shadow, or the one that is asked for."""
    journal = open_journal(home.journal, read_only=True)
    try:
        found = None
        for log in sessions(journal):
            assert log.session is not None
            plan = decode_plan(log.session.plan)
            listened = any(model.shadow and model.sha256 == name for model in plan.models)
            if listened and number in (None, log.session.number):
                found = log
    finally:
        journal.close()
    if found is None:
        where = "no session" if number is None else f"session {number} is none"
        raise RoleError(f"{name[:12]}: {where} in which it was a challenger; `trifecta run --model champion` makes one")
    return found


def _champion_of(plan: Plan, shadow: int) -> int:
    return next(k for k, desk in enumerate(plan.desks) if desk.kind == plan.desks[shadow].kind and k != shadow)


def without_shadows(plan: Plan, tape: Tape) -> tuple[Plan, Tape]:
    """Return plan and tape as they would have been with no challenger; they are the last desks and feeds."""
    shadows = {model.desk for model in plan.models if model.shadow}
    desks = tuple(desk for k, desk in enumerate(plan.desks) if k not in shadows)
    feeds = tuple(feed for feed in plan.feeds if feed.desk not in shadows)
    assert plan.feeds[: len(feeds)] == feeds
    models = tuple(model for model in plan.models if not model.shadow)
    kept = select_rows(tape, tape.feed < len(feeds))
    return structs.replace(plan, desks=desks, feeds=feeds, models=models), kept


def _in_seat(plan: Plan, shadow: int, champion: int) -> Plan:
    """Return the plan without shadows, with one of them in the champion's seat."""
    model, before, asked = plan.model_of(shadow), plan.desks[champion], plan.desks[shadow]
    assert model is not None
    now, _ = without_shadows(plan, empty_tape())
    seat = structs.replace(before, policy=asked.policy, params=asked.params)
    desks = tuple(seat if k == champion else desk for k, desk in enumerate(now.desks))
    models = tuple(other for other in now.models if other.desk != champion)
    own = structs.replace(model, desk=champion, shadow=False)
    return structs.replace(now, desks=desks, models=(*models, own))


def _known_until(folder: Path, names: list[str]) -> int:
    """Return the time of the newest row that any of some artefacts was made from."""
    known = -1
    for name in names:
        _, artefact = load_artefact(find_artefact(folder, name))
        known = max([known, *(span.last_ns for span in artefact.test)])
    return known


def _hours(tape: Tape, known_ns: int) -> tuple[int, int]:
    """Return (first, behind the last) whole hour that lies behind what was known and within the tape."""
    begin = max(int(tape.time_ns[0]), known_ns + 1)
    return -(-begin // HOUR_NS) * HOUR_NS, int(tape.time_ns[-1]) + 1


def _returns(plan: Plan, tape: Tape, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log returns between some instants of the account of a plan, rolled over a tape."""
    limits = structs.replace(plan.limits, sample_ns=min(plan.limits.sample_ns, HOUR_NS // 4))
    rollout = roll(open_engine(structs.replace(plan, limits=limits)), tape)
    times = np.asarray(rollout.samples["time_ns"])
    equity = np.concatenate([[plan.cash], np.asarray(rollout.samples["equity"])]).astype(np.float64)
    at = equity[np.searchsorted(times, ends, side="right")]
    return np.diff(np.log(np.maximum(at, 1.0)))
