"""Warm-up: how many bars a value needs until it no longer depends on where its data begins."""

from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from research.lookahead.columns import Columns, differing, missing, scale_of, shown
from research.lookahead.search import said
from research.lookahead.study import Study, SubjectError

TOLERANCE: Final = 1e-6
"""Share of a value's size, or of its column's mean size, within which two beginnings count as one."""

STARTS: Final = 24
"""Beginnings that are tried, seeded, in the first half of the data: the second half is room to settle in."""


class Warmth(Struct, frozen=True, kw_only=True):
    """How one column warms up, in bars behind its first one.

    `first`: the first bar with a value. `declared`: what is claimed, None for a column that depends on its beginning
    for ever. `needed`: the bar behind the last one at which a beginning made a difference; `settled`: none still did at
    the end of the data. `room`: the bars behind the earliest of the beginnings; a claim beyond that is not sound, it
    cannot be told. `row`, `time_ns`, `short`, `whole`: where it differs for the last time, and both values.
    """

    column: str
    first: int | None
    declared: int | None
    needed: int
    settled: bool
    room: int
    tried: int
    sound: bool
    row: int | None = None
    time_ns: int | None = None
    short: float | str | None = None
    whole: float | str | None = None


class _Need:
    """What the beginnings have shown of one column."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.needed, self.settled, self.room = 0, True, 0
        self.worst: tuple[int, int, float | str | None] | None = None

    def take(self, column: NDArray[Any], begin: int, mask: NDArray[np.bool_]) -> None:
        there = np.flatnonzero(~missing(column))
        if len(there):
            self.first = max(self.first or 0, int(there[0]))
        self.room = max(self.room, len(mask))
        if not mask.any():
            return
        last = int(np.flatnonzero(mask)[-1])
        self.settled &= last < len(mask) - 1
        self.needed = max(self.needed, last + 1)
        if self.worst is None or last > self.worst[0]:
            self.worst = (last, begin + last, shown(column, last))


def settle(study: Study, *, seed: int = 0, tolerance: float = TOLERANCE, starts: int = STARTS) -> tuple[Warmth, ...]:
    """Return how every column warms up; SubjectError when the study cannot be computed on the whole."""
    assert study.begin is not None
    instants = np.unique(study.times)
    if len(instants) < 4:
        raise SubjectError(f"{study.name}: {len(instants)} bars; at least 4 are needed to let it begin later")
    try:
        whole = study.evaluate(study.data)
    except Exception as error:
        raise SubjectError(f"{study.name}: {said(error)}") from error
    places = np.arange(1, len(instants) // 2 + 1)
    chosen = np.sort(np.random.default_rng(seed).choice(places, min(starts, len(places)), replace=False))
    needs = {name: _Need() for name in whole}
    for start_ns in instants[chosen]:
        _begin(study, whole, int(start_ns), tolerance, needs)
    return tuple(_warmth(study, name, whole[name], need, len(chosen)) for name, need in needs.items())


def _begin(study: Study, whole: Columns, start_ns: int, tolerance: float, needs: dict[str, _Need]) -> None:
    assert study.begin is not None
    begin = int(np.searchsorted(study.times, start_ns, side="left"))
    try:
        columns = study.evaluate(study.begin(study.data, start_ns))
    except Exception as error:
        raise SubjectError(f"{study.name}: on data that begins at bar {begin}: {said(error)}") from error
    for name, need in needs.items():
        column = columns.get(name)
        if column is None:
            column = np.full(len(study.times) - begin, np.nan)
        later = whole[name][begin:]
        need.take(column, begin, differing(column, later, tolerance, scale_of(whole[name])))


def _warmth(study: Study, name: str, whole: NDArray[Any], need: _Need, tried: int) -> Warmth:
    """Hold what is needed against what is declared: by the column, by the study, else by its first value."""
    forever = name in study.anchored
    declared = study.longest.get(name, study.warmup if study.warmup is not None else need.first or 0)
    sound = forever or need.needed <= declared < need.room
    seen: dict[str, Any] = {}
    if not sound and need.worst is not None:
        row = need.worst[1]
        seen = {"row": row, "time_ns": int(study.times[row]), "short": need.worst[2], "whole": shown(whole, row)}
    return Warmth(
        column=name, first=need.first, declared=None if forever else declared, needed=need.needed,
        settled=need.settled, room=need.room, tried=tried, sound=sound, **seen,
    )  # fmt: skip
