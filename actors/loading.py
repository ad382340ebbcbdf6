"""Loading: machine code of kernels that may be needed suddenly, before it is.

A kernel that is called for the first time in a process is read from disk and linked, which takes tens of milliseconds:
too long for the first position that has to be closed.
"""

from typing import Any

import numba

_numba: Any = numba


def load_kernel(kernel: Any, *arguments: object) -> None:
    """Load a kernel for arguments of such types, and do not call it; plain Python has nothing to load."""
    if hasattr(kernel, "py_func"):
        kernel.compile(tuple(_numba.typeof(argument) for argument in arguments))
