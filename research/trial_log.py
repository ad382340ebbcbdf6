"""The log of trials: every set that was ever scored, by run, below HOME/trials. Nothing of it is overwritten.

A run is a folder named by the hash of what was asked: `run.json` says what, a numbered Parquet file per finished batch
holds a row per set and fold, and `finished.json` what came of it. A file is there whole or not at all, so that a run
whose driver was killed goes on after its last finished batch. The same question is the same run.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

from policies.plan import canonical
from research.grid import Axis, Grid
from research.home import FileLock
from research.params import DataFile
from research.search import Asked
from research.search_folds import Shape
from research.trial_score import COLUMNS, Floats, daily_sharpe

VERSION: Final = 1
ID_LENGTH: Final = 12
FINISHED: Final = "finished.json"
RUN: Final = "run.json"


class TrialLogError(ValueError):
    """The log cannot be used; the message names the file or the run, and what to do."""


class RunRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run asks: plan without parameters, tape, kernels by hash; the grid, how it is searched, by which metric.

    `words` are what a user gave, to ask again with.
    """

    version: int = VERSION
    policy: str
    basis_hash: str
    tape_hash: str
    kernels: str
    data: tuple[DataFile, ...]
    base: tuple[tuple[str, float], ...]
    axes: tuple[Axis, ...]
    asked: Asked
    shape: Shape
    metric: str
    words: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """The run's name: a hash of all but the words."""
        return hashlib.sha256(canonical(msgspec.structs.replace(self, words={}))).hexdigest()[:ID_LENGTH]

    @property
    def grid(self) -> Grid:
        """The grid that places count in."""
        return Grid(self.base, self.axes)


class Tried(NamedTuple):
    """How many different sets were scored on some data under one policy, and the spread of their daily Sharpe ratios.

    `before` of them by other runs than this one, `looks` of which ended, and so showed what their holdout came to.
    `variance` has ddof 1, 0 for a single set.
    """

    sets: int
    before: int
    looks: int
    variance: float


class TrialLog:
    """The log of one run, locked while it is open: one process at a time adds to it."""

    def __init__(self, trials: Path, record: RunRecord) -> None:
        self.folder = trials / record.id
        self._record = record
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / "lock", f"run {record.id}", "--home")
        try:
            if not (self.folder / RUN).exists():
                _write(self.folder / RUN, canonical(record))
            self.scored = scored_in(self.folder, record)
            self._next = 1 + max((int(path.stem) for path in batches_in(self.folder)), default=-1)
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Let others at it."""
        self._lock.close()

    def append(self, places: NDArray[np.int64], folds: tuple[int, ...], columns: Floats) -> None:
        """Keep a finished batch: columns [sets, folds, COLUMNS]."""
        for place, rows in zip(places.tolist(), columns, strict=True):
            self.scored.setdefault(place, {}).update(zip(folds, rows, strict=True))
        sets = self._record.grid.sets_at(places)
        flat = columns.reshape(-1, len(COLUMNS))
        table = {
            "set": np.repeat(places, len(folds)),
            "fold": np.tile(np.array(folds, np.int64), len(places)),
            **{f"param_{name}": np.repeat(sets.rows[:, k], len(folds)) for k, name in enumerate(sets.names)},
            **{name: pa.array(flat[:, k], from_pandas=True) for k, name in enumerate(COLUMNS)},
        }
        path = self.folder / f"{self._next:05d}.parquet"
        pq.write_table(pa.table(table), draft := path.with_suffix(".draft"))
        _settle(draft, path)
        self._next += 1

    def finish(self, summary: dict[str, Any]) -> None:
        """Say that the run has come to its end, and to what."""
        _write(self.folder / FINISHED, canonical(summary))


def batches_in(folder: Path) -> list[Path]:
    """Return the files of a run's batches in their order."""
    return sorted(path for path in folder.glob("*.parquet") if path.stem.isdigit())


def scored_in(folder: Path, record: RunRecord) -> dict[int, dict[int, Floats]]:
    """Return what a run has scored, by place and fold; TrialLogError names a file that is damaged."""
    found: dict[int, dict[int, Floats]] = {}
    for path in batches_in(folder):
        try:
            table = pq.read_table(path)
            columns = np.column_stack([table[name].to_numpy() for name in COLUMNS])
            keys = zip(table["set"].to_pylist(), table["fold"].to_pylist(), strict=True)
        except (pa.ArrowException, KeyError) as error:
            raise TrialLogError(f"{path}: damaged; remove it, and its batch is run again") from error
        for (place, fold), row in zip(keys, columns, strict=True):
            if not 0 <= place < record.grid.total or not 0 <= fold < record.shape.folds:
                raise TrialLogError(f"{path}: set {place}, fold {fold}: not of this run; remove it")
            found.setdefault(place, {})[fold] = row
    return found


def records_in(trials: Path) -> Iterator[tuple[Path, RunRecord]]:
    """Yield the folder and the question of every run, by name; TrialLogError names one that cannot be read."""
    for path in sorted(trials.glob(f"*/{RUN}")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=RunRecord)
        except msgspec.MsgspecError as error:
            raise TrialLogError(f"{path}: not the record of a run ({error}); remove its folder") from error
        yield path.parent, record


def unfinished(trials: Path, name: str) -> RunRecord:
    """Return a run to go on with: by name, or the newest that has no end where the name is empty.

    A finished run by name is returned as well: it is shown again. TrialLogError lists what there is.
    """
    runs = list(records_in(trials))
    if name:
        found = [record for folder, record in runs if folder.name == name]
    else:
        waiting = [(folder / RUN).stat().st_mtime for folder, _ in runs if not (folder / FINISHED).exists()]
        found = [
            record for folder, record in runs
            if not (folder / FINISHED).exists() and (folder / RUN).stat().st_mtime == max(waiting)
        ]  # fmt: skip
    if not found:
        said = ", ".join(folder.name for folder, _ in runs) or "none"
        what = f"--resume {name}: there is no such run" if name else "--resume: no run is unfinished"
        raise TrialLogError(f"{what} below {trials}; there are: {said}")
    return found[0]


def tried_on(trials: Path, own: RunRecord) -> Tried:
    """Count the sets that all runs of a policy scored on data that they share with this run, each once.

    The same parameters under the same plan and tape are one trial, whichever run scored them.
    """
    files = {file.sha256 for file in own.data}
    ratios: dict[tuple[str, str, bytes], float] = {}
    mine = looks = 0
    runs = sorted(records_in(trials), key=lambda run: run[0].name != own.id)  # this run first
    for folder, record in runs:
        if record.policy != own.policy or not files & {file.sha256 for file in record.data}:
            continue
        scored = scored_in(folder, record)
        places = sorted(scored)
        rows = record.grid.sets_at(places).rows
        columns = stacked(scored, places, record.shape.folds)
        for row, ratio in zip(rows, daily_sharpe(columns).tolist(), strict=True):
            ratios.setdefault((record.basis_hash, record.tape_hash, row.tobytes()), ratio)
        if folder.name == own.id:
            mine = len(ratios)
        elif (folder / FINISHED).exists():
            looks += 1
    values = list(ratios.values())
    spread = float(np.var(values, ddof=1)) if len(values) > 1 else 0.0
    return Tried(len(values), len(values) - mine, looks, spread)


def stacked(scored: dict[int, dict[int, Floats]], places: list[int], folds: int) -> Floats:
    """Return columns [sets, folds, COLUMNS] of some places; NaN where a set was not run on a fold."""
    table = np.full((len(places), folds, len(COLUMNS)), np.nan)
    for k, place in enumerate(places):
        for fold, row in scored[place].items():
            table[k, fold] = row
    return table


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    _settle(draft, path)


def _settle(draft: Path, path: Path) -> None:
    """Make a finished draft the file: on disk before it has its name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def require_same(kept: RunRecord, now: RunRecord) -> None:
    """Find out whether asking again asks the same; TrialLogError says what has changed since."""
    if kept.id == now.id:
        return
    changed = "its configuration has"
    if kept.kernels != now.kernels:
        changed = "the program's kernels have"
    elif kept.tape_hash != now.tape_hash:
        changed = "its data have"
    raise TrialLogError(f"--resume {kept.id}: {changed} changed since; ask anew, with --symbols and --grid")
