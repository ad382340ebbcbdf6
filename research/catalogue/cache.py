"""The cache: entries of files that have not changed since they were inspected, one JSON file per data directory.

Keyed by path, size and time of change, and by the source of this package: whoever changes a check sees it at work.
A cache that cannot be read is no cache; one that cannot be written is a log line.
"""

import hashlib
import logging
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from research.catalogue.entry import Entry

FOLDER: Final = "catalogue"
log = logging.getLogger("trifecta.catalogue")


class CacheFile(msgspec.Struct, frozen=True):
    """What lies on disk."""

    made_by: str
    root: str
    entries: tuple[Entry, ...]


class HashFile(msgspec.Struct, frozen=True):
    """SHA-256 by absolute path: (size, time of change, digest)."""

    hashes: dict[str, tuple[int, int, str]]


def load_entries(home: Path | None, root: Path) -> dict[str, Entry]:
    """Return the cached entries of a data directory by path; none when there is no cache of this code's making."""
    if home is None:
        return {}
    try:
        found = msgspec.json.decode(_entries_path(home, root).read_bytes(), type=CacheFile)
    except (OSError, msgspec.MsgspecError, ValueError):
        return {}
    return {entry.path: entry for entry in found.entries} if found.made_by == _made_by() else {}


def save_entries(home: Path | None, root: Path, entries: tuple[Entry, ...]) -> None:
    """Replace the cache of a data directory, whole or not at all."""
    if home is not None:
        _replace(_entries_path(home, root), msgspec.json.encode(CacheFile(_made_by(), str(root.resolve()), entries)))


def file_hash(path: Path, home: Path | None = None) -> str:
    """Return the SHA-256 of a file; with a `home`, it is remembered there until the file changes."""
    state = path.stat()
    key = str(path.resolve())
    hashes = load_hashes(home)
    known = hashes.get(key)
    if known and known[:2] == (state.st_size, state.st_mtime_ns):
        return known[2]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if home is not None:
        hashes[key] = (state.st_size, state.st_mtime_ns, digest)
        _replace(home / FOLDER / "hashes.json", msgspec.json.encode(HashFile(hashes)))
    return digest


def load_hashes(home: Path | None) -> dict[str, tuple[int, int, str]]:
    """Return the hashes that were computed so far, by absolute path."""
    if home is None:
        return {}
    try:
        return msgspec.json.decode((home / FOLDER / "hashes.json").read_bytes(), type=HashFile).hashes
    except (OSError, msgspec.MsgspecError, ValueError):
        return {}


def _entries_path(home: Path, root: Path) -> Path:
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return home / FOLDER / f"{name}.json"


@cache
def _made_by() -> str:
    """Name the code that makes entries by its content, the rules for flawed rows included."""
    digest = hashlib.sha256()
    rules = Path(__file__).parents[2] / "market" / "continuity.py"
    for source in (rules, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _replace(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as error:
        log.warning("the catalogue cache %s cannot be written: %s", path, error)
