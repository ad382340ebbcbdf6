"""The library: strategies of a home, each a file named by the hash of its genome.

Beside the genome, and outside of its hash, stands where it is from: parents, seed, data, code, and what it came to.
What another home says of a strategy cannot be checked: its origin is `imported`, and it ranks behind those bred here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from policies.plan import canonical
from research.evolving.records import write_whole
from research.evolving.scoring import PartScore, params_for
from research.genome import GenomeError, checked, genome_hash
from research.params import DataFile

VERSION: Final = 1
BYTES_MAX: Final = 1_000_000
PREFIX_MIN: Final = 4
EVOLVED, IMPORTED = "evolved", "imported"


class LibraryError(ValueError):
    """A strategy cannot be found or used; the message names it and what is allowed."""


class Lineage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose child a genome is, in which generation of which run it came up, and that run's seed."""

    parents: tuple[str, ...]
    generation: int
    run: str
    seed: int


class Metrics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a genome came to: per part of the data, its fitness, and how sure that is after so many tries.

    `choice` is out of sample for what was fitted, `holdout` for everything; None where the holdout was burnt before.
    """

    fitness: float
    fit: PartScore
    test: PartScore
    choice: PartScore
    holdout: PartScore | None
    tries: int
    deflated_sharpe: float | None


class Strategy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy of the library, as its file has it. `retired` is why, empty while it is in use.

    `params` are those of the desk that it was bred with: how long it holds, what it risks.
    """

    version: int = VERSION
    sha256: str
    genome: dict[str, Any]
    params: dict[str, float]
    lineage: Lineage
    symbols: tuple[str, ...]
    bar_ns: int
    first_ns: int
    last_ns: int
    data: tuple[DataFile, ...]
    data_hash: str
    plan_hash: str
    engine: str
    metrics: Metrics
    origin: str = EVOLVED
    retired: str = ""

    @property
    def regime(self) -> str:
        """The regime that it is for."""
        return str(self.genome["regime"])

    @property
    def out_of_sample(self) -> float | None:
        """The Sharpe ratio on the bars that it was last seen on: the holdout, or what it was chosen on."""
        held = self.metrics.holdout
        return self.metrics.choice.sharpe if held is None else held.sharpe


class Library:
    """The strategies below a home."""

    def __init__(self, home: Path) -> None:
        self.path = home / "strategies"

    def __iter__(self) -> Iterator[Strategy]:
        """Yield every strategy, in the order of the hashes; LibraryError names a file that is none."""
        for path in sorted(self.path.glob("*.json")):
            yield strategy_of(path.read_bytes(), str(path), path.stem)

    def named(self, name: str) -> Strategy:
        """Return the strategy whose hash begins so; LibraryError where none or several do."""
        found = [path for path in sorted(self.path.glob("*.json")) if path.stem.startswith(name)]
        if len(name) < PREFIX_MIN or len(found) != 1:
            what = f"{len(found)} strategies begin so" if len(name) >= PREFIX_MIN else "too short"
            raise LibraryError(f"strategy {name!r}: {what}; {PREFIX_MIN} digits or more of one hash are allowed")
        return strategy_of(found[0].read_bytes(), str(found[0]), found[0].stem)

    def keep(self, strategy: Strategy) -> Path:
        """Write a strategy to its file; one that was retired stays so."""
        path = self.path / f"{strategy.sha256}.json"
        if path.exists() and not strategy.retired:
            strategy = structs.replace(strategy, retired=self.named(strategy.sha256).retired)
        write_whole(path, content_of(strategy))
        return path

    def retire(self, name: str, reason: str) -> Strategy:
        """Take a strategy out of use, and say why; with an empty reason, take it into use again."""
        found = structs.replace(self.named(name), retired=" ".join(reason.split()))
        write_whole(self.path / f"{found.sha256}.json", content_of(found))
        return found

    def take(self, path: Path) -> Strategy:
        """Import a file that another library has exported; what this one has bred itself stays as it is."""
        if path.stat().st_size > BYTES_MAX:
            raise LibraryError(f"{path}: {path.stat().st_size:,} bytes; at most {BYTES_MAX:,} are allowed")
        found = structs.replace(strategy_of(path.read_bytes(), str(path)), origin=IMPORTED, retired="")
        own = self.path / f"{found.sha256}.json"
        if own.exists():
            return self.named(found.sha256)
        write_whole(own, content_of(found))
        return found


def content_of(strategy: Strategy) -> bytes:
    """Return a strategy as its file has it: canonical JSON and a line feed."""
    return canonical(strategy) + b"\n"


def strategy_of(content: bytes, place: str, sha256: str | None = None) -> Strategy:
    """Return the strategy of a file's content; LibraryError says in one line what is wrong with it.

    Its genome must give the hash that it states, and be one that this kernel knows.
    """
    try:
        raw = msgspec.json.decode(content)
        version = raw.get("version") if isinstance(raw, dict) else None
        if version != VERSION or type(version) is not int:
            raise LibraryError(f"{place}: version {version!r} is unknown; {VERSION} is allowed")
        found = msgspec.json.decode(content, type=Strategy)
        checked(found.genome)
    except (msgspec.MsgspecError, GenomeError) as error:
        raise LibraryError(f"{place}: {error}") from None
    given = genome_hash(found.genome)
    if found.sha256 != given or sha256 not in (None, given):
        stated = found.sha256 if found.sha256 != given else sha256
        raise LibraryError(f"{place}: its genome has the hash {given[:12]}, not {str(stated)[:12]} as it says")
    _check_params(found, place)
    if found.origin not in (EVOLVED, IMPORTED):
        raise LibraryError(f"{place}: origin {found.origin!r} is unknown; {EVOLVED}, {IMPORTED} are allowed")
    return found


def _check_params(strategy: Strategy, place: str) -> None:
    """Refuse parameters that are out of their bounds, or not those of the genome."""
    try:
        sound = params_for(strategy.genome, strategy.params) == strategy.params
    except ValueError as error:
        raise LibraryError(f"{place}: params: {error}") from None
    if not sound:
        raise LibraryError(f"{place}: params: all of policy genome are needed, stop_atr the genome's atr_k")
