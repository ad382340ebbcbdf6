"""Studies of whole runs: everything that desks decide, hear, sample and latch over a tape, with all rules and costs."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.rollout import open_engine, roll
from market.records import Records
from market.tape import PRICE_COLUMNS, Flaw, Tape, select_rows
from policies.intents import DeskKind
from policies.plan import Plan
from research.lookahead.columns import Columns
from research.lookahead.frames import DELAYED, JUMP, WEEK_AND_HOUR_NS
from research.lookahead.search import MISSING
from research.lookahead.study import Change, Study

LOGS: Final = ("reports", "samples", "latches")
CONTENT: Final = (*PRICE_COLUMNS, "bid_lots", "ask_lots", "volume", "flaws")
SWAPPED: Final = {"high": "low", "low": "high", "ask_high": "ask_low", "ask_low": "ask_high"}

TapeBend = Callable[[Tape, NDArray[np.bool_], np.random.Generator], Tape]


def study_of_run(name: str, plan: Plan, tape: Tape) -> Study:
    """Return the study of a run: per instant, what each desk decided and what each log says, as digests of all bits."""
    return Study(
        name=name, data=tape, times=np.unique(tape.time_ns), evaluate=partial(run_columns, plan), cut=_cut,
        changes=changes_of_tapes(),
    )  # fmt: skip


def run_columns(plan: Plan, tape: Tape) -> Columns:
    """Return what a run says at every instant of its tape; None where it says nothing."""
    instants = np.unique(tape.time_ns)
    run = roll(open_engine(plan), tape, settle_until_ns=int(tape.time_ns[-1]))
    columns = {name: _told(getattr(run, name), instants, _digest) for name in LOGS}
    for number, desk in enumerate(plan.desks):
        columns[f"{desk.name} decisions"] = _told(run.decisions[run.decisions.desk == number], instants, _decision)
    return columns


def decided(columns: Columns, desk: DeskKind) -> int:
    """Return at how many instants a desk decided anything."""
    column = columns[f"{desk.name.lower()} decisions"]
    return sum(value is not None for value in column)


def _told(rows: Records, instants: NDArray[np.int64], show: Callable[[Records], str]) -> NDArray[Any]:
    """Return one text per instant for what a log says of it."""
    out = np.full(len(instants), None, object)
    if not len(rows):
        return out
    order = np.argsort(rows.time_ns, kind="stable")
    times, begins = np.unique(rows.time_ns[order], return_index=True)
    ends = np.append(begins[1:], len(order))
    for time_ns, first, last in zip(times, begins, ends, strict=True):
        place = int(np.searchsorted(instants, time_ns))
        if place < len(instants) and instants[place] == time_ns:
            out[place] = show(rows[order[first:last]])
    return out


def _digest(rows: Records) -> str:
    return f"{len(rows)} of {hashlib.sha256(rows.tobytes()).hexdigest()[:12]}"


def _decision(rows: Records) -> str:
    first = rows[0]
    return f"strength {first.strength:.6g}, lots {first.lots0}, {_digest(rows)}"


def _cut(tape: Tape, time_ns: int) -> Tape:
    return select_rows(tape, tape.time_ns <= time_ns)


def changes_of_tapes() -> dict[str, Change]:
    """Return the other futures of tapes by name."""
    bends: dict[str, TapeBend] = {
        "mirrored": _mirrored, "shuffled": _shuffled, "jumped": _jumped, MISSING: _lost, DELAYED: _delayed,
    }  # fmt: skip
    return {name: partial(_changed, bend) for name, bend in bends.items()}


def _changed(bend: TapeBend, tape: Tape, after_ns: int, until_ns: int, rng: np.random.Generator) -> Tape:
    later = (tape.time_ns > after_ns) & (tape.time_ns <= until_ns)
    return bend(tape, later, rng) if later.any() else tape


def _by_feed(tape: Tape, later: NDArray[np.bool_]) -> list[tuple[NDArray[np.intp], int]]:
    """Return per feed its later rows, and the row before them (the first of them where there is none)."""
    found = []
    for feed in np.unique(tape.feed[later]):
        rows = np.flatnonzero(later & (tape.feed == feed))
        before = np.flatnonzero(~later[: rows[0]] & (tape.feed[: rows[0]] == feed))
        found.append((rows, int(before[-1]) if len(before) else int(rows[0])))
    return found


def _mirrored(tape: Tape, later: NDArray[np.bool_], rng: np.random.Generator) -> Tape:
    """Turn later prices upside down around each feed's last known bid; the spread stays what it was."""
    columns = {name: getattr(tape, name).copy() for name in PRICE_COLUMNS}
    for rows, before in _by_feed(tape, later):
        around = 2 * int(tape.close[before])
        for side in ("", "ask_"):
            for name in ("open", "high", "low", "close"):
                source = SWAPPED.get(name, name)
                spread = getattr(tape, side + source)[rows] - getattr(tape, source)[rows]
                columns[side + name][rows] = np.maximum(around - getattr(tape, source)[rows], 1) + spread
    return tape._replace(**columns)


def _shuffled(tape: Tape, later: NDArray[np.bool_], rng: np.random.Generator) -> Tape:
    """Put later rows of each feed in another order under the same stamps."""
    columns = {name: getattr(tape, name).copy() for name in CONTENT}
    for rows, _ in _by_feed(tape, later):
        order = rng.permutation(rows)
        for name, values in columns.items():
            values[rows] = getattr(tape, name)[order]
    return tape._replace(**columns)


def _jumped(tape: Tape, later: NDArray[np.bool_], rng: np.random.Generator) -> Tape:
    """Let later prices be a multiple."""
    return tape._replace(
        **{name: np.where(later, getattr(tape, name) * int(JUMP), getattr(tape, name)) for name in PRICE_COLUMNS}
    )


def _lost(tape: Tape, later: NDArray[np.bool_], rng: np.random.Generator) -> Tape:
    """Let later rows be flawed, as rows of NaN are."""
    return tape._replace(flaws=np.where(later, np.uint8(Flaw.NOT_FINITE), tape.flaws).astype(np.uint8))


def _delayed(tape: Tape, later: NDArray[np.bool_], rng: np.random.Generator) -> Tape:
    """Let everything later happen a week and an hour later."""
    return tape._replace(time_ns=tape.time_ns + np.where(later, WEEK_AND_HOUR_NS, 0))
