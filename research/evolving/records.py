"""What evolution keeps in a home: its runs, every genome ever evaluated on some data, and holdouts that are burnt.

    HOME/evolve/runs/ID/          request.json, tried.jsonl, generation.json: enough to go on after a kill
    HOME/evolve/evaluated/DATA.jsonl   one line per genome and run: how many tries a result is the best of
    HOME/evolve/holdouts/DATA.jsonl    one line per look at the bars that nothing was chosen on

DATA is the hash of the files of market data. Lines are appended and flushed to disk; a last line that a kill has cut
short is left out.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from policies.plan import canonical
from research.evolving.search import Generation, Tried
from research.evolving.workers import Scored
from research.genome import ANY

T = TypeVar("T")


class EvolveError(ValueError):
    """An evolution cannot be taken up; the message says which, and what is allowed."""


class Trial(Struct, frozen=True, kw_only=True):
    """A genome that was evaluated, what it came to, and its fitness (None: not valid)."""

    tried: Tried
    scored: Scored
    fitness: float | None


class Evaluated(Struct, frozen=True, kw_only=True):
    """One try on some data: the genome, its Sharpe ratio per day on the part that it was scored on, and the run."""

    sha256: str
    sharpe_day: float
    run: str


class Burnt(Struct, frozen=True, kw_only=True):
    """One look at a holdout: bars from and up to (ns), the days of which regime, by which run, for which genome."""

    from_ns: int
    until_ns: int
    regime: str
    run: str
    genome: str


def data_key(data: Iterable[tuple[str, str, int]]) -> str:
    """Return the name of some market data: the hash of its files' hashes, in whatever order and place they lie."""
    return hashlib.sha256("\n".join(sorted(sha256 for _, sha256, _ in data)).encode()).hexdigest()[:16]


def append_lines(path: Path, values: Sequence[Struct]) -> None:
    """Append values as lines of JSON, on disk when it returns; a line cut short before is ended first."""
    if not values:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            cut = file.read(1) != b"\n"
            file.write(b"\n" if cut else b"")
        file.write(b"".join(canonical(value) + b"\n" for value in values))
        file.flush()
        os.fsync(file.fileno())


def lines_of(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the values of a file of lines; none where there is no file. A line that is none of them is left out."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=kind)
        except msgspec.MsgspecError:
            continue


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Folder:
    """The folder of evolution in a home."""

    def __init__(self, home: Path) -> None:
        self.path = home / "evolve"

    def run(self, name: str) -> "RunFolder":
        """Return a run's own folder, whether there is one yet or not."""
        return RunFolder(self.path / "runs" / name)

    def named(self, name: str | None) -> "RunFolder":
        """Return a run that there is, the newest without a name; EvolveError says what there is."""
        there = sorted(self.path.glob("runs/*/request.json"), key=lambda path: path.stat().st_mtime_ns)
        found = [path.parent for path in there if name is None or path.parent.name.startswith(name)]
        if not found or (name is not None and len(found) > 1):
            names = ", ".join(path.parent.name for path in there) or "none"
            raise EvolveError(f"--resume {name or ''}: one of the runs of this home is allowed: {names}")
        return RunFolder(found[-1])

    def evaluated(self, key: str) -> dict[str, float]:
        """Return every genome that was ever evaluated on some data, with its first Sharpe ratio per day."""
        found: dict[str, float] = {}
        for line in lines_of(self.path / "evaluated" / f"{key}.jsonl", Evaluated):
            found.setdefault(line.sha256, line.sharpe_day)
        return found

    def note_evaluated(self, key: str, trials: Sequence[Trial], run: str) -> None:
        """Remember that genomes were evaluated on some data."""
        lines = [Evaluated(sha256=one.tried.sha256, sharpe_day=one.scored.test.sharpe_day, run=run) for one in trials]
        append_lines(self.path / "evaluated" / f"{key}.jsonl", lines)

    def burnt(self, key: str, from_ns: int, until_ns: int, regime: str = ANY) -> list[Burnt]:
        """Return the looks at any of the bars of a span; the days of two regimes have none in common."""
        looks = lines_of(self.path / "holdouts" / f"{key}.jsonl", Burnt)
        return [
            look
            for look in looks
            if look.from_ns < until_ns and from_ns < look.until_ns
            if ANY in (regime, look.regime) or regime == look.regime
        ]

    def burn(self, key: str, look: Burnt) -> None:
        """Record a look before it is taken."""
        append_lines(self.path / "holdouts" / f"{key}.jsonl", [look])


class RunFolder:
    """One run: what was asked for, what was tried, and the generation it has come to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def begin(self, request: dict[str, Any]) -> None:
        """Keep what was asked for."""
        write_whole(self.path / "request.json", canonical(request))

    def request(self) -> dict[str, Any]:
        """Return what was asked for."""
        found: dict[str, Any] = msgspec.json.decode((self.path / "request.json").read_bytes())
        return found

    def note(self, trials: Sequence[Trial]) -> None:
        """Keep what was tried, before its generation is done."""
        append_lines(self.path / "tried.jsonl", trials)

    def keep(self, generation: Generation) -> None:
        """Keep a generation that is done."""
        write_whole(self.path / "generation.json", canonical(generation))

    def trials(self) -> dict[str, Trial]:
        """Return what was tried, by hash, in order; a try of a generation that did not end counts as well."""
        found: dict[str, Trial] = {}
        for trial in lines_of(self.path / "tried.jsonl", Trial):
            found.setdefault(trial.tried.sha256, trial)
        return found

    def generation(self) -> Generation | None:
        """Return the newest generation that is done."""
        path = self.path / "generation.json"
        return msgspec.json.decode(path.read_bytes(), type=Generation) if path.exists() else None
