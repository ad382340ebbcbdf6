"""The one door to the compiler: every decision kernel is `@compiled`, so that options are the same everywhere."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel with Numba, cached on disk; with NUMBA_DISABLE_JIT=1 it stays plain Python.

    No fastmath: replay equality is `==`, so operations keep their order. `error_model="numpy"` leaves out the checks
    for division by zero; a kernel whose divisor can be zero tests it.
    """
    return cast("F", numba.njit(cache=True, error_model="numpy")(function))
