"""Kernels as plain Python: what NUMBA_DISABLE_JIT=1 needs beside it, as a pytest plugin (`-p tests.plain_kernels`).

Compiled code wraps 64-bit integers around, as hashes want it; numpy scalars warn of it, and Python's never do it.
"""

import numpy as np

from policies import proposals

SIGN = 2**63


def wrapped(value: int) -> int:
    """Return a whole number as 64 bits with a sign hold it."""
    return (int(value) + SIGN) % (2 * SIGN) - SIGN


np.seterr(over="ignore")
_float_bits = proposals.float_bits
proposals.float_bits = lambda value: np.int64(wrapped(_float_bits(float(value))))
