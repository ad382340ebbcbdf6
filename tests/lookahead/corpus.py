"""The corpus: every planted leak and every clean study by class, and what the check makes of each."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from research.lookahead import Examination, cut_times, examine
from research.lookahead.frames import Frames
from research.lookahead.functions import Terms, study_of_function
from tests.lookahead import clean, clean_beside, leaks, leaks_beside
from tests.lookahead.markets import one_symbol, several_symbols


class Case(NamedTuple):
    """One study: its class, its name, its function, and whether it leaks."""

    group: str
    name: str
    function: Callable[..., Any]
    leaks: bool

    @property
    def frames(self) -> Frames:
        several = leaks_beside.SEVERAL | clean_beside.SEVERAL
        return several_symbols() if self.group in several else one_symbol()

    @property
    def terms(self) -> Terms:
        return Terms(opening=self.group.startswith("own bar"))

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


def cases() -> Iterator[Case]:
    """Yield all cases, leaks first."""
    for tables, leaking in (((leaks.LEAKS, leaks_beside.LEAKS_BESIDE), True),
                            ((clean.CLEAN, clean_beside.CLEAN_BESIDE), False)):  # fmt: skip
        for table in tables:
            for group, functions in table.items():
                yield from (Case(group, name, function, leaking) for name, function in functions.items())


def look(case: Case, cuts: int | None, seed: int = 5, *, named: bool = False) -> Examination:
    """Examine a case at a number of seeded cuts, ends included; None for all that the check would make by itself."""
    frames = case.frames
    times = np.unique(frames.times)
    if cuts is None:
        chosen = cut_times(times, None, seed, frames.bar_ns)
    else:
        inner = np.random.default_rng(seed).choice(np.arange(2, len(times) - 2), cuts - 4, replace=False)
        chosen = times[np.sort([0, 1, *inner, len(times) - 2, len(times) - 1])]
    study = study_of_function(str(case), case.function, frames, case.terms)
    return examine(study, chosen, seed=seed, named=named)
