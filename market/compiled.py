"""The one door to the compiler: every decision kernel is `@compiled`, so that options are the same everywhere.

Numba renews a cached kernel when its own file changes, but not when a function that it calls does. So the cache lies
in a folder named by the hash of all kernel sources: no edit can leave an old kernel behind.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

ROOT: Final = Path(__file__).resolve().parents[1]


def sources_hash() -> str:
    """Return the hash of every file that kernels are made of."""
    digest = hashlib.sha256(numba.__version__.encode())
    for folder in ("market", "policies", "envs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kernels_folder() -> Path:
    """Return the folder of this version's compiled kernels: beside the code, else in the user's cache."""
    beside = ROOT / ".kernels" / sources_hash()
    try:
        beside.mkdir(parents=True, exist_ok=True)
    except OSError:  # installed where its user may not write
        return Path.home() / ".cache" / "trifecta" / "kernels" / sources_hash()
    return beside


_config: Any = numba.config
_njit: Any = numba.njit
if not _config.CACHE_DIR:  # NUMBA_CACHE_DIR, where it is set, is somebody's decision
    _config.CACHE_DIR = str(kernels_folder())


def compiled(function: F) -> F:
    """Compile a kernel with Numba, cached on disk; with NUMBA_DISABLE_JIT=1 it stays plain Python.

    No fastmath: replay equality is `==`, so operations keep their order. `error_model="numpy"` leaves out the checks
    for division by zero; a kernel whose divisor can be zero tests it. `_nrt=False` leaves out reference counting: a
    kernel allocates nothing and its arrays belong to the caller, and counting took six of seven nanoseconds.
    """
    return cast("F", _njit(cache=True, error_model="numpy", _nrt=False)(function))


def inlined(function: F) -> F:
    """Compile a kernel into its callers: for what runs once per market row, where a call costs more than the work."""
    return cast("F", _njit(inline="always", error_model="numpy", _nrt=False)(function))


def folded(function: F) -> F:
    """Compile a kernel into the machine code of its callers: handing over a whole state costs more than the call."""
    return cast("F", _njit(cache=True, forceinline=True, error_model="numpy", _nrt=False)(function))
