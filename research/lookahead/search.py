"""The search: every column, every row up to a cut, on data that ends there and on data that goes on otherwise."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from market.tape import Int64
from research.lookahead.columns import Columns, differing, missing, scale_of, shown
from research.lookahead.naming import Shown, name_leak
from research.lookahead.study import LeakKind, Study, SubjectError

TOLERANCE: Final = 1e-9
"""Values that differ by less than this share of their size, or of their column's mean size, are equal: sums of another
length may round otherwise. Nothing that trades lives there."""

CUT: Final = "cut"
MISSING: Final = "missing"
"""The future of NaN: of it only values count that become other values. NaN times a weight of zero is NaN, in a filter
that is causal all the same, and a live feed has no NaN of the future."""


class Leak(Struct, frozen=True, kw_only=True):
    """One column that knows the future: the first row that shows it, what it said then and what the whole series says.

    `by` is how it was found: the data cut at `cut_ns`, or changed after it. `rows` counts the rows that differ.
    """

    column: str
    kind: LeakKind | None
    text: str
    row: int = 0
    time_ns: int = 0
    then: float | str | None = None
    whole: float | str | None = None
    by: str = CUT
    cut_ns: int = 0
    rows: int = 0


class Examination(Struct, frozen=True, kw_only=True):
    """What was looked at and what was found.

    `empty` are columns without any value: nothing is known of them. `refused` are futures that the study would not
    take, with its words.
    """

    name: str
    columns: tuple[str, ...]
    empty: tuple[str, ...]
    rows: int
    first_ns: int
    last_ns: int
    cuts: int
    every_cut: bool
    evaluations: int
    leaks: tuple[Leak, ...]
    refused: tuple[str, ...]


class _Found:
    """The worst that is known of one column."""

    def __init__(self, rows: int) -> None:
        self.mask = np.zeros(rows, np.bool_)
        self.first: tuple[int, Any, str, int] | None = None
        self.gone = np.zeros(rows, np.bool_)
        self.ways: set[str] = set()

    def take(self, mask: NDArray[np.bool_], known: NDArray[Any] | None, by: str, cut_ns: int) -> None:
        self.mask[: len(mask)] |= mask
        self.ways.add(by)
        if known is not None:
            self.gone[: len(mask)] |= mask & missing(known[: len(mask)])
        row = int(np.argmax(mask))
        if self.first is None or row < self.first[0]:
            self.first = (row, shown(known, row), by, cut_ns)

    @property
    def shown(self) -> Shown:
        """Return what naming asks for."""
        return Shown(self.mask, self.gone, frozenset(self.ways))


class _Search:
    """One pass over the cuts of a study."""

    def __init__(self, study: Study, tolerance: float) -> None:
        self.study, self.tolerance, self.evaluations = study, tolerance, 0
        self.whole = self.evaluate_whole()
        self.scales = {name: scale_of(column) for name, column in self.whole.items()}
        self.absent = {name: missing(column) for name, column in self.whole.items()}
        self.found: dict[str, _Found] = {}
        self.failed: dict[str, Leak] = {}
        self.refused: dict[str, str] = {}

    def evaluate(self, data: Any) -> Columns:
        self.evaluations += 1
        return self.study.evaluate(data)

    def evaluate_whole(self) -> Columns:
        try:
            return self.evaluate(self.study.data)
        except Exception as error:
            raise SubjectError(f"{self.study.name}: {said(error)}") from error

    def chance(self) -> list[Leak]:
        """Return the columns that differ when the same is computed twice."""
        again = self.evaluate_whole()
        leaks = []
        for name, column in self.whole.items():
            other = again.get(name)
            mask = ~self.absent[name] if other is None else differing(other, column, 0.0, 0.0)
            if mask.any():
                row = int(np.argmax(mask))
                text = "the same data gives other values each time; give it a fixed seed"
                leaks.append(self._leak(name, LeakKind.CHANCE, text, mask, (row, shown(other, row), "again", 0)))
        return leaks

    def look(self, cut_ns: int, by: str, data: Any) -> None:
        """Compare what is said of the rows up to a cut on some data with what the whole says of them."""
        known_rows = self.study.rows_known(cut_ns)
        try:
            columns = self.evaluate(data)
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything, and when it does is what counts
            self._fail(cut_ns, by, known_rows, error)
            return
        for name in {**self.whole, **columns}:
            self._compare(name, columns.get(name), known_rows, (by, cut_ns))

    def _compare(self, name: str, known: NDArray[Any] | None, rows: int, where: tuple[str, int]) -> None:
        whole = self.whole.get(name)
        if whole is None:  # a column that only this data has: it says what the whole does not
            assert known is not None
            mask = ~missing(known[:rows])
        elif known is None:
            mask = ~self.absent[name][:rows]
        else:
            mask = differing(known[:rows], whole[:rows], self.tolerance, self.scales[name])
            if where[0] == MISSING:
                mask &= ~missing(known[:rows])
        if mask.any():
            found = self.found.setdefault(name, _Found(len(self.study.times)))
            found.take(mask, known, *where)

    def _fail(self, cut_ns: int, by: str, rows: int, error: Exception) -> None:
        """Take an exception: on cut data it is a finding where the whole has values, else a future that was refused."""
        if by != CUT:
            self.refused.setdefault(by, f"{by}: {said(error)}")
            return
        row = rows - 1
        if row < (self.study.warmup or 0):
            return
        for name, absent in self.absent.items():
            if not absent[row] and name not in self.failed:
                text = "on data that ends there it cannot be computed"
                first = (row, said(error), CUT, cut_ns)
                self.failed[name] = self._leak(name, LeakKind.FAILS, text, np.ones(1, np.bool_), first)

    def leaks(self, *, named: bool) -> Iterator[Leak]:
        """Yield what was found, column by column."""
        for name, found in self.found.items():
            assert found.first is not None
            kind, text = None, "its kind cannot be told"
            if named and self.study.parts and name in self.whole:
                kind, text = name_leak(self.study, name, found.shown, self._responds)
            yield self._leak(name, kind, text, found.mask, found.first)
        yield from (leak for name, leak in self.failed.items() if name not in self.found)

    def _responds(self, name: str, row: int, data: Any) -> bool:
        """Tell whether a value of the whole becomes another one on some data."""
        try:
            column = self.evaluate(data).get(name)
        except Exception:  # noqa: BLE001 - a user's code may raise anything; then this data tells nothing
            return False
        if column is None or len(column) <= row:
            return False
        one, other = column[row : row + 1], self.whole[name][row : row + 1]
        return bool(differing(one, other, self.tolerance, self.scales[name])[0])

    def _leak(
        self, name: str, kind: LeakKind | None, text: str, mask: NDArray[np.bool_], first: tuple[int, Any, str, int]
    ) -> Leak:
        row, then, by, cut_ns = first
        return Leak(
            column=name, kind=kind, text=text, row=row, time_ns=int(self.study.times[row]), then=then,
            whole=shown(self.whole.get(name), row), by=by, cut_ns=cut_ns, rows=int(mask.sum()),
        )  # fmt: skip


def examine(
    study: Study, cuts: Int64, *, seed: int = 0, tolerance: float = TOLERANCE, named: bool = True
) -> Examination:
    """Look for columns that know the future; SubjectError when the study cannot be computed on the whole.

    At every cut the data ends there once. Of the changed futures, the first cut, the last but one and one in the middle
    see all, every other cut one, in turn: each time all rows before are compared, so no row is seen by one alone.
    """
    search = _Search(study, tolerance)
    chance = search.chance()
    changes = list(study.changes.items())
    rng = np.random.default_rng(seed)
    ends = {0, len(cuts) // 2, len(cuts) - 2}
    for number, cut_ns in enumerate(map(int, cuts)):
        search.look(cut_ns, CUT, study.cut(study.data, cut_ns))
        turn: Sequence[Any] = changes if number in ends else changes[number % max(len(changes), 1) :][:1]
        for by, change in turn:
            search.look(cut_ns, by, change(study.data, cut_ns, int(study.times[-1]), rng))
    unsure = {leak.column for leak in chance}
    leaks = [*chance, *(leak for leak in search.leaks(named=named) if leak.column not in unsure)]
    leaks += [_unseen(what) for what in study.unseen()]
    return Examination(
        name=study.name, columns=tuple(search.whole),
        empty=tuple(name for name, absent in search.absent.items() if absent.all()), rows=len(study.times),
        first_ns=int(study.times[0]), last_ns=int(study.times[-1]), cuts=len(cuts),
        every_cut=len(cuts) == len(np.unique(study.times)), evaluations=search.evaluations,
        leaks=tuple(sorted(leaks, key=lambda leak: (leak.row, leak.column))), refused=tuple(search.refused.values()),
    )  # fmt: skip


def _unseen(what: str) -> Leak:
    text = f"{what}, which cannot be cut: give it as --table NAME=FILE, or vouch for it with --trust"
    return Leak(column="*", kind=LeakKind.UNSEEN, text=text, by="watched")


def said(error: BaseException) -> str:
    """Return an exception in one line."""
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
