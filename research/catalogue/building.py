"""Building the catalogue of a directory: walk, take from the cache what has not changed, inspect the rest."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from msgspec import structs

from research.catalogue.cache import load_entries, load_hashes, save_entries
from research.catalogue.entry import Catalogue, Entry

MANIFEST: Final = "MANIFEST.json"
DOCUMENTS: Final = frozenset({".md", ".rst"})
PASSING: Final = ("cannot be read", "no such file", "not a regular file", "does not fit")
"""Problems that may go away while the file stays as it is: asked again every time."""

Progress = Callable[[int, int], None]


class Stated(msgspec.Struct, frozen=True):
    """What a manifest says of a file beyond what the file shows."""

    tz: str | None = None
    origin: str | None = None
    licence: str | None = None


def build(root: Path, home: Path | None = None, progress: Progress | None = None) -> Catalogue:
    """Return the catalogue of all files below `root`; NotADirectoryError when there is no such directory.

    Unchanged files come from the cache below `home` (None: no cache). `progress` is told (files done, all files).
    """
    if not root.is_dir():
        raise NotADirectoryError(f"{root}: no such data directory")
    known = load_entries(home, root)
    found = sorted(_walk(root))
    entries: list[Entry] = []
    fresh = 0
    for done, (path, size_bytes, modified_ns) in enumerate(found):
        entry = known.get(path)
        if entry is None or (entry.size_bytes, entry.modified_ns) != (size_bytes, modified_ns):
            from research.catalogue.inspecting import inspect  # pyarrow and numba only where there is work for them

            entry = inspect(root, PurePosixPath(path), size_bytes, modified_ns)
            fresh += 1
        entries.append(entry)
        if progress is not None:
            progress(done + 1, len(found))
    lasting = tuple(entry for entry in entries if not (entry.problem or "").startswith(PASSING))
    if fresh or len(known) != len(lasting):
        save_entries(home, root, lasting)
    return Catalogue(root=str(root), entries=tuple(_stated(root, home, entries)))


def _walk(root: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (path, size, time of change) of every data file: nothing hidden, no documents, links followed once."""
    seen: set[tuple[int, int]] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        here = os.stat(folder)
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in files:
            path = Path(folder) / name
            relative = path.relative_to(root).as_posix().encode(errors="replace").decode()
            if name.startswith(".") or path.suffix.lower() in DOCUMENTS or relative == MANIFEST:
                continue
            try:
                state = path.stat()
            except OSError:
                state = path.lstat()  # a link to nothing: inspected, and named as such
            regular = stat.S_ISREG(state.st_mode)
            yield relative, state.st_size if regular else 0, state.st_mtime_ns


def _stated(root: Path, home: Path | None, entries: list[Entry]) -> Iterator[Entry]:
    """Add what the manifest states and the hashes known so far."""
    manifest = _manifest(root)
    hashes = load_hashes(home)
    base = root.resolve()
    for entry in entries:
        stated = manifest.get(entry.path, Stated())
        size_bytes, modified_ns, digest = hashes.get(str(base / entry.path), (0, 0, None))
        yield structs.replace(
            entry,
            origin=stated.origin,
            licence=stated.licence,
            stated_time_zone=stated.tz,
            sha256=digest if (size_bytes, modified_ns) == (entry.size_bytes, entry.modified_ns) else None,
        )


def _manifest(root: Path) -> dict[str, Stated]:
    """Read MANIFEST.json where there is one that can be read; it is an extra, never needed."""
    try:
        return msgspec.json.decode((root / MANIFEST).read_bytes(), type=dict[str, Stated])
    except (OSError, msgspec.MsgspecError, ValueError):
        return {}
