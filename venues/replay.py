"""The replay venue: recorded market data, named by its hash, opened by every process that needs it.

A tape is kept as one file per column, so that processes of one machine share its pages instead of copying them.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market.tape import Tape, tape_hash

_DONE: Final = "HASH"


class TapeError(ValueError):
    """A stored tape is missing, incomplete, or not what its name says."""


def save_tape(folder: Path, tape: Tape) -> str:
    """Write a tape below `folder`, in a folder named by its hash; return the hash. An existing one is left alone."""
    name = tape_hash(tape)
    home = folder / name
    if (home / _DONE).is_file():
        return name
    home.mkdir(parents=True, exist_ok=True)
    for column, data in zip(Tape._fields, tape, strict=True):
        np.save(home / f"{column}.npy", np.ascontiguousarray(data), allow_pickle=False)
    (home / _DONE).write_text(name)  # last: a folder without it was never finished
    return name


def load_tape(folder: Path, name: str, *, check: bool = True) -> Tape:
    """Open the tape of that hash, memory-mapped; TapeError when it is missing or its bytes do not give the hash."""
    home = folder / name
    if not (home / _DONE).is_file():
        raise TapeError(f"{home}: no such tape; run again with the data it was made from")
    # Numba compiles once for writable and once for read-only arrays; a copy-on-write map keeps it at one.
    tape = Tape(*[_load(home / f"{column}.npy") for column in Tape._fields])
    if check and tape_hash(tape) != name:
        raise TapeError(
            f"{home}: the stored columns do not give the hash in their name; delete the folder and run again"
        )
    return tape


def _load(path: Path) -> NDArray[Any]:
    try:
        column: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TapeError(f"{path}: not a readable column; delete the folder and run again") from error
    return column


def prune_tapes(folder: Path, keep: int) -> list[str]:
    """Delete all but the `keep` newest tapes; return the names of those deleted."""
    found = sorted((path for path in folder.glob("*") if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)
    gone = found[:-keep] if keep else found
    for home in gone:
        for path in home.iterdir():
            path.unlink()
        home.rmdir()
    return [home.name for home in gone]
