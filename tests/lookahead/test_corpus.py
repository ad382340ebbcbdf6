"""The corpus: every planted leak is found, no clean study is reported, and most leaks are told by their kind."""

import pytest

from research.lookahead import LeakKind
from tests.lookahead.__main__ import table
from tests.lookahead.corpus import Case, cases, look

CUTS = 20
CASES = list(cases())
GROUPS = {(case.leaks, case.group): case for case in reversed(CASES)}
"""The first case of every class."""

KINDS = {
    "shift: next close": LeakKind.AHEAD,
    "target: return of the next five bars": LeakKind.AHEAD,
    "centred window: centred mean": LeakKind.AHEAD,
    "resample label: 4h close, labelled at its left": LeakKind.TIMEFRAME,
    "unfinished timeframe: high of the day that is not over": LeakKind.TIMEFRAME,
    "whole-series normalisation: z score of the whole": LeakKind.WHOLE,
    "zero-phase and FFT filters: low pass by FFT": LeakKind.WHOLE,
    "fill from later: warm-up filled backwards": LeakKind.FILL,
    "end of the data: share of the data that is over": LeakKind.LENGTH,
    "own bar while open: closes above its open": LeakKind.OPEN,
    "future join: nearest event": LeakKind.TABLE,
    "revision: final value of the period, from its first print on": LeakKind.TABLE,
    "cross-section: next move of another symbol": LeakKind.OTHERS,
}


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert sum(case.leaks for case in CASES) >= 60
    assert sum(not case.leaks for case in CASES) >= 100
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", GROUPS.values(), ids=str)
def test_of_every_class_the_first_study_is_judged_rightly(case: Case) -> None:
    assert bool(look(case, CUTS).leaks) == case.leaks


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_study_is_judged_rightly(case: Case) -> None:
    found = look(case, 2 * CUTS).leaks
    assert bool(found) == case.leaks, found


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_a_leak_is_told(name: str) -> None:
    case = next(case for case in CASES if str(case) == name)
    leaks = look(case, 6, named=True).leaks
    assert [leak.kind for leak in leaks] == [KINDS[name]]


def test_the_table_counts_by_class_and_in_all() -> None:
    lines = table({CASES[0]: "ahead", CASES[-1]: "whole"}, kinds=True)
    assert lines[2].startswith(f"| {CASES[0].group} | 9 | 1 | ahead 1 |")
    assert [line for line in lines if line.startswith("| **")] == [
        f"| **planted leaks** | {sum(case.leaks for case in CASES)} | 1 |  |",
        f"| **clean** | {sum(not case.leaks for case in CASES)} | 1 |  |",
    ]
