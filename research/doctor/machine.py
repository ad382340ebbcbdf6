"""Looks at the machine: interpreter, packages, compiled kernels, processors, memory, limits."""

import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil
from packaging.markers import Marker
from packaging.requirements import Requirement

from research.findings import Finding, error, good, warning

PYTHON: Final = (3, 11)
GIB: Final = 2**30
MEMORY_LEAST: Final = GIB
MEMORY_ENOUGH: Final = 2 * GIB
"""A local Ray takes 0.5 GiB and an actor 0.06 to 0.08; a run has about ten."""

SHARED_ENOUGH: Final = 200 * 2**20
FILES_ENOUGH: Final = 4096
SHOWN: Final = 5

_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+))?", re.MULTILINE)


def look_at_python(version: Sequence[int] = sys.version_info[:3]) -> list[Finding]:
    """Look at the interpreter's version."""
    text = ".".join(map(str, version))
    if tuple(version[:2]) == PYTHON:
        return [good("python", text)]
    return [error("python", f"{text}, this program is made for 3.11", "make setup PYTHON=python3.11")]


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, None where it is not."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def needed_packages() -> list[Requirement]:
    """Return what this program states it needs to run; nothing where it is not installed itself."""
    try:
        stated = [Requirement(line) for line in metadata.requires("trifecta") or ()]
    except metadata.PackageNotFoundError:
        return []
    return [need for need in stated if need.marker is None or need.marker.evaluate({"extra": ""})]


def look_at_packages(
    lock: Path, version_of: Callable[[str], str | None], needed: Iterable[Requirement]
) -> list[Finding]:
    """Hold installed packages against the lock; a missing or unfit one that the program needs is an error."""
    remedy = "make setup"
    findings = []
    for need in needed:
        found = version_of(need.name)
        if found is None or not need.specifier.contains(found, prereleases=True):
            findings.append(error("packages", f"{need.name} is {found or 'missing'}; {need} is needed", remedy))
    if not lock.is_file():
        return [
            *findings,
            warning("packages", f"{lock}: no lock to compare with", "run from a checkout of the program"),
        ]
    pinned = [
        (name, version)
        for name, version, marker in _PINNED.findall(lock.read_text(encoding="utf-8"))
        if not marker or Marker(marker.strip()).evaluate()
    ]
    other = [(name, found, version) for name, version in pinned if (found := version_of(name)) != version]
    if other:
        shown = ", ".join(f"{name} {found or 'missing'} (locked: {version})" for name, found, version in other[:SHOWN])
        more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
        findings.append(warning("packages", f"{len(other)} of {len(pinned)} not as locked: {shown}{more}", remedy))
    return findings or [good("packages", f"{len(pinned)} packages as locked")]


def look_at_kernels(folder: Path | None = None) -> list[Finding]:
    """Look at the folder where compiled kernels are kept: it must be writable, and is best filled."""
    if folder is None:
        folder = _kernel_folder()
    problem = why_not_writable(folder)
    if problem:
        text = f"{folder} cannot be written ({problem}): every start would compile for minutes"
        return [error("kernels", text, "make it writable, or set NUMBA_CACHE_DIR to a folder that is")]
    count = sum(1 for _ in folder.rglob("*.nbi")) if folder.is_dir() else 0
    if count:
        return [good("kernels", f"{count} compiled in {folder}")]
    text = f"none compiled yet in {folder}: the first command takes minutes"
    return [warning("kernels", text, "run `trifecta parity --no-ray` once")]


def _kernel_folder() -> Path:
    import numba

    import market.compiled  # noqa: F401 - it chooses the folder

    chosen: Any = numba.config
    return Path(chosen.CACHE_DIR)


def why_not_writable(folder: Path) -> str | None:
    """Return why nothing can be written below a folder, which may not exist yet; None where it can."""
    place = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as problem:
        return problem.strerror or str(problem)


def look_at_resources() -> list[Finding]:
    """Look at processors, memory and shared memory."""
    shared = Path("/dev/shm")  # noqa: S108 - this is where Ray keeps its objects
    free = shutil.disk_usage(shared).free if shared.is_dir() else None
    return [*look_at_processors(psutil.cpu_count() or 1), *look_at_memory(psutil.virtual_memory().available, free)]


def look_at_processors(count: int) -> list[Finding]:
    """Look at the number of processors."""
    if count >= 2:
        return [good("processors", f"{count}")]
    return [warning("processors", f"{count}: a run has about ten processes", "use a machine with 2 or more")]


def look_at_memory(available: int, shared: int | None) -> list[Finding]:
    """Look at free memory and free shared memory, in bytes."""
    text = f"{available / GIB:.1f} GiB free"
    if available < MEMORY_LEAST:
        found = [error("memory", f"{text}; a run takes 1.5", "end other programs, or use a larger machine")]
    elif available < MEMORY_ENOUGH:
        found = [warning("memory", f"{text}; a run takes 1.5", "end other programs before a run")]
    else:
        found = [good("memory", text)]
    if shared is not None and shared < SHARED_ENOUGH:
        remedy = "enlarge /dev/shm (docker run --shm-size=1g)"
        found.append(warning("shared memory", f"{shared / 2**20:.0f} MiB free in /dev/shm; Ray takes 150", remedy))
    return found


def look_at_limits(soft: int | None = None) -> list[Finding]:
    """Look at how many files a process may have open."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if soft is None else soft
    if limit == resource.RLIM_INFINITY or limit >= FILES_ENOUGH:
        return [good("open files", "no limit" if limit == resource.RLIM_INFINITY else f"at most {limit:,}")]
    return [warning("open files", f"at most {limit:,}; Ray opens thousands on a busy machine", "ulimit -n 65536")]
